//! What has been proven of the rows of a version of a table: facts that a planner can build upon.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::snapshot::Snapshot;

/// Facts about a version's rows. Each was found by reading all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proven {
    /// Columns that are NULL in no row.
    pub present: BTreeSet<String>,
    /// Keys of which no two rows have the same, as far as no part of it is NULL.
    pub unique: Vec<Vec<String>>,
    /// Keys that another table has, as far as no part of them is NULL.
    pub references: Vec<ProvenReference>,
}

/// A key that another table has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenReference {
    /// The columns.
    pub columns: Vec<String>,
    /// The folder of the other table.
    pub parent: PathBuf,
    /// Its columns.
    pub key: Vec<String>,
    /// Its files that have the keys: while it has all of them, it has the keys.
    pub files: BTreeSet<String>,
}

/// Looks up what has been proven of a version, when somebody asks.
#[derive(Clone)]
pub struct Proofs(pub Arc<dyn Fn(&Snapshot) -> Proven + Send + Sync>);

impl fmt::Debug for Proofs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proofs")
    }
}
