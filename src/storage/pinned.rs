//! One state of one file: reads fail once another has taken its place.
//!
//! A footer of one file and pages of its successor would make rows that were never written.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, OBJECT_STORE_COALESCE_DEFAULT,
    ObjectMeta, ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
    coalesce_ranges,
};

use super::direct;

/// A store in which a file is read only while it is in the state that was listed.
#[derive(Debug)]
pub struct Pinned {
    store: Arc<dyn ObjectStore>,
    e_tag: Option<String>,
    is_local: bool,
}

impl Pinned {
    /// Reads through `store`, of a file listed as `meta`. One that is never written again, and so was listed without
    /// its state, is read in any.
    pub fn new(store: Arc<dyn ObjectStore>, meta: &ObjectMeta) -> Self {
        Self {
            is_local: store.to_string().starts_with("LocalFileSystem"),
            e_tag: meta.e_tag.clone(),
            store,
        }
    }
}

impl fmt::Display for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.store)
    }
}

#[async_trait]
impl ObjectStore for Pinned {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.store.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.store.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, mut options: GetOptions) -> Result<GetResult> {
        if options.if_match.is_none() {
            options.if_match.clone_from(&self.e_tag);
        }
        self.store.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        if self.is_local
            && let Some(read) = direct::read(location, ranges, self.e_tag.as_deref())
        {
            return Ok(read);
        }
        if self.e_tag.is_none() {
            return self.store.get_ranges(location, ranges).await;
        }
        // A request costs more than what lies between two ranges; a local read does not.
        let gap = if self.is_local {
            0
        } else {
            OBJECT_STORE_COALESCE_DEFAULT
        };
        let read = |range| self.get_range(location, range);
        coalesce_ranges(ranges, read, gap).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.store.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.store.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.store.copy_opts(from, to, options).await
    }
}
