//! Window functions: what they compute of a row depends on the rows before it.
//!
//! A window function sees only its arguments. One that needs the key of `OVER (ORDER BY …)` says so
//! ([`order_key`]), and planning passes the key in as a further argument.

mod late_by;

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::logical_expr::expr::Sort;
use datafusion::logical_expr::{Expr, WindowUDF};

pub use late_by::{Arrivals, Lateness};

/// Every window function.
pub(super) fn all() -> Vec<Arc<WindowUDF>> {
    vec![Arc::new(late_by::LateBy::udf())]
}

/// Adds the order key to a call's arguments.
pub type OrderKey = fn(Vec<Expr>, &[Sort]) -> Result<Vec<Expr>>;

/// How a function is passed the key of its order, if it needs it.
pub fn order_key(function: &WindowUDF) -> Option<OrderKey> {
    let late_by = function.inner().is::<late_by::LateBy>();
    late_by.then_some(late_by::with_arrival as OrderKey)
}
