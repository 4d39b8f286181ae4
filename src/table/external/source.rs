//! The files of every format but Parquet, as DataFusion scans them: one reader a file, its batches those
//! of the columns that are wanted.

use std::fmt;
use std::io::{Cursor, Read};
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use bytes::Bytes;
use datafusion::catalog::Session;
use datafusion::common::Statistics;
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileOpenFuture, FileOpener, FileScanConfig, FileSource};
use datafusion::datasource::projection::{ProjectionOpener, SplitProjection};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::{DataFusionError, Result};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_plan::metrics::{Count, ExecutionPlanMetricsSet, MetricBuilder};
use datafusion::physical_plan::{DisplayFormatType, ExecutionPlan};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::{GetResultPayload, ObjectMeta, ObjectStore, ObjectStoreExt};
use tokio::sync::mpsc;

use super::read::{self, Batches, Input, Seekable, Wanted};
use crate::definition::{ExternalTable, Format};
use crate::storage::Pinned;
use crate::table::conform::project;

/// Used where no one says how many rows a batch has.
const BATCH_ROWS: usize = 8192;
/// How many pieces of a remote file, or batches of it, are ahead of their reader.
const AHEAD: usize = 4;

/// Reads files of a definition's format; says nothing of their rows beforehand.
#[derive(Debug, Clone)]
pub(super) struct RowFormat {
    pub table: String,
    /// What stands before a file's path in messages.
    pub prefix: String,
    pub definition: Arc<ExternalTable>,
}

#[async_trait]
impl FileFormat for RowFormat {
    fn get_ext(&self) -> String {
        self.definition.format.name().to_owned()
    }

    fn get_ext_with_compression(&self, _: &FileCompressionType) -> Result<String> {
        Ok(self.definition.format.name().to_owned())
    }

    fn compression_type(&self) -> Option<FileCompressionType> {
        None
    }

    async fn infer_schema(
        &self,
        _: &dyn Session,
        _: &Arc<dyn ObjectStore>,
        _: &[ObjectMeta],
    ) -> Result<SchemaRef> {
        Ok(self.definition.file_schema())
    }

    async fn infer_stats(
        &self,
        _: &dyn Session,
        _: &Arc<dyn ObjectStore>,
        table_schema: SchemaRef,
        _: &ObjectMeta,
    ) -> Result<Statistics> {
        Ok(Statistics::new_unknown(&table_schema))
    }

    async fn create_physical_plan(
        &self,
        _: &dyn Session,
        config: FileScanConfig,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(DataSourceExec::from_data_source(config))
    }

