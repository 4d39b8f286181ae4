//! The SQL functions that DataFusion lacks: scalar and aggregate, one file a family.
//!
//! Owns: their definitions, their types and their documentation, which `SHOW FUNCTIONS` prints. It
//! registers nothing: [`scalar`] and [`aggregate`] hand them to the engine, which puts them into a
//! session. Operators that take a relation are not functions and live elsewhere.

mod aggregate;
mod documentation;
mod failure;

use std::sync::Arc;

use datafusion::logical_expr::AggregateUDF;

/// Every aggregate function, with its aliases.
pub fn aggregate() -> Vec<Arc<AggregateUDF>> {
    aggregate::all()
}

#[cfg(test)]
mod tests;
