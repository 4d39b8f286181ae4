//! `t$files` and `t$partitions`: what an external table consists of, as rows.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int64Array, MapBuilder, RecordBatch, StringArray, StringBuilder, StructArray,
    TimestampMicrosecondArray,
};
use arrow::compute::take;
use arrow::datatypes::{Field, Fields, Schema};
use arrow::row::{RowConverter, SortField};
use datafusion::catalog::Session;

use super::landed::{Landed, id_of_path};
use super::{files, partitions};
use crate::definition::ExternalTable;
use crate::error::{Code, Error, Result};
use crate::storage::{DataFile, Place};

/// The metadata tables of external tables.
pub const METADATA: &[&str] = &["files", "partitions"];

/// What `t$suffix` shows of table `name` (with its zone), whose definition has columns and whose files are
/// at `place`; `None` if there is no such metadata table.
///
/// # Errors
/// [`Code::UndefinedFile`] if the table's folder is gone, [`Code::CorruptFile`] for a file outside every
/// partition.
pub async fn metadata(
    name: &str,
    table: &ExternalTable,
    place: &Place,
    state: &dyn Session,
    suffix: &str,
    landed: &[Landed],
) -> Result<Option<RecordBatch>> {
    if !METADATA.contains(&suffix) {
        return Ok(None);
    }
    let store = files::store(name, place, state)?;
    let files = files::files(name, table.format, place, &store, None, state).await?;
    let values = partitions::values(name, &table.partition_columns, &files)?;
    match suffix {
        "files" => files_table(table, place, &files, values, landed),
        _ => partitions_table(name, table, &files, values),
    }
    .map(Some)
}

/// A row a file.
fn files_table(
    table: &ExternalTable,
    place: &Place,
    files: &[DataFile],
    values: Vec<ArrayRef>,
    landed: &[Landed],
) -> Result<RecordBatch> {
    let records: HashMap<String, &Landed> = landed
        .iter()
        .map(|landed| (landed.file.to_string_lossy().into_owned(), landed))
        .collect();
    let record = |file: &DataFile| {
        let below = file.meta.location.as_ref().strip_prefix(place.path().as_ref())?;
        records.get(below.trim_start_matches('/')).copied()
    };
    let ids = files.iter().map(|file| match record(file) {
        Some(landed) => Some(landed.id().to_owned()),
        None => Some(id_of_path(file.meta.location.as_ref())),
    });
    let hashes = files
        .iter()
        .map(|file| record(file).map(|landed| landed.hash.as_str()));
    let landed_at = files
        .iter()
        .map(|file| record(file).map(|landed| landed.landed_at.timestamp_micros()));
    let paths = files
        .iter()
        .map(|file| Some(place.display_file(&file.meta.location)));
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(ids.collect::<StringArray>())),
        ("path", Arc::new(paths.collect::<StringArray>())),
        ("size", sizes(files.iter().map(|file| file.meta.size))),
        (
            "modified_at",
            moments(files.iter().map(|file| Some(modified(file)))),
        ),
        ("hash", Arc::new(hashes.collect::<StringArray>())),
        ("tags", tags(files.iter().map(record))?),
        ("landed_at", moments(landed_at)),
    ];
    if !values.is_empty() {
        let fields: Fields = table.partition_schema().fields().clone();
        let partition = StructArray::try_new(fields, values, None).map_err(defect)?;
        columns.push(("partition", Arc::new(partition)));
    }
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, c)| (name, c, true)))
        .map_err(defect)
}

/// A row a partition that has files, in the order of its values.
fn partitions_table(
    name: &str,
    table: &ExternalTable,
    files: &[DataFile],
    values: Vec<ArrayRef>,
) -> Result<RecordBatch> {
    if values.is_empty() {
        return Err(Error::new(
            Code::WrongObjectType,
            format!("table '{name}' is not partitioned"),
        )
        .with_hint(format!("{name}$files has its files")));
    }
    let fields = values
        .iter()
        .map(|column| SortField::new(column.data_type().clone()));
    let converter = RowConverter::new(fields.collect()).map_err(defect)?;
    let rows = converter.convert_columns(&values).map_err(defect)?;
    let mut order: Vec<u32> = (0..).take(files.len()).collect();
    order.sort_unstable_by_key(|i| rows.row(*i as usize));
    let same = |a: &u32, b: &u32| rows.row(*a as usize) == rows.row(*b as usize);
    let groups: Vec<&[u32]> = order.chunk_by(same).collect();
    let firsts = arrow::array::UInt32Array::from_iter_values(groups.iter().map(|group| group[0]));
    let mut columns = Vec::new();
    let mut schema = Vec::new();
    for (field, column) in table.partition_schema().fields().iter().zip(&values) {
        schema.push(field.as_ref().clone());
        columns.push(take(column, &firsts, None).map_err(defect)?);
    }
    let of = |group: &&[u32]| group.iter().map(|i| &files[*i as usize]).collect::<Vec<_>>();
    let counts: Int64Array = groups
        .iter()
        .map(|group| i64::try_from(group.len()).ok())
        .collect();
    let bytes = groups
        .iter()
        .map(|group| of(group).iter().map(|file| file.meta.size).sum());
    let last = groups.iter().map(|group| {
        of(group)
            .iter()
            .map(|file| modified(file))
            .max()
            .unwrap_or_default()
    });
    let own: [(&str, ArrayRef); 3] = [
        ("file_count", Arc::new(counts)),
        ("total_size", sizes(bytes)),
        ("last_modified_at", moments(last.map(Some))),
    ];
    for (name, column) in own {
        // A partition column of that name keeps it.
        let mut name = name.to_owned();
        while schema
            .iter()
            .any(|field: &Field| field.name().eq_ignore_ascii_case(&name))
        {
            name.push('_');
        }
        schema.push(Field::new(name, column.data_type().clone(), true));
        columns.push(column);
    }
    RecordBatch::try_new(Arc::new(Schema::new(schema)), columns).map_err(defect)
}

fn modified(file: &DataFile) -> i64 {
    file.meta.last_modified.timestamp_micros()
}

fn sizes(values: impl Iterator<Item = u64>) -> ArrayRef {
    Arc::new(
        values
            .map(|size| i64::try_from(size).ok())
            .collect::<Int64Array>(),
    )
}

fn moments(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
}

/// The labels of landed files; others have none.
fn tags<'a>(records: impl Iterator<Item = Option<&'a Landed>>) -> Result<ArrayRef> {
    let mut tags = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for record in records {
        for (key, value) in record.into_iter().flat_map(|landed| &landed.tags) {
            tags.keys().append_value(key);
            tags.values().append_value(value);
        }
        tags.append(record.is_some()).map_err(defect)?;
    }
    Ok(Arc::new(tags.finish()))
}

fn defect(error: arrow::error::ArrowError) -> Error {
    Error::new(Code::Internal, format!("cannot make a metadata table: {error}")).with_source(error)
}
