//! What a gate knows: where in its input a row's columns are, and what each rule says of the row.

use crate::definition::{Rule, RuleAction, Severity};
use crate::syntax::{Expectation, Fragment};

/// How a rule's Boolean column is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// It is the condition: false breaks the rule, NULL does if that is said.
    Condition {
        /// Whether NULL breaks it.
        nulls_fail: bool,
    },
    /// It says itself whether the rule is broken.
    Violated,
    /// A raw value that is there where the column's own is not did not convert.
    Converted,
}

/// A rule of a gate.
#[derive(Debug, Clone)]
pub struct GateRule {
    /// The rule.
    pub rule: Rule,
    /// The positions of the columns that it is about.
    pub columns: Vec<usize>,
    /// The position of its column among the gate's input.
    pub flag: usize,
    /// How that is read.
    pub reading: Reading,
    /// The position of the condition on the rows that it applies to.
    pub filter: Option<usize>,
}

impl GateRule {
    /// The implicit rule that the raw values at `raw` convert to column `column`.
    pub fn cast(name: &str, column: usize, raw: usize) -> Self {
        let expression = Fragment {
            sql: name.to_owned(),
            span: sqlparser::tokenizer::Span::empty(),
        };
        let expectation = Expectation::Holds {
            expression,
            over_table: false,
        };
        let mut rule = Rule::new(format!("{}{name}", crate::definition::CAST_RULE), expectation);
        rule.action = RuleAction::Quarantine;
        rule.severity = Severity::Error;
        rule.message = Some(format!("does not convert to the type of column '{name}'"));
        Self {
            rule,
            columns: vec![column],
            flag: raw,
            reading: Reading::Converted,
            filter: None,
        }
    }
}

impl GateRule {
    /// The positions of the columns whose values are shown where it is broken.
    pub(super) fn shown(&self) -> &[usize] {
        match self.reading {
            Reading::Converted => std::slice::from_ref(&self.flag),
            _ => &self.columns,
        }
    }
}

/// The layout of a gate's input: the table's columns first, then what is said of each row.
#[derive(Debug, Clone)]
pub struct Gate {
    /// How many columns the table has.
    pub columns: usize,
    /// Positions of the columns that are passed on, in their order.
    pub passed: Vec<usize>,
    /// The rules, in the order in which they are listed.
    pub rules: Vec<GateRule>,
    /// The position of the column that says what becomes of a row; those with `removed` are no new
    /// rows, and pass.
    pub fate: Option<usize>,
    /// The position of the column that says which file a row comes from, and behind it which row of it
    /// that is.
    pub origin: Option<usize>,
}

/// The value of [`Gate::fate`]'s column for a row that is taken away.
pub const REMOVED: u8 = 3;
