//! The physical operator: streams over states that are sorted by pane.

use std::fmt;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::BatchCoalescer;
use arrow::datatypes::{Int64Type, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{EquivalenceProperties, OrderingRequirements, Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{
    ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions,
};
use datafusion::physical_plan::metrics::{
    BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, RecordOutput,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, InputDistributionRequirements,
    PlanProperties,
};
use futures::{StreamExt, TryStreamExt, stream};

use super::kernel::Merge;
use crate::operators::input::{apply_columns, columns_of, only, sorting_requirement, sortings, together};
use crate::operators::window::aligned::Windows;

/// Where the states' columns are: keys, pane, states.
#[derive(Debug, Clone)]
pub(super) struct Columns {
    pub(super) keys: Vec<Column>,
    pub(super) pane: Column,
}

/// Merges the states of panes into the results of windows.
#[derive(Debug)]
pub(super) struct PanesExec {
    input: Arc<dyn ExecutionPlan>,
    columns: Columns,
    aggregates: Vec<Arc<AggregateFunctionExpr>>,
    windows: Windows,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl PanesExec {
    pub(super) fn new(
        input: Arc<dyn ExecutionPlan>,
        columns: Columns,
        aggregates: Vec<Arc<AggregateFunctionExpr>>,
        windows: Windows,
        schema: SchemaRef,
    ) -> Self {
        let count = columns.keys.len();
        let mut known = EquivalenceProperties::new(Arc::clone(&schema));
        let bounds = [count, count + 1].map(|i| Column::new(schema.field(i).name(), i));
        let [start, end] = bounds;
        let ascending = arrow::compute::SortOptions::default();
        known.add_ordering(sortings(&[start.clone(), end.clone()], ascending));
        known.add_ordering(sortings(&[end, start], ascending));
        // Keys stay where they are, under the names that the results have.
        let partitions = input.output_partitioning().partition_count();
        let properties = PlanProperties::new(
            known,
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            input.boundedness(),
        );
        Self {
            input,
            columns,
            aggregates,
            windows,
            schema,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    fn pane(&self) -> &[Column] {
        std::slice::from_ref(&self.columns.pane)
    }
}

impl DisplayAs for PanesExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (function, windows) = (self.windows.function(), self.windows.describe());
        let aggregates: Vec<&str> = self.aggregates.iter().map(|aggregate| aggregate.name()).collect();
        match format {
            DisplayFormatType::Default | DisplayFormatType::Verbose => {
                write!(
                    f,
                    "PanesExec: {function}, {windows}, aggr=[{}]",
                    aggregates.join(", ")
                )
            }
            DisplayFormatType::TreeRender => {
                writeln!(f, "function={function}")?;
                write!(f, "{windows}")
            }
        }
    }
}

impl ExecutionPlan for PanesExec {
    fn name(&self) -> &'static str {
        "PanesExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        InputDistributionRequirements::new(vec![together(&self.columns.keys)])
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        vec![sorting_requirement(self.pane())]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        apply_columns(&self.columns.keys, f)?;
        apply_columns(self.pane(), f)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self::new(
            only(children)?,
            self.columns.clone(),
            self.aggregates.clone(),
            self.windows.clone(),
            Arc::clone(&self.schema),
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

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, Arc::clone(&context))?;
        let batch_size = context.session_config().batch_size();
        let work = Work {
            columns: self.columns.clone(),
            merge: Merge::new(
                self.windows.clone(),
                Arc::clone(&self.schema),
                self.columns.keys.len(),
                &self.aggregates,
            )?,
            output: BatchCoalescer::new(Arc::clone(&self.schema), batch_size),
            metrics: BaselineMetrics::new(&self.metrics, partition),
            reservation: MemoryConsumer::new(format!("PanesExec[{partition}]"))
                .register(context.memory_pool()),
        };
        let batches = stream::try_unfold(Some((input, work)), |state| async move {
            let Some((mut input, mut work)) = state else {
                return Ok::<_, DataFusionError>(None);
            };
            match input.next().await {
                Some(batch) => {
                    let complete = work.push(&batch?)?;
                    Ok(Some((complete, Some((input, work)))))
                }
                None => Ok(Some((work.finish()?, None))),
            }
        });
        let batches = batches.map_ok(|complete| stream::iter(complete.into_iter().map(Ok)));
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            batches.try_flatten().boxed(),
        )))
    }
}

struct Work {
    columns: Columns,
    merge: Merge,
    output: BatchCoalescer,
    metrics: BaselineMetrics,
    reservation: MemoryReservation,
}

impl Work {
    fn push(&mut self, batch: &RecordBatch) -> Result<Vec<RecordBatch>> {
        let elapsed = self.metrics.elapsed_compute().clone();
        let _timer = elapsed.timer();
        let pane = self.columns.pane.index();
        let complete = self.merge.push(
            batch.column(pane).as_primitive::<Int64Type>().values(),
            &columns_of(batch, &self.columns.keys),
            &batch.columns()[pane + 1..],
        )?;
        self.reservation.try_resize(self.merge.size())?;
        self.output(complete)
    }

    fn finish(&mut self) -> Result<Vec<RecordBatch>> {
        let elapsed = self.metrics.elapsed_compute().clone();
        let _timer = elapsed.timer();
        let complete = self.merge.finish()?;
        self.reservation.free();
        for batch in complete {
            self.output.push_batch(batch)?;
        }
        self.output.finish_buffered_batch()?;
        self.output(Vec::new())
    }

    /// Windows of few keys are put together.
    fn output(&mut self, complete: Vec<RecordBatch>) -> Result<Vec<RecordBatch>> {
        for batch in complete {
            self.output.push_batch(batch)?;
        }
        let mut batches = Vec::new();
        while let Some(batch) = self.output.next_completed_batch() {
            batches.push(batch.record_output(&self.metrics));
        }
        Ok(batches)
    }
}
