//! Functions over whole partitions, without a sort.
//!
//! Input: rows in any order and partitioning, read on every core. Output: the same rows in the same places,
//! widened. A partition is a value of the keys, NULL one like any other. Results do not depend on how the rows
//! are cut into batches and partitions: sums keep what rounding takes away, the rest is exact.

mod exec;
mod kernel;

use std::sync::Arc;

use datafusion::physical_expr::PhysicalExpr;

pub(super) use exec::WholeExec;

use crate::functions::Work;

/// One function of the operator.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) work: Work,
    pub(super) argument: Arc<dyn PhysicalExpr>,
}
