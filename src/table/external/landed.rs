//! Which files of a table were landed by this program: one record a content, named by its hash.
//!
//! The record comes first and says where the file will lie, so that of several who land one content at
//! once all put it at one place; a record whose file is not there is a landing that did not end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Code, Error, Result};
use crate::storage::{OnExisting, Published, sync_folder, write_atomically};

/// How much of a hash is enough to name a file among those of its table.
const ID: usize = 16;

/// A file that was landed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Landed {
    /// SHA-256 of its content, in hexadecimal digits.
    pub hash: String,
    /// Where it lies, relative to the table's folder.
    pub file: PathBuf,
    /// What it was called.
    pub name: String,
    /// How many bytes it has.
    pub size: u64,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
    /// When it was landed.
    pub landed_at: DateTime<Utc>,
}

/// The records of one table.
#[derive(Debug, Clone)]
pub struct Register(PathBuf);

impl Register {
    /// The records in `folder`, which need not be there.
    pub fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    fn path(&self, hash: &str) -> PathBuf {
        self.0.join(format!("{hash}.json"))
    }

    /// The record of a content.
    ///
    /// # Errors
    /// [`Code::CorruptFile`] if it cannot be understood.
    pub fn find(&self, hash: &str) -> Result<Option<Landed>> {
        let path = self.path(hash);
        match std::fs::read(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::io(&path, "read", e)),
            Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|e| {
                let message = format!("'{}' is not the record of a file: {e}", path.display());
                Error::new(Code::CorruptFile, message)
                    .with_hint("remove it: the file counts as others do then")
            }),
        }
    }

    /// Every record.
    ///
    /// # Errors
    /// What the operating system says; [`Code::CorruptFile`] if one cannot be understood.
    pub fn all(&self) -> Result<Vec<Landed>> {
        let wrong = |e| Error::io(&self.0, "list", e);
        let entries = match std::fs::read_dir(&self.0) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(wrong)?,
        };
        let mut all = Vec::new();
        for entry in entries {
            let name = entry.map_err(wrong)?.file_name();
            let hash = name.to_str().and_then(|name| name.strip_suffix(".json"));
            if let Some(hash) = hash.filter(|hash| !hash.starts_with('.')) {
                all.extend(self.find(hash)?);
            }
        }
        Ok(all)
    }

    /// Claims a content, or gives the record of who did first.
    ///
    /// # Errors
    /// What the operating system says, with the path.
    pub fn claim(&self, landed: &Landed) -> Result<Option<Landed>> {
        let text = serde_json::to_vec_pretty(landed)
            .map_err(|e| Error::new(Code::Internal, format!("a record cannot be written: {e}")))?;
        match write_atomically(&self.path(&landed.hash), &text, OnExisting::Keep)? {
            Published::Yes => Ok(None),
            Published::KeptExisting => self.find(&landed.hash),
        }
    }

    /// Forgets a content.
    ///
    /// # Errors
    /// What the operating system says, with the path.
    pub fn remove(&self, hash: &str) -> Result<()> {
        let path = self.path(hash);
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(e) => Err(Error::io(&path, "remove", e)),
            Ok(()) => sync_folder(&self.0),
        }
    }
}

/// SHA-256 of a file's content, in hexadecimal digits.
///
/// # Errors
/// What the operating system says, with the path.
pub fn hash_file(path: &Path) -> Result<String> {
    let wrong = |e| Error::io(path, "read", e);
    let mut file = std::fs::File::open(path).map_err(wrong)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match std::io::Read::read(&mut file, &mut buffer).map_err(wrong)? {
            0 => return Ok(hexadecimal(&digest.finalize())),
            read => digest.update(&buffer[..read]),
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Landed {
    /// What names it in `t$files`.
    pub fn id(&self) -> &str {
        self.hash.get(..ID).unwrap_or(&self.hash)
    }
}

/// What names a file in `t$files` that nobody landed: it follows from its path.
pub(super) fn id_of_path(path: &str) -> String {
    let mut id = hexadecimal(&Sha256::digest(path.as_bytes()));
    id.truncate(ID);
    id
}
