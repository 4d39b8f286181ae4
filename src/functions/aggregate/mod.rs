//! Aggregate functions: each one a state over many groups at once, mergeable and exact in where
//! batches and partitions are cut.
//!
//! A family implements [`AggregateFunction`] and [`GroupStates`]; [`Shell`] makes DataFusion's
//! traits of them: a vectorised `GroupsAccumulator` for GROUP BY, an `Accumulator` for one group
//! and for growing windows, and one for sliding windows. NULLs never enter a state unless a function
//! says so; an empty group answers NULL unless it says otherwise. DISTINCT is either answered right
//! or refused.

mod counted;
mod deviation;
mod extreme;
mod groups;
mod key;
mod means;
mod moments;
mod shell;
mod sketch;
mod sliding;
mod slots;
mod sum;
mod top_k;
mod value_counts;

use std::sync::Arc;

use datafusion::logical_expr::AggregateUDF;

pub use counted::mode_states;
pub(super) use shell::{number, value};
pub use sum::out_of_range as sum_out_of_range;

use groups::{GroupStates, Rows};
use shell::{AggregateFunction, Call, Distinct, Shell};

/// Every aggregate function.
pub(super) fn all() -> Vec<Arc<AggregateUDF>> {
    let families = [
        counted::functions(),
        extreme::functions(),
        deviation::functions(),
        moments::functions(),
        means::functions(),
        top_k::functions(),
        sketch::functions(),
        sum::functions(),
    ];
    families.into_iter().flatten().map(Arc::new).collect()
}

#[cfg(test)]
mod tests;
