//! A local object store whose writes are on the disk when they return.
//!
//! The plain one never syncs: after a power cut a log entry could be there and empty. Here a file is
//! complete and synced before it gets its name, and the folder is synced after.

use std::fmt;
use std::ops::Range;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};
use parking_lot::Mutex;

use super::publish::{OnExisting, Published, write_atomically};

/// The local file system, from its root, with durable writes.
#[derive(Debug, Clone)]
pub struct DurableStore {
    inner: Arc<LocalFileSystem>,
}

impl Default for DurableStore {
    fn default() -> Self {
        Self {
            inner: Arc::new(LocalFileSystem::new()),
        }
    }
}

impl fmt::Display for DurableStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Durable({})", self.inner)
    }
}

fn failed(path: &FilePath, error: crate::error::Error) -> object_store::Error {
    let path = path.display().to_string();
    let source = Box::new(error);
    match source.code() {
        crate::error::Code::StorageRefused => object_store::Error::PermissionDenied { path, source },
        crate::error::Code::UndefinedFile => object_store::Error::NotFound { path, source },
        _ => object_store::Error::Generic {
            store: "LocalFileSystem",
            source,
        },
    }
}

async fn write(path: PathBuf, content: Vec<Bytes>, on_existing: OnExisting) -> Result<PutResult> {
    let written = tokio::task::spawn_blocking(move || {
        let content = content.concat();
        match write_atomically(&path, &content, on_existing) {
            Ok(Published::Yes) => Ok(()),
            Ok(Published::KeptExisting) => Err(object_store::Error::AlreadyExists {
                path: path.display().to_string(),
                source: "it is there already".into(),
            }),
            Err(error) => Err(failed(&path, error)),
        }
    });
    written
        .await
        .map_err(|source| object_store::Error::JoinError { source })??;
    Ok(PutResult {
        e_tag: None,
        version: None,
    })
}

#[async_trait]
impl ObjectStore for DurableStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let on_existing = match options.mode {
            PutMode::Create => OnExisting::Keep,
            PutMode::Overwrite => OnExisting::Replace,
            PutMode::Update(_) => {
                return Err(object_store::Error::NotImplemented {
                    operation: "a conditional update".to_owned(),
                    implementer: self.to_string(),
                });
            }
        };
        let path = self.inner.path_to_filesystem(location)?;
        write(path, payload.into_iter().collect(), on_existing).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        _options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Ok(Box::new(DurableUpload {
            path: self.inner.path_to_filesystem(location)?,
            parts: Arc::default(),
        }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(object_store::Error::NotImplemented {
            operation: "copying a file".to_owned(),
            implementer: self.to_string(),
        })
    }
}

/// A file given in parts. It is written when it is complete: what goes this way (checkpoints) is
/// small beside the data.
#[derive(Debug)]
struct DurableUpload {
    path: PathBuf,
    parts: Arc<Mutex<Vec<Bytes>>>,
}

#[async_trait]
impl MultipartUpload for DurableUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.parts.lock().extend(data);
        Box::pin(std::future::ready(Ok(())))
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let parts = std::mem::take(&mut *self.parts.lock());
        write(self.path.clone(), parts, OnExisting::Replace).await
    }

    async fn abort(&mut self) -> Result<()> {
        self.parts.lock().clear();
        Ok(())
    }
}
