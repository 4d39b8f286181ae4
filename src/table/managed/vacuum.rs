//! What may be deleted: files that no version within the retention time needs.
//!
//! The latest version's files stay, and those that were removed from the log less long ago than the
//! retention time; so do files of writers that are still at work, whose staging folders are locked.
//! What the log has never heard of is what a statement left that did not end.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use chrono::Utc;
use futures::TryStreamExt;

use super::failure;
use super::log::{LOG_FOLDER, TableLog};
use super::quarantine::FOLDER;
use super::snapshot::Snapshot;
use crate::error::{Error, Result};
use crate::storage::{is_in_use, staging_id};

/// How long removed files are kept, where neither the statement nor the table says it.
const RETENTION_HOURS: u64 = 7 * 24;

/// A file or folder that nobody needs.
#[derive(Debug)]
pub struct Unused {
    /// Where it is.
    pub path: PathBuf,
    /// How large it is.
    pub bytes: u64,
    /// Whether it is a folder, with all that is in it.
    pub is_folder: bool,
}

impl Unused {
    /// Deletes it.
    ///
    /// # Errors
    /// What the operating system says; not if it is gone already.
    pub fn remove(&self) -> Result<()> {
        let removed = if self.is_folder {
            std::fs::remove_dir_all(&self.path)
        } else {
            std::fs::remove_file(&self.path)
        };
        match removed {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io(&self.path, "remove", e)),
            _ => Ok(()),
        }
    }

    /// The folders below `zone` that managed tables were made in and that are not among the `used`.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn folders(zone: &Path, used: &BTreeSet<PathBuf>, retain_hours: Option<u64>) -> Result<Vec<Self>> {
        let cutoff = cutoff(retain_hours.unwrap_or(RETENTION_HOURS));
        let mut found = Vec::new();
        for path in children(zone)? {
            if used.contains(&path) || !path.is_dir() || !was_made_here(&path) || has_writers(&path)? {
                continue;
            }
            let mut files = Vec::new();
            walk(&path, &mut files)?;
            if files.iter().all(|file| file.modified <= cutoff) {
                found.push(Self {
                    bytes: files.iter().map(|file| file.bytes).sum(),
                    path,
                    is_folder: true,
                });
            }
        }
        Ok(found)
    }
}

/// A name that ends in `-` and eight letters or digits, over a log or over nothing but staged files.
fn was_made_here(folder: &Path) -> bool {
    let name = folder
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    let id = name.rsplit_once('-').map_or("", |(_, id)| id);
    let named = id.len() == 8 && id.chars().all(|c| c.is_ascii_alphanumeric());
    let staged_only = || {
        let children = children(folder).unwrap_or_default();
        !children.is_empty() && children.iter().all(|child| staging_id(child).is_some())
    };
    named && (folder.join(LOG_FOLDER).is_dir() || staged_only())
}

fn has_writers(folder: &Path) -> Result<bool> {
    for child in children(folder)? {
        if staging_id(&child).is_some() && is_in_use(&child)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn cutoff(hours: u64) -> SystemTime {
    let age = Duration::from_secs(hours.saturating_mul(3600));
    SystemTime::now()
        .checked_sub(age)
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

struct Found {
    path: PathBuf,
    bytes: u64,
    modified: SystemTime,
}

fn children(folder: &Path) -> Result<Vec<PathBuf>> {
    let wrong = |e| Error::io(folder, "list", e);
    let listing = match std::fs::read_dir(folder) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        listing => listing.map_err(wrong)?,
    };
    listing.map(|entry| Ok(entry.map_err(wrong)?.path())).collect()
}

/// All files below a folder. One that goes meanwhile is not there.
fn walk(folder: &Path, found: &mut Vec<Found>) -> Result<()> {
    for path in children(folder)? {
        let metadata = match std::fs::symlink_metadata(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
            metadata => metadata.map_err(|e| Error::io(&path, "look at", e))?,
        };
        if metadata.is_dir() {
            walk(&path, found)?;
        } else {
            let modified = metadata.modified().map_err(|e| Error::io(&path, "look at", e))?;
            found.push(Found {
                path,
                bytes: metadata.len(),
                modified,
            });
        }
    }
    Ok(())
}

impl TableLog {
    /// What of the table's folder may be deleted.
    ///
    /// # Errors
    /// What the operating system says; as [`TableLog::latest`].
    pub async fn unused(&self, latest: &Snapshot, retain_hours: Option<u64>) -> Result<Vec<Unused>> {
        let hours = retain_hours.unwrap_or(RETENTION_HOURS);
        let cutoff = cutoff(hours);
        let cutoff_millis =
            Utc::now().timestamp_millis() - i64::try_from(hours).unwrap_or(i64::MAX / 3_600_000) * 3_600_000;
        let mut needed: HashSet<PathBuf> = HashSet::new();
        let place = |path: &str| self.folder().join(path);
        needed.extend(latest.files().iter().map(|file| place(&file.path)));
        needed.extend(self.needed_quarantine(latest).await?);
        let mut removed_long_ago = HashSet::new();
        let store = self.store()?;
        let wrong = |e| failure::of_log(e, self.folder());
        let mut tombstones = latest.state.all_tombstones(store.as_ref());
        while let Some(tombstone) = tombstones.try_next().await.map_err(wrong)? {
            let path = place(&tombstone.path());
            match tombstone.deletion_timestamp() {
                Some(at) if at <= cutoff_millis => drop(removed_long_ago.insert(path)),
                _ => drop(needed.insert(path)),
            }
        }
        let (mut unused, mut live) = (Vec::new(), Vec::new());
        let mut files = Vec::new();
        for child in children(self.folder())? {
            match staging_id(&child) {
                Some(id) if is_in_use(&child)? => live.push(id),
                Some(_) => unused.push(Unused {
                    bytes: size(&child)?,
                    path: child,
                    is_folder: true,
                }),
                None if child.file_name().is_some_and(|name| name == FOLDER) => {
                    for load in children(&child)? {
                        if !has_writers(&load)? {
                            walk(&load, &mut files)?;
                        }
                    }
                }
                None if child.is_dir() && child.file_name().is_some_and(|name| name != LOG_FOLDER) => {
                    walk(&child, &mut files)?;
                }
                None if child.is_file() => files.extend(file(child)?),
                None => {}
            }
        }
        for found in files {
            let name = found
                .path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            let is_live = live.iter().any(|id| name.starts_with(id.as_str()));
            let is_old = found.modified <= cutoff || removed_long_ago.contains(&found.path);
            if !needed.contains(&found.path) && !is_live && is_old {
                unused.push(Unused {
                    path: found.path,
                    bytes: found.bytes,
                    is_folder: false,
                });
            }
        }
        Ok(unused)
    }
}

fn file(path: PathBuf) -> Result<Option<Found>> {
    match std::fs::metadata(&path).and_then(|metadata| Ok((metadata.len(), metadata.modified()?))) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io(&path, "look at", e)),
        Ok((bytes, modified)) => Ok(Some(Found {
            path,
            bytes,
            modified,
        })),
    }
}

fn size(folder: &Path) -> Result<u64> {
    let mut files = Vec::new();
    walk(folder, &mut files)?;
    Ok(files.iter().map(|file| file.bytes).sum())
}
