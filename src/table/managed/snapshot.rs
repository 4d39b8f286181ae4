//! One version of a managed table: its columns and its files, as the log has them.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::common::Statistics;
use datafusion::datasource::table_schema::TableSchema;
use deltalake_core::kernel::{Add, Remove};
use deltalake_core::table::state::DeltaTableState;
use object_store::ObjectMeta;

use super::schema::from_delta;
use super::statistics;
use crate::error::{Code, Error, Result};

/// What `SORTED BY` columns a file was written by, in its entry's tags.
pub(super) const SORTED: &str = "weir.sortedBy";

/// A version of a table. Cheap to clone in an `Arc`; never changes.
#[derive(Debug)]
pub struct Snapshot {
    pub(super) state: DeltaTableState,
    /// The columns in the log's order.
    schema: SchemaRef,
    partition_columns: Vec<String>,
    /// Columns as a scan has them: those in the files, then the partition columns.
    scan_schema: TableSchema,
    files: Vec<Arc<LogFile>>,
}

/// A file of a snapshot.
#[derive(Debug)]
pub struct LogFile {
    /// Path from the table's folder.
    pub path: String,
    /// Place, size and time of change, for a reader.
    pub meta: ObjectMeta,
    /// What is known of its rows.
    pub statistics: Arc<Statistics>,
    /// The partition columns' values as the log spells them.
    pub partition: Vec<Option<String>>,
    /// The columns by which its rows are sorted.
    pub sorted_by: Vec<String>,
    /// Whether some of its rows are marked as deleted.
    pub has_deletions: bool,
    /// The log's entry, as it stands.
    pub(super) add: Add,
}

impl Snapshot {
    /// The version that `state` is at. Files that `previous` has too are taken from there.
    pub(super) fn new(state: DeltaTableState, folder: &Path, previous: Option<&Self>) -> Result<Self> {
        let schema = Arc::new(from_delta(&state.snapshot().arrow_schema()));
        let partition_columns = state.metadata().partition_columns().to_vec();
        let scan_schema = scan_schema(&schema, &partition_columns);
        let mut snapshot = Self {
            state,
            schema,
            partition_columns,
            scan_schema,
            files: Vec::new(),
        };
        let same_columns = previous.filter(|previous| previous.schema == snapshot.schema);
        let known: HashMap<&str, &Arc<LogFile>> = same_columns
            .iter()
            .flat_map(|previous| &previous.files)
            .map(|file| (file.path.as_str(), file))
            .collect();
        let mut new = Vec::new();
        for view in snapshot.state.log_data().iter() {
            let same = known
                .get(view.path().as_ref())
                .filter(|_| view.deletion_vector_descriptor().is_none());
            match same {
                Some(file) => snapshot.files.push(Arc::clone(file)),
                #[expect(deprecated, reason = "the one way to an entry's tags")]
                None => new.push(view.add_action()),
            }
        }
        let new = snapshot.read(new, folder)?;
        snapshot.files.extend(new.into_iter().map(Arc::new));
        snapshot.files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(snapshot)
    }

    fn read(&self, adds: Vec<Add>, folder: &Path) -> Result<Vec<LogFile>> {
        let base = object_store::path::Path::from_absolute_path(folder)
            .map_err(|e| Error::new(Code::InvalidValue, e.to_string()))?;
        let partition = |add: &Add| {
            let value = |name: &String| add.partition_values.get(name).cloned().flatten();
            self.partition_columns.iter().map(value).collect::<Vec<_>>()
        };
        let partitions: Vec<Vec<Option<String>>> = adds.iter().map(partition).collect();
        let values = self.partition_arrays(&partitions)?;
        let stats: Vec<(Option<String>, u64)> = adds
            .iter()
            .map(|add| (add.stats.clone(), add.size.unsigned_abs()))
            .collect();
        let statistics = statistics::from_json(&stats, self.scan_schema.table_schema(), &values);
        let files = adds.into_iter().zip(partitions).zip(statistics);
        files
            .map(|((add, partition), statistics)| {
                Ok(LogFile {
                    meta: ObjectMeta {
                        location: location(&base, &add.path)?,
                        last_modified: chrono::DateTime::from_timestamp_millis(add.modification_time)
                            .unwrap_or_default(),
                        size: add.size.unsigned_abs(),
                        e_tag: None,
                        version: None,
                    },
                    statistics: Arc::new(statistics),
                    partition,
                    sorted_by: sorted_by(&add),
                    has_deletions: add.deletion_vector.is_some(),
                    path: add.path.clone(),
                    add,
                })
            })
            .collect()
    }

