//! What a table's log says has happened once: its application transactions, all in one pass.
//!
//! They outlive the entries that they came with: a checkpoint carries them on. What is known of one
//! version is the start for a later one, so that a log is read once.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use super::log::{LOG_FOLDER, TableLog};
use super::snapshot::Snapshot;
use crate::error::{Code, Error, Result};

/// Names of applications, and the version of each that was committed last.
pub(super) type Transactions = HashMap<String, i64>;

impl TableLog {
    /// The transactions that `snapshot` has.
    ///
    /// # Errors
    /// What the disk says; [`Code::CorruptFile`] for an entry that cannot be read.
    pub(super) async fn transactions(&self, snapshot: &Snapshot) -> Result<Arc<Transactions>> {
        let mut known = self.transactions.lock().await;
        let version = snapshot.version();
        if let Some((of, transactions)) = known.as_ref()
            && *of == version
        {
            return Ok(Arc::clone(transactions));
        }
        let earlier = known.as_ref().filter(|(of, _)| *of < version).cloned();
        let log = self.folder().join(LOG_FOLDER);
        let read = tokio::task::spawn_blocking(move || read(&log, version, earlier));
        let found = read
            .await
            .map_err(|e| Error::new(Code::Internal, e.to_string()))??;
        let found = Arc::new(found);
        // An older version's are not worth the newer one's place.
        if known.as_ref().is_none_or(|(of, _)| *of < version) {
            *known = Some((version, Arc::clone(&found)));
        }
        Ok(found)
    }
}

/// Reads what has been committed up to `version`, on top of what is known of an `earlier` one.
fn read(log: &Path, version: u64, earlier: Option<(u64, Arc<Transactions>)>) -> Result<Transactions> {
    let listing = std::fs::read_dir(log).map_err(|e| Error::io(log, "list", e))?;
    let (mut entries, mut checkpoints) = (Vec::new(), Vec::new());
    for entry in listing {
        let name = entry.map_err(|e| Error::io(log, "list", e))?.file_name();
        let Some((digits, rest)) = name.to_str().and_then(|name| name.split_at_checked(20)) else {
            continue;
        };
        let Some(of) = digits.parse::<u64>().ok().filter(|of| *of <= version) else {
            continue;
        };
        if rest == ".json" {
            entries.push(of);
        } else if rest.starts_with(".checkpoint.") {
            checkpoints.push((of, log.join(&name)));
        }
    }
    entries.sort_unstable();
    let (mut from, mut all) = match earlier {
        Some((of, known)) => (of + 1, known.as_ref().clone()),
        None => (0, Transactions::new()),
    };
    // Entries that were cleaned away are in a checkpoint.
    let is_whole = entries
        .iter()
        .copied()
        .filter(|of| *of >= from)
        .eq(from..=version);
    if !is_whole && let Some(last) = checkpoints.iter().map(|(of, _)| *of).max() {
        for (_, path) in checkpoints.iter().filter(|(of, _)| *of == last) {
            read_checkpoint(path, &mut all)?;
        }
        from = last + 1;
    }
    for of in entries.into_iter().filter(|of| *of >= from) {
        read_entry(&log.join(format!("{of:020}.json")), &mut all)?;
    }
    Ok(all)
}

fn damaged(path: &Path, why: &dyn std::fmt::Display) -> Error {
    let message = format!("the log's file '{}' is damaged: {why}", path.display());
    Error::new(Code::CorruptFile, message)
}

fn read_entry(path: &Path, all: &mut Transactions) -> Result<()> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, "read", e))?;
    read_actions(path, &text, all)
}

fn read_actions(path: &Path, text: &str, all: &mut Transactions) -> Result<()> {
    for line in text.lines().filter(|line| line.contains("\"txn\"")) {
        let action: Value = serde_json::from_str(line).map_err(|e| damaged(path, &e))?;
        let transaction = &action["txn"];
        if let (Some(app), Some(version)) = (transaction["appId"].as_str(), transaction["version"].as_i64()) {
            all.insert(app.to_owned(), version);
        }
    }
    Ok(())
}

fn read_checkpoint(path: &PathBuf, all: &mut Transactions) -> Result<()> {
    if path.extension().is_some_and(|ending| ending == "json") {
        return read_entry(path, all);
    }
    let file = std::fs::File::open(path).map_err(|e| Error::io(path, "read", e))?;
    let wrong = |e: &dyn std::fmt::Display| damaged(path, e);
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| wrong(&e))?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), ["txn.appId", "txn.version"]);
    let reader = builder.with_projection(mask).build().map_err(|e| wrong(&e))?;
    for batch in reader {
        let batch = batch.map_err(|e| wrong(&e))?;
        let Some(transactions) = batch.column_by_name("txn").and_then(|c| c.as_struct_opt()) else {
            continue;
        };
        let apps = transactions.column_by_name("appId");
        let apps = apps.map(|apps| arrow::compute::cast(apps, &arrow::datatypes::DataType::Utf8));
        let apps = apps.transpose().map_err(|e| wrong(&e))?;
        let versions = transactions.column_by_name("version");
        let versions = versions.and_then(|versions| versions.as_primitive_opt::<Int64Type>());
        let (Some(apps), Some(versions)) = (apps, versions) else {
            continue;
        };
        let apps = apps.as_string::<i32>();
        for row in 0..batch.num_rows() {
            if transactions.is_valid(row) && apps.is_valid(row) && versions.is_valid(row) {
                all.insert(apps.value(row).to_owned(), versions.value(row));
            }
        }
    }
    Ok(())
}
