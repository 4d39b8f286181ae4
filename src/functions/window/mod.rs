//! Window functions: what they compute of a row depends on other rows of its partition.
//!
//! A window function sees only its arguments. One that needs the key of `OVER (ORDER BY …)`, or that cannot
//! mean what stands there, says so ([`order_key`]), and planning passes the key in as a further argument.

mod cleaning;
mod late_by;
mod measures;
mod ordered;
mod whole;

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::logical_expr::expr::Sort;
use datafusion::logical_expr::{Expr, WindowFrame, WindowUDF};

pub use cleaning::{Cleaning, cleaning};
pub use measures::{Measures, Moments, Numeric, Statistic, Sum};
pub use ordered::{Carried, Fill, Run};
pub use whole::{Work, as_numbers, fill_from};

pub use late_by::{Arrivals, Lateness};

/// Every window function.
pub(super) fn all() -> Vec<Arc<WindowUDF>> {
    let late_by = std::iter::once(late_by::LateBy::udf());
    late_by.chain(cleaning::functions()).map(Arc::new).collect()
}

/// How a call's `OVER` goes into its arguments.
#[derive(Debug, Clone, Copy)]
pub enum OrderKey {
    /// As the time of arrival.
    Arrival,
    /// As a cleaning function has it.
    Cleaning(Cleaning),
}

impl OrderKey {
    /// The arguments with the key of the order, if the function needs it.
    ///
    /// # Errors
    /// [`Code::InvalidStatement`](crate::error::Code::InvalidStatement) if the function cannot mean what
    /// stands in its `OVER`.
    pub fn pass(self, args: Vec<Expr>, order_by: &[Sort], frame: &WindowFrame) -> Result<Vec<Expr>> {
        match self {
            Self::Arrival => late_by::with_arrival(args, order_by),
            Self::Cleaning(cleaning) => cleaning.over(args, order_by, frame),
        }
    }
}

/// How a function is passed the key of its order, if its `OVER` concerns it.
pub fn order_key(function: &WindowUDF) -> Option<OrderKey> {
    if function.inner().is::<late_by::LateBy>() {
        return Some(OrderKey::Arrival);
    }
    cleaning(function).map(OrderKey::Cleaning)
}
