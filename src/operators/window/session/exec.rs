//! The physical operator: streams over sorted rows.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{EquivalenceProperties, OrderingRequirements, PhysicalExpr};
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

use super::kernel::{Complete, Sessions};
use crate::operators::input::{
    columns_of, only, passed_equivalences, sorted_by, sortings, together, widened,
};
use crate::operators::window::time::{Time, null_time};

/// Each row with its session.
#[derive(Debug)]
pub(super) struct SessionExec {
    input: Arc<dyn ExecutionPlan>,
    column: Column,
    keys: Vec<Column>,
    time: Time,
    gap: i64,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl SessionExec {
    pub(super) fn new(
        input: Arc<dyn ExecutionPlan>,
        column: Column,
        keys: Vec<Column>,
        time: Time,
        gap: i64,
        schema: SchemaRef,
    ) -> Result<Self> {
        let properties = PlanProperties::new(
            equivalences(&input, &column, &keys, &schema)?,
            input.output_partitioning().clone(),
            EmissionType::Incremental,
            input.boundedness(),
        );
        Ok(Self {
            input,
            column,
            keys,
            time,
            gap,
            schema,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }

    fn sort_columns(&self) -> Vec<Column> {
        let mut columns = self.keys.clone();
        columns.push(self.column.clone());
        columns
    }
}

/// The input's order, and that of key and window.
fn equivalences(
    input: &Arc<dyn ExecutionPlan>,
    column: &Column,
    keys: &[Column],
    schema: &SchemaRef,
) -> Result<EquivalenceProperties> {
    let mut known = passed_equivalences(input, schema)?;
    let passed = input.schema().fields().len();
    let added = (passed..schema.fields().len()).map(|i| Column::new(schema.field(i).name(), i));
    let by_time: Vec<Column> = keys.iter().cloned().chain([column.clone()]).collect();
    let by_window: Vec<Column> = keys
        .iter()
        .cloned()
        .chain(added)
        .chain([column.clone()])
        .collect();
    if let Some(options) = sorted_by(input, &by_time)? {
        known.add_ordering(sortings(&by_window, options));
    }
    Ok(known)
}

impl DisplayAs for SessionExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<String> = self.keys.iter().map(ToString::to_string).collect();
        match format {
            DisplayFormatType::Default | DisplayFormatType::Verbose => write!(
                f,
                "SessionExec: time={}, key=[{}], gap={} ticks",
                self.column,
                keys.join(", "),
                self.gap
            ),
            DisplayFormatType::TreeRender => write!(f, "key=[{}]", keys.join(", ")),
        }
    }
}

impl ExecutionPlan for SessionExec {
    fn name(&self) -> &'static str {
        "SessionExec"
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
        vec![crate::operators::input::sorting_requirement(&self.sort_columns())]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        crate::operators::input::apply_columns(&self.sort_columns(), f)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self::new(
            only(children)?,
            self.column.clone(),
            self.keys.clone(),
            self.time.clone(),
            self.gap,
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
            column: self.column.clone(),
            keys: self.keys.clone(),
            time: self.time.clone(),
            schema: Arc::clone(&self.schema),
            metrics: BaselineMetrics::new(&self.metrics, partition),
            reservation: MemoryConsumer::new(format!("SessionExec[{partition}]"))
                .register(context.memory_pool()),
            sessions: Sessions::new(self.gap),
        };
        let batches = stream::try_unfold(Some((input, work)), |state| async move {
            let Some((mut input, mut work)) = state else {
                return Ok::<_, datafusion::error::DataFusionError>(None);
            };
            match input.next().await {
                Some(batch) => {
                    let complete = work.push(&batch?)?;
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
    column: Column,
    keys: Vec<Column>,
    time: Time,
    schema: SchemaRef,
    metrics: BaselineMetrics,
    reservation: MemoryReservation,
    sessions: Sessions,
}

impl Work {
    fn push(&mut self, batch: &RecordBatch) -> Result<Vec<RecordBatch>> {
        let elapsed = self.metrics.elapsed_compute().clone();
        let _timer = elapsed.timer();
        let times = batch.column(self.column.index());
        if times.null_count() > 0 {
            return Err(null_time("session", self.column.name()).into());
        }
        let (ticks, _) = self.time.ticks(times)?;
        let complete = self
            .sessions
            .push(batch, &columns_of(batch, &self.keys), &ticks)?;
        self.reservation.try_resize(self.sessions.size())?;
        self.output(complete)
    }

    fn finish(&mut self) -> Result<Vec<RecordBatch>> {
        let complete = self.sessions.finish()?;
        self.reservation.free();
        self.output(complete)
    }

    fn output(&self, complete: Vec<Complete>) -> Result<Vec<RecordBatch>> {
        let batches = complete.into_iter().map(|complete| {
            let starts = self.time.array(complete.starts)?;
            let ends = self.time.array(complete.ends)?;
            let batch = widened(&self.schema, &complete.rows, [starts, ends])?;
            Ok(batch.record_output(&self.metrics))
        });
        batches.collect()
    }
}
