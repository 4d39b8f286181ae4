//! The physical operator: streams over sorted rows.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, Int64Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
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

use super::Frame;
use super::kernel::{Complete, Counted, Ties};
use crate::error::{Code, Error};
use crate::operators::input::{
    apply_columns, columns_of, only, sorted_by, sorting_requirement, sortings, together, widened,
};
use crate::operators::window::time::{Time, null_time};

/// Which columns of the input mean what.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    pub(super) column: Column,
    pub(super) keys: Vec<Column>,
    pub(super) order: Vec<Column>,
    /// The row's place in the input, behind the input's own columns; it is not passed on.
    pub(super) position: Option<Column>,
    pub(super) time: Time,
}

impl Rows {
    fn sort_columns(&self) -> Vec<Column> {
        let columns = self.keys.iter().chain([&self.column]).chain(&self.order);
        columns.chain(&self.position).cloned().collect()
    }
}

/// Each row once for each window of rows that it lies in.
#[derive(Debug)]
pub(super) struct CountExec {
    input: Arc<dyn ExecutionPlan>,
    rows: Rows,
    frame: Frame,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl CountExec {
    pub(super) fn new(
        input: Arc<dyn ExecutionPlan>,
        rows: Rows,
        frame: Frame,
        schema: SchemaRef,
    ) -> Result<Self> {
        let mut known = EquivalenceProperties::new(Arc::clone(&schema));
        let id = schema.fields().len() - 1;
        let by_window = rows.keys.iter().cloned();
        let by_window = by_window.chain([Column::new(schema.field(id).name(), id), rows.column.clone()]);
        if let Some(options) = sorted_by(&input, &rows.sort_columns())? {
            known.add_ordering(sortings(&by_window.collect::<Vec<_>>(), options));
        }
        let properties = PlanProperties::new(
            known,
            input.output_partitioning().clone(),
            EmissionType::Incremental,
            input.boundedness(),
        );
        Ok(Self {
            input,
            rows,
            frame,
            schema,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }
}

impl DisplayAs for CountExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<String> = self.rows.keys.iter().map(ToString::to_string).collect();
        let keys = keys.join(", ");
        let Frame { rows, slide, .. } = self.frame;
        match format {
            DisplayFormatType::Default | DisplayFormatType::Verbose => write!(
                f,
                "CountExec: time={}, key=[{keys}], n={rows}, slide={slide}",
                self.rows.column
            ),
            DisplayFormatType::TreeRender => write!(f, "key=[{keys}]"),
        }
    }
}

impl ExecutionPlan for CountExec {
    fn name(&self) -> &'static str {
        "CountExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        InputDistributionRequirements::new(vec![together(&self.rows.keys)])
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        vec![sorting_requirement(&self.rows.sort_columns())]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        apply_columns(&self.rows.sort_columns(), f)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (rows, schema) = (self.rows.clone(), Arc::clone(&self.schema));
        Ok(Arc::new(Self::new(only(children)?, rows, self.frame, schema)?))
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
            rows: self.rows.clone(),
            schema: Arc::clone(&self.schema),
            metrics: BaselineMetrics::new(&self.metrics, partition),
            reservation: MemoryConsumer::new(format!("CountExec[{partition}]"))
                .register(context.memory_pool()),
            windows: Counted::new(self.frame),
            ties: Ties::default(),
        };
        // A row comes out up to `copies` times: so many fewer are taken at once.
        let copies = self.frame.rows.div_ceil(self.frame.slide);
        let rows_at_once = (context.session_config().batch_size() / copies).max(1);
        let input = input.map_ok(move |batch| {
            let rows = batch.num_rows();
            let slices = (0..rows).step_by(rows_at_once);
            stream::iter(slices.map(move |first| {
                Ok::<_, DataFusionError>(batch.slice(first, rows_at_once.min(rows - first)))
            }))
        });
        let input = input.try_flatten().boxed();
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
        let batches = batches.try_filter_map(|complete| async move { Ok(complete) });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            batches.boxed(),
        )))
    }
}

struct Work {
    rows: Rows,
    schema: SchemaRef,
    metrics: BaselineMetrics,
    reservation: MemoryReservation,
    windows: Counted,
    ties: Ties,
}

impl Work {
    fn push(&mut self, batch: &RecordBatch) -> Result<Option<RecordBatch>> {
        let elapsed = self.metrics.elapsed_compute().clone();
        let _timer = elapsed.timer();
        let times = batch.column(self.rows.column.index());
        if times.null_count() > 0 {
            return Err(null_time("count_window", self.rows.column.name()).into());
        }
        let order = columns_of(batch, &self.rows.sort_columns());
        if self.ties.found(&order, batch.num_rows())? {
            return Err(self.tied().into());
        }
        let (ticks, _) = self.rows.time.ticks(times)?;
        let passed: Vec<usize> = (0..self.schema.fields().len() - 3).collect();
        let complete = self.windows.push(
            &batch.project(&passed)?,
            &columns_of(batch, &self.rows.keys),
            &ticks,
        )?;
        self.reservation.try_resize(self.windows.size())?;
        self.output(complete)
    }

    fn tied(&self) -> Error {
        let column = self.rows.column.name();
        let message = format!("count_window: two rows of a key have one time '{column}', and no order");
        Error::new(Code::DataException, message).with_hint("order_by => [column] gives them one")
    }

    fn finish(&mut self) -> Result<Option<RecordBatch>> {
        let complete = self.windows.finish()?;
        self.reservation.free();
        self.output(complete)
    }

    fn output(&self, complete: Option<Complete>) -> Result<Option<RecordBatch>> {
        let Some(complete) = complete else {
            return Ok(None);
        };
        let added = [
            self.rows.time.array(complete.starts)?,
            self.rows.time.array(complete.ends)?,
            Arc::new(Int64Array::from(complete.ids)),
        ];
        let batch = widened(&self.schema, &complete.rows, added)?;
        Ok(Some(batch.record_output(&self.metrics)))
    }
}
