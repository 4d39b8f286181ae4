//! Folders of the local disk, walked level by level.
//!
//! Several files cannot be listed in one moment: where names came or went in a folder while it was listed, it is
//! listed again, until it is sure that what was found was there at one time.

use std::collections::HashMap;
use std::fmt::Write;
use std::fs::DirEntry;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Error as IoError, ErrorKind};
use std::os::unix::fs::{DirEntryExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use datafusion::common::runtime::SpawnedTask;
use object_store::ObjectMeta;
use object_store::path::{Path as StorePath, PathPart};
use parking_lot::Mutex;

use super::listing::{DEPTH, DataFile, Selection, is_hidden_file, is_hidden_folder, is_wanted};
use super::place::Place;
use crate::error::{Code, Error, Result};

/// How often a folder that changes all the while is listed before the last listing is taken.
const LISTINGS: usize = 8;
/// A folder that changed as long ago cannot have changed again unnoticed since.
const SETTLED: Duration = Duration::from_millis(20);
/// So many files are worth a thread to look at them.
const FILES_A_THREAD: usize = 1024;
/// So many folders are.
const FOLDERS_A_THREAD: usize = 64;
/// More threads wait for the same disk.
const THREADS: usize = 8;

/// What local folders held when they were listed first, for who must see one state of them however often they
/// are listed.
#[derive(Debug, Default)]
pub struct Listings(Mutex<HashMap<PathBuf, Arc<Contents>>>);

impl Listings {
    /// Forgets everything.
    pub fn clear(&self) {
        self.0.lock().clear();
    }

    fn get(&self, folder: &Path) -> Option<Arc<Contents>> {
        self.0.lock().get(folder).cloned()
    }

    /// Of two listings the first stays.
    fn keep(&self, listed: Vec<(PathBuf, Arc<Contents>)>) {
        let mut known = self.0.lock();
        for (folder, contents) in listed {
            known.entry(folder).or_insert(contents);
        }
    }
}

/// What is in one folder, itself, and not hidden; whoever lists it wants some of it.
#[derive(Debug, Default)]
struct Contents {
    files: Vec<(String, ObjectMeta)>,
    folders: Vec<String>,
}

/// The data files below a folder, or the file itself.
///
/// # Errors
/// [`Code::UndefinedFile`] if nothing is there; what the operating system says otherwise.
pub(super) async fn local(root: &Path, place: &Place, selection: Selection<'_>) -> Result<Vec<DataFile>> {
    let kind = std::fs::metadata(root).map_err(|e| Error::io(root, "read", e))?;
    if kind.is_file() {
        let file = DataFile {
            meta: object_meta(place.path().clone(), &kind),
            folders: Vec::new(),
        };
        return Ok(vec![file]);
    }
    let mut before: Option<Walked> = None;
    for _ in 0..LISTINGS {
        let mut walked = walk(root, place, selection).await?;
        walked
            .files
            .sort_unstable_by(|a, b| a.meta.location.cmp(&b.meta.location));
        let is_same = before.as_ref().is_some_and(|before| before.files == walked.files);
        let signs = std::mem::take(&mut walked.signs);
        before = Some(walked);
        if is_same || apart(move || are_as_they_were(signs)).await? {
            break;
        }
    }
    let walked = before.unwrap_or_default();
    if let Some(seen) = selection.seen {
        seen.keep(walked.fresh);
    }
    Ok(walked.files)
}

/// Runs what waits for the disk where nothing else waits for it.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    SpawnedTask::spawn_blocking(work)
        .join_unwind()
        .await
        .map_err(|e| Error::new(Code::Internal, "a listing was stopped").with_source(e))
}

/// One listing.
#[derive(Default)]
struct Walked {
    files: Vec<DataFile>,
    /// The folders that had not been seen before.
    fresh: Vec<(PathBuf, Arc<Contents>)>,
    /// Of those, whether they are still the same.
    signs: Vec<Sign>,
}

/// A folder on the way.
struct Folder {
    path: PathBuf,
    names: Vec<String>,
}

/// By what it is told whether a folder has changed since it was listed.
struct Sign {
    folder: PathBuf,
    /// When it last changed before it was listed.
    changed: SystemTime,
    /// A digest of what it holds, in any order; `None` if that was not all there to be looked at.
    held: Option<u64>,
}

