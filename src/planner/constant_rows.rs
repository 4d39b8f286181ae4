//! A long `VALUES` of constants as a table in memory.
//!
//! Every rule of the planner looks at each expression of a plan. A statement of ten megabytes has a million,
//! which say nothing that one batch does not.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::common::{Result, ScalarValue};
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::logical_expr::{Cast, Expr, LogicalPlan, LogicalPlanBuilder, Values, col};
use datafusion::optimizer::AnalyzerRule;

/// So many rows are a table.
const ROWS: usize = 1_000;
/// What the table is called in plans.
const NAME: &str = "values";

/// Turns them into tables.
#[derive(Debug, Default)]
pub struct ConstantRows;

impl AnalyzerRule for ConstantRows {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|plan| match &plan {
            LogicalPlan::Values(values) if values.values.len() >= ROWS => Ok(match table(values)? {
                Some(table) => Transformed::yes(table),
                None => Transformed::no(plan),
            }),
            _ => Ok(Transformed::no(plan)),
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "constant_rows"
    }
}

/// The same rows; `None` if they are not all constants.
fn table(values: &Values) -> Result<Option<LogicalPlan>> {
    let schema = SchemaRef::clone(values.schema.inner());
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
    for (i, field) in schema.fields().iter().enumerate() {
        let cells = values.values.iter().map(|row| row.get(i).and_then(constant));
        let Some(cells) = cells.collect::<Option<Vec<ScalarValue>>>() else {
            return Ok(None);
        };
        if cells.iter().any(|cell| cell.data_type() != *field.data_type()) {
            return Ok(None);
        }
        columns.push(ScalarValue::iter_to_array(cells)?);
    }
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns)?;
    let table = MemTable::try_new(schema, vec![vec![batch]])?;
    let fields = values.schema.fields().iter();
    let unqualified = fields.map(|field| {
        let name = field.name();
        col(datafusion::common::Column::new(Some(NAME), name)).alias(name)
    });
    LogicalPlanBuilder::scan(NAME, provider_as_source(Arc::new(table)), None)?
        .project(unqualified)?
        .build()
        .map(Some)
}

fn constant(expression: &Expr) -> Option<ScalarValue> {
    match expression {
        Expr::Literal(value, _) => Some(value.clone()),
        // What cannot be cast has its error where it always has.
        Expr::Cast(Cast { expr, field }) => constant(expr)?.cast_to(field.data_type()).ok(),
        _ => None,
    }
}
