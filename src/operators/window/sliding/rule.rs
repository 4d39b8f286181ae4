//! Takes frames that slide out of DataFusion's window operator.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, LogicalPlanBuilder, Window};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use super::call::Call;
use super::logical::SlidingNode;

/// The rule.
#[derive(Debug)]
pub(in crate::operators::window) struct SlideFrames;

impl OptimizerRule for SlideFrames {
    fn name(&self) -> &str {
        "slide_frames"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(&self, plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Window(window) = &plan else {
            return Ok(Transformed::no(plan));
        };
        let schema = window.input.schema();
        // All calls of a window node have one partition and order; what has another stays where it is.
        let first = window.window_expr.iter().find_map(|expr| Call::of(expr, schema));
        let slides = |expr: &&Expr| {
            let pair = Call::of(expr, schema).zip(first.as_ref());
            pair.is_some_and(|(call, first)| call.keys == first.keys && call.order == first.order)
        };
        let (sliding, others): (Vec<&Expr>, Vec<&Expr>) = window.window_expr.iter().partition(slides);
        if sliding.is_empty() {
            return Ok(Transformed::no(plan));
        }
        let owned = |exprs: &[&Expr]| exprs.iter().copied().cloned().collect::<Vec<_>>();
        let input = match others.is_empty() {
            true => window.input.as_ref().clone(),
            false => LogicalPlan::Window(Window::try_new(owned(&others), Arc::clone(&window.input))?),
        };
        let node = Arc::new(SlidingNode::new(input, owned(&sliding))?);
        let sliding = LogicalPlan::Extension(Extension { node });
        if others.is_empty() {
            return Ok(Transformed::yes(sliding));
        }
        // The columns in the order in which others know them.
        let columns = window.schema.columns().into_iter().map(Expr::Column);
        let plan = LogicalPlanBuilder::from(sliding)
            .project(columns.collect::<Vec<_>>())?
            .build()?;
        Ok(Transformed::yes(plan))
    }
}