    fn file_source(&self, table_schema: TableSchema) -> Arc<dyn FileSource> {
        Arc::new(RowSource {
            format: self.clone(),
            projection: SplitProjection::unprojected(&table_schema),
            table_schema,
            batch_rows: BATCH_ROWS,
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }
}

/// A scan of such files.
#[derive(Debug, Clone)]
struct RowSource {
    format: RowFormat,
    table_schema: TableSchema,
    projection: SplitProjection,
    batch_rows: usize,
    metrics: ExecutionPlanMetricsSet,
}

impl FileSource for RowSource {
    fn create_file_opener(
        &self,
        store: Arc<dyn ObjectStore>,
        _: &FileScanConfig,
        partition: usize,
    ) -> Result<Arc<dyn FileOpener>> {
        let positions = &self.projection.file_indices;
        let file_schema = self.table_schema.file_schema();
        let all_columns = self.format.definition.columns.clone();
        let own: Vec<usize> = positions
            .iter()
            .copied()
            .filter(|i| *i < all_columns.len())
            .collect();
        // Behind the definition's columns may stand the number of a row.
        let number = positions.iter().position(|i| *i == all_columns.len());
        let opener = RowOpener {
            store,
            format: self.format.clone(),
            columns: own.iter().map(|i| all_columns[*i].clone()).collect(),
            all_columns,
            schema: project(file_schema, &own),
            numbered: number.map(|at| (at, project(file_schema, positions))),
            batch_rows: self.batch_rows,
            bytes_scanned: MetricBuilder::new(&self.metrics).counter("bytes_scanned", partition),
        };
        ProjectionOpener::try_new(self.projection.clone(), Arc::new(opener), file_schema)
    }

    fn table_schema(&self) -> &TableSchema {
        &self.table_schema
    }

    fn with_batch_size(&self, batch_rows: usize) -> Arc<dyn FileSource> {
        Arc::new(Self {
            batch_rows,
            ..self.clone()
        })
    }

    fn try_pushdown_projection(&self, projection: &ProjectionExprs) -> Result<Option<Arc<dyn FileSource>>> {
        let merged = self.projection.source.try_merge(projection)?;
        let projection = SplitProjection::new(self.table_schema.file_schema(), &merged);
        Ok(Some(Arc::new(Self {
            projection,
            ..self.clone()
        })))
    }

    fn projection(&self) -> Option<&ProjectionExprs> {
        Some(&self.projection.source)
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        &self.metrics
    }

    fn file_type(&self) -> &str {
        self.format.definition.format.name()
    }

    /// A record's begin cannot be told from a place in the middle of a file.
    fn supports_repartitioning(&self) -> bool {
        false
    }

    fn fmt_extra(&self, _: DisplayFormatType, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        for expression in self.projection.source.iter() {
            if f(&expression.expr)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }
}

struct RowOpener {
    store: Arc<dyn ObjectStore>,
    format: RowFormat,
    all_columns: Vec<crate::definition::Column>,
    columns: Vec<crate::definition::Column>,
    schema: SchemaRef,
    /// Where the rows' numbers go among the columns, and what these are then.
    numbered: Option<(usize, SchemaRef)>,
    batch_rows: usize,
    bytes_scanned: Count,
}

impl FileOpener for RowOpener {
    fn open(&self, file: PartitionedFile) -> Result<FileOpenFuture> {
        let meta = file.object_meta;
        let wanted = Wanted {
            table: self.format.table.clone(),
            file: format!("{}{}", self.format.prefix, meta.location),
            all_columns: self.all_columns.clone(),
            columns: self.columns.clone(),
            schema: Arc::clone(&self.schema),
            batch_rows: self.batch_rows,
        };
        let definition = Arc::clone(&self.format.definition);
        let numbered = self.numbered.clone();
        let store = Arc::new(Pinned::new(Arc::clone(&self.store), &meta));
        self.bytes_scanned
            .add(usize::try_from(meta.size).unwrap_or(usize::MAX));
        Ok(Box::pin(async move {
            let source = Source::open(store.as_ref(), &meta, definition.format).await?;
            let batches = match source {
                Source::Here(input) => {
                    let batches = read::open(&definition, input, wanted)?;
                    stream::iter(batches).map_err(DataFusionError::from).boxed()
                }
                Source::Coming(bytes) => elsewhere(bytes, definition, wanted),
            };
            Ok(match numbered {
                Some((at, schema)) => with_numbers(batches, at, schema),
                None => batches,
            })
        }))
    }
}

/// The rows of a file with their numbers, from 0, as the column at `at`.
fn with_numbers(
    batches: BoxStream<'static, Result<RecordBatch>>,
    at: usize,
    schema: SchemaRef,
) -> BoxStream<'static, Result<RecordBatch>> {
    let mut next = 0_i64;
    let numbered = move |batch: Result<RecordBatch>| {
        let batch = batch?;
        let first = next;
        next += i64::try_from(batch.num_rows()).unwrap_or(i64::MAX);
        let mut columns = batch.columns().to_vec();
        columns.insert(at, Arc::new(Int64Array::from_iter_values(first..next)));
        Ok(RecordBatch::try_new(Arc::clone(&schema), columns)?)
    };
    batches.map(numbered).boxed()
}

/// A file: here, or coming over the network.
pub(super) enum Source {
    Here(Input),
    Coming(BoxStream<'static, object_store::Result<Bytes>>),
}

impl Source {
    pub(super) async fn open(store: &dyn ObjectStore, meta: &ObjectMeta, format: Format) -> Result<Self> {
        let found = store.get(&meta.location).await?;
        Ok(match found.payload {
            GetResultPayload::File(file, _) => Self::Here(Input::Anywhere(Seekable::Local(file))),
            // It is read at any place, and so fetched first.
            GetResultPayload::Stream(bytes) if format == Format::Arrow => {
                let parts: Vec<Bytes> = bytes.try_collect().await?;
                let whole: Bytes = parts.concat().into();
                Self::Here(Input::Anywhere(Seekable::Fetched(Cursor::new(whole))))
            }
            GetResultPayload::Stream(bytes) => Self::Coming(bytes),
        })
    }

    /// The whole of a small part of work on it, on a thread that may wait.
    pub(super) async fn work<T, F>(self, work: F) -> Result<T>
    where
        F: FnOnce(Input) -> T + Send + 'static,
        T: Send + 'static,
    {
        match self {
            Self::Here(input) => Ok(work(input)),
            Self::Coming(bytes) => {
                let (input, pump) = piped(bytes);
                let task = SpawnedTask::spawn_blocking(move || work(input));
                let (_, done) = futures::join!(pump, task.join_unwind());
                done.map_err(|e| DataFusionError::External(Box::new(e)))
            }
        }
    }
}

/// Hands pieces to a thread that reads them.
fn piped(mut bytes: BoxStream<'static, object_store::Result<Bytes>>) -> (Input, impl Future<Output = ()>) {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let pump = async move {
        while let Some(piece) = bytes.next().await {
            let failed = piece.is_err();
            if sender.send(piece).await.is_err() || failed {
                break;
            }
        }
    };
    let pipe = Pipe {
        receiver,
        piece: Bytes::new(),
    };
    (Input::Once(Box::new(pipe)), pump)
}

/// Pieces that come over a channel, read as they come.
struct Pipe {
    receiver: mpsc::Receiver<object_store::Result<Bytes>>,
    piece: Bytes,
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.piece.is_empty() {
            match self.receiver.blocking_recv() {
                Some(piece) => {
                    self.piece =
                        piece.map_err(|e| std::io::Error::new(std::io::ErrorKind::NetworkDown, e))?;
                }
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.piece.len());
        buffer[..length].copy_from_slice(&self.piece.split_to(length));
        Ok(length)
    }
}

/// Reads a remote file on a thread of its own, so that waiting for it holds nobody up.
fn elsewhere(
    bytes: BoxStream<'static, object_store::Result<Bytes>>,
    definition: Arc<ExternalTable>,
    wanted: Wanted,
) -> BoxStream<'static, Result<RecordBatch>> {
    let (input, pump) = piped(bytes);
    let (sender, receiver) = mpsc::channel(AHEAD);
    let pump = SpawnedTask::spawn(pump);
    let reading = SpawnedTask::spawn_blocking(move || {
        let batches: Batches = match read::open(&definition, input, wanted) {
            Ok(batches) => batches,
            Err(error) => Box::new(std::iter::once(Err(error))),
        };
        for batch in batches {
            if sender.blocking_send(batch).is_err() {
                break;
            }
        }
    });
    let running = (receiver, pump, reading);
    stream::unfold(running, |mut running| async move {
        let batch = running.0.recv().await?;
        Some((batch.map_err(DataFusionError::from), running))
    })
    .boxed()
}
