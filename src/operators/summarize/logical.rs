//! The logical node: a row of measures → a row a column.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::{DFSchema, DFSchemaRef, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};
use datafusion::physical_plan::ExecutionPlan;

use super::exec::TransposeExec;
use super::measures::{self, ROWS, VALUES};
use crate::operators::input::one_input;
use crate::operators::node::{PhysicalNode, Planning};

/// The columns of a summary, in DuckDB's order.
pub(super) const COLUMN_NAME: &str = "column_name";
pub(super) const COLUMN_TYPE: &str = "column_type";
pub(super) const COUNT: &str = "count";
pub(super) const NULL_PERCENTAGE: &str = "null_percentage";
/// Its type: hundredths of a percent are exact.
pub(super) const PERCENTAGE: DataType = DataType::Decimal128(9, 2);

/// A row a column, from one row of everything that was measured. What its input no longer has is NULL:
/// nobody reads it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::operators) struct TransposeNode {
    input: LogicalPlan,
    /// Name and type of each.
    columns: Arc<[(String, String)]>,
    schema: DFSchemaRef,
}

impl TransposeNode {
    pub(super) fn new(input: LogicalPlan, columns: Vec<(String, String)>) -> Result<Self> {
        Ok(Self {
            input,
            columns: columns.into(),
            schema: Arc::new(DFSchema::try_from(schema())?),
        })
    }
}

/// A summary's columns.
fn schema() -> Schema {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    Schema::new(vec![
        Field::new(COLUMN_NAME, DataType::Utf8, false),
        Field::new(COLUMN_TYPE, DataType::Utf8, false),
        text(measures::MIN),
        text(measures::MAX),
        Field::new(measures::APPROX_UNIQUE, DataType::Int64, true),
        text(measures::AVG),
        text(measures::STD),
        text(measures::Q25),
        text(measures::Q50),
        text(measures::Q75),
        Field::new(COUNT, DataType::Int64, false),
        Field::new(NULL_PERCENTAGE, PERCENTAGE, true),
    ])
}

impl PartialOrd for TransposeNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl UserDefinedLogicalNodeCore for TransposeNode {
    fn name(&self) -> &str {
        "Summary"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    /// No row is left out beforehand: rows are columns of the input.
    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        let fields = self.schema.fields().iter();
        fields.map(|field| field.name().clone()).collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Summary: columns={}", self.columns.len())
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        Ok(Self {
            input: one_input(inputs)?,
            ..self.clone()
        })
    }

    /// A column of the summary needs its own measures; the number of rows is always there.
    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let needed = output_columns
            .iter()
            .map(|i| self.schema.field(*i).name().as_str());
        let mut needed: HashSet<&str> = needed.collect();
        if needed.contains(NULL_PERCENTAGE) {
            needed.insert(VALUES);
        }
        let fields = self.input.schema().fields().iter().enumerate();
        let kept = fields.filter(|(_, field)| {
            let measure = field.name().split(':').next().unwrap_or_default();
            measure == ROWS || needed.contains(measure)
        });
        Some(vec![kept.map(|(i, _)| i).collect()])
    }
}

impl PhysicalNode for TransposeNode {
    fn physical(&self, _: &Planning<'_>, input: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = Arc::clone(self.schema.inner());
        Ok(Arc::new(TransposeExec::new(
            input,
            Arc::clone(&self.columns),
            schema,
        )))
    }
}
