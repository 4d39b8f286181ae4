//! The history's files: a line of JSON a run, the newest in `history.ndjson`, those before them in
//! `history.old.ndjson`.
//!
//! A run is appended under a lock that the operating system takes back from a process that dies, and is
//! on the disk when it is recorded. What a process that was killed left of a line is no record: the next
//! writer begins a new line, and readers pass over it. When the newest file is full it takes the place
//! of the older one, so that two files of bounded size are kept.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::Run;
use crate::error::{Code, Error, Result};
use crate::storage::sync_folder;

const NEWEST: &str = "history.ndjson";
const OLDER: &str = "history.old.ndjson";
const LOCK: &str = "lock";

/// How large a file may become. A run of twenty rules is about four kilobytes.
const FULL_BYTES: u64 = 4 << 20;

/// The runs of one lake.
#[derive(Debug)]
pub(crate) struct History {
    folder: PathBuf,
    full_bytes: u64,
}

impl History {
    /// The history of the lake in `root`. Nothing is made before there is a run.
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            folder: root.join(".weir/checks"),
            full_bytes: FULL_BYTES,
        }
    }

    #[cfg(test)]
    pub(super) fn with_full_bytes(mut self, bytes: u64) -> Self {
        self.full_bytes = bytes;
        self
    }

    /// Records a run; it is on the disk when this returns. Blocks for as long as that takes.
    ///
    /// # Errors
    /// What the operating system says, with the path.
    pub(crate) fn record(&self, run: &Run) -> Result<()> {
        let mut line = serde_json::to_vec(run)
            .map_err(|e| Error::new(Code::Internal, format!("cannot write a run: {e}")).with_source(e))?;
        line.push(b'\n');
        std::fs::create_dir_all(&self.folder).map_err(|e| Error::io(&self.folder, "make the folder", e))?;
        let lock = self.open_lock()?;
        lock.lock().map_err(|e| Error::io(self.path(LOCK), "lock", e))?;
        self.make_room(line.len() as u64)?;
        self.append(&line)
    }

    /// Every run that is kept, the oldest first.
    ///
    /// # Errors
    /// What the operating system says, with the path.
    pub(crate) fn runs(&self) -> Result<Vec<Run>> {
        let lock_path = self.path(LOCK);
        let lock = match File::open(&lock_path) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            opened => opened.map_err(|e| Error::io(&lock_path, "read", e))?,
        };
        lock.lock_shared().map_err(|e| Error::io(&lock_path, "lock", e))?;
        let text = [self.read(OLDER)?, self.read(NEWEST)?].concat();
        drop(lock);
        let lines = text.split(|byte| *byte == b'\n');
        let mut known = HashSet::new();
        let mut runs: Vec<Run> = lines
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect();
        runs.retain(|run| known.insert(run.id.clone()));
        Ok(runs)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn open_lock(&self) -> Result<File> {
        let path = self.path(LOCK);
        let lock = OpenOptions::new().create(true).append(true).open(&path);
        lock.map_err(|e| Error::io(&path, "write", e))
    }

    /// Puts the newest file in the older one's place if `more` bytes would make it too large.
    fn make_room(&self, more: u64) -> Result<()> {
        let newest = self.path(NEWEST);
        let size = match std::fs::metadata(&newest) {
            Ok(metadata) => metadata.len(),
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(Error::io(&newest, "look at", e)),
        };
        if size > 0 && size + more > self.full_bytes {
            let older = self.path(OLDER);
            std::fs::rename(&newest, &older).map_err(|e| Error::io(&older, "write", e))?;
        }
        Ok(())
    }

    fn append(&self, line: &[u8]) -> Result<()> {
        let path = self.path(NEWEST);
        let is_new = !path.exists();
        let write = |e| Error::io(&path, "write", e);
        let mut options = OpenOptions::new();
        let mut file = options
            .create(true)
            .read(true)
            .append(true)
            .open(&path)
            .map_err(write)?;
        if !ends_a_line(&mut file).map_err(write)? {
            file.write_all(b"\n").map_err(write)?;
        }
        file.write_all(line).map_err(write)?;
        file.sync_data().map_err(write)?;
        match is_new {
            true => sync_folder(&self.folder),
            false => Ok(()),
        }
    }

    fn read(&self, name: &str) -> Result<Vec<u8>> {
        let path = self.path(name);
        match std::fs::read(&path) {
            Ok(text) => Ok(text),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(e) => Err(Error::io(&path, "read", e)),
        }
    }
}

/// Whether the file is empty, or its last line is whole.
fn ends_a_line(file: &mut File) -> std::io::Result<bool> {
    let size = file.seek(SeekFrom::End(0))?;
    let Some(last) = size.checked_sub(1) else {
        return Ok(true);
    };
    file.seek(SeekFrom::Start(last))?;
    let mut byte = [0];
    file.read_exact(&mut byte)?;
    Ok(byte == [b'\n'])
}
