//! The logical node.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::Field;
use datafusion::common::{DFSchemaRef, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};
use datafusion::physical_plan::ExecutionPlan;

use super::exec::SessionRows;
use crate::operators::input::{needed_columns, not_keys, one_input, widened_schema};
use crate::operators::node::{PhysicalNode, Planning};
use crate::operators::window::keyed::KeyedExec;
use crate::operators::window::time::Time;
use crate::operators::window::{WINDOW_END, WINDOW_START};

/// Each row of the input with its session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::operators) struct SessionNode {
    input: LogicalPlan,
    column: Expr,
    keys: Vec<Expr>,
    time: Time,
    /// Ticks.
    gap: i64,
    schema: DFSchemaRef,
}

impl SessionNode {
    pub(super) fn new(
        input: LogicalPlan,
        column: Expr,
        keys: Vec<Expr>,
        time: Time,
        gap: i64,
    ) -> Result<Self> {
        let added = [WINDOW_START, WINDOW_END].map(|name| Field::new(name, time.data_type().clone(), false));
        let schema = widened_schema(input.schema(), added)?;
        Ok(Self {
            input,
            column,
            keys,
            time,
            gap,
            schema,
        })
    }
}

impl PartialOrd for SessionNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl UserDefinedLogicalNodeCore for SessionNode {
    fn name(&self) -> &str {
        "Sessions"
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
        write!(f, "session: {}, gap={} ticks", self.column, self.gap)?;
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
        Self::new(input, column, keys, self.time.clone(), self.gap)
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        needed_columns(self.input.schema(), output_columns, &self.expressions())
    }
}

impl PhysicalNode for SessionNode {
    fn physical(
        &self,
        planning: &Planning<'_>,
        input: Arc<dyn ExecutionPlan>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = self.input.schema();
        let rows = SessionRows {
            column: planning.column(&self.column, schema)?,
            keys: planning.columns(&self.keys, schema)?,
            time: self.time.clone(),
            gap: self.gap,
        };
        let schema = Arc::clone(self.schema.inner());
        Ok(Arc::new(KeyedExec::try_new(input, rows, schema)?))
    }
}
