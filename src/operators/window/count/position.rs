//! The place of a row in its input, where the input is read in one sequence.
//!
//! An input has a sequence if every operator below has one partition and keeps the order of what it
//! reads: VALUES, one file, and filters and projections over them. The optimizer may still read a
//! large file in several parts; then rows have no place again, and the column is NULL.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, new_null_array};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::placeholder_row::PlaceholderRowExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, ExecutionPlanProperties,
    InputDistributionRequirements, PlanProperties,
};
use futures::StreamExt;

use crate::operators::input::{only, passed_equivalences, sortings, widened};

const NAME: &str = "__position";

/// Adds each row's place in the input.
#[derive(Debug)]
pub(in crate::operators) struct PositionExec {
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl PositionExec {
    /// Whether rows of `input` have a place.
    pub(in crate::operators) fn applies(input: &Arc<dyn ExecutionPlan>) -> bool {
        in_sequence(input)
    }

    pub(in crate::operators) fn new(input: Arc<dyn ExecutionPlan>) -> Self {
        let fields = input.schema().fields().iter().cloned().collect::<Vec<_>>();
        let position = Arc::new(Field::new(NAME, DataType::Int64, true));
        let fields: Vec<_> = fields.into_iter().chain([position]).collect();
        let schema = Arc::new(Schema::new_with_metadata(
            fields,
            input.schema().metadata().clone(),
        ));
        let known = passed_equivalences(&input, &schema);
        let mut known = known
            .unwrap_or_else(|_| datafusion::physical_expr::EquivalenceProperties::new(Arc::clone(&schema)));
        // Of rows that are equal in a known order, the later one has the higher place.
        let place = Column::new(NAME, schema.fields().len() - 1);
        let place = sortings(&[place], SortOptions::default());
        let orders: Vec<_> = known.oeq_class().iter().cloned().collect();
        known.add_orderings(
            orders
                .into_iter()
                .map(|order| order.into_iter().chain(place.clone())),
        );
        let properties = PlanProperties::new(
            known,
            input.output_partitioning().clone(),
            input.pipeline_behavior(),
            input.boundedness(),
        );
        Self {
            input,
            properties: Arc::new(properties),
        }
    }

    /// The column that it adds.
    pub(super) fn column(&self) -> Column {
        Column::new(NAME, self.input.schema().fields().len())
    }
}

fn in_sequence(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let keeps_order = plan.is::<DataSourceExec>()
        || plan.is::<PlaceholderRowExec>()
        || plan.is::<FilterExec>()
        || plan.is::<ProjectionExec>()
        || plan.is::<CooperativeExec>()
        || plan.is::<PositionExec>();
    keeps_order
        && plan.output_partitioning().partition_count() == 1
        && plan.children().into_iter().all(in_sequence)
}

impl DisplayAs for PositionExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PositionExec")
    }
}

impl ExecutionPlan for PositionExec {
    fn name(&self) -> &'static str {
        "PositionExec"
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

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self::new(only(children)?)))
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
        let schema = self.schema();
        let known = in_sequence(&self.input);
        let mut next = 0_i64;
        let numbered = input.map(move |batch| {
            let batch: RecordBatch = batch?;
            let positions: ArrayRef = if known {
                let first = next;
                next = next.saturating_add(i64::try_from(batch.num_rows()).unwrap_or(i64::MAX));
                Arc::new(Int64Array::from_iter_values(first..next))
            } else {
                new_null_array(&DataType::Int64, batch.num_rows())
            };
            widened(&schema, &batch, [positions])
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            self.schema(),
            numbered.boxed(),
        )))
    }
}
