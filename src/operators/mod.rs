//! Operators that DataFusion lacks: one folder each, semantics first.
//!
//! An operator has a logical node (`logical.rs`), a physical one (`exec.rs`), a kernel without either
//! (`kernel.rs`), and rules of its own (`rule.rs`). What SQL calls it by is a [`RelationFunction`]: a
//! function in FROM whose first argument is a relation. A new one is a file and a line in
//! [`relation_functions`]; a new node one in [`node_planners`]. Nothing is registered here: the
//! `planner` takes what this module hands out.

pub mod asof;
mod cleaning;
mod dedup;
mod input;
mod isolation_forest;
pub mod judge;
mod node;
mod once;
pub mod per_value;
mod relation;
pub mod sample;
mod summarize;
pub mod validate;
pub mod violations;
pub mod window;

use std::sync::Arc;

use datafusion::optimizer::OptimizerRule;
use datafusion::physical_planner::ExtensionPlanner;

pub use relation::{Binding, Call, Fold, Interval, Parameter, RelationFunction, Signature};

pub(crate) use relation::at;

use node::NodePlanner;

/// Every relation function.
pub fn relation_functions() -> impl Iterator<Item = &'static dyn RelationFunction> {
    let others: &[&dyn RelationFunction] = &[
        &dedup::Dedup,
        &isolation_forest::IsolationForest,
        &summarize::Summarize,
        &violations::Violations,
    ];
    window::FUNCTIONS.iter().chain(others).copied()
}

/// The relation function of that name, in any case.
pub fn relation_function(name: &str) -> Option<&'static dyn RelationFunction> {
    relation_functions().find(|function| function.signature().name.eq_ignore_ascii_case(name))
}

/// What makes physical operators of this module's logical nodes.
pub fn node_planners() -> Vec<Arc<dyn ExtensionPlanner + Send + Sync>> {
    let others = [
        NodePlanner::of::<cleaning::CleaningNode>(),
        NodePlanner::of::<dedup::DedupNode>(),
        NodePlanner::of::<summarize::TransposeNode>(),
        NodePlanner::of::<judge::JudgeNode>(),
        NodePlanner::of::<validate::NamedNode>(),
        NodePlanner::of::<sample::SampleNode>(),
        NodePlanner::of_two::<asof::AsofNode>(),
        NodePlanner::of_two::<isolation_forest::ForestNode>(),
    ];
    window::node_planners().into_iter().chain(others).collect()
}

/// The optimizer rules that belong to these operators alone. They run after DataFusion's.
pub fn optimizer_rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let own_windows: Arc<dyn OptimizerRule + Send + Sync> = Arc::new(cleaning::OwnWindows);
    window::optimizer_rules()
        .into_iter()
        .chain([own_windows])
        .collect()
}
