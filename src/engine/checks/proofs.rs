//! What checks have proven of a snapshot, for the optimizer: a key that no row breaks and that is never
//! NULL is a primary key.
//!
//! A proof holds for the very files that were counted, and for no others: it is looked up for each
//! statement, and with the first file that comes or goes there is none until the next check. A key with
//! NULLs in it is not told, since rows may share those.

use std::collections::BTreeSet;

use datafusion::common::{Constraint, Constraints};

use super::states::{States, fingerprint_of_rows};
use crate::definition::{Rule, TableDefinition};
use crate::engine::lake::Lake;
use crate::syntax::Expectation;
use crate::table::managed::{Snapshot, TableLog};

/// The keys of the table at `snapshot`.
pub(crate) fn proven(
    lake: &Lake,
    definition: &TableDefinition,
    log: &TableLog,
    snapshot: &Snapshot,
) -> Constraints {
    let keys = definition.rules.iter().filter(|rule| is_key(rule));
    let keys: Vec<&Rule> = keys.collect();
    if keys.is_empty() || snapshot.files().is_empty() {
        return Constraints::default();
    }
    let states = States::read(lake.folder(), log.folder());
    let files: BTreeSet<&str> = snapshot.files().iter().map(|file| file.path.as_str()).collect();
    let present = present(definition, &states, snapshot, &files);
    let proven = keys.into_iter().filter_map(|rule| {
        let state = states.of(&fingerprint_of_rows(rule, snapshot.schema()));
        let (seen, broken) = state.key?;
        let holds = broken == 0 && seen.iter().map(String::as_str).eq(files.iter().copied());
        let positions = positions(rule, snapshot)?;
        (holds && positions.iter().all(|position| present.contains(position)))
            .then_some(Constraint::PrimaryKey(positions))
    });
    Constraints::new_unverified(proven.collect())
}

fn is_key(rule: &Rule) -> bool {
    matches!(rule.expectation, Expectation::Unique { keep: None, .. }) && rule.filter.is_none()
}

/// The columns that are never NULL: by the log, or by a rule that no row of any file breaks.
fn present(
    definition: &TableDefinition,
    states: &States,
    snapshot: &Snapshot,
    files: &BTreeSet<&str>,
) -> BTreeSet<usize> {
    let fields = snapshot.schema().fields().iter().enumerate();
    let mut present: BTreeSet<usize> = fields
        .filter(|(_, field)| !field.is_nullable())
        .map(|(i, _)| i)
        .collect();
    for rule in &definition.rules {
        let is_plain = matches!(rule.expectation, Expectation::NotNull { .. }) && rule.filter.is_none();
        if !is_plain {
            continue;
        }
        let known = states.of(&fingerprint_of_rows(rule, snapshot.schema())).files;
        let holds = files
            .iter()
            .all(|file| known.get(*file).is_some_and(|(_, broken)| *broken == 0));
        if holds {
            present.extend(positions(rule, snapshot).into_iter().flatten());
        }
    }
    present
}

/// The positions of a rule's columns.
fn positions(rule: &Rule, snapshot: &Snapshot) -> Option<Vec<usize>> {
    let (Expectation::Unique { columns, .. } | Expectation::NotNull { columns }) = &rule.expectation else {
        return None;
    };
    let position = |name: &sqlparser::ast::Ident| snapshot.schema().index_of(&name.value).ok();
    columns.iter().map(position).collect()
}
