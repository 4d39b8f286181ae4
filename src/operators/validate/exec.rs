//! Physical operator: a table's rows with what each rule says of them → the rows that pass.
//!
//! Input: the table's columns, then a Boolean column a rule (see [`Gate`]). Output: the columns that
//! are passed on, of the rows that pass; rows to quarantine go to the [`Aside`] with their violations,
//! and everything is counted in the [`Tally`]. Order and partitioning stay; a batch without a bad row
//! is passed on as it is. No memory but the batch.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::{filter as filter_array, filter_record_batch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{
    ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions,
};
use datafusion::physical_plan::metrics::{
    BaselineMetrics, Count, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet, RecordOutput,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
};
use futures::StreamExt;

use super::gate::{Gate, Reading};
use super::tally::Tally;
use super::violations::{RAW, VIOLATIONS, raw_texts, violations, violations_type};

/// Where the rows go that are kept aside.
pub trait Aside: fmt::Debug + Send + Sync {
    /// Takes rows of one of the gate's streams: the table's columns, then [`RAW`] and [`VIOLATIONS`]; and,
    /// where that is known, the files that they come from and the rows of these.
    ///
    /// # Errors
    /// What the disk says.
    fn write(&self, stream: usize, rows: &RecordBatch, origin: Option<&(ArrayRef, ArrayRef)>) -> Result<()>;
}

/// The columns of the rows that are kept aside: those of the table, each of which may be NULL, then what
/// is wrong with them.
pub fn aside_schema(columns: &Schema) -> SchemaRef {
    let mut fields: Vec<Field> = columns
        .fields()
        .iter()
        .map(|field| Field::new(field.name(), field.data_type().clone(), true))
        .collect();
    fields.push(Field::new(RAW, DataType::Utf8View, true));
    fields.push(Field::new(VIOLATIONS, violations_type(), true));
    Arc::new(Schema::new(fields))
}

/// The gate.
#[derive(Debug)]
pub struct ValidateExec {
    input: Arc<dyn ExecutionPlan>,
    gate: Arc<Gate>,
    tally: Arc<Tally>,
    aside: Arc<dyn Aside>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl ValidateExec {
    /// Lets the rows of `input` that may pass through `gate`.
    ///
    /// # Errors
    /// DataFusion's own, if the gate passes columns on that the input does not have.
    pub fn new(
        input: Arc<dyn ExecutionPlan>,
        gate: Arc<Gate>,
        tally: Arc<Tally>,
        aside: Arc<dyn Aside>,
    ) -> Result<Self> {
        let schema = Arc::new(input.schema().project(&gate.passed)?);
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            input.output_partitioning().clone(),
            EmissionType::Incremental,
            input.boundedness(),
        );
        Ok(Self {
            input,
            gate,
            tally,
            aside,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }
}

/// One stream's share.
struct Passing {
    gate: Arc<Gate>,
    tally: Arc<Tally>,
    aside: Arc<dyn Aside>,
    stream: usize,
    schema: SchemaRef,
    aside_schema: SchemaRef,
    rejected: Count,
    baseline: BaselineMetrics,
}

impl Passing {
    fn pass(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let _timer = self.baseline.elapsed_compute().timer();
        let judged = self.gate.judge(batch);
        self.tally.add(&judged);
        if let Some(quarantined) = &judged.quarantined {
            self.set_aside(batch, &judged, quarantined)?;
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let columns = self.gate.passed.iter().map(|i| Arc::clone(batch.column(*i)));
        let passed =
            RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns.collect(), &options)?;
        match judged.rejected() {
            None => Ok(passed),
            Some(rejected) => {
                self.rejected.add(rejected.count_set_bits());
                Ok(filter_record_batch(
                    &passed,
                    &BooleanArray::new(!&rejected, None),
                )?)
            }
        }
    }

    fn set_aside(
        &self,
        batch: &RecordBatch,
        judged: &super::kernel::Judged,
        quarantined: &arrow::buffer::BooleanBuffer,
    ) -> Result<()> {
        let own: Vec<usize> = (0..self.gate.columns).collect();
        let filter = BooleanArray::new(quarantined.clone(), None);
        let rows = filter_record_batch(&batch.project(&own)?, &filter)?;
        let mut columns: Vec<ArrayRef> = rows.columns().to_vec();
        columns.push(raw_texts(&self.gate, batch, judged, quarantined)?);
        columns.push(Arc::new(violations(&self.gate, batch, judged, quarantined)?));
        let rows = RecordBatch::try_new(Arc::clone(&self.aside_schema), columns)?;
        let origin = match self.gate.origin {
            Some(first) => Some((
                filter_array(batch.column(first), &filter)?,
                filter_array(batch.column(first + 1), &filter)?,
            )),
            None => None,
        };
        self.aside.write(self.stream, &rows, origin.as_ref())
    }
}

impl DisplayAs for ValidateExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |over_all: bool| {
            let rules = self.gate.rules.iter();
            let rules = rules.filter(|rule| (rule.reading == Reading::Violated) == over_all);
            let names: Vec<&str> = rules.map(|rule| rule.rule.name.as_str()).collect();
            names.join(", ")
        };
        write!(f, "ValidateExec: rules=[{}]", names(false))?;
        match names(true) {
            over_all if over_all.is_empty() => Ok(()),
            over_all => write!(f, ", over all rows=[{over_all}]"),
        }
    }
}

impl ExecutionPlan for ValidateExec {
    fn name(&self) -> &'static str {
        "ValidateExec"
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
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self::new(
            children.swap_remove(0),
            Arc::clone(&self.gate),
            Arc::clone(&self.tally),
            Arc::clone(&self.aside),
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

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        let own: Vec<usize> = (0..self.gate.columns).collect();
        let passing = Passing {
            gate: Arc::clone(&self.gate),
            tally: Arc::clone(&self.tally),
            aside: Arc::clone(&self.aside),
            stream: partition,
            schema: self.schema(),
            aside_schema: aside_schema(&self.input.schema().project(&own)?),
            rejected: MetricBuilder::new(&self.metrics).counter("rejected_rows", partition),
            baseline: BaselineMetrics::new(&self.metrics, partition),
        };
        let schema = self.schema();
        let rows = input.map(move |batch| passing.pass(&batch?).record_output(&passing.baseline));
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}
