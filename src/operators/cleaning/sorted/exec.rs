//! The physical operator: streams over sorted rows.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::SortOptions;
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{
    LexOrdering, LexRequirement, OrderingRequirements, PhysicalExpr, PhysicalSortExpr,
};
use datafusion::physical_plan::execution_plan::{
    ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions,
};
use datafusion::physical_plan::metrics::{
    BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, RecordOutput,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, ExecutionPlanProperties,
    InputDistributionRequirements, PlanProperties,
};
use futures::{StreamExt, TryStreamExt, stream};

use super::Call;
use super::kernel::{Complete, Fills};
use crate::operators::input::{SORTED, only, passed_equivalences, widened};

/// Each row with what the rows around it make of it.
#[derive(Debug)]
pub(in crate::operators::cleaning) struct SortedExec {
    input: Arc<dyn ExecutionPlan>,
    keys: Vec<Arc<dyn PhysicalExpr>>,
    order: Vec<PhysicalSortExpr>,
    calls: Arc<[Call]>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl SortedExec {
    pub(in crate::operators::cleaning) fn new(
        input: Arc<dyn ExecutionPlan>,
        keys: Vec<Arc<dyn PhysicalExpr>>,
        order: Vec<PhysicalSortExpr>,
        calls: impl Into<Arc<[Call]>>,
        schema: SchemaRef,
    ) -> Result<Self> {
        let properties = PlanProperties::new(
            passed_equivalences(&input, &schema)?,
            input.output_partitioning().clone(),
            EmissionType::Incremental,
            input.boundedness(),
        );
        Ok(Self {
            input,
            keys,
            order,
            calls: calls.into(),
            schema,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }

    fn ordering(&self, options: SortOptions) -> Option<LexOrdering> {
        let keys = self
            .keys
            .iter()
            .map(|key| PhysicalSortExpr::new(Arc::clone(key), options));
        LexOrdering::new(keys.chain(self.order.iter().cloned()))
    }
}

impl DisplayAs for SortedExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<String> = self.keys.iter().map(ToString::to_string).collect();
        let order: Vec<String> = self.order.iter().map(ToString::to_string).collect();
        match format {
            DisplayFormatType::Default | DisplayFormatType::Verbose => {
                let (keys, order) = (keys.join(", "), order.join(", "));
                write!(f, "SortedExec: key=[{keys}], order=[{order}]")
            }
            DisplayFormatType::TreeRender => write!(f, "key=[{}]", keys.join(", ")),
        }
    }
}

impl ExecutionPlan for SortedExec {
    fn name(&self) -> &'static str {
        "SortedExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        let together = match self.keys.as_slice() {
            [] => Distribution::SinglePartition,
            keys => Distribution::KeyPartitioned(keys.to_vec()),
        };
        InputDistributionRequirements::new(vec![together])
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        let alternatives = SORTED.map(|options| self.ordering(options));
        let alternatives = alternatives.into_iter().flatten().map(LexRequirement::from);
        vec![OrderingRequirements::new_alternatives(alternatives, false)]
    }

    /// Its rows come out as they came in, and the order that they have is known by it; but the optimizer takes this for
    /// leave to sort below it by what is asked for above, even if only the first column is the same.
    fn maintains_input_order(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        let order = self.order.iter().map(|key| &key.expr);
        let arguments = self.calls.iter().flat_map(|call| &call.arguments);
        for expression in self.keys.iter().chain(order).chain(arguments) {
            if f(expression)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self::new(
            only(children)?,
            self.keys.clone(),
            self.order.clone(),
            Arc::clone(&self.calls),
            Arc::clone(&self.schema),
        )?))
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
        let work = Work {
            keys: self.keys.clone(),
            fills: Fills::new(self.calls.iter().map(|call| call.fill).collect()),
            calls: Arc::clone(&self.calls),
            schema: Arc::clone(&self.schema),
            metrics: BaselineMetrics::new(&self.metrics, partition),
            reservation: MemoryConsumer::new(format!("SortedExec[{partition}]"))
                .register(context.memory_pool()),
        };
        let batches = stream::try_unfold(Some((input, work)), |state| async move {
            let Some((mut input, mut work)) = state else {
                return Ok::<_, DataFusionError>(None);
            };
            match input.next().await {
                Some(batch) => {
                    let complete = work.push(batch?)?;
                    Ok(Some((complete, Some((input, work)))))
                }
                None => Ok(Some((work.finish()?, None))),
            }
        });
        let batches = batches.map_ok(|complete: Vec<RecordBatch>| stream::iter(complete.into_iter().map(Ok)));
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            batches.try_flatten().boxed(),
        )))
    }
}

struct Work {
    keys: Vec<Arc<dyn PhysicalExpr>>,
    calls: Arc<[Call]>,
    fills: Fills,
    schema: SchemaRef,
    metrics: BaselineMetrics,
    reservation: MemoryReservation,
}

impl Work {
    fn push(&mut self, batch: RecordBatch) -> Result<Vec<RecordBatch>> {
        let elapsed = self.metrics.elapsed_compute().clone();
        let _timer = elapsed.timer();
        let rows = batch.num_rows();
        let values = |exprs: &[Arc<dyn PhysicalExpr>]| -> Result<Vec<_>> {
            let values = exprs.iter().map(|expr| expr.evaluate(&batch)?.into_array(rows));
            values.collect()
        };
        let keys = values(&self.keys)?;
        let arguments = self.calls.iter().map(|call| values(&call.arguments));
        let arguments = arguments.collect::<Result<_>>()?;
        let complete = self.fills.push(batch, &keys, arguments)?;
        self.reservation.try_resize(self.fills.size())?;
        self.output(complete)
    }

    fn finish(&mut self) -> Result<Vec<RecordBatch>> {
        let complete = self.fills.finish()?;
        self.reservation.free();
        self.output(complete)
    }

    fn output(&self, complete: Vec<Complete>) -> Result<Vec<RecordBatch>> {
        let batches = complete.into_iter().map(|(batch, results)| {
            let batch = widened(&self.schema, &batch, results)?;
            Ok(batch.record_output(&self.metrics))
        });
        batches.collect()
    }
}
