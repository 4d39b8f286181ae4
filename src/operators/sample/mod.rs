//! `TABLESAMPLE`: some of a relation's rows, drawn by chance.
//!
//! `BERNOULLI (p)` keeps each row with a chance of p percent, `SYSTEM (p)` each block of [`BLOCK`] rows that
//! follow one another, whole or not at all. How many rows come out is left to chance too.
//!
//! Without a seed every execution draws anew. With one, a row is kept or not by its place alone (columns that
//! tell it from every other row), so that neither batches nor partitions, filters or columns left out change
//! what is kept.
//!
//! Input: any rows, in any order, which is kept. Memory: none; each batch is filtered as it comes.

mod exec;
mod kernel;
mod logical;

pub use logical::SampleNode;

/// How many rows a block has.
pub const BLOCK: u64 = 1024;

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Each row for itself.
    Rows,
    /// Blocks of rows.
    Blocks,
}

/// How a sample is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Draw {
    /// What is drawn.
    pub unit: Unit,
    /// The share that is kept, from 0 to 1.
    pub share: f64,
    /// What makes the draw repeatable.
    pub seed: Option<u64>,
}
