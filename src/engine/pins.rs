//! Which version of each managed table, and which files of each external one, the running statement sees: those that
//! it saw first, however often and through whichever view it names the table.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use datafusion::prelude::SessionConfig;
use parking_lot::Mutex;

use crate::error::Result;
use crate::storage::Listings;
use crate::table::managed::{Snapshot, TableLog};

/// The versions that a statement has seen. Kept in the session's settings, so that the planners of
/// views share it.
#[derive(Debug, Default)]
pub(super) struct Pins {
    snapshots: Mutex<HashMap<Key, Arc<Snapshot>>>,
    listings: Arc<Listings>,
}

/// A table's folder, and the version that is asked for; `None` is the latest.
type Key = (PathBuf, Option<u64>);

impl Pins {
    /// A session's settings with pins of their own: these, and what external tables look into.
    pub(super) fn new_in(config: SessionConfig) -> SessionConfig {
        let pins = Self::default();
        let listings = Arc::clone(&pins.listings);
        config.with_extension(listings).with_extension(Arc::new(pins))
    }

    /// Another statement begins.
    pub(super) fn clear(&self) {
        self.snapshots.lock().clear();
        self.listings.clear();
    }

    /// The running statement begins anew: a file that it saw may have changed.
    pub(super) fn forget_files(&self) {
        self.listings.clear();
    }

    /// The table at `version`, or at its latest.
    pub(super) async fn snapshot(&self, log: &TableLog, version: Option<u64>) -> Result<Arc<Snapshot>> {
        let key = (log.folder().to_owned(), version);
        if let Some(known) = self.snapshots.lock().get(&key) {
            return Ok(Arc::clone(known));
        }
        let snapshot = match version {
            Some(version) => log.at(version).await?,
            None => log.latest().await?,
        };
        // Of two that were read at once the first stays.
        Ok(Arc::clone(self.snapshots.lock().entry(key).or_insert(snapshot)))
    }
}
