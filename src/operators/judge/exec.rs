//! The physical operator: a batch at a time, in as many streams as its input has.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{
    ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions,
};
use datafusion::physical_plan::metrics::{
    BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, RecordOutput,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning, PlanProperties,
};
use futures::StreamExt;

use super::logical::{FILE, Purpose};
use crate::error::{Code, Error};
use crate::operators::input::only;
use crate::operators::validate::{Gate, Judged, violations};

/// Rows and what the rules say of them.
#[derive(Debug)]
pub(super) struct JudgeExec {
    input: Arc<dyn ExecutionPlan>,
    gate: Arc<Gate>,
    purpose: Purpose,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl JudgeExec {
    pub(super) fn new(
        input: Arc<dyn ExecutionPlan>,
        gate: Arc<Gate>,
        purpose: Purpose,
        schema: SchemaRef,
    ) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(input.output_partitioning().partition_count()),
            EmissionType::Incremental,
            input.boundedness(),
        );
        Self {
            input,
            gate,
            purpose,
            schema,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }
}

/// What comes of one batch.
fn judged(batch: &RecordBatch, gate: &Gate, purpose: &Purpose, schema: &SchemaRef) -> Result<RecordBatch> {
    let mut columns: Vec<ArrayRef> = gate.passed.iter().map(|i| Arc::clone(batch.column(*i))).collect();
    match purpose {
        Purpose::Count(tally) => {
            tally.add(&gate.judge(batch));
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            Ok(RecordBatch::try_new_with_options(
                Arc::clone(schema),
                columns,
                &options,
            )?)
        }
        Purpose::CountFiles(tally) => {
            let lost = || Error::new(Code::Internal, "the column of the rows' files was lost");
            tally.add(gate, batch, batch.column_by_name(FILE).ok_or_else(lost)?)?;
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            Ok(RecordBatch::try_new_with_options(
                Arc::clone(schema),
                columns,
                &options,
            )?)
        }
        Purpose::Show => {
            let verdict = gate.judge(batch);
            let Some(picked) = broken(&verdict) else {
                return Ok(RecordBatch::new_empty(Arc::clone(schema)));
            };
            let filter = BooleanArray::new(picked.clone(), None);
            for column in &mut columns {
                *column = arrow::compute::filter(column, &filter)?;
            }
            columns.push(Arc::new(violations(gate, batch, &verdict, &picked)?));
            Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
        }
    }
}

/// The rows that break any rule.
fn broken(verdict: &Judged) -> Option<arrow::buffer::BooleanBuffer> {
    let broken = verdict.broken.iter().flatten().cloned();
    broken.reduce(|a, b| &a | &b)
}

impl DisplayAs for JudgeExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self
            .gate
            .rules
            .iter()
            .map(|rule| rule.rule.name.as_str())
            .collect();
        write!(f, "JudgeExec: rules=[{}]", names.join(", "))
    }
}

impl ExecutionPlan for JudgeExec {
    fn name(&self) -> &'static str {
        "JudgeExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self::new(
            only(children)?,
            Arc::clone(&self.gate),
            self.purpose.clone(),
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
        let input = self.input.execute(partition, context)?;
        let baseline = BaselineMetrics::new(&self.metrics, partition);
        let (gate, purpose, schema) = (
            Arc::clone(&self.gate),
            self.purpose.clone(),
            Arc::clone(&self.schema),
        );
        let rows = input.map(move |batch| {
            let batch = batch?;
            let elapsed = baseline.elapsed_compute().clone();
            let _timer = elapsed.timer();
            judged(&batch, &gate, &purpose, &schema).record_output(&baseline)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            rows,
        )))
    }
}
