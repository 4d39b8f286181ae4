//! How far a session's running statement is.

use std::sync::Arc;

use parking_lot::Mutex;

use super::queries::{ProgressSnapshot, Record};

/// A handle to a session's running statement. Cheap to clone and to ask.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Mutex<Option<Record>>>);

impl Progress {
    /// From now on this statement is watched.
    pub(super) fn watch(&self, record: &Record) {
        *self.0.lock() = Some(record.clone());
    }

    /// The record of the statement that runs, or was the last to run.
    pub fn record(&self) -> Option<Record> {
        self.0.lock().clone()
    }

    /// How far the running statement is; `None` if none is running.
    pub fn snapshot(&self) -> Option<ProgressSnapshot> {
        self.record()?.progress()
    }
}
