//! Window functions that stream over the rows of a partition, in order: what frames that slide and lateness
//! have in common.
//!
//! A [`Family`] says which calls are its own and computes them; the rule [`StreamCalls`] takes those out of
//! DataFusion's window operator, which leaves the other calls of the same `OVER` where they are.
//!
//! Input: the rows of a partition together and in order (`keyed`). Output: the same rows in the same
//! order, with a column a call.

mod logical;
mod rule;

use std::fmt::Debug;
use std::hash::Hash;

use arrow::datatypes::SchemaRef;
use datafusion::common::{Column, DFSchema, Result};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::expressions::Column as PhysicalColumn;

pub(super) use logical::CallsNode;
pub(super) use rule::StreamCalls;

use super::keyed::{Kernel, Operation};
use crate::operators::node::Planning;

/// Functions that one kernel computes.
pub(super) trait Family: Debug + Clone + PartialEq + Eq + Hash + Send + Sync + 'static {
    /// The logical node's name.
    const NODE: &'static str;

    /// The operator's name.
    const EXEC: &'static str;

    /// The rule's name.
    const RULE: &'static str;

    /// Whether it matters that rows whose order is NULL come behind the others of their partition.
    const NULLS_LAST: bool = false;

    /// A call, as the kernel needs it.
    type Call: Debug + Clone + Send + Sync + 'static;

    /// What stands in the `OVER` of `expr`, over rows of `schema`; `None` if it is no call of the family.
    fn over<'a>(expr: &'a Expr, schema: &DFSchema) -> Option<Over<'a>>;

    /// The call that `expr` is, over rows of `schema`.
    fn call(expr: &Expr, schema: &DFSchema, planning: &Planning<'_>) -> Result<Self::Call>;

    /// What plans show of a call.
    fn describe(call: &Self::Call) -> String;

    /// What computes a partition: `schema` is the input's, with a column for each call behind it.
    fn kernel(rows: &CallRows<Self>, schema: &SchemaRef) -> Result<Box<dyn Kernel>>;
}

/// The partition and the order of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Over<'a> {
    pub(super) keys: Vec<&'a Column>,
    pub(super) order: &'a Column,
}

impl<'a> Over<'a> {
    /// `None` if a partition is by what is no column.
    pub(super) fn of(partition_by: &'a [Expr], order: &'a Expr) -> Option<Self> {
        let column = |expr: &'a Expr| match expr {
            Expr::Column(column) => Some(column),
            _ => None,
        };
        Some(Self {
            keys: partition_by.iter().map(column).collect::<Option<_>>()?,
            order: column(order)?,
        })
    }
}

/// The expression without the name that it is given.
pub(super) fn unnamed(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => alias.expr.as_ref(),
        other => other,
    }
}

/// Each row with the results of calls.
#[derive(Debug, Clone)]
pub(super) struct CallRows<F: Family> {
    pub(super) order: PhysicalColumn,
    pub(super) keys: Vec<PhysicalColumn>,
    pub(super) calls: Vec<F::Call>,
}

impl<F: Family> Operation for CallRows<F> {
    const NAME: &'static str = F::EXEC;
    const BY_KEY: bool = true;
    const NULLS_LAST: bool = F::NULLS_LAST;

    fn describe(&self) -> String {
        let calls: Vec<String> = self.calls.iter().map(F::describe).collect();
        let keys = self.describe_briefly();
        format!("[{}], order={}, {keys}", calls.join(", "), self.order)
    }

    fn keys(&self) -> &[PhysicalColumn] {
        &self.keys
    }

    fn order(&self) -> Option<&PhysicalColumn> {
        Some(&self.order)
    }

    fn kernel(&self, schema: &SchemaRef, _context: &TaskContext) -> Result<Box<dyn Kernel>> {
        F::kernel(self, schema)
    }
}
