//! The physical operator: streams over sorted rows.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{LexOrdering, LexRequirement, OrderingRequirements, PhysicalExpr};
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
use futures::{StreamExt, stream};

use super::kernel::{LATEST_LAST, Latest};
use crate::operators::input::{SORTED, apply_columns, only, sortings, together};

/// The latest row of each key.
#[derive(Debug)]
pub(super) struct DedupExec {
    input: Arc<dyn ExecutionPlan>,
    keys: Vec<Column>,
    order: Vec<Column>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl DedupExec {
    pub(super) fn new(input: Arc<dyn ExecutionPlan>, keys: Vec<Column>, order: Vec<Column>) -> Self {
        let properties = PlanProperties::new(
            input.equivalence_properties().clone(),
            input.output_partitioning().clone(),
            EmissionType::Incremental,
            input.boundedness(),
        );
        Self {
            input,
            keys,
            order,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    fn sort_columns(&self) -> Vec<Column> {
        self.keys.iter().chain(&self.order).cloned().collect()
    }
}

impl DisplayAs for DedupExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |columns: &[Column]| -> Vec<String> { columns.iter().map(ToString::to_string).collect() };
        let keys = names(&self.keys).join(", ");
        match format {
            DisplayFormatType::Default | DisplayFormatType::Verbose => {
                let order = names(&self.order).join(", ");
                write!(f, "DedupExec: key=[{keys}], order_by=[{order}]")
            }
            DisplayFormatType::TreeRender => write!(f, "key=[{keys}]"),
        }
    }
}

impl ExecutionPlan for DedupExec {
    fn name(&self) -> &'static str {
        "DedupExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        InputDistributionRequirements::new(vec![together(&self.keys)])
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        let order = sortings(&self.order, LATEST_LAST);
        let alternatives = SORTED.map(|options| {
            let keys = sortings(&self.keys, options).into_iter();
            LexOrdering::new(keys.chain(order.iter().cloned()))
        });
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
        apply_columns(&self.sort_columns(), f)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (keys, order) = (self.keys.clone(), self.order.clone());
        Ok(Arc::new(Self::new(only(children)?, keys, order)))
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
        let schema = self.schema();
        let work = Work {
            input: self.input.execute(partition, context)?,
            latest: Latest::new(self.keys.clone(), self.order.clone(), &schema)?,
            metrics: BaselineMetrics::new(&self.metrics, partition),
        };
        let batches = stream::try_unfold(work, |mut work| async move {
            let batch = work.next().await?;
            Ok::<_, DataFusionError>(batch.map(|batch| (batch, work)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches.boxed())))
    }
}

struct Work {
    input: SendableRecordBatchStream,
    latest: Latest,
    metrics: BaselineMetrics,
}

impl Work {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        while let Some(batch) = self.input.next().await {
            let elapsed = self.metrics.elapsed_compute().clone();
            let _timer = elapsed.timer();
            if let Some(latest) = self.latest.push(&batch?)? {
                return Ok(Some(latest.record_output(&self.metrics)));
            }
        }
        let last = self.latest.finish();
        Ok(last.map(|last| last.record_output(&self.metrics)))
    }
}
