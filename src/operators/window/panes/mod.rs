//! Aggregation over windows of panes: each row is aggregated once, into its pane.
//!
//! `GROUP BY window_start, window_end, k` over `HOP` would aggregate a row as often as it has windows.
//! Instead one state a pane and key is made by DataFusion's own partial aggregation, and [`PanesNode`]
//! merges the states of each window's panes. It works for every aggregate, since each has a state that
//! merges. The rule [`SharePanes`] puts it in place, and leaves the windows' rows to be made where the
//! query needs them: where an argument, a filter of an aggregate or a further expression of GROUP BY
//! reads the window.
//!
//! Input of the merge: states by key and pane, sorted by pane, those of a key in one partition. A window
//! comes out when the first pane behind it does, so that, over rows that come in the order of time, no
//! more than the open windows' panes is held. Output: in the order of the windows. Memory: those
//! panes' states and one window's, counted; what sorts them spills.

mod exec;
mod kernel;
mod logical;
mod rule;

pub(in crate::operators) use logical::PanesNode;
pub(super) use rule::SharePanes;
