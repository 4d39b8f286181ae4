//! A table's log: opened, kept at its latest version, and read at older ones.
//!
//! A snapshot that is known is the latest as long as the next version's entry is not there: one look at
//! the disk. What came since is replayed on top of it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use deltalake_core::logstore::{LogStoreRef, StorageConfig, logstore_with};
use deltalake_core::table::state::DeltaTableState;
use tokio::sync::Mutex;
use url::Url;

use super::failure;
use super::snapshot::Snapshot;
use super::transactions::Transactions;
use crate::error::{Code, Error, Result};
use crate::storage::DurableStore;

/// The folder of a table in which its log lies.
pub(super) const LOG_FOLDER: &str = "_delta_log";

/// The logs of a lake's tables, each opened once.
#[derive(Debug, Default)]
pub struct TableLogs {
    open: parking_lot::Mutex<HashMap<PathBuf, Arc<TableLog>>>,
}

impl TableLogs {
    /// The log of the table in `folder`.
    pub fn log(&self, folder: &Path) -> Arc<TableLog> {
        let mut open = self.open.lock();
        let log = open
            .entry(folder.to_owned())
            .or_insert_with(|| Arc::new(TableLog::new(folder.to_owned())));
        Arc::clone(log)
    }

    /// Forgets the log of a table that is gone.
    pub fn forget(&self, folder: &Path) {
        self.open.lock().remove(folder);
    }
}

/// The log of one table, shared by all who use it.
#[derive(Debug)]
pub struct TableLog {
    folder: PathBuf,
    latest: Mutex<Option<Arc<Snapshot>>>,
    /// What has happened once, up to a version.
    pub(super) transactions: Mutex<Option<(u64, Arc<Transactions>)>>,
}

impl TableLog {
    /// The log of the table in `folder`, whether or not one is there yet.
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            latest: Mutex::default(),
            transactions: Mutex::default(),
        }
    }

    /// The table's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn store(&self) -> Result<LogStoreRef> {
        let url = Url::from_directory_path(&self.folder).map_err(|()| {
            Error::new(
                Code::InvalidValue,
                format!("'{}' cannot be a table's folder", self.folder.display()),
            )
        })?;
        let store = Arc::new(DurableStore::default());
        logstore_with(store, &url, StorageConfig::default()).map_err(|e| failure::of_log(e, &self.folder))
    }

    /// Where a version's entry is.
    pub(super) fn entry(&self, version: u64) -> PathBuf {
        self.folder.join(LOG_FOLDER).join(format!("{version:020}.json"))
    }

    /// The table as it is now.
    ///
    /// # Errors
    /// [`Code::UndefinedFile`] if the log is gone, [`Code::CorruptFile`] if it cannot be read,
    /// [`Code::Unsupported`] for a protocol that is newer than this program.
    pub async fn latest(&self) -> Result<Arc<Snapshot>> {
        let mut latest = self.latest.lock().await;
        if let Some(known) = latest.as_ref() {
            match tokio::fs::try_exists(self.entry(known.version() + 1)).await {
                Ok(false) if self.folder.join(LOG_FOLDER).is_dir() => return Ok(Arc::clone(known)),
                Ok(_) => {}
                Err(e) => return Err(Error::io(self.entry(known.version() + 1), "look for", e)),
            }
        }
        let store = self.store()?;
        let wrong = |e| failure::of_log(e, &self.folder);
        let state = match latest.as_ref() {
            Some(known) => {
                let mut state = known.state.clone();
                state.update(&store, None).await.map_err(wrong)?;
                state
            }
            None => DeltaTableState::try_new(&store, None).await.map_err(wrong)?,
        };
        failure::check_readable(&state, &self.folder)?;
        let snapshot = Arc::new(Snapshot::new(state, &self.folder, latest.as_deref())?);
        *latest = Some(Arc::clone(&snapshot));
        Ok(snapshot)
    }

    /// The table as it was at `version`.
    ///
    /// # Errors
    /// As [`TableLog::latest`]; [`Code::UndefinedVersion`] if there is no such version, or its log has
    /// been cleaned away.
    pub async fn at(&self, version: u64) -> Result<Arc<Snapshot>> {
        let latest = self.latest().await?;
        if latest.version() == version {
            return Ok(latest);
        }
        if version > latest.version() {
            return Err(Error::new(
                Code::UndefinedVersion,
                format!(
                    "there is no version {version}: the latest is {}",
                    latest.version()
                ),
            ));
        }
        let store = self.store()?;
        let state = DeltaTableState::try_new(&store, Some(version))
            .await
            .map_err(|e| {
                Error::new(
                    Code::UndefinedVersion,
                    format!("version {version} cannot be read any more: {}", failure::text(&e)),
                )
                .with_hint("old versions are cleaned out of the log after the time that its table keeps them")
            })?;
        Ok(Arc::new(Snapshot::new(state, &self.folder, Some(&latest))?))
    }
}
