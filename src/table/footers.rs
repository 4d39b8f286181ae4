//! What Parquet footers say of their files, remembered while a file stays as it was listed.

use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::{Field, Schema};
use datafusion::common::{Statistics, TableReference};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::error::Result;
use datafusion::execution::cache::cache_manager::CachedFileMetadata;
use datafusion::execution::cache::{SchemaFingerprint, TableScopedPath};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnv;
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectMeta, ObjectStore};

use super::parquet::facts;
use super::scan::unreadable;
use crate::definition::Column;
use crate::storage::Pinned;

/// A file that changed as long ago cannot change again without a sign.
const SETTLED: Duration = Duration::from_millis(50);

/// The footers of a table's files.
pub(super) struct Footers<'a> {
    pub table: &'a str,
    /// What stands before a file's path in messages.
    pub prefix: &'a str,
    pub columns: &'a [Column],
    pub store: Arc<dyn ObjectStore>,
    pub runtime: &'a RuntimeEnv,
    pub at_once: usize,
}

impl Footers<'_> {
    /// The files with their statistics, each checked to be readable as the table's columns.
    pub(super) async fn with_facts(
        &self,
        store_url: &ObjectStoreUrl,
        files: Vec<PartitionedFile>,
    ) -> Result<Vec<PartitionedFile>> {
        let fingerprint = Arc::new(self.fingerprint());
        let cache = self.runtime.cache_manager.get_file_statistic_cache();
        let scope = TableReference::bare(store_url.as_str());
        let key = |meta: &ObjectMeta| TableScopedPath {
            table: Some(scope.clone()),
            path: meta.location.clone(),
        };
        let mut unknown = Vec::new();
        let recall = |(position, file): (usize, PartitionedFile)| {
            let known = cache
                .as_ref()
                .and_then(|cache| cache.get(&key(&file.object_meta)));
            match known.filter(|known| {
                known.meta.e_tag == file.object_meta.e_tag
                    && known.is_valid_for(&file.object_meta, &fingerprint)
            }) {
                Some(known) => file.with_statistics(known.statistics),
                None => {
                    unknown.push((position, file.object_meta.clone()));
                    file
                }
            }
        };
        let mut files: Vec<PartitionedFile> = files.into_iter().enumerate().map(recall).collect();
        let found: Vec<(usize, Arc<Statistics>)> = futures::stream::iter(unknown)
            .map(|(position, meta)| {
                let (cache, fingerprint, key) = (cache.clone(), Arc::clone(&fingerprint), key(&meta));
                async move {
                    let statistics = Arc::new(self.read(&meta).await?);
                    if let Some(cache) = cache.filter(|_| is_settled(&meta)) {
                        let entry = CachedFileMetadata::new(meta, fingerprint, Arc::clone(&statistics), None);
                        cache.put(&key, entry);
                    }
                    Ok::<_, datafusion::error::DataFusionError>((position, statistics))
                }
            })
            .buffer_unordered(self.at_once)
            .try_collect()
            .await?;
        for (position, statistics) in found {
            files[position] = files[position].clone().with_statistics(statistics);
        }
        Ok(files)
    }

    /// Tells tables over the same files apart.
    fn fingerprint(&self) -> SchemaFingerprint {
        let field = |column: &Column| {
            let name = format!("{}\u{0}{}", column.name, column.name_in_files());
            Field::new(name, column.data_type.clone(), column.nullable)
        };
        SchemaFingerprint::from_schema(&Schema::new(self.columns.iter().map(field).collect::<Vec<_>>()))
    }

    async fn read(&self, meta: &ObjectMeta) -> Result<Statistics> {
        let cache = self.runtime.cache_manager.get_file_metadata_cache();
        // The cache looks at size and time alone; two files can have both in common.
        let other = cache.get(&meta.location);
        if other.is_some_and(|other| other.meta.e_tag != meta.e_tag) || !is_settled(meta) {
            cache.remove(&meta.location);
        }
        let file = format!("{}{}", self.prefix, meta.location);
        let pinned = Pinned::new(Arc::clone(&self.store), meta);
        let metadata = DFParquetMetadata::new(&pinned, meta)
            .with_file_metadata_cache(Some(cache))
            .fetch_metadata()
            .await
            .map_err(|e| unreadable(self.table, &file, e))?;
        facts(self.table, &file, self.columns, &metadata)
    }
}

fn is_settled(meta: &ObjectMeta) -> bool {
    let age = chrono::Utc::now() - meta.last_modified;
    age.to_std().is_ok_and(|age| age > SETTLED)
}
