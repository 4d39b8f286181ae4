//! How a table's files are laid out, and what the log says of a file that was written so.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::Utc;
use datafusion::common::ScalarValue;
use deltalake_core::kernel::Add;
use parquet::file::metadata::SortingColumn;
use parquet::schema::types::ColumnPath;

use super::snapshot::{SORTED, Snapshot};
use super::statistics;
use crate::error::{Code, Error, Result, did_you_mean};
use crate::table::writer::{Layout, WrittenFile, properties};
use crate::table::writing::Shape;

/// A file that has grown beyond this is finished and another begun.
const FILE_BYTES: usize = 256 << 20;
/// Smaller files are worth being packed together.
pub const SMALL_FILE_BYTES: u64 = FILE_BYTES as u64 / 2;
/// Small enough that a reader can leave out most of a sorted file, large enough to pack well.
const ROW_GROUP_ROWS: usize = 512 << 10;
/// What is sought by a key of a sorted file lies in one page: those are small.
const SORTED_PAGE_ROWS: usize = 8 << 10;
/// The property that names the columns with bloom filters.
pub const BLOOM_FILTERS: &str = "weir.bloomFilters";

/// The layout of a table's new files.
#[derive(Debug)]
pub struct Layouts {
    pub(super) folder: PathBuf,
    /// Its columns are in the log's order.
    pub(super) shape: Arc<Shape>,
}

impl Layouts {
    /// Of a table in `folder` with these columns, in the log's order.
    ///
    /// # Errors
    /// [`Code::UndefinedColumn`] for a partition or sort column that is not there.
    pub fn new(
        folder: PathBuf,
        schema: SchemaRef,
        partition_columns: &[String],
        sorted_by: &[String],
        bloom_filters: &[String],
    ) -> Result<Self> {
        let partition_columns = positions(&schema, partition_columns)?;
        let sorted_by = positions(&schema, sorted_by)?;
        let file_columns: Vec<usize> = (0..schema.fields().len())
            .filter(|i| !partition_columns.contains(i))
            .collect();
        let mut properties = properties().set_max_row_group_row_count(Some(ROW_GROUP_ROWS));
        for name in bloom_filters {
            properties =
                properties.set_column_bloom_filter_enabled(ColumnPath::new(vec![name.clone()]), true);
        }
        if !sorted_by.is_empty() {
            properties = properties.set_data_page_row_count_limit(SORTED_PAGE_ROWS);
        }
        properties = properties.set_sorting_columns(sorting_columns(&schema, &file_columns, &sorted_by));
        let layout = Layout {
            file_columns,
            partition_columns,
            properties: properties.build(),
            file_bytes: FILE_BYTES,
        };
        let shape = Shape {
            schema,
            layout,
            sorted_by,
        };
        Ok(Self {
            folder,
            shape: Arc::new(shape),
        })
    }

    /// Of the table whose version `snapshot` is.
    ///
    /// # Errors
    /// As [`Layouts::new`].
    pub fn of(folder: PathBuf, snapshot: &Snapshot, sorted_by: &[String]) -> Result<Self> {
        let bloom_filters = snapshot
            .property(BLOOM_FILTERS)
            .and_then(|text| serde_json::from_str(text).ok());
        let bloom_filters: Vec<String> = bloom_filters.unwrap_or_default();
        let schema = SchemaRef::clone(snapshot.schema());
        Self::new(
            folder,
            schema,
            snapshot.partition_columns(),
            sorted_by,
            &bloom_filters,
        )
    }

    /// The columns that are in the files.
    fn file_schema(&self) -> SchemaRef {
        let fields = self
            .shape
            .layout
            .file_columns
            .iter()
            .map(|i| self.shape.schema.field(*i).clone());
        SchemaRef::new(Schema::new(fields.collect::<Vec<_>>()))
    }
}

