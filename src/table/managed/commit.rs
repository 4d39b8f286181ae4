//! One change of a table → the next entry of its log: whole, durable, and once.
//!
//! Commits are optimistic. Each tries the version after the one it read; where another was first, what
//! came between is looked at, and unless it touches what this change rests on, the next version is
//! tried with the same files. The check is our own: it knows what was read, and it minds files that
//! were merely rewritten too, since a change made from the old ones would bring their rows back.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use chrono::Utc;
use deltalake_core::DeltaTable;
use deltalake_core::kernel::transaction::TransactionError;
use deltalake_core::kernel::{
    Action, Add, CommitInfo, IsolationLevel, Metadata, Protocol, Remove, Transaction,
};
use deltalake_core::logstore::{CommitOrBytes, LogStoreRef, get_actions};
use deltalake_core::protocol::checkpoints;
use serde_json::Value;
use uuid::Uuid;

use super::failure;
use super::log::TableLog;
use super::snapshot::Snapshot;
use crate::error::{Code, Error, Result};

/// What a change rests on: another's change to it is a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// Nothing of the table: rows are added, whatever it holds.
    Nothing,
    /// The files that it removes. What others add stays beside it.
    Removed,
    /// The rows of the whole table; rows that others merely append may come after.
    Table,
    /// The rows of the whole table: none may come or go.
    Everything,
}

/// A change of a table.
#[derive(Debug)]
pub struct Change {
    /// What it is called in the history: `WRITE`, `DELETE`, `OPTIMIZE`.
    pub operation: &'static str,
    /// How it was asked for.
    pub parameters: Vec<(&'static str, String)>,
    /// What it did, in numbers.
    pub metrics: Vec<(&'static str, u64)>,
    /// What else is to be known of it.
    pub info: Vec<(&'static str, Value)>,
    /// The id of the load that it is, if it is one.
    pub load_id: Option<Uuid>,
    /// What it rests on.
    pub reads: Reads,
    /// Whether rows change, and not merely the files that they are in.
    pub data_change: bool,
    pub(super) adds: Vec<Add>,
    pub(super) removes: Vec<Remove>,
    pub(super) metadata: Option<Metadata>,
    pub(super) protocol: Option<Protocol>,
    /// Things that happen once: a change with one that is there already is a conflict.
    pub(super) transactions: Vec<Transaction>,
}

impl Change {
    /// A change that does nothing yet.
    pub fn new(operation: &'static str, reads: Reads) -> Self {
        Self {
            operation,
            parameters: Vec::new(),
            metrics: Vec::new(),
            info: Vec::new(),
            load_id: None,
            reads,
            data_change: true,
            adds: Vec::new(),
            removes: Vec::new(),
            metadata: None,
            protocol: None,
            transactions: Vec::new(),
        }
    }

    /// How many files it adds.
    pub fn added_files(&self) -> usize {
        self.adds.len()
    }

    /// How many files it takes away.
    pub fn removed_files(&self) -> usize {
        self.removes.len()
    }

    /// The entry's text: an action a line, what was done first.
    fn entry(&self, read_version: Option<u64>) -> Result<Bytes> {
        let texts = |pairs: &[(&str, String)]| -> HashMap<String, Value> {
            pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), Value::from(value.as_str())))
                .collect()
        };
        let metrics = self.metrics.iter().map(|(key, value)| (*key, value.to_string()));
        let mut info = HashMap::from([(
            "operationMetrics".to_owned(),
            serde_json::to_value(texts(&metrics.collect::<Vec<_>>())).unwrap_or_default(),
        )]);
        info.extend(
            self.info
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.clone())),
        );
        if let Some(load) = self.load_id {
            info.insert("loadId".to_owned(), Value::from(load.to_string()));
        }
        let about = CommitInfo {
            timestamp: Some(Utc::now().timestamp_millis()),
            operation: Some(self.operation.to_owned()),
            operation_parameters: Some(texts(&self.parameters)),
            read_version,
            isolation_level: Some(match self.reads {
                Reads::Everything => IsolationLevel::Serializable,
                Reads::Table => IsolationLevel::WriteSerializable,
                Reads::Nothing | Reads::Removed => IsolationLevel::SnapshotIsolation,
            }),
            is_blind_append: Some(self.is_blind_append()),
            engine_info: Some(concat!("weir/", env!("CARGO_PKG_VERSION")).to_owned()),
            info,
            ..CommitInfo::default()
        };
        let mut actions = vec![Action::CommitInfo(about)];
        actions.extend(self.protocol.clone().map(Action::Protocol));
        actions.extend(self.metadata.clone().map(Action::Metadata));
        actions.extend(self.transactions.iter().cloned().map(Action::Txn));
        actions.extend(self.removes.iter().cloned().map(Action::Remove));
        actions.extend(self.adds.iter().cloned().map(Action::Add));
        let lines = actions.iter().map(serde_json::to_string);
        let lines = lines.collect::<Result<Vec<_>, _>>().map_err(|e| {
            Error::new(Code::Internal, format!("cannot write a log entry: {e}")).with_source(e)
        })?;
        Ok(Bytes::from(lines.join("\n")))
    }

    fn is_blind_append(&self) -> bool {
        self.reads == Reads::Nothing && self.removes.is_empty() && self.metadata.is_none()
    }

    /// What of another's `entry` this change cannot stand beside.
    fn conflict(&self, entry: &[Action]) -> Option<&'static str> {
        let blind = entry
            .iter()
            .any(|action| matches!(action, Action::CommitInfo(info) if info.is_blind_append == Some(true)));
        let reads_rows = matches!(self.reads, Reads::Table | Reads::Everything);
        let ours: HashSet<&str> = self.removes.iter().map(|file| file.path.as_str()).collect();
        let once: HashSet<&str> = self.transactions.iter().map(|txn| txn.app_id.as_str()).collect();
        entry.iter().find_map(|action| match action {
            Action::Protocol(_) | Action::Metadata(_) => Some("its columns or properties were changed"),
            Action::Remove(file) if ours.contains(file.path.as_str()) => {
                Some("the same rows were changed or rewritten")
            }
            Action::Remove(file) if reads_rows && file.data_change => {
                Some("rows that were read were changed")
            }
            Action::Add(file) if self.reads == Reads::Everything && file.data_change => {
                Some("rows were added that should have been read")
            }
            Action::Add(file) if self.reads == Reads::Table && file.data_change && !blind => {
                Some("rows were changed that should have been read")
            }
            Action::Txn(txn) if once.contains(txn.app_id.as_str()) => Some("the same was loaded already"),
            _ => None,
        })
    }
}

