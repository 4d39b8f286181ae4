//! Which files of a place are data, and what their folders' names say.
//!
//! Folders are looked into level by level where a query does not want all of them, so that the others cost
//! nothing. Local folders: see [`super::walk`].

use std::sync::Arc;

use futures::TryStreamExt;
use object_store::path::Path as StorePath;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use super::place::Place;
use super::walk::{self, Listings};
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

/// Folders deeper than this are a loop of links.
pub(super) const DEPTH: usize = 64;

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
        Some(folder) => walk::local(folder, place, selection).await?,
        None => remote(store, place, selection).await?,
    };
    files.sort_unstable_by(|a, b| a.meta.location.cmp(&b.meta.location));
    Ok(files)
}

pub(super) fn is_wanted(place: &Place, folders: &[String], name: &str, is_data: fn(&str) -> bool) -> bool {
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

pub(super) fn is_hidden_file(name: &str) -> bool {
    name.starts_with(['.', '_']) || is_temporary(name)
}

pub(super) fn is_hidden_folder(name: &str) -> bool {
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
