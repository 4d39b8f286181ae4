//! What a check or a load found of a rule.

use serde::{Deserialize, Serialize};

use super::rule::{Dimension, Rule, RuleAction, RuleStatus, Severity};

/// What was found of one rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RuleOutcome {
    /// The rule's name.
    pub rule: String,
    /// What it measures.
    #[serde(with = "as_name")]
    pub dimension: Dimension,
    /// How bad it is if it is broken.
    #[serde(with = "as_name")]
    pub severity: Severity,
    /// What a load does then.
    #[serde(with = "as_name")]
    pub action: RuleAction,
    /// The rows that it applied to; 1 for a rule about all rows at once.
    pub rows: u64,
    /// How many of them broke it.
    pub violations: u64,
    /// What was measured, where the rule measures a number: a drift, a share.
    pub value: Option<f64>,
    /// The share of rows that may break it.
    pub threshold: f64,
    /// What follows.
    #[serde(with = "as_name")]
    pub status: RuleStatus,
    /// Why it could not be evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl RuleOutcome {
    /// What `violations` of `rows` rows mean for `rule`.
    pub fn of(rule: &Rule, rows: u64, violations: u64) -> Self {
        Self {
            rule: rule.name.clone(),
            dimension: rule.dimension(),
            severity: rule.severity,
            action: rule.action,
            rows,
            violations,
            value: None,
            threshold: rule.threshold(),
            status: rule.status(rows, violations),
            message: None,
        }
    }

    /// The share of rows that broke it; none if it applied to none.
    pub fn rate(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a share needs no more digits")]
        (self.rows > 0).then(|| self.violations as f64 / self.rows as f64)
    }
}

/// A word of a definition, by its name.
mod as_name {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err = crate::error::Error>,
        D: Deserializer<'de>,
    {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|e: crate::error::Error| de::Error::custom(e.message()))
    }
}
