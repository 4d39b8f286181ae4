//! A filter on a window is a filter on time: files whose rows lie in no such window are not read.
//!
//! The filter itself stays above the windows, where it is exact. Below them goes what it implies: a row
//! of a window that begins at `x` or later is not earlier than `x`, and so on. The optimizer then
//! takes that to the scan. Rows without a time that are ruled out so are no error.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, Extension, Filter, LogicalPlan, Operator, Projection, lit};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use super::Windows;
use super::logical::{Added, AlignedNode, Bounds};

/// The rule.
#[derive(Debug)]
pub(in crate::operators::window) struct PruneByWindow;

impl OptimizerRule for PruneByWindow {
    fn name(&self) -> &str {
        "prune_by_window"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(&self, plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Filter(filter) = &plan else {
            return Ok(Transformed::no(plan));
        };
        match told(&filter.input, &filter.predicate)? {
            Some(input) => {
                let filter = Filter::try_new(filter.predicate.clone(), Arc::new(input))?;
                Ok(Transformed::yes(LogicalPlan::Filter(filter)))
            }
            None => Ok(Transformed::no(plan)),
        }
    }
}

/// The plan with what `predicate` implies below its windows; `None` if that is nothing new, or if it is
/// not made of windows. Columns that are only chosen keep their names.
fn told(plan: &LogicalPlan, predicate: &Expr) -> Result<Option<LogicalPlan>> {
    match plan {
        LogicalPlan::Projection(projection) => {
            if !projection.expr.iter().all(|expr| matches!(expr, Expr::Column(_))) {
                return Ok(None);
            }
            let Some(input) = told(&projection.input, predicate)? else {
                return Ok(None);
            };
            let projection = Projection::try_new(projection.expr.clone(), Arc::new(input))?;
            Ok(Some(LogicalPlan::Projection(projection)))
        }
        LogicalPlan::Extension(extension) => {
            let Some(node) = extension.node.as_any().downcast_ref::<AlignedNode>() else {
                return Ok(None);
            };
            let bounds = split_conjunction(predicate)
                .into_iter()
                .fold(node.bounds, |bounds, predicate| {
                    bounds.and(implied(node, predicate))
                });
            let Some(news) = bounds.news(node) else {
                return Ok(None);
            };
            let input = LogicalPlan::Filter(Filter::try_new(news, Arc::new(node.input.clone()))?);
            let node = Arc::new(node.bounded(input, bounds)?);
            Ok(Some(LogicalPlan::Extension(Extension { node })))
        }
        _ => Ok(None),
    }
}

impl Bounds {
    fn and(self, other: Self) -> Self {
        let tighter = |a: Option<i64>, b: Option<i64>, pick: fn(i64, i64) -> i64| match (a, b) {
            (Some(a), Some(b)) => Some(pick(a, b)),
            (a, b) => a.or(b),
        };
        Self {
            from: tighter(self.from, other.from, i64::max),
            until: tighter(self.until, other.until, i64::min),
        }
    }

    /// What of these bounds the node's input was not told yet.
    fn news(self, node: &AlignedNode) -> Option<Expr> {
        let time = node.windows.grid.time();
        let news = |bound: Option<i64>, known: Option<i64>| bound.filter(|_| bound != known);
        let from = news(self.from, node.bounds.from).and_then(|tick| time.value(tick));
        let until = news(self.until, node.bounds.until).and_then(|tick| time.value(tick));
        let from = from.map(|value| node.time.clone().gt_eq(lit(value)));
        let until = until.map(|value| node.time.clone().lt(lit(value)));
        match (from, until) {
            (Some(from), Some(until)) => Some(from.and(until)),
            (from, until) => from.or(until),
        }
    }
}

/// What a predicate on a window says of the times of its rows.
fn implied(node: &AlignedNode, predicate: &Expr) -> Bounds {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = predicate else {
        return Bounds::default();
    };
    let sides = match (node.added(left), right.as_ref()) {
        (Some(added), Expr::Literal(value, _)) => Some((added, *op, value)),
        _ => match (node.added(right), left.as_ref(), op.swap()) {
            (Some(added), Expr::Literal(value, _), Some(op)) => Some((added, op, value)),
            _ => None,
        },
    };
    let tick = |value| node.windows.grid.time().tick(value);
    sides
        .and_then(|(added, op, value)| Some((added, op, tick(value)?)))
        .and_then(|(added, op, tick)| bounds(&node.windows, added, op, tick))
        .unwrap_or_default()
}

/// `None` where nothing follows, or where it cannot be computed within the type.
fn bounds(windows: &Windows, added: Added, op: Operator, tick: i64) -> Option<Bounds> {
    let grid = &windows.grid;
    // The pane that starts at `tick` or next after it, and the one that `tick` lies in.
    let next = grid.first_from(tick)?;
    let within = grid.pane(tick)?.index;
    let n = windows.panes;
    let from = |index: i64| {
        Some(Bounds {
            from: Some(grid.start(index)?),
            until: None,
        })
    };
    let until = |index: i64| {
        Some(Bounds {
            from: None,
            until: Some(grid.start(index)?),
        })
    };
    match (added, op) {
        (Added::Start, Operator::GtEq) => from(next),
        (Added::Start, Operator::Gt) => from(within + 1),
        (Added::Start, Operator::LtEq) => until(within + n),
        (Added::Start, Operator::Lt) => until(next - 1 + n),
        (Added::Start, Operator::Eq) => Some(from(next)?.and(until(within + n)?)),
        (Added::End, Operator::GtEq) => from(next - n),
        (Added::End, Operator::Gt) => from(within + 1 - n),
        (Added::End, Operator::LtEq) => until(within),
        (Added::End, Operator::Lt) => until(next - 1),
        (Added::End, Operator::Eq) => Some(from(next - n)?.and(until(within)?)),
        _ => None,
    }
}