impl TableLog {
    /// Makes the log: version 0.
    ///
    /// # Errors
    /// [`Code::Conflict`] if one is there; what the operating system says otherwise.
    pub async fn create(&self, change: &Change) -> Result<u64> {
        let store = self.store()?;
        match self.write(&store, 0, change.entry(None)?).await? {
            true => Ok(0),
            false => Err(Error::new(
                Code::Conflict,
                format!("there is a log in '{}' already", self.folder().display()),
            )),
        }
    }

    /// Makes the change on top of `read`, the version that it was computed from. Returns the version
    /// that it became, when it is on the disk.
    ///
    /// # Errors
    /// [`Code::Conflict`] if another's change came between and touches it: nothing has happened.
    pub async fn commit(&self, table: &str, read: &Snapshot, change: &Change) -> Result<u64> {
        failure::check_writable(&read.state, self.folder())?;
        if read
            .property("delta.appendOnly")
            .is_some_and(|v| v.eq_ignore_ascii_case("true"))
            && change.data_change
            && !change.removes.is_empty()
        {
            return Err(Error::new(
                Code::ReadOnly,
                format!("rows can only be added to table '{table}': its property 'delta.appendOnly' is set"),
            ));
        }
        let store = self.store()?;
        let entry = change.entry(Some(read.version()))?;
        let mut version = read.version() + 1;
        while !self.write(&store, version, entry.clone()).await? {
            self.pass(&store, table, version, change).await?;
            version += 1;
        }
        self.maintain(&store, read, version).await;
        Ok(version)
    }

    /// Says whether the entry was written; not, if the version is there already.
    async fn write(&self, store: &LogStoreRef, version: u64, entry: Bytes) -> Result<bool> {
        let id = Uuid::new_v4();
        match store
            .write_commit_entry(version, CommitOrBytes::LogBytes(entry), id)
            .await
        {
            Ok(()) => Ok(true),
            Err(TransactionError::VersionAlreadyExists(_)) => Ok(false),
            Err(error) => Err(failure::of_commit(error, &self.entry(version))),
        }
    }

    /// Looks at the entry that was first.
    async fn pass(&self, store: &LogStoreRef, table: &str, version: u64, change: &Change) -> Result<()> {
        let wrong = |e| failure::of_log(e, self.folder());
        let entry = store
            .read_commit_entry(version)
            .await
            .map_err(wrong)?
            .unwrap_or_default();
        let actions = get_actions(version, &entry).map_err(wrong)?;
        match change.conflict(&actions) {
            None => Ok(()),
            Some(why) => Err(Error::new(
                Code::Conflict,
                format!("table '{table}' was changed meanwhile, in version {version}: {why}"),
            )
            .with_hint("nothing was written: run the statement again")),
        }
    }

    /// What is due after a commit. The change is made: what fails here is made up for by a later commit.
    async fn maintain(&self, store: &LogStoreRef, read: &Snapshot, version: u64) {
        let interval = read
            .property("delta.checkpointInterval")
            .and_then(|text| text.parse().ok());
        let interval = interval
            .filter(|interval| *interval > 0)
            .unwrap_or(CHECKPOINT_INTERVAL);
        if !(version + 1).is_multiple_of(interval) {
            return;
        }
        let mut table = DeltaTable::new(Arc::clone(store));
        if table.load_version(version).await.is_ok() {
            let made = checkpoints::create_checkpoint(&table, None).await;
            let keeps = read.property("delta.enableExpiredLogCleanup");
            if made.is_ok() && keeps.is_none_or(|value| value.eq_ignore_ascii_case("true")) {
                let _ = checkpoints::cleanup_metadata(&table, None).await;
            }
        }
    }
}

/// After how many commits the log is summed up, where the table does not say.
const CHECKPOINT_INTERVAL: u64 = 100;
