//! `late_by` over rows that stream: what a row needs of those before it is the watermark alone.
//!
//! DataFusion's window operator holds all rows of a partition, uncounted, before it asks for the first
//! result. The rule [`StreamLateness`] takes the calls whose partition and order are columns out of it.
//!
//! Input: the rows of a partition together, in the order in which they arrived. Output: the same rows in
//! the same order. Memory: a batch.

mod exec;
mod logical;

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::{Extension, LogicalPlan};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

pub(in crate::operators) use logical::LateNode;

/// The rule.
#[derive(Debug)]
pub(super) struct StreamLateness;

impl OptimizerRule for StreamLateness {
    fn name(&self) -> &str {
        "stream_lateness"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(&self, plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Window(window) = &plan else {
            return Ok(Transformed::no(plan));
        };
        let streams = window
            .window_expr
            .iter()
            .all(|expr| logical::call(expr).is_some());
        if !streams || window.window_expr.is_empty() {
            return Ok(Transformed::no(plan));
        }
        let node = LateNode::new(window.input.as_ref().clone(), window.window_expr.clone())?;
        let node = Arc::new(node);
        Ok(Transformed::yes(LogicalPlan::Extension(Extension { node })))
    }
}
