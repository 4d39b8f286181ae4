//! Rows of a partition together, so that a partition does not end in ever so many files.
//!
//! Rows are taken as they come while they belong to no more partitions than files can be open; what comes then is
//! sorted by partition, within the memory limit. Within a partition rows keep the order in which they came.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::future::ready;
use std::mem::replace;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::row::{RowConverter, SortField};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{EquivalenceProperties, LexOrdering, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::execution_plan::{
    ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions,
};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::stream::{EmptyRecordBatchStream, RecordBatchStreamAdapter};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning, PlanProperties,
};
use futures::{StreamExt, TryStreamExt};

use super::order;
use super::rows::StreamExec;

/// How many rows the batches of what is sorted have at most.
const SORTED_BATCH_ROWS: usize = 1024;

/// The rows sorted by the columns at `keys`, those of a partition in the order in which they came.
///
/// # Errors
/// DataFusion's own.
pub(super) fn by_partition(
    input: SendableRecordBatchStream,
    keys: &[usize],
    context: &Arc<TaskContext>,
) -> Result<SendableRecordBatchStream> {
    let schema = input.schema();
    let place = schema.fields().len();
    let with_place = schema.fields().iter().cloned();
    let with_place = with_place.chain([Arc::new(Field::new("place", DataType::UInt64, false))]);
    let with_place = Arc::new(Schema::new(with_place.collect::<Vec<_>>()));
    let columns = keys.iter().copied().chain([place]);
    let columns = columns.map(|i| {
        let column = Arc::new(Column::new(with_place.field(i).name(), i));
        PhysicalSortExpr::new(column, order::OPTIONS)
    });
    let Some(order) = LexOrdering::new(columns) else {
        return Ok(input);
    };
    let numbered = StreamExec::new(numbered(input, with_place));
    let sorted = SortExec::new(order, Arc::new(numbered)).execute(0, in_small_batches(context))?;
    let own = Arc::clone(&schema);
    let sorted = sorted.map(move |batch| {
        let columns = batch?.columns()[..place].to_vec();
        Ok(RecordBatch::try_new(Arc::clone(&own), columns)?)
    });
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, sorted)))
}

/// What merges spilled rows holds some batches of each spill at a time.
fn in_small_batches(context: &TaskContext) -> Arc<TaskContext> {
    let config = context.session_config();
    let rows = config.batch_size().min(SORTED_BATCH_ROWS);
    let context = TaskContext::new(
        context.task_id(),
        context.session_id(),
        config.clone().with_batch_size(rows),
        HashMap::default(),
        HashMap::default(),
        HashMap::default(),
        HashMap::default(),
        context.runtime_env(),
    );
    Arc::new(context)
}

/// The rows with their numbers behind them.
fn numbered(input: SendableRecordBatchStream, schema: SchemaRef) -> SendableRecordBatchStream {
    let own = Arc::clone(&schema);
    let mut rows = 0;
    let numbered = input.map(move |batch| {
        let batch = batch?;
        let first = rows;
        rows += batch.num_rows() as u64;
        let mut columns = batch.columns().to_vec();
        columns.push(Arc::new(UInt64Array::from_iter_values(first..rows)));
        Ok(RecordBatch::try_new(Arc::clone(&own), columns)?)
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, numbered))
}

/// Physical operator: the rows of its input, those of a partition together once there are many partitions.
///
/// Input: any; several partitions of it are taken as they come. Output: its columns and rows, as one partition.
/// Memory: the keys of `at_most` partitions, and that of a sort that spills.
#[derive(Debug)]
pub(super) struct ClusteredExec {
    input: Arc<dyn ExecutionPlan>,
    keys: Vec<usize>,
    at_most: usize,
    properties: Arc<PlanProperties>,
}

impl ClusteredExec {
    /// The columns at `keys` tell partitions apart; so many of them may be mixed.
    pub(super) fn new(input: Arc<dyn ExecutionPlan>, keys: Vec<usize>, at_most: usize) -> Self {
        let input = match input.output_partitioning().partition_count() {
            1 => input,
            _ => Arc::new(CoalescePartitionsExec::new(input)),
        };
        let properties = PlanProperties::new(
            EquivalenceProperties::new(input.schema()),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            input.boundedness(),
        );
        Self {
            input,
            keys,
            at_most,
            properties: Arc::new(properties),
        }
    }
}

/// Rows on their way.
struct Clustering {
    input: SendableRecordBatchStream,
    keys: Vec<usize>,
    at_most: usize,
    converter: RowConverter,
    /// The partitions so far; `None` once the input is sorted.
    seen: Option<HashSet<Box<[u8]>>>,
    context: Arc<TaskContext>,
}

impl Clustering {
    async fn next(mut self) -> Result<Option<(RecordBatch, Self)>> {
        let Some(batch) = self.input.try_next().await? else {
            return Ok(None);
        };
        if self.takes(&batch)? {
            return Ok(Some((batch, self)));
        }
        self.seen = None;
        let schema = batch.schema();
        let empty = Box::pin(EmptyRecordBatchStream::new(Arc::clone(&schema)));
        let rest = futures::stream::once(ready(Ok(batch))).chain(replace(&mut self.input, empty));
        let rest = Box::pin(RecordBatchStreamAdapter::new(schema, rest));
        self.input = by_partition(rest, &self.keys, &self.context)?;
        let first = self.input.try_next().await?;
        Ok(first.map(|batch| (batch, self)))
    }

    /// Whether the rows of a batch can be taken as they come.
    fn takes(&mut self, batch: &RecordBatch) -> Result<bool> {
        let Some(seen) = &mut self.seen else {
            return Ok(true);
        };
        let keys = self.keys.iter().map(|i| Arc::clone(batch.column(*i)));
        let keys = self.converter.convert_columns(&keys.collect::<Vec<ArrayRef>>())?;
        for key in &keys {
            if !seen.contains(key.as_ref()) {
                seen.insert(Box::from(key.as_ref()));
                if seen.len() > self.at_most {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

impl DisplayAs for ClusteredExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClusteredExec: keys={:?}", self.keys)
    }
}

impl ExecutionPlan for ClusteredExec {
    fn name(&self) -> &'static str {
        "ClusteredExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![false]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
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
        Ok(Arc::new(Self::new(input, self.keys.clone(), self.at_most)))
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
        let schema = self.schema();
        let fields = self.keys.iter().map(|i| schema.field(*i).data_type().clone());
        let clustering = Clustering {
            input: self.input.execute(0, Arc::clone(&context))?,
            keys: self.keys.clone(),
            at_most: self.at_most,
            converter: RowConverter::new(fields.map(SortField::new).collect())?,
            seen: Some(HashSet::new()),
            context,
        };
        let rows = futures::stream::try_unfold(clustering, Clustering::next);
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }
}
