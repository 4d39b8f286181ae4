//! One file, written as a whole: a reader sees the old one or the new one, also after a power cut.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::Builder;

use super::threads::shared_out;
use crate::error::{Error, Result};

/// What a write does about a file of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnExisting {
    /// Leave it, and write nothing.
    Keep,
    /// Put the new one in its place.
    Replace,
}

/// Whether a write took place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// The file now has the new content.
    Yes,
    /// There was one already, and it was kept.
    KeptExisting,
}

/// Writes `content` to `path`, making its folder if need be. File and folder are on the disk when it
/// returns. Among several writers with [`OnExisting::Keep`] exactly one succeeds.
///
/// # Errors
/// What the operating system says, with the path.
pub fn write_atomically(path: &Path, content: &[u8], on_existing: OnExisting) -> Result<Published> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, "make the folder", e))?;
    let wrong = |e| Error::io(path, "write", e);
    let mut file = Builder::new()
        .prefix(".")
        .suffix(".new")
        .permissions(permissions())
        .tempfile_in(folder)
        .map_err(wrong)?;
    file.write_all(content).map_err(wrong)?;
    file.as_file().sync_all().map_err(wrong)?;
    match on_existing {
        OnExisting::Replace => drop(file.persist(path).map_err(|e| wrong(e.error))?),
        OnExisting::Keep => match file.persist_noclobber(path) {
            Ok(_) => {}
            Err(e) if e.error.kind() == std::io::ErrorKind::AlreadyExists => {
                return Ok(Published::KeptExisting);
            }
            Err(e) => return Err(wrong(e.error)),
        },
    }
    sync_folder(folder)?;
    Ok(Published::Yes)
}

/// Temporary files are made for their owner alone; what others are to read must not stay so. The
/// process's umask still applies.
#[cfg(unix)]
pub(super) fn permissions() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o666)
}

/// So many files or folders are worth a thread to wait for them.
const PATHS_A_THREAD: usize = 8;

/// Brings files and folders to the disk. Many are there much sooner together than one after the other.
///
/// # Errors
/// What the operating system says, with the path, of which `within` is the beginning, as one within `shown`.
pub(super) fn sync_paths(paths: Vec<PathBuf>, within: &Path, shown: &Path) -> Result<()> {
    let synced = shared_out(paths, PATHS_A_THREAD, &|path: PathBuf| {
        let synced = File::open(&path).and_then(|file| file.sync_all());
        synced.map_err(|e| match path.strip_prefix(within) {
            Ok(relative) => Error::io(shown.join(relative), "write", e),
            Err(_) => Error::io(&path, "write", e),
        })
    });
    synced.into_iter().collect()
}

/// Brings everything in a folder to the disk, and itself.
///
/// # Errors
/// What the operating system says, with the path as one within `shown`, where all of it is going to be.
pub fn sync_tree(folder: &Path, shown: &Path) -> Result<()> {
    let mut found = vec![folder.to_owned()];
    let mut next = 0;
    while let Some(path) = found.get(next).cloned() {
        next += 1;
        if path.is_dir() {
            let wrong = |e| Error::io(&path, "list", e);
            for entry in std::fs::read_dir(&path).map_err(wrong)? {
                found.push(entry.map_err(wrong)?.path());
            }
        }
    }
    sync_paths(found, folder, shown)
}

/// Makes the names in a folder durable.
///
/// # Errors
/// What the operating system says, with the path.
pub fn sync_folder(folder: &Path) -> Result<()> {
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    File::open(folder)
        .and_then(|file| file.sync_all())
        .map_err(|e| Error::io(folder, "sync the folder", e))
}
