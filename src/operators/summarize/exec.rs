//! The physical operator: reads one row, gives a row a column.

use std::fmt;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, Int64Array, RecordBatch, StringArray, StringBuilder,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{
    Boundedness, ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, InputDistributionRequirements, Partitioning,
    PlanProperties,
};
use futures::TryStreamExt;

use super::logical::{COLUMN_NAME, COLUMN_TYPE, COUNT, NULL_PERCENTAGE};
use super::measures::{ROWS, VALUES, name};
use crate::error::{Code, Error};
use crate::operators::input::only;

/// One row of measures, turned on its side.
#[derive(Debug)]
pub(super) struct TransposeExec {
    input: Arc<dyn ExecutionPlan>,
    columns: Arc<[(String, String)]>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
}

impl TransposeExec {
    pub(super) fn new(
        input: Arc<dyn ExecutionPlan>,
        columns: Arc<[(String, String)]>,
        schema: SchemaRef,
    ) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        Self {
            input,
            columns,
            schema,
            properties: Arc::new(properties),
        }
    }
}

/// The summary that `row` holds the measures of.
fn transposed(row: &RecordBatch, columns: &[(String, String)], schema: &SchemaRef) -> Result<RecordBatch> {
    if row.num_rows() != 1 {
        return Err(Error::new(Code::Internal, "a summary was not given one row").into());
    }
    let rows = number(row, ROWS).unwrap_or_default();
    let summary = schema.fields().iter().map(|field| -> Result<ArrayRef> {
        let measures = (0..columns.len()).map(|i| name(field.name(), i));
        Ok(match field.name().as_str() {
            COLUMN_NAME => Arc::new(StringArray::from_iter_values(
                columns.iter().map(|column| &column.0),
            )),
            COLUMN_TYPE => Arc::new(StringArray::from_iter_values(
                columns.iter().map(|column| &column.1),
            )),
            COUNT => Arc::new(Int64Array::from(vec![rows; columns.len()])),
            NULL_PERCENTAGE => {
                let values = (0..columns.len()).map(|i| number(row, &name(VALUES, i)));
                let percentages = values.map(|values| percentage(rows - values?, rows));
                let percentages = percentages.collect::<Decimal128Array>();
                Arc::new(percentages.with_data_type(field.data_type().clone()))
            }
            _ if field.data_type() == &DataType::Int64 => Arc::new(
                measures
                    .map(|measure| number(row, &measure))
                    .collect::<Int64Array>(),
            ),
            _ => texts(row, measures)?,
        })
    });
    Ok(RecordBatch::try_new(
        Arc::clone(schema),
        summary.collect::<Result<_>>()?,
    )?)
}

fn number(row: &RecordBatch, measure: &str) -> Option<i64> {
    let values = row.column_by_name(measure)?.as_primitive_opt::<Int64Type>()?;
    values.is_valid(0).then(|| values.value(0))
}

/// Hundredths of a percent, rounded half up; `None` of no rows.
fn percentage(part: i64, whole: i64) -> Option<i128> {
    let whole = i128::from(whole);
    (whole > 0).then(|| (i128::from(part) * 20_000 + whole) / (2 * whole))
}

/// The values of the measures, each of its own type, as texts.
fn texts(row: &RecordBatch, measures: impl Iterator<Item = String>) -> Result<ArrayRef> {
    let options = FormatOptions::default()
        .with_display_error(true)
        .with_null("NULL");
    let mut texts = StringBuilder::new();
    for measure in measures {
        match row.column_by_name(&measure) {
            Some(value) if value.is_valid(0) && value.logical_null_count() == 0 => {
                let formatter = ArrayFormatter::try_new(value, &options)?;
                texts.append_value(formatter.value(0).try_to_string()?);
            }
            _ => texts.append_null(),
        }
    }
    Ok(Arc::new(texts.finish()))
}

impl DisplayAs for TransposeExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SummaryExec: columns={}", self.columns.len())
    }
}

impl ExecutionPlan for TransposeExec {
    fn name(&self) -> &'static str {
        "SummaryExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        InputDistributionRequirements::new(vec![Distribution::SinglePartition])
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
        let (columns, schema) = (Arc::clone(&self.columns), Arc::clone(&self.schema));
        Ok(Arc::new(Self::new(only(children)?, columns, schema)))
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
        let (columns, schema) = (Arc::clone(&self.columns), Arc::clone(&self.schema));
        let summary = async move {
            let measured = input.schema();
            let batches: Vec<RecordBatch> = input.try_collect().await?;
            transposed(&concat_batches(&measured, &batches)?, &columns, &schema)
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            futures::stream::once(summary),
        )))
    }
}
