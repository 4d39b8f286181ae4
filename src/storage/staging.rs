//! Files written out of sight in a table's folder, then published together, each whole.

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use parking_lot::Mutex;
use tempfile::{Builder, TempDir};

use super::publish::sync_paths;
use crate::error::{Error, Result};

/// How the names of staging folders begin.
const PREFIX: &str = ".staging-";
/// The file in a staging folder that its owner keeps locked.
const LOCK: &str = "lock";

/// A hidden folder inside a table's, which no reader looks into. Dropped without
/// [`Staging::publish`], it takes its files with it. As long as it is there, or what it was published
/// as, others can see that its owner is at work ([`is_in_use`]): the operating system unlocks it for a
/// process that is killed.
#[derive(Debug)]
pub struct Staging {
    folder: PathBuf,
    hidden: TempDir,
    files: Mutex<Vec<PathBuf>>,
    lock: File,
}

/// That who published files is still about to make something of them.
#[derive(Debug)]
pub struct AtWork {
    _hidden: TempDir,
    _lock: File,
}

/// The id of the staging that `path` is the folder of.
pub fn staging_id(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    name.strip_prefix(PREFIX).map(str::to_owned)
}

/// Whether the owner of a staging folder is at work.
///
/// # Errors
/// What the operating system says, with the path.
pub fn is_in_use(staging: &Path) -> Result<bool> {
    let path = staging.join(LOCK);
    let lock = match File::open(&path) {
        // It is locked as soon as it is made; one without a lock has just begun to be, or to go.
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(is_young(staging)),
        lock => lock.map_err(|e| Error::io(&path, "look at", e))?,
    };
    match lock.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(e)) => Err(Error::io(&path, "lock", e)),
    }
}

fn is_young(folder: &Path) -> bool {
    let changed = std::fs::metadata(folder).and_then(|metadata| metadata.modified());
    changed.is_ok_and(|time| time.elapsed().is_ok_and(|age| age < Duration::from_secs(60)))
}

/// A file being written in a [`Staging`] folder.
#[derive(Debug)]
pub struct StagedFile {
    file: File,
    path: PathBuf,
}

impl Staging {
    /// A staging folder in `folder`, which is made if need be.
    ///
    /// # Errors
    /// What the operating system says, with the path.
    pub fn new(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, "make the folder", e))?;
        let hidden = Builder::new()
            .prefix(PREFIX)
            .rand_bytes(16)
            .tempdir_in(folder)
            .map_err(|e| Error::io(folder, "write into", e))?;
        let path = hidden.path().join(LOCK);
        let lock = File::create_new(&path).map_err(|e| Error::io(&path, "write", e))?;
        lock.lock().map_err(|e| Error::io(&path, "lock", e))?;
        Ok(Self {
            folder: folder.to_owned(),
            hidden,
            files: Mutex::default(),
            lock,
        })
    }

    /// A text that no other staging has, for the names of its files.
    pub fn id(&self) -> String {
        let name = self
            .hidden
            .path()
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        name.trim_start_matches(PREFIX).to_owned()
    }

    /// A new file, to be published as `relative` to the table's folder.
    ///
    /// # Errors
    /// What the operating system says, with the path.
    pub fn create(&self, relative: &Path) -> Result<StagedFile> {
        let path = self.hidden.path().join(relative);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|e| Error::io(parent, "make the folder", e))?;
        }
        let file = File::create_new(&path).map_err(|e| Error::io(&path, "write", e))?;
        self.files.lock().push(relative.to_owned());
        Ok(StagedFile { file, path })
    }

    /// Where a file is until it is published.
    pub fn path(&self, relative: &Path) -> PathBuf {
        self.hidden.path().join(relative)
    }

    /// Where it is then.
    pub fn target(&self, relative: &Path) -> PathBuf {
        self.folder.join(relative)
    }

    /// Moves every file to its place. Each appears whole; all are on the disk when it returns.
    ///
    /// # Errors
    /// What the operating system says, with the path; no file stays, not even one that was moved already.
    pub fn publish(self) -> Result<AtWork> {
        let mut moved = Vec::new();
        if let Err(error) = self.move_all(&mut moved) {
            for path in moved {
                // The error that is told is the one that came first.
                let _ = std::fs::remove_file(path);
            }
            return Err(error);
        }
        Ok(AtWork {
            _hidden: self.hidden,
            _lock: self.lock,
        })
    }

    fn move_all(&self, moved: &mut Vec<PathBuf>) -> Result<()> {
        let mut folders = BTreeSet::from([self.folder.clone()]);
        let files = std::mem::take(&mut *self.files.lock());
        let hidden = self.hidden.path();
        let staged = files.iter().map(|relative| hidden.join(relative));
        sync_paths(staged.collect(), hidden, &self.folder)?;
        for relative in files {
            let target = self.folder.join(&relative);
            if let Some(parent) = target.parent() {
                std::fs::create_dir_all(parent).map_err(|e| Error::io(parent, "make the folder", e))?;
                folders.extend(
                    parent
                        .ancestors()
                        .take_while(|p| *p != self.folder)
                        .map(Path::to_owned),
                );
            }
            std::fs::rename(hidden.join(&relative), &target).map_err(|e| Error::io(&target, "publish", e))?;
            moved.push(target);
        }
        sync_paths(folders.into_iter().collect(), &self.folder, &self.folder)
    }
}

impl StagedFile {
    /// A second handle to the same file, for who gives the first away.
    ///
    /// # Errors
    /// What the operating system says, with the path.
    pub fn handle(&self) -> Result<Self> {
        let file = self.file.try_clone();
        Ok(Self {
            file: file.map_err(|e| Error::io(&self.path, "write", e))?,
            path: self.path.clone(),
        })
    }

    /// Says that the file is complete; it is on the disk when it is published. Gives its size in bytes.
    ///
    /// # Errors
    /// What the operating system says, with the path.
    pub fn finish(self) -> Result<u64> {
        let metadata = self.file.metadata();
        let metadata = metadata.map_err(|e| Error::io(&self.path, "write", e))?;
        Ok(metadata.len())
    }
}

impl Write for StagedFile {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        self.file.write(buffer)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}
