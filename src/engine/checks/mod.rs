//! Rules held against rows that are there, and the history of what they said, behind `system.checks`.
//!
//! `check` evaluates a table's rules, of a managed table by what earlier checks left in `states` where that
//! gives the same answer (`incremental`); what it proved of a version's rows is kept for the planner (`proofs`); `violations` plans the rows that break them. Every check and
//! every load is a [`Run`] with a [`Finding`] a rule. The history lies in the lake's `.weir/checks`, shared
//! by the processes that work on it; it is bounded, and its oldest runs go first (`history`). It decides
//! nothing: a lake without it is whole.

mod check;
mod history;
mod incremental;
mod keys;
mod proofs;
mod states;
mod table;
#[cfg(test)]
mod tests;
mod violations;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub(crate) use check::Check;
pub(crate) use history::History;
pub(crate) use proofs::{can_be_proven, files_of, prove, proven};
pub(crate) use violations::resolve;

/// What a run was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RunKind {
    /// `CHECK TABLE`.
    Check,
    /// A statement that brought rows into the table, whether or not it was let in.
    Load,
}

impl RunKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Load => "load",
        }
    }
}

/// One check, or one load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Run {
    /// Its own id; of a load, the load's. A run that is recorded twice counts once.
    pub id: String,
    /// What it was.
    pub kind: RunKind,
    /// The table, with its zone.
    pub table: String,
    /// The version that was checked or made; none of an external table, or of a load that was turned away.
    pub version: Option<u64>,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// How long it took.
    pub duration_ms: u64,
    /// What each rule said.
    pub findings: Vec<Finding>,
}

/// What a rule said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Finding {
    /// The rule's name.
    pub rule: String,
    /// Its dimension, as SQL spells it.
    pub dimension: String,
    /// Its severity, as SQL spells it.
    pub severity: String,
    /// Its action, as SQL spells it.
    pub action: String,
    /// `pass`, `warn`, `fail`, `skip` or `error`.
    pub status: String,
    /// What a rule that measures one number measured; of others, the part of the rows that break it.
    pub value: Option<f64>,
    /// The part of the rows from which the rule does not hold any more.
    pub threshold: Option<f64>,
    /// The rows that it applied to.
    pub rows: u64,
    /// Those that break it.
    pub failed_rows: u64,
    /// Why it could not be evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}