async fn walk(root: &Path, place: &Place, selection: Selection<'_>) -> Result<Walked> {
    let mut level = vec![Folder {
        path: root.to_owned(),
        names: Vec::new(),
    }];
    let mut walked = Walked::default();
    for _ in 0..DEPTH {
        if level.is_empty() {
            break;
        }
        let place = place.clone();
        let look_up = |folder: Folder| {
            let seen = selection.seen.and_then(|seen| seen.get(&folder.path));
            (folder, seen)
        };
        let level_seen: Vec<_> = level.into_iter().map(look_up).collect();
        let read = apart(move || read_level(level_seen, &place, selection.is_data)).await?;
        level = Vec::new();
        for read in read {
            let read = read?;
            walked.files.extend(read.files);
            walked.signs.extend(read.sign);
            walked.fresh.extend(read.fresh);
            level.extend(read.folders);
        }
        if let Some(filter) = selection.folders
            && !level.is_empty()
        {
            let names: Vec<Vec<String>> = level.iter().map(|folder| folder.names.clone()).collect();
            let mut kept = filter(&names)?.into_iter();
            level.retain(|_| kept.next().unwrap_or(true));
        }
    }
    Ok(walked)
}

/// Whether nothing came or went in the folders, as far as their times tell it; where they do not, their names do.
fn are_as_they_were(signs: Vec<Sign>) -> bool {
    let is_as_it_was = |sign: Sign| {
        let is_old = sign.changed.elapsed().is_ok_and(|age| age > SETTLED);
        let is_settled = is_old && changed_at(&sign.folder).is_some_and(|now| now == sign.changed);
        let held_now = || read_names(&sign.folder).ok().map(|names| names.1);
        sign.held.is_some() && (is_settled || sign.held == held_now())
    };
    shared_out(signs, FOLDERS_A_THREAD, &is_as_it_was)
        .into_iter()
        .all(|same| same)
}

fn changed_at(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).ok()?.modified().ok()
}

/// What was read of one folder.
#[derive(Default)]
struct Read {
    files: Vec<DataFile>,
    folders: Vec<Folder>,
    fresh: Option<(PathBuf, Arc<Contents>)>,
    sign: Option<Sign>,
}

fn read_level(
    level: Vec<(Folder, Option<Arc<Contents>>)>,
    place: &Place,
    is_data: fn(&str) -> bool,
) -> Vec<Result<Read>> {
    shared_out(level, FOLDERS_A_THREAD, &|(folder, seen)| {
        let mut read = Read::default();
        let contents = match seen {
            Some(seen) => seen,
            None => {
                let changed = changed_at(&folder.path).unwrap_or(SystemTime::now());
                let (contents, held) = match read_folder(&folder, place) {
                    // A folder that goes away while its parent is listed has no files.
                    Err(e) if e.kind() == ErrorKind::NotFound && !folder.names.is_empty() => {
                        (Contents::default(), None)
                    }
                    other => other.map_err(|e| Error::io(&folder.path, "list", e))?,
                };
                let contents = Arc::new(contents);
                read.sign = Some(Sign {
                    folder: folder.path.clone(),
                    changed,
                    held,
                });
                read.fresh = Some((folder.path.clone(), Arc::clone(&contents)));
                contents
            }
        };
        let wanted = contents.files.iter();
        let wanted = wanted.filter(|(name, _)| is_wanted(place, &folder.names, name, is_data));
        read.files.extend(wanted.map(|(_, meta)| DataFile {
            meta: meta.clone(),
            folders: folder.names.clone(),
        }));
        read.folders.extend(contents.folders.iter().map(|name| Folder {
            path: folder.path.join(name),
            names: [folder.names.as_slice(), std::slice::from_ref(name)].concat(),
        }));
        Ok(read)
    })
}

/// What is not hidden in a folder, and a digest of it.
fn read_names(folder: &Path) -> std::io::Result<(Vec<(String, DirEntry)>, u64)> {
    let mut entries = Vec::new();
    let mut digest = 0_u64;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string().map_err(|_| {
            let message = format!("the name '{}' is not UTF-8", entry.path().display());
            IoError::new(ErrorKind::InvalidData, message)
        })?;
        if is_hidden_file(&name) && is_hidden_folder(&name) {
            continue;
        }
        let mut hasher = DefaultHasher::new();
        (&name, entry.ino()).hash(&mut hasher);
        digest = digest.wrapping_add(hasher.finish());
        entries.push((name, entry));
    }
    Ok((entries, digest))
}

