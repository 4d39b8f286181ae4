//! The physical operator: streams, batch by batch.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::compute::take_arrays;
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::equivalence::ProjectionMapping;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::filter_pushdown::{
    ChildPushdownResult, FilterDescription, FilterPushdownPhase, FilterPushdownPropagation,
};
use datafusion::physical_plan::metrics::{
    BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, RecordOutput,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
};
use futures::{StreamExt, TryStreamExt, stream};

use super::kernel::assign;
use super::{Shape, Windows};
use crate::operators::input::widened;
use crate::operators::window::pane_function::{PaneFunction, Part};

/// Each row once for each of its windows.
///
/// Order: the input's; where that begins with the time and every row has one window, that of
/// `window_start` and `window_end` too. Partitioning: the input's. Memory: one batch, not counted.
#[derive(Debug)]
pub(super) struct AlignedExec {
    input: Arc<dyn ExecutionPlan>,
    time: Column,
    windows: Windows,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl AlignedExec {
    pub(super) fn new(
        input: Arc<dyn ExecutionPlan>,
        time: Column,
        windows: Windows,
        schema: SchemaRef,
    ) -> Self {
        let properties = PlanProperties::new(
            equivalences(&input, &time, &windows, &schema),
            input.output_partitioning().clone(),
            input.pipeline_behavior(),
            input.boundedness(),
        );
        Self {
            input,
            time,
            windows,
            schema,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }
}

/// What is known of the output's order: the input's columns are the first of the output's.
fn equivalences(
    input: &Arc<dyn ExecutionPlan>,
    time: &Column,
    windows: &Windows,
    schema: &SchemaRef,
) -> EquivalenceProperties {
    let known = input.equivalence_properties();
    let mut expressions: Vec<(Arc<dyn PhysicalExpr>, String)> = input
        .schema()
        .fields()
        .iter()
        .enumerate()
        .map(|(i, field)| {
            let column: Arc<dyn PhysicalExpr> = Arc::new(Column::new(field.name(), i));
            (column, field.name().clone())
        })
        .collect();
    let passed = expressions.len();
    if windows.shape == Shape::Tumble {
        for (i, part) in [Part::Start, Part::End].into_iter().enumerate() {
            let field = Arc::new(schema.field(passed + i).clone());
            let function = PaneFunction::udf(windows.grid.clone(), part, windows.function(), time.name());
            let call = ScalarFunctionExpr::new(
                function.name(),
                Arc::clone(&function),
                vec![Arc::new(time.clone())],
                Arc::clone(&field),
                Arc::new(ConfigOptions::default()),
            );
            expressions.push((Arc::new(call), field.name().clone()));
        }
    }
    let narrow = match ProjectionMapping::try_new(expressions, &input.schema()) {
        Ok(mapping) => known.project(&mapping, Arc::clone(schema)),
        Err(_) => EquivalenceProperties::new(Arc::clone(schema)),
    };
    // A row that comes several times makes no column unique any more.
    narrow.with_constraints(datafusion::common::Constraints::default())
}

impl DisplayAs for AlignedExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let function = self.windows.function();
        match format {
            DisplayFormatType::Default | DisplayFormatType::Verbose => {
                write!(
                    f,
                    "AlignedExec: {function}, time={}, {}",
                    self.time,
                    self.windows.describe()
                )
            }
            DisplayFormatType::TreeRender => {
                writeln!(f, "function={function}")?;
                write!(f, "{}", self.windows.describe())
            }
        }
    }
}

impl ExecutionPlan for AlignedExec {
    fn name(&self) -> &'static str {
        "AlignedExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        f(&(Arc::new(self.time.clone()) as Arc<dyn PhysicalExpr>))
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let input = crate::operators::input::only(children)?;
        Ok(Arc::new(Self::new(
            input,
            self.time.clone(),
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

    fn gather_filters_for_pushdown(
        &self,
        _phase: FilterPushdownPhase,
        parent_filters: Vec<Arc<dyn PhysicalExpr>>,
        _config: &ConfigOptions,
    ) -> Result<FilterDescription> {
        FilterDescription::from_children(parent_filters, &self.children())
    }

    fn handle_child_pushdown_result(
        &self,
        _phase: FilterPushdownPhase,
        child_pushdown_result: ChildPushdownResult,
        _config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        Ok(FilterPushdownPropagation::if_all(child_pushdown_result))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, Arc::clone(&context))?;
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let rows_at_once = match self.windows.shape {
            Shape::Tumble => usize::MAX,
            Shape::Hop | Shape::Cumulate => {
                let panes = usize::try_from(self.windows.panes).unwrap_or(usize::MAX);
                (context.session_config().batch_size() / panes).max(1)
            }
        };
        let work = Arc::new(Work {
            time: self.time.clone(),
            windows: self.windows.clone(),
            schema: Arc::clone(&self.schema),
            metrics,
        });
        let batches = input.and_then(move |batch| {
            let work = Arc::clone(&work);
            async move {
                let rows = batch.num_rows();
                let slices = (0..rows).step_by(rows_at_once.min(rows.max(1)));
                let slices = slices.map(move |first| {
                    let slice = batch.slice(first, rows_at_once.min(rows - first));
                    work.run(&slice)
                });
                Ok(stream::iter(slices))
            }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            batches.try_flatten().boxed(),
        )))
    }
}

struct Work {
    time: Column,
    windows: Windows,
    schema: SchemaRef,
    metrics: BaselineMetrics,
}

impl Work {
    fn run(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let _timer = self.metrics.elapsed_compute().timer();
        let times = batch.column(self.time.index());
        if times.null_count() > 0 {
            let time = self.windows.grid.time();
            return Err(time.missing(self.windows.function(), self.time.name()));
        }
        let (ticks, _) = self.windows.grid.time().ticks(times)?;
        let assigned = assign(&self.windows, &ticks)?;
        let added = [assigned.starts, assigned.ends];
        let batch = match assigned.rows {
            None => widened(&self.schema, batch, added)?,
            Some(rows) => {
                let mut columns = take_arrays(batch.columns(), &rows, None)?;
                columns.extend(added);
                RecordBatch::try_new(Arc::clone(&self.schema), columns)?
            }
        };
        Ok(batch.record_output(&self.metrics))
    }
}
