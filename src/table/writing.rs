//! The rows of a plan → files in a staging folder, which nobody sees yet: what writes to a table of either kind
//! has in common.
//!
//! Any partitioning; each partition is written by a task of its own. Where rows turn out to belong to more
//! partitions than files can be open, the rest of a task's rows is sorted by partition, within the memory limit,
//! so that a partition does not end in ever so many files. If the input fails, or the tasks are dropped, nothing
//! is left.

use std::future::ready;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::runtime::JoinSet;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use futures::StreamExt;

use super::clustered::by_partition;
use super::order;
use super::rows::conform;
use super::writer::{Layout, PartitionedWriter, WrittenFile};
use crate::error::{Code, Error};
use crate::storage::Staging;

/// What becomes of rows.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    /// The table's columns, as the input has them by position.
    pub schema: SchemaRef,
    /// How they become files.
    pub layout: Layout,
    /// The positions of the columns by which the input is sorted, and each file.
    pub sorted_by: Vec<usize>,
}

impl Shape {
    /// By partition, and by the table's own order if `whole`; nothing for a table that has neither.
    pub(super) fn sort_order(&self, schema: &SchemaRef, whole: bool) -> Option<LexOrdering> {
        let sorted_by = self.sorted_by.iter().filter(|_| whole);
        let columns = self.layout.partition_columns.iter().chain(sorted_by);
        let columns = columns.map(|i| {
            let column = Arc::new(Column::new(schema.field(*i).name(), *i));
            PhysicalSortExpr::new(column, order::OPTIONS)
        });
        LexOrdering::new(columns)
    }
}

/// Files that are being written.
pub(super) struct Writing {
    tasks: JoinSet<Result<(usize, Vec<WrittenFile>)>>,
    staging: Arc<Staging>,
}

impl Writing {
    /// Begins to run every partition of `input` into files of its own.
    ///
    /// # Errors
    /// Those of the input.
    pub(super) fn begin(
        input: &Arc<dyn ExecutionPlan>,
        shape: &Arc<Shape>,
        staging: Staging,
        context: &Arc<TaskContext>,
    ) -> Result<Self> {
        let staging = Arc::new(staging);
        let mut tasks = JoinSet::new();
        for number in 0..input.output_partitioning().partition_count() {
            let rows = input.execute(number, Arc::clone(context))?;
            let task = Task {
                shape: Arc::clone(shape),
                staging: Arc::clone(&staging),
                number,
                context: Arc::clone(context),
            };
            tasks.spawn(async move { Ok((number, task.run(rows).await?)) });
        }
        Ok(Self { tasks, staging })
    }

    /// The files once all are complete, and what they are staged in.
    ///
    /// # Errors
    /// Those of the input and of the disk.
    pub(super) async fn complete(mut self) -> Result<(Vec<WrittenFile>, Staging)> {
        let mut files = Vec::new();
        while let Some(ended) = self.tasks.join_next().await {
            match ended
                .map_err(|e| DataFusionError::External(Box::new(e)))
                .flatten()
            {
                Ok(own) => files.push(own),
                Err(error) => {
                    // Who says that nothing was written must have let go of what was.
                    self.tasks.shutdown().await;
                    return Err(error);
                }
            }
        }
        files.sort_unstable_by_key(|(number, _)| *number);
        let files = files.into_iter().flat_map(|(_, own)| own).collect();
        let outlived = |_| Error::new(Code::Internal, "a writer outlived its statement");
        Ok((files, Arc::try_unwrap(self.staging).map_err(outlived)?))
    }
}

/// The share of one of the input's partitions.
struct Task {
    shape: Arc<Shape>,
    staging: Arc<Staging>,
    number: usize,
    context: Arc<TaskContext>,
}

impl Task {
    async fn run(self, mut input: SendableRecordBatchStream) -> Result<Vec<WrittenFile>> {
        let Shape { schema, layout, .. } = self.shape.as_ref();
        let staging = Arc::clone(&self.staging);
        let mut writer = PartitionedWriter::new(staging, self.number, schema, layout.clone())?;
        let mut is_by_partition = !self.shape.sorted_by.is_empty();
        while let Some(batch) = input.next().await {
            let batch = batch?;
            if batch.num_rows() == 0 {
                continue;
            }
            let rows = conform(schema, &batch)?;
            if is_by_partition {
                writer.write(&rows)?;
            } else if !writer.try_write(&rows)? {
                let batch_schema = input.schema();
                let rest = futures::stream::once(ready(Ok(batch))).chain(input);
                let rest = RecordBatchStreamAdapter::new(batch_schema, rest);
                input = by_partition(Box::pin(rest), &layout.partition_columns, &self.context)?;
                is_by_partition = true;
            }
        }
        Ok(writer.finish()?)
    }
}
