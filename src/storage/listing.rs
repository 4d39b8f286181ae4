//! Which files of a place are data, and what their folders' names say.
//!
//! A local folder is walked level by level, so that folders that a query does not want are never
//! opened. Several files cannot be listed in one moment: where something changed while it was
//! listed, it is listed again, until two listings agree.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use datafusion::common::runtime::SpawnedTask;
use futures::TryStreamExt;
use object_store::path::Path as StorePath;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use parking_lot::Mutex;

use super::place::Place;
use crate::error::{Code, Error, Result};

/// A data file.
#[derive(Debug, Clone, PartialEq)]
pub struct DataFile {
    /// Path, size, time of last change.
    pub meta: ObjectMeta,
    /// The folders between the table's and the file, outermost first, as they are spelled.
    pub folders: Vec<String>,
}

/// Which of the folders below a place are looked into: given their names from the outermost on, all of
/// one depth, an answer for each.
pub type FolderFilter<'a> = &'a (dyn Fn(&[Vec<String>]) -> Result<Vec<bool>> + Sync);

/// What is listed.
#[derive(Clone, Copy)]
pub struct Selection<'a> {
    /// Whether a file of this name is data. Not asked where the place has a pattern.
    pub is_data: fn(&str) -> bool,
    /// Which folders are looked into; `None` is all of them.
    pub folders: Option<FolderFilter<'a>>,
    /// What has been seen already, and is to be seen again.
    pub seen: Option<&'a Listings>,
}

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

/// How often a folder that changes all the while is listed before the last listing is taken.
const LISTINGS: usize = 8;
/// A folder that changed as long ago cannot have changed again unnoticed since.
const SETTLED: Duration = Duration::from_millis(20);
/// Folders deeper than this are a loop of links.
const DEPTH: usize = 64;

/// The data files at `place`: itself if it is a file, else every file below it, in the order of their
/// paths.
///
/// Names that begin with `.` or `_` or end as temporary files do are hidden, files and folders alike,
/// except that a folder `_name=value` is a partition.
///
/// # Errors
/// [`Code::UndefinedFile`] if nothing is there; what the store says otherwise.
pub async fn list_files(
    store: &Arc<dyn ObjectStore>,
    place: &Place,
    selection: Selection<'_>,
) -> Result<Vec<DataFile>> {
    let mut files = match place.local_path() {
        Some(folder) => local(folder, place, selection).await?,
        None => remote(store, place, selection).await?,
    };
    files.sort_unstable_by(|a, b| a.meta.location.cmp(&b.meta.location));
    Ok(files)
}

async fn local(root: &Path, place: &Place, selection: Selection<'_>) -> Result<Vec<DataFile>> {
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
        let walked = walk(root, place, selection).await?;
        let is_same = before.as_ref().is_some_and(|before| before.files == walked.files);
        let is_settled = walked.is_settled;
        before = Some(walked);
        if is_settled || is_same {
            break;
        }
    }
    let walked = before.unwrap_or_default();
    if let Some(seen) = selection.seen {
        seen.keep(walked.fresh);
    }
    Ok(walked.files)
}

/// One listing.
#[derive(Default)]
struct Walked {
    files: Vec<DataFile>,
    /// The folders that had not been seen before.
    fresh: Vec<(PathBuf, Arc<Contents>)>,
    /// Nothing can have changed meanwhile.
    is_settled: bool,
}

/// A folder on the way, and when it last changed before it was read.
struct Folder {
    path: PathBuf,
    names: Vec<String>,
}