    /// The partition columns' values of files, as columns.
    fn partition_arrays(&self, partitions: &[Vec<Option<String>>]) -> Result<Vec<ArrayRef>> {
        let fields = self.scan_schema.table_partition_cols().iter().enumerate();
        let column = |(level, field): (usize, &Arc<Field>)| {
            // The empty text is NULL: the protocol's serialisation knows no other.
            let texts = partitions
                .iter()
                .map(|values| values[level].as_deref().filter(|text| !text.is_empty()));
            let texts: ArrayRef = Arc::new(texts.collect::<StringArray>());
            let options = CastOptions {
                safe: false,
                ..CastOptions::default()
            };
            cast_with_options(&texts, field.data_type(), &options).map_err(|e| {
                Error::new(
                    Code::CorruptFile,
                    format!(
                        "the log has a value of partition column '{}' that is not one: {e}",
                        field.name()
                    ),
                )
            })
        };
        fields.map(column).collect()
    }

    /// Its number, from 0.
    pub fn version(&self) -> u64 {
        self.state.version()
    }

    /// The columns in the log's order.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The columns of the folders' names, outermost first.
    pub fn partition_columns(&self) -> &[String] {
        &self.partition_columns
    }

    /// The files, in the order of their paths.
    pub fn files(&self) -> &[Arc<LogFile>] {
        &self.files
    }

    /// A property of the table.
    pub fn property(&self, key: &str) -> Option<&str> {
        self.state.metadata().configuration().get(key).map(String::as_str)
    }

    pub(super) fn scan_schema(&self) -> &TableSchema {
        &self.scan_schema
    }

    /// The partition columns' values of `files`, as columns.
    pub(super) fn partition_values(&self, files: &[Arc<LogFile>]) -> Result<Vec<ArrayRef>> {
        let partitions: Vec<_> = files.iter().map(|file| file.partition.clone()).collect();
        self.partition_arrays(&partitions)
    }

    /// Where a column of the log's order stands in a scan.
    pub(super) fn scan_position(&self, column: usize) -> usize {
        let name = self.schema.field(column).name();
        self.scan_schema.table_schema().index_of(name).unwrap_or(column)
    }

    /// The columns by which the rows of every file are sorted, as far as all files agree. Values of
    /// partition columns are not in the files. A file says it in the names of its time: where columns can
    /// be renamed, nothing is known.
    pub(super) fn sorted_by(&self) -> Vec<String> {
        let Some((first, others)) = self.files.split_first().filter(|_| self.columns_keep_names()) else {
            return Vec::new();
        };
        let by = first.sorted_by.iter().enumerate();
        let agreed = by.take_while(|(i, name)| {
            !self.partition_columns.contains(name)
                && others.iter().all(|file| file.sorted_by.get(*i) == Some(name))
        });
        agreed.map(|(_, name)| name.clone()).collect()
    }

    /// Whether its files can be read as they lie: none has rows marked as deleted, and their columns
    /// bear the table's names.
    pub(super) fn is_plain(&self) -> bool {
        self.columns_keep_names() && self.files.iter().all(|file| !file.has_deletions)
    }

    fn columns_keep_names(&self) -> bool {
        let mapping = self.property("delta.columnMapping.mode").unwrap_or("none");
        mapping.eq_ignore_ascii_case("none")
    }
}

impl LogFile {
    /// The entry that takes the file out of the table.
    pub(super) fn remove(&self, data_change: bool, now_millis: i64) -> Remove {
        Remove {
            path: self.add.path.clone(),
            data_change,
            deletion_timestamp: Some(now_millis),
            extended_file_metadata: Some(true),
            partition_values: Some(self.add.partition_values.clone()),
            size: Some(self.add.size),
            tags: None,
            deletion_vector: self.add.deletion_vector.clone(),
            base_row_id: self.add.base_row_id,
            default_row_commit_version: self.add.default_row_commit_version,
        }
    }

    /// How many rows it has, if the log says so.
    pub fn rows(&self) -> Option<u64> {
        self.statistics.num_rows.get_value().map(|rows| *rows as u64)
    }
}

fn scan_schema(schema: &SchemaRef, partition_columns: &[String]) -> TableSchema {
    let (partitions, in_files): (Vec<_>, Vec<_>) = schema
        .fields()
        .iter()
        .cloned()
        .partition(|field| partition_columns.contains(field.name()));
    let mut ordered = Vec::with_capacity(partitions.len());
    for name in partition_columns {
        ordered.extend(partitions.iter().filter(|field| field.name() == name).cloned());
    }
    TableSchema::builder(Arc::new(Schema::new(in_files)))
        .with_table_partition_cols(ordered)
        .build()
}

/// A path of the log: relative to the table's folder, or (a shallow clone's) a URL.
fn location(base: &object_store::path::Path, path: &str) -> Result<object_store::path::Path> {
    let found = match path.strip_prefix("file://") {
        Some(absolute) => object_store::path::Path::parse(absolute),
        None => object_store::path::Path::parse(format!("{base}/{path}")),
    };
    found.map_err(|e| {
        Error::new(
            Code::CorruptFile,
            format!("the log names a file '{path}', which is no path: {e}"),
        )
    })
}

fn sorted_by(add: &Add) -> Vec<String> {
    let tag = add.tags.as_ref().and_then(|tags| tags.get(SORTED)?.as_deref());
    tag.and_then(|tag| serde_json::from_str(tag).ok())
        .unwrap_or_default()
}
