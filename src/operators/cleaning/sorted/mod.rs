//! Functions over sorted rows, as a stream.
//!
//! Input: the rows of a partition in one place, sorted by the keys and the order; what is sorted so already is
//! not sorted again. Output: the same rows in the same order, widened. Rows wait while a function needs to know
//! what is behind them: until a row comes at which each such function has a value, or the partition ends.

mod exec;
mod kernel;

use std::sync::Arc;

use datafusion::physical_expr::PhysicalExpr;

pub(super) use exec::SortedExec;

use crate::functions::Fill;

/// One function of the operator.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) fill: Fill,
    pub(super) arguments: Vec<Arc<dyn PhysicalExpr>>,
}
