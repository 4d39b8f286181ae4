//! Statements that read few rows are carried out by one thread.
//!
//! To divide them takes longer than to do them: each part opens the files again, and the parts are brought together.

use datafusion::common::Result;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::source_as_provider;
use datafusion::execution::SessionState;
use datafusion::logical_expr::expr_rewriter::unnormalize_cols;
use datafusion::logical_expr::{Expr, LogicalPlan, TableScan};

use crate::table::managed::ManagedTableProvider;

/// As many rows as a batch has are worked off at once anyway.
const ROWS: usize = 8 << 10;

/// Whether the optimised `plan` reads few rows of tables, so that one thread is to do it.
pub(super) fn are_read(state: &SessionState, plan: &LogicalPlan) -> bool {
    state.config().target_partitions() > 1 && rows(state, plan).is_some_and(|rows| rows <= ROWS)
}

/// Has what is planned with `state` done by one thread.
pub(super) fn take_one_thread(state: &mut SessionState) {
    state.config_mut().options_mut().execution.target_partitions = 1;
}

/// How many rows of tables a plan reads at most. `None` if that is not known, or if it may make many of few.
fn rows(state: &SessionState, plan: &LogicalPlan) -> Option<usize> {
    match plan {
        LogicalPlan::TableScan(scan) => scanned(state, scan),
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Distinct(_)
        | LogicalPlan::Aggregate(_)
            if !has_subquery(plan).unwrap_or(true) =>
        {
            plan.inputs().into_iter().map(|input| rows(state, input)).sum()
        }
        _ => None,
    }
}

fn scanned(state: &SessionState, scan: &TableScan) -> Option<usize> {
    let provider = source_as_provider(&scan.source).ok()?;
    let table = provider.downcast_ref::<ManagedTableProvider>()?;
    let filters = unnormalize_cols(scan.filters.iter().cloned());
    table.rows_at_most(state, filters)
}

fn has_subquery(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_expressions(|expression| {
        found |= expression.exists(|inner| {
            let is_one = matches!(
                inner,
                Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_)
            );
            Ok(is_one)
        })?;
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}
