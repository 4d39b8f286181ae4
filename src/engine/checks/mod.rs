//! Rules held against rows that are there, and the history of what they said.
//!
//! `check` evaluates a table's rules, of a managed table by what earlier checks left in `states` where that
//! gives the same answer (`incremental`), and which the optimizer is told (`proofs`); `violations` plans the rows that break them. Every check and
//! every load is a [`CheckRecord`](crate::definition::CheckRecord) in the lake's `.weir/checks`, shared by
//! the processes that work on it; it is bounded, and its oldest records go first (`history`). A lake
//! without that folder is whole.

mod check;
mod history;
mod incremental;
mod proofs;
mod states;
mod table;
#[cfg(test)]
mod tests;
mod violations;

pub(crate) use check::Check;
pub(crate) use history::History;
pub(crate) use proofs::proven;
pub(crate) use violations::resolve;
