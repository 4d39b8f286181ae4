//! Physical operator: input → Parquet files in a table's folder, published when all are complete. Those of a
//! table in an object store are complete on the local disk first, and are sent one after the other.
//!
//! Input: the table's columns in order, partition columns last. Output: one row, `count` (UInt64), the rows
//! written. Nothing is visible until the last row is written; if the input fails, or the stream is dropped, nothing
//! is.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{
    Boundedness, ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use object_store::path::Path as StorePath;
use tempfile::TempDir;

use crate::error::Error;
use crate::storage::{Place, Staging, Upload};
use crate::table::writer::{Layout, WrittenFile, properties};
use crate::table::writing::{Shape, Writing};

/// A file that has grown beyond this is finished and another begun.
const FILE_BYTES: usize = 512 << 20;

/// Where a table's files go.
#[derive(Debug, Clone)]
pub(super) enum Destination {
    /// A folder of the local disk.
    Folder(PathBuf),
    /// A folder of an object store.
    Store(Place),
}

/// Writes its input as files.
#[derive(Debug)]
pub(super) struct InsertExec {
    input: Arc<dyn ExecutionPlan>,
    destination: Destination,
    shape: Arc<Shape>,
    properties: Arc<PlanProperties>,
}

impl InsertExec {
    /// The input has the columns of `schema` by position, of which so many at the end are partition columns.
    pub(super) fn new(
        input: Arc<dyn ExecutionPlan>,
        destination: Destination,
        schema: SchemaRef,
        partition_columns: usize,
    ) -> Self {
        let all: Vec<usize> = (0..schema.fields().len()).collect();
        let (file_columns, partition_columns) = all.split_at(all.len() - partition_columns);
        let layout = Layout {
            file_columns: file_columns.to_vec(),
            partition_columns: partition_columns.to_vec(),
            properties: properties().build(),
            file_bytes: FILE_BYTES,
        };
        let shape = Shape {
            schema,
            layout,
            sorted_by: Vec::new(),
        };
        Self::over(input, destination, Arc::new(shape))
    }

    fn over(input: Arc<dyn ExecutionPlan>, destination: Destination, shape: Arc<Shape>) -> Self {
        let count = Schema::new(vec![Field::new("count", DataType::UInt64, false)]);
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::new(count)),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        Self {
            input,
            destination,
            shape,
            properties: Arc::new(properties),
        }
    }
}

/// Where files lie until they are sent to their store.
struct Stopover {
    folder: TempDir,
    upload: Upload,
    path: StorePath,
}

impl Stopover {
    fn new(place: &Place, context: &TaskContext) -> Result<Self> {
        let folder = tempfile::tempdir().map_err(|e| Error::io("a temporary folder", "make", e))?;
        let store = context.runtime_env().object_store(place.store_url())?;
        let prefix = place.prefix().to_owned();
        Ok(Self {
            folder,
            upload: Upload { store, prefix },
            path: place.path().clone(),
        })
    }
}

async fn run(writing: Writing, stopover: Option<Stopover>) -> Result<RecordBatch> {
    let (files, staging) = writing.complete().await?;
    let count: u64 = files.iter().map(WrittenFile::rows).sum();
    let publish = SpawnedTask::spawn_blocking(move || staging.publish().map(drop));
    let joined = |e| DataFusionError::External(Box::new(e));
    publish.join_unwind().await.map_err(joined)??;
    if let Some(stopover) = stopover {
        stopover
            .upload
            .folder(stopover.folder.path(), &stopover.path)
            .await?;
    }
    Ok(RecordBatch::try_from_iter([(
        "count",
        Arc::new(UInt64Array::from(vec![count])) as _,
    )])?)
}

impl DisplayAs for InsertExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "InsertExec: format=parquet, partition_columns={}",
            self.shape.layout.partition_columns.len()
        )
    }
}

impl ExecutionPlan for InsertExec {
    fn name(&self) -> &'static str {
        "InsertExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        // Writing is as much work as reading; but a small input is not worth several files.
        vec![false]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let input = children.swap_remove(0);
        let (destination, shape) = (self.destination.clone(), Arc::clone(&self.shape));
        Ok(Arc::new(Self::over(input, destination, shape)))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(
            children,
            ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute),
        )
    }

    fn execute(&self, _: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let (staging, stopover) = match &self.destination {
            Destination::Folder(folder) => (Staging::new(folder)?, None),
            Destination::Store(place) => {
                let stopover = Stopover::new(place, &context)?;
                (Staging::new(stopover.folder.path())?, Some(stopover))
            }
        };
        let writing = Writing::begin(&self.input, &self.shape, staging, &context)?;
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(self.properties.equivalence_properties().schema()),
            futures::stream::once(run(writing, stopover)),
        )))
    }
}
