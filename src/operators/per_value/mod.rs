//! Conditions on one text column, computed once for each value that a batch has.
//!
//! Texts that stand for a kind, a state or a country come again and again: of 8,192 rows a handful of values
//! is looked up in a list or matched with a pattern, and each row gets its value's answer ([`PerValue`]).
//! Whether a column is such a one is seen batch by batch: one with more than [`MOST`] values is computed as
//! it always was. The answer is the same; an error comes if, and only if, a value of the batch gives one.
//!
//! [`per_value`] puts it into plans: into projections and filters, where a condition is dear enough.

mod distinct;
mod expression;
mod rewrite;

pub use distinct::MOST;
pub use expression::PerValue;
pub use rewrite::per_value;
