//! Physical operator: input → Parquet files in a table's folder, published when all are complete. Those of a
//! table in an object store are complete on the local disk first, and are sent one after the other.
//!
//! Input: the table's columns in order, partition columns last; any partitioning, each partition is
//! written by a task of its own. Output: one row, `count` (UInt64), the rows written. Nothing is
//! visible until the last row is written; if the input fails, or the stream is dropped, nothing is.

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
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning, PlanProperties,
};
use futures::StreamExt;
use futures::future::try_join_all;
use object_store::path::Path as StorePath;
use tempfile::TempDir;

use crate::error::{Code, Error};
use crate::storage::{Place, Staging, Upload};
use crate::table::writer::{Layout, PartitionedWriter, properties};

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
    /// The table's columns: the input's, with the table's names.
    schema: SchemaRef,
    partition_columns: usize,
    properties: Arc<PlanProperties>,
}

impl InsertExec {
    pub(super) fn new(
        input: Arc<dyn ExecutionPlan>,
        destination: Destination,
        schema: SchemaRef,
        partition_columns: usize,
    ) -> Self {
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
            schema,
            partition_columns,
            properties: Arc::new(properties),
        }
    }

    /// Runs every input partition into files of its own.
    fn tasks(
        &self,
        staging: &Arc<Staging>,
        context: &Arc<TaskContext>,
    ) -> Result<Vec<SpawnedTask<Result<u64>>>> {
        let partitions = 0..self.input.output_partitioning().partition_count();
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        let (file_columns, partition_columns) = all.split_at(all.len() - self.partition_columns);
        let layout = Layout {
            file_columns: file_columns.to_vec(),
            partition_columns: partition_columns.to_vec(),
            properties: properties().build(),
            file_bytes: FILE_BYTES,
        };
        let task = |partition: usize| {
            let input = self.input.execute(partition, Arc::clone(context))?;
            let writer =
                PartitionedWriter::new(Arc::clone(staging), partition, &self.schema, layout.clone())?;
            Ok(SpawnedTask::spawn(write(input, Arc::clone(&self.schema), writer)))
        };
        partitions.map(task).collect()
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

async fn write(
    mut input: SendableRecordBatchStream,
    schema: SchemaRef,
    mut writer: PartitionedWriter,
) -> Result<u64> {
    let mut count = 0;
    while let Some(batch) = input.next().await {
        let batch = batch?;
        count += batch.num_rows() as u64;
        if batch.num_rows() > 0 {
            let batch = conform(&schema, &batch)?;
            writer.write(&batch)?;
        }
    }
    writer.finish()?;
    Ok(count)
}

/// The batch under the table's names; NULL in a column that may not have it is refused here.
fn conform(schema: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch> {
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        if !field.is_nullable() && column.null_count() > 0 {
            let message = format!(
                "column '{}' may not be NULL, and {} rows are",
                field.name(),
                column.null_count()
            );
            return Err(Error::new(Code::NotNull, message).into());
        }
    }
    let columns = schema.fields().iter().zip(batch.columns());
    let columns = columns.map(|(field, column)| arrow::compute::cast(column, field.data_type()));
    Ok(RecordBatch::try_new(
        Arc::clone(schema),
        columns.collect::<Result<_, _>>()?,
    )?)
}

async fn run(
    tasks: Vec<SpawnedTask<Result<u64>>>,
    staging: Arc<Staging>,
    stopover: Option<Stopover>,
) -> Result<RecordBatch> {
    let counts = try_join_all(tasks.into_iter().map(|task| async move {
        task.join_unwind()
            .await
            .map_err(|e| DataFusionError::External(Box::new(e)))?
    }));
    let count: u64 = counts.await?.into_iter().sum();
    let publish = SpawnedTask::spawn_blocking(move || match Arc::try_unwrap(staging) {
        Ok(staging) => staging.publish().map(drop),
        Err(_) => Err(Error::new(Code::Internal, "a writer outlived its statement")),
    });
    publish
        .join_unwind()
        .await
        .map_err(|e| DataFusionError::External(Box::new(e)))??;
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
            self.partition_columns
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
        Ok(Arc::new(Self::new(
            input,
            self.destination.clone(),
            Arc::clone(&self.schema),
            self.partition_columns,
        )))
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
        let staging = Arc::new(staging);
        let tasks = self.tasks(&staging, &context)?;
        let result = futures::stream::once(run(tasks, staging, stopover));
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            self.schema_of_result(),
            result,
        )))
    }
}

impl InsertExec {
    fn schema_of_result(&self) -> SchemaRef {
        Arc::clone(self.properties.equivalence_properties().schema())
    }
}
