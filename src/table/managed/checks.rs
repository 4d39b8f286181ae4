//! The CHECK constraints of a table, as its log keeps them: properties `delta.constraints.<name>`.
//!
//! The standard's CHECK is broken where its condition is false; a condition in the log, as the protocol
//! has it, also where it is NULL. So a condition `c` is kept as `(c) IS NOT FALSE`, which says the same
//! to every program that writes the table; others' conditions are taken as they stand.

use deltalake_core::kernel::MetadataExt;
use serde_json::{Value, json};

use super::commit::{Change, Reads};
use super::snapshot::Snapshot;
use crate::error::{Code, Error, Result};

/// What stands before a constraint's name.
pub(super) const PREFIX: &str = "delta.constraints.";
/// What stands behind a condition that NULL does not break.
const LENIENT: &str = " IS NOT FALSE";

/// A CHECK constraint.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogCheck {
    /// Its name.
    pub name: String,
    /// What is true of every row, as the log has it.
    pub condition: String,
}

impl LogCheck {
    /// That `condition` is not false.
    pub fn not_false(name: &str, condition: &str) -> Self {
        Self {
            name: name.to_owned(),
            // A comment at the condition's end ends with its line.
            condition: match condition.contains("--") {
                true => format!("({condition}\n){LENIENT}"),
                false => format!("({condition}){LENIENT}"),
            },
        }
    }

    /// The property that keeps it.
    pub fn property(&self) -> (String, String) {
        (format!("{PREFIX}{}", self.name), self.condition.clone())
    }

    /// The condition as it stands in `CHECK (…)`.
    pub fn as_written(&self) -> &str {
        let inner = self.condition.strip_suffix(LENIENT);
        let inner = inner.and_then(|text| text.strip_prefix('(')?.strip_suffix(')'));
        inner
            .filter(|text| is_balanced(text))
            .map_or(self.condition.as_str(), str::trim_end)
    }
}

/// Whether no bracket closes what does not open in the text. Brackets in texts are counted too: then the
/// answer is no, and the condition is shown as the log has it.
fn is_balanced(text: &str) -> bool {
    let mut open = 0_i64;
    text.chars().all(|c| {
        open += i64::from(c == '(') - i64::from(c == ')');
        open >= 0
    }) && open == 0
}

impl Snapshot {
    /// The table's CHECK constraints, by their names.
    pub fn checks(&self) -> Vec<LogCheck> {
        let properties = self.state.metadata().configuration().iter();
        let mut checks: Vec<LogCheck> = properties
            .filter_map(|(key, condition)| {
                Some(LogCheck {
                    name: key.strip_prefix(PREFIX)?.to_owned(),
                    condition: condition.clone(),
                })
            })
            .collect();
        checks.sort_unstable();
        checks
    }

    /// The change that adds a constraint which all rows keep.
    ///
    /// # Errors
    /// [`Code::Internal`] if the log cannot say so.
    pub fn with_check(&self, check: &LogCheck) -> Result<Change> {
        let (key, value) = check.property();
        let metadata = self.state.metadata().clone();
        let metadata = metadata.add_config_key(key, value).map_err(defect)?;
        let mut change = Change::new("ADD CONSTRAINT", Reads::Everything);
        change.metadata = Some(metadata);
        change.protocol = self.protocol_with_checks()?;
        change.data_change = false;
        change.parameters.push(("name", check.name.clone()));
        change.parameters.push(("expr", check.condition.clone()));
        Ok(change)
    }

    /// The change that takes a constraint away.
    ///
    /// # Errors
    /// [`Code::Internal`] if the log cannot say so.
    pub fn without_check(&self, name: &str) -> Result<Change> {
        let metadata = self.state.metadata().clone();
        let metadata = metadata
            .remove_config_key(&format!("{PREFIX}{name}"))
            .map_err(defect)?;
        let mut change = Change::new("DROP CONSTRAINT", Reads::Nothing);
        change.metadata = Some(metadata);
        change.data_change = false;
        change.parameters.push(("name", name.to_owned()));
        Ok(change)
    }

    /// The protocol with constraints beside what the table has; nothing if it has them.
    fn protocol_with_checks(&self) -> Result<Option<deltalake_core::kernel::Protocol>> {
        let mut protocol = serde_json::to_value(self.state.protocol()).map_err(defect)?;
        match protocol["minWriterVersion"].as_i64().unwrap_or_default() {
            0..=2 => protocol["minWriterVersion"] = json!(3),
            7 => {
                let feature = json!("checkConstraints");
                let mut features = protocol["writerFeatures"].as_array().cloned().unwrap_or_default();
                if features.contains(&feature) {
                    return Ok(None);
                }
                features.push(feature);
                protocol["writerFeatures"] = Value::Array(features);
            }
            _ => return Ok(None),
        }
        serde_json::from_value(protocol).map(Some).map_err(defect)
    }
}

fn defect(error: impl std::fmt::Display) -> Error {
    let message = format!("cannot describe a constraint in the table's log: {error}");
    Error::new(Code::Internal, message)
}

#[cfg(test)]
mod tests {
    use super::LogCheck;

    #[test]
    fn a_condition_is_shown_as_it_was_written() {
        for condition in ["a > 0", "(a) = (b)", "a IN (1, 2) OR (b)", "a > 0 -- why"] {
            assert_eq!(LogCheck::not_false("c", condition).as_written(), condition);
        }
        let own = |condition: &str| LogCheck {
            name: "c".to_owned(),
            condition: condition.to_owned(),
        };
        assert_eq!(own("a > 0").as_written(), "a > 0");
        let two = "(a) OR (b) IS NOT FALSE";
        assert_eq!(own(two).as_written(), two);
    }
}
