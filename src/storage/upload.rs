//! Files of the local disk sent to an object store, where each appears when it is whole.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::buffered::BufWriter;
use object_store::path::Path as StorePath;
use object_store::{ObjectStore, ObjectStoreExt};
use tokio::io::AsyncWriteExt;

use crate::error::{Code, Error, Result};

/// Where files are sent to.
#[derive(Debug)]
pub struct Upload {
    /// The store.
    pub store: Arc<dyn ObjectStore>,
    /// What stands before a path of the store, so that its owner knows it.
    pub prefix: String,
}

impl Upload {
    /// Sends one file.
    ///
    /// # Errors
    /// [`Code::Io`], with the path in the store; nothing is there then.
    pub async fn file(&self, file: &Path, to: &StorePath) -> Result<()> {
        let failed = |e: &dyn std::fmt::Display| {
            Error::new(Code::Io, format!("cannot write '{}{to}': {e}", self.prefix))
        };
        let mut from = tokio::fs::File::open(file)
            .await
            .map_err(|e| Error::io(file, "read", e))?;
        let mut writer = BufWriter::new(Arc::clone(&self.store), to.clone());
        if let Err(error) = tokio::io::copy(&mut from, &mut writer).await {
            // What was sent is never put together.
            let _ = writer.abort().await;
            return Err(failed(&error));
        }
        writer.shutdown().await.map_err(|e| failed(&e))?;
        self.store.head(to).await.map_err(|e| failed(&e)).map(drop)
    }

    /// Sends every file of a folder and of those in it, to the same places below `to`.
    ///
    /// # Errors
    /// As of [`Upload::file`]; what had been sent before is taken back.
    pub async fn folder(&self, folder: &Path, to: &StorePath) -> Result<()> {
        let mut sent = Vec::new();
        for file in files_of(folder)? {
            let relative = file.strip_prefix(folder).unwrap_or(&file);
            let target = below(to, relative)?;
            if let Err(error) = self.file(&file, &target).await {
                for path in &sent {
                    // The first error is the one to tell.
                    let _ = self.store.delete(path).await;
                }
                return Err(error);
            }
            sent.push(target);
        }
        Ok(())
    }
}

fn files_of(folder: &Path) -> Result<Vec<PathBuf>> {
    let wrong = |e| Error::io(folder, "read", e);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(wrong)? {
        let entry = entry.map_err(wrong)?;
        if entry.file_type().map_err(wrong)?.is_dir() {
            files.extend(files_of(&entry.path())?);
        } else {
            files.push(entry.path());
        }
    }
    Ok(files)
}

/// The folders' names stay as they are spelled: a partition's value is encoded already.
fn below(folder: &StorePath, relative: &Path) -> Result<StorePath> {
    let wrong = |e: &dyn std::fmt::Display| {
        let message = format!(
            "'{}' cannot be a path of an object store: {e}",
            relative.display()
        );
        Error::new(Code::InvalidValue, message)
    };
    let text = relative.to_str().ok_or_else(|| wrong(&"it is not UTF-8"))?;
    StorePath::parse(format!("{folder}/{text}")).map_err(|e| wrong(&e))
}
