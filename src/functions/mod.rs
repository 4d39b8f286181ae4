//! The SQL functions that DataFusion lacks: scalar, aggregate and window, one file a family.
//!
//! Owns: their definitions, their types and their documentation, which `SHOW FUNCTIONS` prints. It
//! registers nothing: [`scalar()`], [`aggregate()`] and [`window()`] hand them to the engine, which puts them into
//! a session. Operators that take a relation are not functions and live elsewhere.

mod aggregate;
mod arithmetic;
mod conversion;
mod dates;
mod digest;
mod documentation;
mod failure;
mod interval;
mod model;
mod raw_value;
mod regexp;
mod scalar;
mod similarity;
mod sketch_quantile;
mod text;
mod time_bucket;
mod validity;
mod window;

pub use aggregate::sum_out_of_range;
pub use arithmetic::CheckedOperator;
pub use interval::multiply_interval;

use std::sync::Arc;

use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};

pub use window::{
    Arrivals, Carried, Cleaning, Fill, Lateness, Measures, Moments, Numeric, OrderKey, Run, Statistic, Sum,
    Work, as_numbers, cleaning, fill_from, order_key,
};

pub use aggregate::mode_states;

/// Every scalar function, with its aliases.
pub fn scalar() -> Vec<Arc<ScalarUDF>> {
    let families = [
        text::functions(),
        validity::functions(),
        similarity::functions(),
        conversion::functions(),
        dates::functions(),
        interval::functions(),
        time_bucket::functions(),
        regexp::functions(),
        model::functions(),
        raw_value::functions(),
        sketch_quantile::functions(),
    ];
    families.into_iter().flatten().map(Arc::new).collect()
}

/// Every aggregate function, with its aliases.
pub fn aggregate() -> Vec<Arc<AggregateUDF>> {
    aggregate::all()
}

/// Every window function.
pub fn window() -> Vec<Arc<WindowUDF>> {
    window::all()
}

#[cfg(test)]
mod tests;
