//! The physical operator: streams over sorted rows.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{EquivalenceProperties, OrderingRequirements, PhysicalExpr};
use datafusion::physical_plan::coop::make_cooperative;
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

use super::Points;
use super::kernel::Gaps;
use crate::operators::input::{apply_columns, only, sorted_by, sorting_requirement, sortings, together};
use crate::operators::window::keyed::ByTime;
use crate::operators::window::time::Time;

/// The rows of the input and those that it lacks.
#[derive(Debug)]
pub(super) struct GapfillExec {
    input: Arc<dyn ExecutionPlan>,
    by: ByTime<Column>,
    points: Points,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl GapfillExec {
    pub(super) fn new(
        input: Arc<dyn ExecutionPlan>,
        by: ByTime<Column>,
        points: Points,
        schema: SchemaRef,
    ) -> Result<Self> {
        let by_time = by.sort_columns();
        // Of the other columns nothing that was known still holds.
        let mut known = EquivalenceProperties::new(Arc::clone(&schema));
        if let Some(options) = sorted_by(&input, &by_time)? {
            known.add_ordering(sortings(&by_time, options));
        }
        let properties = PlanProperties::new(
            known,
            input.output_partitioning().clone(),
            EmissionType::Incremental,
            input.boundedness(),
        );
        Ok(Self {
            input,
            by,
            points,
            schema,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }
}

impl DisplayAs for GapfillExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<String> = self.by.keys.iter().map(ToString::to_string).collect();
        match format {
            DisplayFormatType::Default | DisplayFormatType::Verbose => write!(
                f,
                "GapfillExec: time={}, key=[{}], step={}",
                self.by.column,
                keys.join(", "),
                self.points.step
            ),
            DisplayFormatType::TreeRender => write!(f, "key=[{}]", keys.join(", ")),
        }
    }
}

impl ExecutionPlan for GapfillExec {
    fn name(&self) -> &'static str {
        "GapfillExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        InputDistributionRequirements::new(vec![together(&self.by.keys)])
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        vec![sorting_requirement(&self.by.sort_columns())]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        apply_columns(&self.by.sort_columns(), f)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self::new(
            only(children)?,
            self.by.clone(),
            self.points,
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
        let work = Work {
            input: self.input.execute(partition, Arc::clone(&context))?,
            column: self.by.column.clone(),
            time: self.by.time.clone(),
            gaps: Gaps::new(
                self.by.column.index(),
                self.by.keys.clone(),
                self.by.time.clone(),
                self.points,
                Arc::clone(&self.schema),
            ),
            ended: false,
            batch_size: context.session_config().batch_size(),
            metrics: BaselineMetrics::new(&self.metrics, partition),
        };
        let batches = stream::try_unfold(work, |mut work| async move {
            let batch = work.next().await?;
            Ok::<_, DataFusionError>(batch.map(|batch| (batch, work)))
        });
        Ok(make_cooperative(Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            batches.boxed(),
        ))))
    }
}

struct Work {
    input: SendableRecordBatchStream,
    column: Column,
    time: Time,
    gaps: Gaps,
    /// Whether the input has no further batch.
    ended: bool,
    batch_size: usize,
    metrics: BaselineMetrics,
}

impl Work {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let elapsed = self.metrics.elapsed_compute().clone();
            let filled = {
                let _timer = elapsed.timer();
                self.gaps.next(self.batch_size)?
            };
            if let Some(batch) = filled {
                return Ok(Some(batch.record_output(&self.metrics)));
            }
            if self.ended {
                return Ok(None);
            }
            match self.input.next().await {
                Some(batch) => self.push(batch?)?,
                None => {
                    self.ended = true;
                    self.gaps.finish();
                }
            }
        }
    }

    fn push(&mut self, batch: RecordBatch) -> Result<()> {
        let times = batch.column(self.column.index());
        if times.null_count() > 0 {
            return Err(self.time.missing("gapfill", self.column.name()));
        }
        let (ticks, _) = self.time.ticks(times)?;
        self.gaps.push(batch, ticks)
    }
}
