//! A check of a managed table that reads the files that no earlier one has read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::common::tree_node::TreeNode;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Volatility};

use super::check::Check;
use super::states::{Count, State, States, fingerprint, fingerprint_of_rows};
use crate::error::Result;
use crate::operators::judge::{
    FileTally, JudgeNode, Purpose, Sets, at_once, flagged, more_broken_keys, plain,
};
use crate::operators::validate::{BoundRule, Expected};
use crate::syntax::Expectation;
use crate::table::ManagedTableProvider;
use crate::table::managed::PositionedTable;

/// Whether a rule says the same of a row whenever it is asked.
pub(super) fn lasts(rule: &BoundRule) -> bool {
    let immutable = |expr: &Expr| {
        !expr
            .exists(|expr| {
                Ok(match expr {
                    Expr::ScalarFunction(call) => call.func.signature().volatility != Volatility::Immutable,
                    _ => false,
                })
            })
            .unwrap_or(true)
    };
    let by_row = match &rule.expected {
        Expected::Condition { condition, .. } => immutable(condition),
        Expected::Unique { .. } => true,
        _ => false,
    };
    by_row && rule.filter.as_ref().is_none_or(immutable)
}

impl Check<'_> {
    /// What `rules`, all of which last, say of the whole of `table`, in their order.
    pub(super) async fn by_files(
        &self,
        table: &ManagedTableProvider,
        rules: &[BoundRule],
    ) -> Result<Vec<Count>> {
        let snapshot = table.snapshot();
        let files: Vec<&str> = snapshot.files().iter().map(|file| file.path.as_str()).collect();
        let zone = self.state.config_options().execution.time_zone.clone();
        let prints = rules.iter().map(|rule| {
            let computes =
                matches!(rule.rule.expectation, Expectation::Holds { .. }) || rule.filter.is_some();
            match &zone {
                Some(zone) if computes => fingerprint(&rule.rule, snapshot.schema(), zone),
                _ => fingerprint_of_rows(&rule.rule, snapshot.schema()),
            }
        });
        let prints: Vec<String> = prints.collect();
        let states = States::read(self.session.lake().folder(), table.log().folder());
        let mut known: Vec<State> = prints.iter().map(|print| states.of(print)).collect();
        let is_new = |file: &&str| known.iter().any(|state| !state.files.contains_key(*file));
        let new = (0_u32..).zip(&files).filter(|(_, file)| is_new(file));
        let new: Vec<u32> = new.map(|(i, _)| i).collect();
        if !new.is_empty() {
            let counts = self.count_files(table, rules, &new).await?;
            for position in &new {
                let path = files[*position as usize];
                for (i, state) in known.iter_mut().enumerate() {
                    let count = counts.get(position).and_then(|counts| counts.get(i));
                    state
                        .files
                        .insert(path.to_owned(), count.copied().unwrap_or_default());
                }
            }
        }
        let current: BTreeSet<String> = files.iter().map(|file| (*file).to_owned()).collect();
        let mut answers = Vec::with_capacity(rules.len());
        for (rule, state) in rules.iter().zip(&mut known) {
            state.files.retain(|file, _| current.contains(file));
            let (rows, mut broken) = state
                .files
                .values()
                .fold((0, 0), |(r, b), (rows, broken)| (r + rows, b + broken));
            if matches!(rule.expected, Expected::Unique { .. }) {
                broken = self.broken_key(table, rule, state.key.as_ref(), &files).await?;
                state.key = Some((current.clone(), broken));
            }
            answers.push((rows, broken));
        }
        if !self.leaves_no_trace() {
            states.write(prints.into_iter().zip(known).collect())?;
        }
        Ok(answers)
    }

    /// The numbers of each of these files, by their positions.
    async fn count_files(
        &self,
        table: &ManagedTableProvider,
        rules: &[BoundRule],
        files: &[u32],
    ) -> Result<BTreeMap<u32, Vec<Count>>> {
        let tally = Arc::new(FileTally::default());
        let plan = rows_of(table, files).and_then(|rows| {
            let (flagged, judged) = flagged(&plain(rows)?, rules, Sets::Apart)?;
            let purpose = Purpose::CountFiles(Arc::clone(&tally));
            at_once(JudgeNode::plan(flagged, judged.into(), purpose)?, &[])
        });
        self.batch(plan).await?;
        Ok(tally.counts())
    }

    /// How many rows break a key; what was found of earlier files is built upon, if they are all still
    /// there.
    async fn broken_key(
        &self,
        table: &ManagedTableProvider,
        rule: &BoundRule,
        known: Option<&(BTreeSet<String>, u64)>,
        files: &[&str],
    ) -> Result<u64> {
        let current: BTreeSet<&str> = files.iter().copied().collect();
        if files.is_empty() {
            return Ok(0);
        }
        let known = known
            .filter(|(seen, _)| !seen.is_empty() && seen.iter().all(|file| current.contains(file.as_str())));
        let Some((seen, broken)) = known else {
            let all: Vec<u32> = (0_u32..).take(files.len()).collect();
            let rows = rows_of(table, &all).and_then(plain);
            return self
                .broken_keys(rule, &rows.map_err(|e| self.translated(e))?)
                .await;
        };
        let positions = |seen_ones: bool| -> Vec<u32> {
            let all = (0_u32..).zip(files);
            all.filter(|(_, file)| seen.contains(**file) == seen_ones)
                .map(|(i, _)| i)
                .collect()
        };
        let (old, new) = (positions(true), positions(false));
        if new.is_empty() {
            return Ok(*broken);
        }
        let plan = rows_of(table, &old)
            .and_then(|old| more_broken_keys(&plain(old)?, &plain(rows_of(table, &new)?)?, rule))
            .map_err(|e| self.translated(e))?;
        Ok(broken + self.number(plan).await?)
    }
}

fn rows_of(table: &ManagedTableProvider, files: &[u32]) -> datafusion::error::Result<LogicalPlan> {
    let positioned = PositionedTable::new(table.clone()).of_files(files.to_vec());
    LogicalPlanBuilder::scan("t", provider_as_source(Arc::new(positioned)), None)?.build()
}