/// What is in a folder, and the digest that says so as long as all of it was there to be looked at.
fn read_folder(folder: &Folder, place: &Place) -> std::io::Result<(Contents, Option<u64>)> {
    let (entries, digest) = read_names(&folder.path)?;
    let base = store_path(place.path(), &folder.names)?;
    let mut contents = Contents::default();
    let mut held = Some(digest);
    for found in shared_out(entries, FILES_A_THREAD, &|(name, entry)| {
        look_at(&base, name, &entry)
    }) {
        match found? {
            Found::File(name, meta) => contents.files.push((name, meta)),
            Found::Folder(name) => contents.folders.push(name),
            Found::Nothing => {}
            Found::Gone => held = None,
        }
    }
    Ok((contents, held))
}

/// What a name stands for.
enum Found {
    File(String, ObjectMeta),
    Folder(String),
    /// A link to nothing, a pipe, something hidden.
    Nothing,
    /// It went away meanwhile.
    Gone,
}

fn look_at(base: &StorePath, name: String, entry: &DirEntry) -> std::io::Result<Found> {
    let mut kind = entry.file_type()?;
    let mut target = None;
    if kind.is_symlink() {
        match std::fs::metadata(entry.path()) {
            Ok(metadata) => kind = target.insert(metadata).file_type(),
            Err(_) => return Ok(Found::Nothing),
        }
    }
    if kind.is_dir() {
        let hidden = is_hidden_folder(&name);
        return Ok(if hidden {
            Found::Nothing
        } else {
            Found::Folder(name)
        });
    }
    if !kind.is_file() || is_hidden_file(&name) {
        return Ok(Found::Nothing);
    }
    let metadata = match target.map_or_else(|| entry.metadata(), Ok) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Found::Gone),
        metadata => metadata?,
    };
    let location = below(base.clone(), &name)?;
    Ok(Found::File(name, object_meta(location, &metadata)))
}

fn store_path(base: &StorePath, folders: &[String]) -> std::io::Result<StorePath> {
    folders
        .iter()
        .try_fold(base.clone(), |path, name| below(path, name))
}

fn below(folder: StorePath, name: &str) -> std::io::Result<StorePath> {
    let part = PathPart::parse(name).map_err(|e| {
        let message = format!("the name '{}' cannot be read: {e}", name.escape_debug());
        IoError::new(ErrorKind::InvalidData, message)
    })?;
    Ok(folder.join(part))
}

/// As the object store itself describes a local file, so that it can check that it is still the same.
fn object_meta(location: StorePath, metadata: &std::fs::Metadata) -> ObjectMeta {
    let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    let micros = modified
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_micros();
    let mut e_tag = String::with_capacity(40);
    // A text takes whatever is written to it.
    let _ = write!(e_tag, "{:x}-{micros:x}-{:x}", metadata.ino(), metadata.len());
    ObjectMeta {
        location,
        last_modified: modified.into(),
        size: metadata.len(),
        e_tag: Some(e_tag),
        version: None,
    }
}

/// What becomes of each, in their order; many are shared out among threads.
fn shared_out<T: Send, R: Send>(
    mut items: Vec<T>,
    a_thread: usize,
    work: &(impl Fn(T) -> R + Sync),
) -> Vec<R> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = (items.len() / a_thread).min(cores).min(THREADS);
    if threads < 2 {
        return items.into_iter().map(work).collect();
    }
    let share = items.len().div_ceil(threads);
    std::thread::scope(|scope| {
        let mut others = Vec::new();
        while items.len() > share {
            let own = items.split_off(items.len() - share);
            others.push(scope.spawn(move || own.into_iter().map(work).collect::<Vec<R>>()));
        }
        let mut results: Vec<R> = items.into_iter().map(work).collect();
        for other in others.into_iter().rev() {
            match other.join() {
                Ok(own) => results.extend(own),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        results
    })
}
