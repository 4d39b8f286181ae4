//! `t$files` and `t$partitions`: what a version consists of, from its log alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, StructArray, TimestampMicrosecondArray};
use arrow::datatypes::{Field, Schema};

use super::snapshot::{LogFile, Snapshot};
use crate::error::{Code, Error, Result};

/// The metadata tables of managed tables.
pub const METADATA: &[&str] = &["files", "history", "partitions", "quarantine"];

fn defect(error: arrow::error::ArrowError) -> Error {
    Error::new(Code::Internal, format!("cannot make a metadata table: {error}")).with_source(error)
}

fn number(n: u64) -> Option<i64> {
    i64::try_from(n).ok()
}

impl Snapshot {
    /// A row a file.
    ///
    /// # Errors
    /// [`Code::CorruptFile`] for a partition value in the log that is not one.
    pub fn files_table(&self) -> Result<RecordBatch> {
        let files = self.files();
        let text = |get: fn(&LogFile) -> String| -> ArrayRef {
            Arc::new(files.iter().map(|file| Some(get(file))).collect::<StringArray>())
        };
        let rows: Int64Array = files.iter().map(|file| file.rows().and_then(number)).collect();
        let sizes: Int64Array = files.iter().map(|file| number(file.meta.size)).collect();
        let times = files
            .iter()
            .map(|file| Some(file.meta.last_modified.timestamp_micros()));
        let mut columns: Vec<(&str, ArrayRef)> = vec![
            ("path", text(|file| format!("/{}", file.meta.location))),
            ("size", Arc::new(sizes)),
            (
                "modified_at",
                Arc::new(times.collect::<TimestampMicrosecondArray>().with_timezone("UTC")),
            ),
            ("row_count", Arc::new(rows)),
            ("sorted_by", text(|file| file.sorted_by.join(", "))),
        ];
        if !self.partition_columns().is_empty() {
            let fields = self.scan_schema().table_partition_cols().clone();
            let values = self.partition_values(files)?;
            columns.push((
                "partition",
                Arc::new(StructArray::try_new(fields, values, None).map_err(defect)?),
            ));
        }
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, c)| (name, c, true)))
            .map_err(defect)
    }

    /// A row a partition that has files, in the order of its values' texts.
    ///
    /// # Errors
    /// [`Code::WrongObjectType`] for a table without partitions.
    pub fn partitions_table(&self, name: &str) -> Result<RecordBatch> {
        if self.partition_columns().is_empty() {
            return Err(Error::new(
                Code::WrongObjectType,
                format!("table '{name}' is not partitioned"),
            )
            .with_hint(format!("{name}$files has its files")));
        }
        let mut groups: BTreeMap<&[Option<String>], Vec<&Arc<LogFile>>> = BTreeMap::new();
        for file in self.files() {
            groups.entry(&file.partition).or_default().push(file);
        }
        let firsts: Vec<Arc<LogFile>> = groups.values().map(|group| Arc::clone(group[0])).collect();
        let mut columns = self.partition_values(&firsts)?;
        let mut schema: Vec<Field> = self
            .scan_schema()
            .table_partition_cols()
            .iter()
            .map(|field| field.as_ref().clone())
            .collect();
        let counts = groups.values().map(|group| number(group.len() as u64));
        let sizes = groups
            .values()
            .map(|group| number(group.iter().map(|file| file.meta.size).sum()));
        let rows = groups.values().map(|group| {
            let rows: Option<u64> = group.iter().map(|file| file.rows()).sum();
            rows.and_then(number)
        });
        let last = groups.values().map(|group| {
            group
                .iter()
                .map(|file| file.meta.last_modified.timestamp_micros())
                .max()
        });
        let own: [(&str, ArrayRef); 4] = [
            ("file_count", Arc::new(counts.collect::<Int64Array>())),
            ("total_size", Arc::new(sizes.collect::<Int64Array>())),
            (
                "last_modified_at",
                Arc::new(last.collect::<TimestampMicrosecondArray>().with_timezone("UTC")),
            ),
            ("row_count", Arc::new(rows.collect::<Int64Array>())),
        ];
        for (name, column) in own {
            // A partition column of that name keeps it.
            let mut name = name.to_owned();
            while schema
                .iter()
                .any(|field| field.name().eq_ignore_ascii_case(&name))
            {
                name.push('_');
            }
            schema.push(Field::new(name, column.data_type().clone(), true));
            columns.push(column);
        }
        RecordBatch::try_new(Arc::new(Schema::new(schema)), columns).map_err(defect)
    }
}
