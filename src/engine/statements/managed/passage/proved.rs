//! What a load has proven of its table's rows.

use std::collections::BTreeSet;

use super::{Held, Passage, Passed};
use crate::definition::{Rule, RuleAction};
use crate::engine::checks::{can_be_proven, files_of, prove};
use crate::error::Result;
use crate::syntax::Expectation;

impl Passage<'_> {
    /// What was proven of the rows that were there, and holds of those that were let through, is proven
    /// of both. Where rows took the place of others, a check finds it out.
    pub(super) async fn prove(&self, passed: &Passed) -> Result<()> {
        let before = self.table.snapshot();
        let mut files = match passed.held {
            Held::All => files_of(before),
            Held::Nothing => BTreeSet::new(),
            Held::OtherPartitions | Held::NotReplaced => return Ok(()),
        };
        let is_first = files.is_empty();
        files.extend(passed.staged.paths().map(str::to_owned));
        let known = self.table.proven();
        let was_proven = |rule: &Rule| match &rule.expectation {
            Expectation::NotNull { columns } => columns.iter().all(|c| known.present.contains(&c.value)),
            Expectation::Unique { columns, .. } => {
                let mut keys = known.unique.iter();
                keys.any(|key| key.iter().eq(columns.iter().map(|c| &c.value)))
            }
            Expectation::ForeignKey { columns, .. } => {
                let mut keys = known.references.iter();
                keys.any(|key| key.columns.iter().eq(columns.iter().map(|c| &c.value)))
            }
            _ => false,
        };
        let holds = |rule: &Rule| {
            let turns_away = matches!(rule.action, RuleAction::Quarantine | RuleAction::DropRow);
            let mut found = passed.verdict.rules.iter();
            let unbroken = found.any(|(known, o)| known.name == rule.name && o.violations == 0);
            (is_first || was_proven(rule)) && (turns_away || unbroken)
        };
        let rules: Vec<Rule> = self.rules.iter().map(|rule| rule.rule.clone()).collect();
        if !rules.iter().any(can_be_proven) {
            return Ok(());
        }
        prove(self.session, self.table, &rules, files, is_first, holds).await
    }
}
