//! What a new table's first entry says, and what a change does with staged files.

use std::collections::{BTreeMap, HashSet};

use chrono::Utc;
use deltalake_core::kernel::{MetadataExt, Protocol, new_metadata};
use serde_json::json;

use super::commit::{Change, Reads};
use super::schema::{has_plain_timestamp, to_delta};
use super::snapshot::Snapshot;
use super::write::Staged;
use crate::definition::Column;
use crate::error::{Code, Error, Result};

/// A table to be made.
#[derive(Debug)]
pub struct NewTable<'a> {
    /// The columns, in the order in which a query sees them.
    pub columns: &'a [Column],
    /// Those of them by which files are laid out in folders, outermost first.
    pub partition_columns: &'a [String],
    /// What it holds, in words.
    pub comment: Option<&'a str>,
    /// The log's properties, beside those that every table gets.
    pub properties: BTreeMap<String, String>,
}

impl NewTable<'_> {
    /// The change that makes it, without rows.
    ///
    /// # Errors
    /// [`Code::Unsupported`] for a column that the format cannot keep.
    pub fn change(&self, operation: &'static str) -> Result<Change> {
        let schema = to_delta(self.columns)?;
        let wrong = |e: &dyn std::fmt::Display| {
            Error::new(
                Code::Internal,
                format!("cannot describe the table in its log: {e}"),
            )
        };
        let mut properties = self.properties.clone();
        // Statistics of every column, however many there are.
        properties.insert("delta.dataSkippingNumIndexedCols".to_owned(), "-1".to_owned());
        let mut metadata =
            new_metadata(&schema, self.partition_columns, &properties).map_err(|e| wrong(&e))?;
        if let Some(comment) = self.comment {
            metadata = metadata
                .with_description(comment.to_owned())
                .map_err(|e| wrong(&e))?;
        }
        let mut change = Change::new(operation, Reads::Nothing);
        change.metadata = Some(metadata);
        change.protocol = Some(self.protocol().map_err(|e| wrong(&e))?);
        Ok(change)
    }

    /// The oldest protocol that has what the table needs, so that the most readers can read it.
    fn protocol(&self) -> serde_json::Result<Protocol> {
        let checks = self
            .properties
            .keys()
            .any(|key| key.starts_with("delta.constraints."));
        let plain_timestamps = self
            .columns
            .iter()
            .any(|column| has_plain_timestamp(&column.data_type));
        serde_json::from_value(if plain_timestamps {
            let mut writer = vec!["timestampNtz", "appendOnly", "invariants"];
            writer.extend(checks.then_some("checkConstraints"));
            json!({
                "minReaderVersion": 3,
                "minWriterVersion": 7,
                "readerFeatures": ["timestampNtz"],
                "writerFeatures": writer,
            })
        } else {
            json!({"minReaderVersion": 1, "minWriterVersion": if checks { 3 } else { 2 }})
        })
    }
}

impl Change {
    /// Adds the staged files.
    pub fn add(&mut self, staged: &Staged) {
        let entries = staged.entries().iter().cloned();
        self.adds.extend(entries.map(|mut entry| {
            entry.data_change = self.data_change;
            entry
        }));
        self.metrics.push(("numFiles", staged.files() as u64));
        self.metrics.push(("numOutputRows", staged.rows));
        self.metrics.push(("numOutputBytes", staged.bytes));
    }

    /// Puts files of an older version back.
    pub fn add_again(&mut self, then: &Snapshot, mut wanted: impl FnMut(&super::LogFile) -> bool) {
        let files = then.files().iter().filter(|file| wanted(file));
        self.adds.extend(files.map(|file| deltalake_core::kernel::Add {
            data_change: true,
            ..file.add.clone()
        }));
    }

    /// Takes the columns and properties of an older version over.
    pub fn restore_columns(&mut self, then: &Snapshot) {
        self.metadata = Some(then.state.metadata().clone());
    }

    /// Takes every file of `snapshot` out of the table that `wanted` picks. Returns their rows, if the
    /// log knows them all.
    pub fn remove(
        &mut self,
        snapshot: &Snapshot,
        mut wanted: impl FnMut(&super::LogFile) -> bool,
    ) -> Option<u64> {
        let now = Utc::now().timestamp_millis();
        let mut rows = Some(0_u64);
        for file in snapshot.files().iter().filter(|file| wanted(file)) {
            rows = rows.and_then(|rows| Some(rows + file.rows()?));
            self.removes.push(file.remove(self.data_change, now));
        }
        self.metrics.push(("numRemovedFiles", self.removes.len() as u64));
        rows
    }

    /// Takes the files out whose partitions the change's new files lie in; all of a table that has no
    /// partitions.
    pub fn replace_partitions(&mut self, snapshot: &Snapshot) -> Option<u64> {
        let names = snapshot.partition_columns();
        let value = |values: &std::collections::HashMap<String, Option<String>>, name: &String| {
            values.get(name).cloned().flatten()
        };
        let touched: HashSet<Vec<Option<String>>> = self
            .adds
            .iter()
            .map(|entry| {
                names
                    .iter()
                    .map(|name| value(&entry.partition_values, name))
                    .collect()
            })
            .collect();
        self.remove(snapshot, |file| {
            names.is_empty() || touched.contains(&file.partition)
        })
    }
}
