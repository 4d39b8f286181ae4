//! Which version of each managed table the running statement sees: the one that it saw first, however
//! often and through whichever view it names the table.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::error::Result;
use crate::table::managed::{Snapshot, TableLog};

/// The versions that a statement has seen. Kept in the session's settings, so that the planners of
/// views share it.
#[derive(Debug, Default)]
pub(super) struct Pins(Mutex<HashMap<Key, Arc<Snapshot>>>);

/// A table's folder, and the version that is asked for; `None` is the latest.
type Key = (PathBuf, Option<u64>);

impl Pins {
    /// Another statement begins.
    pub(super) fn clear(&self) {
        self.0.lock().clear();
    }

    /// The table at `version`, or at its latest.
    pub(super) async fn snapshot(&self, log: &TableLog, version: Option<u64>) -> Result<Arc<Snapshot>> {
        let key = (log.folder().to_owned(), version);
        if let Some(known) = self.0.lock().get(&key) {
            return Ok(Arc::clone(known));
        }
        let snapshot = match version {
            Some(version) => log.at(version).await?,
            None => log.latest().await?,
        };
        // Of two that were read at once the first stays.
        Ok(Arc::clone(self.0.lock().entry(key).or_insert(snapshot)))
    }
}