fn positions(schema: &SchemaRef, names: &[String]) -> Result<Vec<usize>> {
    let position = |name: &String| {
        schema.index_of(name).map_err(|_| {
            let known = schema.fields().iter().map(|field| field.name().as_str());
            Error::new(
                Code::UndefinedColumn,
                format!("column '{name}' not found in the table"),
            )
            .with_hint_if(did_you_mean(name, known))
        })
    };
    names.iter().map(position).collect()
}

/// The order as the footer says it: only if every column is one leaf of the file.
fn sorting_columns(
    schema: &SchemaRef,
    file_columns: &[usize],
    sorted_by: &[usize],
) -> Option<Vec<SortingColumn>> {
    let nested = file_columns
        .iter()
        .any(|i| schema.field(*i).data_type().is_nested());
    let leaf = |i: &usize| {
        let leaf = file_columns.iter().position(|column| column == i)?;
        Some(SortingColumn {
            column_idx: i32::try_from(leaf).ok()?,
            descending: false,
            nulls_first: false,
        })
    };
    let columns: Option<Vec<_>> = sorted_by.iter().map(leaf).collect();
    columns.filter(|columns| !nested && !columns.is_empty())
}

/// The log's entry for a file.
pub(super) fn entry_of(file: &WrittenFile, layouts: &Layouts) -> Result<Add> {
    let path = file.path.to_str().ok_or_else(|| {
        Error::new(
            Code::InvalidValue,
            format!("'{}' cannot be a file's name", file.path.display()),
        )
    })?;
    let names = layouts
        .shape
        .layout
        .partition_columns
        .iter()
        .map(|i| layouts.shape.schema.field(*i).name());
    let mut partition_values = HashMap::new();
    for (name, value) in names.zip(&file.partition) {
        partition_values.insert(name.clone(), partition_text(name, value)?);
    }
    let sorted_by = layouts
        .shape
        .sorted_by
        .iter()
        .map(|i| layouts.shape.schema.field(*i).name());
    let sorted_by: Vec<&str> = sorted_by.map(String::as_str).collect();
    let tags = (!sorted_by.is_empty()).then(|| {
        let names = serde_json::Value::from(sorted_by).to_string();
        HashMap::from([(SORTED.to_owned(), Some(names))])
    });
    Ok(Add {
        path: path.to_owned(),
        partition_values,
        size: i64::try_from(file.bytes).unwrap_or(i64::MAX),
        modification_time: Utc::now().timestamp_millis(),
        data_change: true,
        stats: Some(statistics::to_json(file, &layouts.file_schema())?),
        tags,
        deletion_vector: None,
        base_row_id: None,
        default_row_commit_version: None,
        clustering_provider: None,
    })
}

/// A partition value as the protocol serialises it.
fn partition_text(column: &str, value: &ScalarValue) -> Result<Option<String>> {
    let wrong = |why: String| {
        Error::new(
            Code::Unsupported,
            format!("column '{column}' cannot be a partition: {why}"),
        )
    };
    if value.is_null() {
        return Ok(None);
    }
    let array = value.to_array().map_err(|e| wrong(e.strip_backtrace()))?;
    let text = match value {
        ScalarValue::TimestampMicrosecond(Some(micros), zone) => {
            let time = chrono::DateTime::from_timestamp_micros(*micros)
                .ok_or_else(|| wrong("the time is out of range".to_owned()))?;
            let format = if zone.is_some() {
                "%Y-%m-%dT%H:%M:%S%.6fZ"
            } else {
                "%Y-%m-%d %H:%M:%S%.6f"
            };
            time.format(format).to_string()
        }
        _ => {
            let formatter = ArrayFormatter::try_new(&array, &FormatOptions::default());
            let text = formatter.and_then(|formatter| formatter.value(0).try_to_string());
            text.map_err(|e| wrong(e.to_string()))?
        }
    };
    match value.data_type() {
        DataType::Utf8View | DataType::Utf8 if text.is_empty() => Err(Error::new(
            Code::DataException,
            format!("the empty text cannot be a value of partition column '{column}'"),
        )
        .with_hint("in the log of a Delta table it would be NULL: write nullif(…, '')")),
        _ => Ok(Some(text)),
    }
}
