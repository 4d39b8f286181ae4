//! The logical node.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use datafusion::common::{DFSchema, DFSchemaRef, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};
use datafusion::physical_plan::ExecutionPlan;

use super::Points;
use super::exec::GapfillExec;
use crate::operators::input::{needed_columns, not_keys, one_input};
use crate::operators::node::{PhysicalNode, Planning};
use crate::operators::window::time::Time;

/// The rows of the input and those that it lacks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::operators) struct GapfillNode {
    input: LogicalPlan,
    column: Expr,
    keys: Vec<Expr>,
    time: Time,
    points: Points,
    schema: DFSchemaRef,
}

impl GapfillNode {
    pub(super) fn new(
        input: LogicalPlan,
        column: Expr,
        keys: Vec<Expr>,
        time: Time,
        points: Points,
    ) -> Result<Self> {
        let is_known = |name: &datafusion::common::Column| {
            let is = |expr: &Expr| matches!(expr, Expr::Column(column) if column == name);
            is(&column) || keys.iter().any(is)
        };
        // Every other column is NULL in the rows that are added.
        let fields = input.schema().columns().into_iter().zip(input.schema().iter());
        let fields = fields.map(|(name, (qualifier, field))| {
            let field = match is_known(&name) {
                true => Arc::clone(field),
                false => Arc::new(field.as_ref().clone().with_nullable(true)),
            };
            (qualifier.cloned(), field)
        });
        let metadata = input.schema().metadata().clone();
        let schema = Arc::new(DFSchema::new_with_metadata(fields.collect(), metadata)?);
        Ok(Self {
            input,
            column,
            keys,
            time,
            points,
            schema,
        })
    }
}

impl PartialOrd for GapfillNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl UserDefinedLogicalNodeCore for GapfillNode {
    fn name(&self) -> &str {
        "Gapfill"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        let column = std::iter::once(self.column.clone());
        column.chain(self.keys.iter().cloned()).collect()
    }

    /// Whole keys can be left out beforehand, and nothing else.
    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        not_keys(&self.schema, &self.keys)
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gapfill: {}, step={} ticks", self.column, self.points.step)?;
        if !self.keys.is_empty() {
            let keys: Vec<String> = self.keys.iter().map(ToString::to_string).collect();
            write!(f, ", key=[{}]", keys.join(", "))?;
        }
        Ok(())
    }

    fn with_exprs_and_inputs(&self, mut exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let input = one_input(inputs)?;
        let keys = exprs.split_off(1.min(exprs.len()));
        let column = exprs.pop().unwrap_or_else(|| self.column.clone());
        Self::new(input, column, keys, self.time.clone(), self.points)
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        needed_columns(self.input.schema(), output_columns, &self.expressions())
    }
}

impl PhysicalNode for GapfillNode {
    fn physical(
        &self,
        planning: &Planning<'_>,
        input: Arc<dyn ExecutionPlan>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = self.input.schema();
        Ok(Arc::new(GapfillExec::new(
            input,
            planning.column(&self.column, schema)?,
            planning.columns(&self.keys, schema)?,
            self.time.clone(),
            self.points,
            Arc::clone(self.schema.inner()),
        )?))
    }
}
