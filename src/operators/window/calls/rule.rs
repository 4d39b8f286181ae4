//! Takes a family's calls out of DataFusion's window operator.

use std::marker::PhantomData;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, LogicalPlanBuilder, Window};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use super::{CallsNode, Family};

/// The rule.
#[derive(Debug)]
pub(in crate::operators::window) struct StreamCalls<F>(PhantomData<F>);

impl<F> StreamCalls<F> {
    pub(in crate::operators::window) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<F: Family> OptimizerRule for StreamCalls<F> {
    fn name(&self) -> &str {
        F::RULE
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
        let first = window.window_expr.iter().find_map(|expr| F::over(expr, schema));
        let ours = |expr: &&Expr| first.is_some() && F::over(expr, schema) == first;
        let (ours, others): (Vec<&Expr>, Vec<&Expr>) = window.window_expr.iter().partition(ours);
        if ours.is_empty() {
            return Ok(Transformed::no(plan));
        }
        let owned = |exprs: &[&Expr]| exprs.iter().copied().cloned().collect::<Vec<_>>();
        let input = match others.is_empty() {
            true => window.input.as_ref().clone(),
            false => LogicalPlan::Window(Window::try_new(owned(&others), Arc::clone(&window.input))?),
        };
        let node = Arc::new(CallsNode::<F>::new(input, owned(&ours))?);
        let streamed = LogicalPlan::Extension(Extension { node });
        if others.is_empty() {
            return Ok(Transformed::yes(streamed));
        }
        // The columns in the order in which others know them.
        let columns = window.schema.columns().into_iter().map(Expr::Column);
        let plan = LogicalPlanBuilder::from(streamed)
            .project(columns.collect::<Vec<_>>())?
            .build()?;
        Ok(Transformed::yes(plan))
    }
}
