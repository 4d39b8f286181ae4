//! The logical node.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use datafusion::common::{DFSchemaRef, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};
use datafusion::physical_plan::ExecutionPlan;

use super::exec::DedupExec;
use crate::operators::input::{not_keys, one_input};
use crate::operators::node::{PhysicalNode, Planning};

/// The latest row of each key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::operators) struct DedupNode {
    input: LogicalPlan,
    keys: Vec<Expr>,
    order: Vec<Expr>,
}

impl DedupNode {
    pub(super) fn new(input: LogicalPlan, keys: Vec<Expr>, order: Vec<Expr>) -> Self {
        Self { input, keys, order }
    }
}

impl PartialOrd for DedupNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl UserDefinedLogicalNodeCore for DedupNode {
    fn name(&self) -> &str {
        "Dedup"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        self.input.schema()
    }

    fn expressions(&self) -> Vec<Expr> {
        self.keys.iter().chain(&self.order).cloned().collect()
    }

    /// Whole keys can be left out beforehand, and nothing else.
    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        not_keys(self.input.schema(), &self.keys)
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |exprs: &[Expr]| -> Vec<String> { exprs.iter().map(ToString::to_string).collect() };
        let (keys, order) = (names(&self.keys).join(", "), names(&self.order).join(", "));
        write!(f, "Dedup: key=[{keys}], order_by=[{order}]")
    }

    fn with_exprs_and_inputs(&self, mut exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let input = one_input(inputs)?;
        let order = exprs.split_off(self.keys.len().min(exprs.len()));
        Ok(Self::new(input, exprs, order))
    }

    /// All: any column may have to tell rows apart.
    fn necessary_children_exprs(&self, _output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        Some(vec![(0..self.input.schema().fields().len()).collect()])
    }
}

impl PhysicalNode for DedupNode {
    fn physical(
        &self,
        planning: &Planning<'_>,
        input: Arc<dyn ExecutionPlan>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = self.input.schema();
        let keys = planning.columns(&self.keys, schema)?;
        let order = planning.columns(&self.order, schema)?;
        Ok(Arc::new(DedupExec::new(input, keys, order)))
    }
}
