//! `late_by` over rows that stream: what a row needs of those before it is the watermark alone.
//!
//! DataFusion's window operator holds all rows of a partition, uncounted, before it asks for the first
//! result. Calls whose partition and order are columns are taken out of it ([`super::calls`]).
//!
//! Input: the rows of a partition together, in the order in which they arrived. Output: the same rows in
//! the same order. Memory: a batch.

mod exec;

pub(super) use exec::Late;