async fn walk(root: &Path, place: &Place, selection: Selection<'_>) -> Result<Walked> {
    let mut level = vec![Folder {
        path: root.to_owned(),
        names: Vec::new(),
    }];
    let mut files = Vec::new();
    let mut stamps = Vec::new();
    let mut fresh = Vec::new();
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
        let read = SpawnedTask::spawn_blocking(move || read_level(level_seen, &place, selection.is_data));
        let read = read
            .join_unwind()
            .await
            .map_err(|e| Error::new(Code::Internal, "a listing was stopped").with_source(e))??;
        files.extend(read.files);
        stamps.extend(read.stamps);
        fresh.extend(read.fresh);
        level = read.folders;
        if let Some(filter) = selection.folders
            && !level.is_empty()
        {
            let names: Vec<Vec<String>> = level.iter().map(|folder| folder.names.clone()).collect();
            let mut kept = filter(&names)?.into_iter();
            level.retain(|_| kept.next().unwrap_or(true));
        }
    }
    files.sort_unstable_by(|a: &DataFile, b: &DataFile| a.meta.location.cmp(&b.meta.location));
    let is_settled = stamps.iter().all(|(path, stamp)| {
        let old = stamp.elapsed().is_ok_and(|age| age > SETTLED);
        old && changed_at(path).is_some_and(|now| now == *stamp)
    });
    Ok(Walked {
        files,
        fresh,
        is_settled,
    })
}

fn changed_at(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).ok()?.modified().ok()
}

#[derive(Default)]
struct Level {
    files: Vec<DataFile>,
    folders: Vec<Folder>,
    stamps: Vec<(PathBuf, SystemTime)>,
    fresh: Vec<(PathBuf, Arc<Contents>)>,
}

fn read_level(
    level: Vec<(Folder, Option<Arc<Contents>>)>,
    place: &Place,
    is_data: fn(&str) -> bool,
) -> Result<Level> {
    let mut read = Level::default();
    for (folder, seen) in level {
        let contents = match seen {
            Some(seen) => seen,
            None => {
                let stamp = changed_at(&folder.path).unwrap_or(SystemTime::now());
                let contents = match read_folder(&folder, place) {
                    // A folder that goes away while its parent is listed has no files.
                    Err(e) if e.kind() == std::io::ErrorKind::NotFound && !folder.names.is_empty() => {
                        Contents::default()
                    }
                    other => other.map_err(|e| Error::io(&folder.path, "list", e))?,
                };
                let contents = Arc::new(contents);
                read.stamps.push((folder.path.clone(), stamp));
                read.fresh.push((folder.path.clone(), Arc::clone(&contents)));
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
    }
    Ok(read)
}

fn read_folder(folder: &Folder, place: &Place) -> std::io::Result<Contents> {
    let mut read = Contents::default();
    for entry in std::fs::read_dir(&folder.path)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            let message = format!("the name '{}' is not UTF-8", entry.path().display());
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, message));
        };
        let mut kind = entry.file_type()?;
        if kind.is_symlink() {
            match std::fs::metadata(entry.path()) {
                Ok(target) => kind = target.file_type(),
                // A link to nothing.
                Err(_) => continue,
            }
        }
        if kind.is_dir() {
            if !is_hidden_folder(name) {
                read.folders.push(name.to_owned());
            }
        } else if kind.is_file() && !is_hidden_file(name) {
            // One that has gone since is not there.
            if let Ok(metadata) = std::fs::metadata(entry.path()) {
                let location = child(place.path(), &folder.names, name)?;
                read.files
                    .push((name.to_owned(), object_meta(location, &metadata)));
            }
        }
    }
    Ok(read)
}

fn child(base: &StorePath, folders: &[String], name: &str) -> std::io::Result<StorePath> {
    let mut text = base.to_string();
    for part in folders.iter().map(String::as_str).chain([name]) {
        text.push('/');
        text.push_str(part);
    }
    StorePath::parse(text).map_err(|e| std::io::Error::new(std::io::ErrorKind::InvalidData, e))
}

/// As the object store itself describes a local file, so that it can check that it is still the same.
fn object_meta(location: StorePath, metadata: &std::fs::Metadata) -> ObjectMeta {
    let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    let micros = modified
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_micros();
    let inode = std::os::unix::fs::MetadataExt::ino(metadata);
    ObjectMeta {
        location,
        last_modified: modified.into(),
        size: metadata.len(),
        e_tag: Some(format!("{inode:x}-{micros:x}-{:x}", metadata.len())),
        version: None,
    }
}

fn is_wanted(place: &Place, folders: &[String], name: &str, is_data: fn(&str) -> bool) -> bool {
    if is_hidden_file(name) {
        return false;
    }
    if !place.has_pattern() {
        return is_data(name);
    }
    let mut below = folders.join("/");
    if !below.is_empty() {
        below.push('/');
    }
    below.push_str(name);
    place.has(&below)
}

