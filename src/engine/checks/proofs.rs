//! What checks and loads have proven of tables, kept by files: a rule that no row of these files breaks.
//!
//! Files never change. So a key that is unique in them is unique in any of them; rows that refer to rows
//! of another table do so while it has the files that it had. A proof is kept under the rule's text and
//! its columns' types. Nothing depends on it but how fast a query is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use arrow::datatypes::SchemaRef;
use serde::{Deserialize, Serialize};

use super::states::{fingerprint_of_rows, hex};
use crate::definition::{Rule, TableKind};
use crate::engine::session::Session;
use crate::engine::tables::managed_table;
use crate::error::{Code, Error, Result};
use crate::storage::{OnExisting, write_atomically};
use crate::syntax::{Expectation, Reference};
use crate::table::ManagedTableProvider;
use crate::table::managed::{Proven, ProvenReference, Snapshot};

/// That no row of some files breaks a rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Proof {
    /// The files.
    pub files: BTreeSet<String>,
    /// Of a foreign key: the other table's folder, and its files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<(PathBuf, BTreeSet<String>)>,
}

/// The proofs of one table.
#[derive(Debug, Default)]
pub(crate) struct ProofStore {
    path: PathBuf,
    proofs: BTreeMap<String, Proof>,
}

impl ProofStore {
    /// What is proven of the table in `folder`, of the lake in `root`.
    pub(crate) fn read(root: &Path, folder: &Path) -> Self {
        let name = hex(folder.to_string_lossy().as_bytes());
        let path = root.join(".weir/checks/proofs").join(format!("{name}.json"));
        // What cannot be read is not proven.
        let known = std::fs::read(&path).ok();
        let proofs = known.and_then(|text| serde_json::from_slice(&text).ok());
        Self {
            path,
            proofs: proofs.unwrap_or_default(),
        }
    }

    /// The proof of a rule over columns of these types.
    pub(crate) fn of(&self, rule: &Rule, columns: &SchemaRef) -> Option<&Proof> {
        self.proofs.get(&fingerprint_of_rows(rule, columns))
    }

    /// Keeps these proofs, and no others.
    ///
    /// # Errors
    /// What the operating system says, with the path.
    pub(crate) fn write<'r>(
        self,
        columns: &SchemaRef,
        proofs: impl Iterator<Item = (&'r Rule, Proof)>,
    ) -> Result<()> {
        let proofs: BTreeMap<String, Proof> = proofs
            .map(|(rule, proof)| (fingerprint_of_rows(rule, columns), proof))
            .collect();
        if self.proofs == proofs {
            return Ok(());
        }
        let text = serde_json::to_vec(&proofs)
            .map_err(|e| Error::new(Code::Internal, format!("cannot write proofs: {e}")).with_source(e))?;
        write_atomically(&self.path, &text, OnExisting::Replace).map(drop)
    }
}

/// Whether that no row breaks the rule is a fact that a planner can use.
pub(crate) fn can_be_proven(rule: &Rule) -> bool {
    let is_fact = match &rule.expectation {
        Expectation::NotNull { .. } | Expectation::ForeignKey { .. } => true,
        Expectation::Unique { keep, .. } => keep.is_none(),
        _ => false,
    };
    is_fact && rule.filter.is_none()
}

/// The files of a version.
pub(crate) fn files_of(snapshot: &Snapshot) -> BTreeSet<String> {
    snapshot.files().iter().map(|file| file.path.clone()).collect()
}

/// What is proven by `rules` of the version `snapshot` of the table in `folder`.
pub(crate) fn proven(root: &Path, folder: &Path, rules: &[Rule], snapshot: &Snapshot) -> Proven {
    let mut proven = Proven::default();
    let rules = rules.iter().filter(|rule| can_be_proven(rule));
    let rules: Vec<&Rule> = rules.collect();
    if rules.is_empty() {
        return proven;
    }
    let store = ProofStore::read(root, folder);
    let names =
        |columns: &[sqlparser::ast::Ident]| columns.iter().map(|column| column.value.clone()).collect();
    for rule in rules {
        let proof = store.of(rule, snapshot.schema());
        let holds = |proof: &&Proof| {
            snapshot
                .files()
                .iter()
                .all(|file| proof.files.contains(&file.path))
        };
        let Some(proof) = proof.filter(holds) else {
            continue;
        };
        match (&rule.expectation, &proof.parent) {
            (Expectation::NotNull { columns }, _) => {
                proven
                    .present
                    .extend(columns.iter().map(|column| column.value.clone()));
            }
            (Expectation::Unique { columns, .. }, _) => proven.unique.push(names(columns)),
            (Expectation::ForeignKey { columns, key, .. }, Some((parent, files))) => {
                proven.references.push(ProvenReference {
                    columns: names(columns),
                    parent: parent.clone(),
                    key: names(key),
                    files: files.clone(),
                });
            }
            _ => {}
        }
    }
    proven
}

/// Keeps that no row of `files`, which `table` has, breaks those of `rules` that hold; unless all of them
/// were read just now (`fresh`), on top of what was proven before.
///
/// # Errors
/// What the disk says.
pub(crate) async fn prove(
    session: &Session,
    table: &ManagedTableProvider,
    rules: &[Rule],
    files: BTreeSet<String>,
    fresh: bool,
    holds: impl Fn(&Rule) -> bool,
) -> Result<()> {
    let store = ProofStore::read(session.lake().folder(), table.log().folder());
    let columns = table.snapshot().schema();
    let mut proofs = Vec::new();
    for rule in rules.iter().filter(|rule| can_be_proven(rule) && holds(rule)) {
        let parent = match &rule.expectation {
            Expectation::ForeignKey { table: parent, .. } => match parent_of(session, table, parent).await? {
                Some(parent) if fresh || still_has(store.of(rule, columns), &parent.1) => Some(parent),
                _ => continue,
            },
            _ => None,
        };
        let proof = Proof {
            files: files.clone(),
            parent,
        };
        proofs.push((rule, proof));
    }
    store.write(columns, proofs.into_iter())
}

/// Whether the other table, which has these files now, has those that an earlier proof rests on.
fn still_has(earlier: Option<&Proof>, files: &BTreeSet<String>) -> bool {
    let parent = earlier.and_then(|proof| proof.parent.as_ref());
    parent.is_some_and(|(_, earlier)| earlier.is_subset(files))
}

/// Where the rows lie that a foreign key refers to, as the statement sees them; of a managed table.
async fn parent_of(
    session: &Session,
    table: &ManagedTableProvider,
    parent: &Reference,
) -> Result<Option<(PathBuf, BTreeSet<String>)>> {
    let own_zone = table.name().split_once('.').map_or("", |(zone, _)| zone);
    let catalog = session.lake().catalog();
    let zone = catalog.zone(parent.0.zone.as_deref().unwrap_or(own_zone))?;
    let Some(definition) = catalog.table(zone, &parent.0.table)? else {
        return Ok(None);
    };
    let TableKind::Managed(managed) = &definition.kind else {
        return Ok(None);
    };
    let parent = managed_table(session.lake(), &session.pins(), zone, &definition, managed).await?;
    Ok(Some((
        parent.log().folder().to_owned(),
        files_of(parent.snapshot()),
    )))
}
