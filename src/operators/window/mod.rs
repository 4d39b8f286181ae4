//! Event-time windows as relations: `FROM TUMBLE(t, ts, size)`.
//!
//! A window function passes the relation's columns through and adds `window_start` and `window_end`,
//! of the time column's type. Windows are `[start, end)`; there are no empty ones. `TUMBLE`, `HOP` and
//! `CUMULATE` stand on a grid (`grid`) aligned to the UTC epoch plus an offset; `SESSION` and
//! `COUNT_WINDOW` follow the rows of a key. A row without a time is an error, unless
//! `nulls => 'skip'` leaves it out. Conventions: Flink's and RisingWave's window table functions.
//!
//! - `aligned`: a row into each of its windows;
//! - `panes`: an aggregation over such windows, computed once a pane and merged once a window;
//! - `session`, `count`: windows over the rows of a key in the order of time;
//! - `sliding`: frames of `OVER (… RANGE …)` that slide, over such rows;
//! - `late`: `late_by`, over rows in the order in which they arrived;
//! - `calls`: what these two have in common;
//! - `keyed`: what the operators over such rows have in common;
//! - `gapfill`: no window, but the rows that a regular series lacks.

mod aligned;
mod arguments;
mod calls;
mod count;
mod gapfill;
mod grid;
mod keyed;
mod late;
mod pane_function;
mod panes;
mod session;
mod sliding;
mod time;

use std::sync::Arc;

use datafusion::optimizer::OptimizerRule;
use datafusion::physical_planner::ExtensionPlanner;

pub(super) use count::PositionExec;

use calls::{CallsNode, StreamCalls};
use keyed::KeyedNode;

use super::RelationFunction;
use super::node::NodePlanner;

/// The window functions.
pub(super) const FUNCTIONS: &[&dyn RelationFunction] = &[
    &aligned::TUMBLE,
    &aligned::HOP,
    &aligned::CUMULATE,
    &session::Session,
    &count::CountWindow,
    &gapfill::Gapfill,
];

/// The columns that every window function adds.
const WINDOW_START: &str = "window_start";
const WINDOW_END: &str = "window_end";

/// What makes physical operators of these logical nodes.
pub(super) fn node_planners() -> Vec<Arc<dyn ExtensionPlanner + Send + Sync>> {
    vec![
        NodePlanner::of::<aligned::AlignedNode>(),
        NodePlanner::of::<panes::PanesNode>(),
        NodePlanner::of::<KeyedNode<session::Sessions>>(),
        NodePlanner::of::<KeyedNode<count::Frame>>(),
        NodePlanner::of::<KeyedNode<gapfill::Points>>(),
        NodePlanner::of::<CallsNode<sliding::Sliding>>(),
        NodePlanner::of::<CallsNode<late::Late>>(),
    ]
}

/// The rules of these operators, in the order in which they run.
pub(super) fn optimizer_rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    vec![
        Arc::new(aligned::PruneByWindow),
        Arc::new(panes::SharePanes),
        Arc::new(StreamCalls::<sliding::Sliding>::new()),
        Arc::new(StreamCalls::<late::Late>::new()),
    ]
}