/// Names that writers give to what is not finished, and editors to what they keep aside.
fn is_temporary(name: &str) -> bool {
    const ENDINGS: &[&str] = &[
        "~",
        ".tmp",
        ".temp",
        ".part",
        ".partial",
        ".crdownload",
        ".inprogress",
        ".swp",
        ".bak",
    ];
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

fn is_hidden_file(name: &str) -> bool {
    name.starts_with(['.', '_']) || is_temporary(name)
}

fn is_hidden_folder(name: &str) -> bool {
    name.starts_with('.') || (name.starts_with('_') && !name.contains('='))
}

async fn remote(
    store: &Arc<dyn ObjectStore>,
    place: &Place,
    selection: Selection<'_>,
) -> Result<Vec<DataFile>> {
    let failed = |e: object_store::Error| store_error(place, e);
    if !place.has_pattern() {
        match store.head(place.path()).await {
            Ok(meta) => {
                let folders = Vec::new();
                return Ok(vec![DataFile { meta, folders }]);
            }
            Err(object_store::Error::NotFound { .. }) => {}
            Err(error) => return Err(failed(error)),
        }
    }
    if let Some(filter) = selection.folders {
        return remote_levels(store, place, selection.is_data, filter).await;
    }
    let metas = store.list(Some(place.path())).map_err(failed);
    let files = metas.try_filter_map(|meta| {
        let file = remote_file(place, meta, selection.is_data);
        std::future::ready(Ok(file))
    });
    files.try_collect().await
}

/// Level by level, so that folders that are not wanted cost no request.
async fn remote_levels(
    store: &Arc<dyn ObjectStore>,
    place: &Place,
    is_data: fn(&str) -> bool,
    filter: FolderFilter<'_>,
) -> Result<Vec<DataFile>> {
    let mut level = vec![place.path().clone()];
    let mut files = Vec::new();
    for _ in 0..DEPTH {
        let mut next = Vec::new();
        for folder in &level {
            let listed = store.list_with_delimiter(Some(folder)).await;
            let listed = listed.map_err(|e| store_error(place, e))?;
            let found = listed.objects.into_iter();
            files.extend(found.filter_map(|meta| remote_file(place, meta, is_data)));
            next.extend(listed.common_prefixes);
        }
        let mut names: Vec<Vec<String>> = Vec::new();
        next.retain(|folder| {
            let parts = below(place, folder).unwrap_or_default();
            let hidden = parts.iter().any(|name| is_hidden_folder(name));
            if !hidden {
                names.push(parts);
            }
            !hidden
        });
        if next.is_empty() {
            break;
        }
        let mut kept = filter(&names)?.into_iter();
        next.retain(|_| kept.next().unwrap_or(true));
        level = next;
    }
    Ok(files)
}

/// The parts of a path below the place's.
fn below(place: &Place, path: &StorePath) -> Option<Vec<String>> {
    let rest = path.as_ref().strip_prefix(place.path().as_ref())?;
    let parts = rest.split('/').filter(|part| !part.is_empty());
    Some(parts.map(str::to_owned).collect())
}

/// The file with its folders, unless something on the way is hidden.
fn remote_file(place: &Place, meta: ObjectMeta, is_data: fn(&str) -> bool) -> Option<DataFile> {
    let mut folders = below(place, &meta.location)?;
    let name = folders.pop()?;
    let hidden = folders.iter().any(|folder| is_hidden_folder(folder));
    // Tools that show stores as folders make empty objects for them.
    let marker = meta.size == 0 && meta.location.as_ref().ends_with('/');
    (!hidden && !marker && is_wanted(place, &folders, &name, is_data)).then_some(DataFile { meta, folders })
}

fn store_error(place: &Place, error: object_store::Error) -> Error {
    let code = match error {
        object_store::Error::NotFound { .. } => Code::UndefinedFile,
        object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
            Code::StorageRefused
        }
        _ => Code::Io,
    };
    Error::new(code, format!("cannot list '{place}': {error}")).with_source(error)
}
