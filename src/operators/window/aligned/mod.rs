//! `TUMBLE`, `HOP` and `CUMULATE`: a row into each of the windows of a grid that it lies in.
//!
//! With panes of `slide` (HOP), `step` (CUMULATE) or `size` (TUMBLE) on the grid, and `n` of them in a
//! window, a row in pane `k` lies in
//!
//! - `TUMBLE`: the window of pane `k`;
//! - `HOP`: the `n` windows that begin at panes `k - n + 1 ..= k` and are `n` long;
//! - `CUMULATE`: those that begin at the last pane `s ≤ k` that `n` divides, and end behind each of
//!   the panes `k ..= s + n - 1`.
//!
//! ```sql
//! SELECT window_start, window_end, count(*)
//! FROM HOP(processed.events, event_time, INTERVAL '1 minute', INTERVAL '5 minutes')
//! GROUP BY window_start, window_end;
//! ```
//!
//! Input: any order, any partitioning; both are kept. Rows come out as often as they have windows, and
//! no batch is longer than the session's batch size, or `n` if that is longer. Memory: a batch.

mod exec;
mod function;
mod kernel;
mod logical;
mod rule;

pub(in crate::operators) use function::{CUMULATE, HOP, TUMBLE};
pub(super) use logical::Added;
pub(in crate::operators) use logical::AlignedNode;
pub(super) use rule::PruneByWindow;

use super::grid::Grid;

/// How panes make windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Shape {
    Tumble,
    Hop,
    Cumulate,
}

/// The windows of one call.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Windows {
    pub(super) shape: Shape,
    pub(super) grid: Grid,
    /// Panes in the longest window.
    pub(super) panes: i64,
}

impl Windows {
    pub(super) fn function(&self) -> &'static str {
        match self.shape {
            Shape::Tumble => "tumble",
            Shape::Hop => "hop",
            Shape::Cumulate => "cumulate",
        }
    }

    /// For plans.
    pub(super) fn describe(&self) -> String {
        match self.shape {
            Shape::Tumble => format!("size={}", self.grid.describe()),
            Shape::Hop => format!(
                "slide={}, size={}",
                self.grid.describe(),
                self.grid.times(self.panes)
            ),
            Shape::Cumulate => {
                format!(
                    "step={}, size={}",
                    self.grid.describe(),
                    self.grid.times(self.panes)
                )
            }
        }
    }
}
