//! What a load's rules found, and whether it may pass.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use crate::definition::{Rule, RuleAction, RuleOutcome, RuleStatus};
use crate::engine::checks::{Run, RunKind};
use crate::engine::rules::finding;
use crate::error::{Code, Error, Result};
use crate::operators::validate::Counts;
use crate::syntax::RejectLimit;
use crate::table::managed::Change;

/// What was found of each rule.
#[derive(Debug)]
pub(super) struct Verdict {
    pub rules: Vec<(Rule, RuleOutcome)>,
    pub fingerprint: String,
    pub at: DateTime<Utc>,
    pub duration: Duration,
}

impl Verdict {
    /// Whether the load may pass.
    ///
    /// # Errors
    /// [`Code::RuleViolation`] for a rule that fails the load, [`Code::RejectLimit`] for too many bad
    /// rows.
    pub(super) fn check(&self, table: &str, counts: &Counts, limit: Option<&RejectLimit>) -> Result<()> {
        for (rule, outcome) in &self.rules {
            if rule.action == RuleAction::Fail && outcome.status == RuleStatus::Fail {
                let rows = match (outcome.rows, outcome.value) {
                    (1, Some(value)) => format!("is broken: {value}"),
                    (1, None) if outcome.violations == 1 => "is broken".to_owned(),
                    _ => format!("is broken by {} of {} rows", outcome.violations, outcome.rows),
                };
                let message = format!("rule '{}' of table '{table}' {rows}", rule.name);
                return Err(Error::new(Code::RuleViolation, message)
                    .with_hint(format!("nothing was written; {}", rule.words())));
            }
        }
        let rejected = counts.quarantined + counts.dropped;
        match limit.filter(|limit| limit.is_exceeded(rejected, counts.input)) {
            None => Ok(()),
            Some(limit) => Err(Error::new(
                Code::RejectLimit,
                format!(
                    "{rejected} of {} rows were turned away from table '{table}', more than {limit}",
                    counts.input
                ),
            )
            .with_hint(format!("nothing was written{}", self.most_broken()))),
        }
    }

    /// The rules that turned most rows away.
    fn most_broken(&self) -> String {
        let mut rejecting: Vec<&RuleOutcome> = self.rules.iter().map(|(_, outcome)| outcome).collect();
        rejecting
            .retain(|o| matches!(o.action, RuleAction::Quarantine | RuleAction::DropRow) && o.violations > 0);
        rejecting.sort_by_key(|outcome| std::cmp::Reverse(outcome.violations));
        let named = rejecting
            .iter()
            .take(3)
            .map(|o| format!("'{}' by {}", o.rule, o.violations));
        let named: Vec<String> = named.collect();
        match named.is_empty() {
            true => String::new(),
            false => format!("; broken were {}", named.join(", ")),
        }
    }

    /// The load as the history has it; `version` is what it made, if it was let in.
    pub(super) fn run(&self, load: &str, table: &str, version: Option<u64>) -> Run {
        Run {
            id: load.to_owned(),
            kind: RunKind::Load,
            table: table.to_owned(),
            version,
            started_at: self.at,
            duration_ms: u64::try_from(self.duration.as_millis()).unwrap_or(u64::MAX),
            findings: self.rules.iter().map(|(_, outcome)| finding(outcome)).collect(),
        }
    }

    /// Writes it into the commit's information.
    pub(super) fn note(&self, change: &mut Change, counts: &Counts) {
        if self.rules.is_empty() {
            return;
        }
        change.metrics.push(("numQuarantinedRows", counts.quarantined));
        change.metrics.push(("numDroppedRows", counts.dropped));
        change.metrics.push(("numWarnedRows", counts.warned));
        let outcomes: Vec<&RuleOutcome> = self.rules.iter().map(|(_, outcome)| outcome).collect();
        change
            .info
            .push(("rules", serde_json::Value::from(self.fingerprint.as_str())));
        change
            .info
            .push(("beganAt", serde_json::Value::from(self.at.to_rfc3339())));
        let millis = u64::try_from(self.duration.as_millis()).unwrap_or(u64::MAX);
        change.info.push(("durationMs", serde_json::Value::from(millis)));
        change
            .info
            .push(("ruleOutcomes", serde_json::to_value(outcomes).unwrap_or_default()));
    }
}

/// Tells one set of rules from another: sixteen hexadecimal digits.
pub(super) fn fingerprint(rules: &[Rule]) -> String {
    let mut hash = Sha256::new();
    for rule in rules {
        hash.update(rule.sql().as_bytes());
        hash.update([0]);
    }
    let digest = hash.finalize();
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
