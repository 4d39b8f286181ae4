//! Which files of a folder are data, and what their folders' names say.

use std::path::Path;

use futures::TryStreamExt;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use crate::error::{Code, Error, Result};

/// A data file.
#[derive(Debug, Clone)]
pub struct DataFile {
    /// Path, size, time of last change.
    pub meta: ObjectMeta,
    /// The folders between the table's and the file, outermost first, as they are spelled.
    pub folders: Vec<String>,
}

/// The data files at `location`: itself if it is a file, else every file below it, in the order of
/// their paths.
///
/// Names that begin with `.` or `_` are hidden, files and folders alike, except that a folder
/// `_name=value` is a partition.
///
/// # Errors
/// [`Code::UndefinedFile`] if nothing is there; what the store says otherwise.
pub async fn list_files(store: &dyn ObjectStore, location: &Path) -> Result<Vec<DataFile>> {
    let kind = tokio::fs::metadata(location)
        .await
        .map_err(|e| Error::io(location, "read", e))?;
    let prefix = object_store::path::Path::from_absolute_path(location).map_err(|e| {
        Error::new(
            Code::InvalidValue,
            format!("'{}' cannot be a data path", location.display()),
        )
        .with_source(e)
    })?;
    let failed = |e: object_store::Error| store_error(location, e);
    if kind.is_file() {
        let meta = store.head(&prefix).await.map_err(failed)?;
        return Ok(vec![DataFile {
            meta,
            folders: Vec::new(),
        }]);
    }
    let mut files: Vec<DataFile> = store
        .list(Some(&prefix))
        .try_filter_map(|meta| std::future::ready(Ok(data_file(&prefix, meta))))
        .try_collect()
        .await
        .map_err(failed)?;
    files.sort_unstable_by(|a, b| a.meta.location.cmp(&b.meta.location));
    Ok(files)
}

fn store_error(location: &Path, error: object_store::Error) -> Error {
    let code = match error {
        object_store::Error::NotFound { .. } => Code::UndefinedFile,
        object_store::Error::PermissionDenied { .. } => Code::StorageRefused,
        _ => Code::Io,
    };
    Error::new(code, format!("cannot list '{}': {error}", location.display())).with_source(error)
}

/// The file with its folders, unless something on the way is hidden.
fn data_file(prefix: &object_store::path::Path, meta: ObjectMeta) -> Option<DataFile> {
    let below = meta.location.as_ref().strip_prefix(prefix.as_ref())?;
    let mut folders: Vec<String> = below
        .split('/')
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect();
    let file = folders.pop()?;
    let hidden = |name: &str| name.starts_with('.') || (name.starts_with('_') && !name.contains('='));
    if hidden(&file) || file.starts_with('_') || folders.iter().any(|folder| hidden(folder)) {
        return None;
    }
    Some(DataFile { meta, folders })
}
