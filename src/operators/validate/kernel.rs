//! Batch → what each rule says of its rows, and what becomes of them. Pure.

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::UInt8Type;

use super::gate::{Gate, GateRule, REMOVED, Reading};
use crate::definition::RuleAction;

/// The verdict on a batch.
#[derive(Debug)]
pub struct Judged {
    /// How many rows there are, without those that are taken away.
    pub input: u64,
    /// For each rule the rows that it applied to.
    pub rows: Vec<u64>,
    /// For each rule the rows that broke it; none, if none did.
    pub broken: Vec<Option<BooleanBuffer>>,
    /// Rows to quarantine.
    pub quarantined: Option<BooleanBuffer>,
    /// Rows to drop, which are not quarantined.
    pub dropped: Option<BooleanBuffer>,
    /// Rows that pass and break a rule all the same.
    pub warned: Option<BooleanBuffer>,
}

impl Gate {
    /// Judges the rows of `batch`.
    pub fn judge(&self, batch: &RecordBatch) -> Judged {
        let len = batch.num_rows();
        let new = self.fate.map(|fate| {
            let fates = batch.column(fate).as_primitive::<UInt8Type>();
            BooleanBuffer::collect_bool(len, |i| fates.value(i) != REMOVED)
        });
        let input = new.as_ref().map_or(len, BooleanBuffer::count_set_bits) as u64;
        let mut judged = Judged {
            input,
            rows: Vec::with_capacity(self.rules.len()),
            broken: Vec::with_capacity(self.rules.len()),
            quarantined: None,
            dropped: None,
            warned: None,
        };
        for rule in &self.rules {
            let applies = match rule.filter {
                Some(filter) => and(Some(truth(batch.column(filter).as_boolean())), new.clone()),
                None => new.clone(),
            };
            judged
                .rows
                .push(applies.as_ref().map_or(len, BooleanBuffer::count_set_bits) as u64);
            let broken = rule.broken(batch).and_then(|broken| {
                let broken = match &applies {
                    Some(applies) => &broken & applies,
                    None => broken,
                };
                (broken.count_set_bits() > 0).then_some(broken)
            });
            let fate = match rule.rule.action {
                RuleAction::Quarantine => &mut judged.quarantined,
                RuleAction::DropRow => &mut judged.dropped,
                RuleAction::Warn | RuleAction::Fail => &mut judged.warned,
            };
            *fate = or(fate.take(), broken.as_ref());
            judged.broken.push(broken);
        }
        judged.dropped = without(judged.dropped, judged.quarantined.as_ref());
        let rejected = or(judged.quarantined.clone(), judged.dropped.as_ref());
        judged.warned = without(judged.warned, rejected.as_ref());
        judged
    }
}

impl Judged {
    /// The rows that do not pass.
    pub fn rejected(&self) -> Option<BooleanBuffer> {
        or(self.quarantined.clone(), self.dropped.as_ref())
    }
}

impl GateRule {
    /// The rows that break it, whether or not it applies to them; nothing if none does.
    fn broken(&self, batch: &RecordBatch) -> Option<BooleanBuffer> {
        if self.reading == Reading::Converted {
            let (raw, value) = (batch.column(self.flag), batch.column(self.columns[0]));
            let missing = value.logical_nulls().filter(|nulls| nulls.null_count() > 0)?;
            let missing = !missing.inner();
            return Some(match raw.logical_nulls() {
                Some(present) => &missing & present.inner(),
                None => missing,
            });
        }
        let flags = batch.column(self.flag).as_boolean();
        match self.reading {
            Reading::Violated => (flags.true_count() > 0).then(|| truth(flags)),
            Reading::Condition { nulls_fail: true } => {
                (flags.true_count() < flags.len()).then(|| !&truth(flags))
            }
            _ => (flags.false_count() > 0).then(|| match flags.nulls() {
                Some(nulls) => &!flags.values() & nulls.inner(),
                None => !flags.values(),
            }),
        }
    }
}

/// The rows of which it is true.
fn truth(flags: &BooleanArray) -> BooleanBuffer {
    match flags.nulls().map(NullBuffer::inner) {
        Some(known) => flags.values() & known,
        None => flags.values().clone(),
    }
}

fn or(a: Option<BooleanBuffer>, b: Option<&BooleanBuffer>) -> Option<BooleanBuffer> {
    match (a, b) {
        (Some(a), Some(b)) => Some(&a | b),
        (a, b) => a.or_else(|| b.cloned()),
    }
}

fn and(a: Option<BooleanBuffer>, b: Option<BooleanBuffer>) -> Option<BooleanBuffer> {
    match (a, b) {
        (Some(a), Some(b)) => Some(&a & &b),
        (a, b) => a.or(b),
    }
}

fn without(a: Option<BooleanBuffer>, b: Option<&BooleanBuffer>) -> Option<BooleanBuffer> {
    match (a, b) {
        (Some(a), Some(b)) => Some(&a & &!b),
        (a, _) => a,
    }
}
