//! Takes cleaning functions out of DataFusion's windows.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, Projection, Window};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use super::logical::{CleaningNode, called};

/// The rule.
#[derive(Debug)]
pub(in crate::operators) struct OwnWindows;

impl OptimizerRule for OwnWindows {
    fn name(&self) -> &str {
        "own_windows"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(&self, plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        match plan {
            LogicalPlan::Window(window) if window.window_expr.iter().any(|expr| called(expr).is_some()) => {
                Ok(Transformed::yes(taken_apart(window)?))
            }
            plan => Ok(Transformed::no(plan)),
        }
    }
}

/// The window's other functions, then its cleaning functions by what stands in their `OVER`; the columns as they
/// were.
fn taken_apart(window: Window) -> Result<LogicalPlan> {
    let Window {
        input,
        window_expr,
        schema,
    } = window;
    let (ours, others): (Vec<Expr>, Vec<Expr>) =
        window_expr.into_iter().partition(|expr| called(expr).is_some());
    let mut groups: Vec<Vec<Expr>> = Vec::new();
    for call in ours {
        match groups.iter_mut().find(|group| same_over(&group[0], &call)) {
            Some(group) => group.push(call),
            None => groups.push(vec![call]),
        }
    }
    let mut plan = if others.is_empty() {
        Arc::unwrap_or_clone(input)
    } else {
        LogicalPlan::Window(Window::try_new(others, input)?)
    };
    for calls in groups {
        let node = Arc::new(CleaningNode::new(plan, calls)?);
        plan = LogicalPlan::Extension(Extension { node });
    }
    if plan.schema().fields() == schema.fields() {
        return Ok(plan);
    }
    let columns = schema.columns().into_iter().map(Expr::Column).collect();
    let projection = Projection::try_new_with_schema(columns, Arc::new(plan), schema)?;
    Ok(LogicalPlan::Projection(projection))
}

fn same_over(a: &Expr, b: &Expr) -> bool {
    match (called(a), called(b)) {
        (Some((_, a)), Some((_, b))) => {
            a.params.partition_by == b.params.partition_by && a.params.order_by == b.params.order_by
        }
        _ => false,
    }
}
