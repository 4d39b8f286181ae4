//! A quality rule as a value: what a table's rows are expected to be, how bad it is if they are not,
//! and what a load does then.
//!
//! Checked here: words, numbers, and which option goes with which kind. Not checked here, since it
//! needs the table: that columns are there and expressions make sense.

use std::fmt;
use std::str::FromStr;

use sqlparser::ast::{Expr, Ident, visit_expressions};
use std::ops::ControlFlow;

use crate::error::{Code, Error, Result, did_you_mean};
use crate::syntax::{Constraint, Expectation, Fragment, Script, parse_expression};

/// How large a share of the rows may break a rule that does not say it.
pub const DEFAULT_THRESHOLD: f64 = 0.05;

/// The rule that every column has: what it is given converts to its type.
pub const CAST_RULE: &str = "cast:";

/// A rule of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Its name, unique in its table in any case.
    pub name: String,
    /// What is expected.
    pub expectation: Expectation,
    /// The rows that it applies to: a condition; all, if there is none.
    pub filter: Option<Fragment>,
    /// What a load does with a row that breaks it.
    pub action: RuleAction,
    /// How bad it is.
    pub severity: Severity,
    /// What it measures, where the rule says it; see [`Rule::dimension`].
    pub given_dimension: Option<Dimension>,
    /// The share of rows that may break it, where the rule says it; see [`Rule::threshold`].
    pub given_threshold: Option<f64>,
    /// What is wrong with a row that breaks it, in words.
    pub message: Option<String>,
    /// Whether a condition that is NULL is broken.
    pub nulls_fail: bool,
    /// Whether text of nothing but spaces is missing.
    pub blank_fails: bool,
}

/// Makes an enum of words from its table.
macro_rules! words {
    ($(#[doc = $doc:literal])* $name:ident, $what:literal, {$($(#[doc = $vdoc:literal])* $variant:ident = $text:literal;)*}) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[doc = $vdoc])* $variant,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// As a definition has it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self> {
                let lower = text.to_lowercase();
                let found = Self::ALL.iter().copied().find(|known| known.name() == lower);
                found.ok_or_else(|| {
                    let names: Vec<&str> = Self::ALL.iter().map(|known| known.name()).collect();
                    let hint = did_you_mean(&lower, names.iter().copied());
                    Error::new(Code::InvalidValue, format!("'{text}' is not {}", $what))
                        .with_hint(hint.unwrap_or_else(|| format!("there are {}", names.join(", "))))
                })
            }
        }
    };
}

words! {
    /// What a load does with a row that breaks a rule, from the weakest to the strongest; `Fail` is
    /// about the load as a whole.
    RuleAction, "an action", {
        /// The row stays, and is counted.
        Warn = "warn";
        /// The row is left out, and counted.
        DropRow = "drop row";
        /// The row is kept aside with what is wrong with it.
        Quarantine = "quarantine";
        /// The load is aborted if too many rows break the rule.
        Fail = "fail";
    }
}

words! {
    /// How bad it is if a rule is broken.
    Severity, "a severity", {
        /// Good to know.
        Info = "info";
        /// Should be looked at.
        Warning = "warning";
        /// Is wrong.
        Error = "error";
        /// Must not happen.
        Critical = "critical";
    }
}

words! {
    /// What of the data's quality a rule measures.
    Dimension, "a dimension of quality", {
        /// Nothing is missing.
        Completeness = "completeness";
        /// Values are the true ones.
        Accuracy = "accuracy";
        /// Values go together.
        Consistency = "consistency";
        /// Values can be.
        Validity = "validity";
        /// Nothing is there twice.
        Uniqueness = "uniqueness";
        /// Values are recent.
        Timeliness = "timeliness";
    }
}

words! {
    /// What became of a rule in a check or a load.
    RuleStatus, "a status", {
        /// No row, or few enough, break it.
        Pass = "pass";
        /// Too many rows break a rule that is only good to know.
        Warn = "warn";
        /// Too many rows break it.
        Fail = "fail";
        /// It applies to no row.
        Skip = "skip";
        /// It could not be evaluated.
        Error = "error";
    }
}

impl RuleAction {
    /// As in `ON VIOLATION …`.
    pub fn sql(self) -> &'static str {
        match self {
            Self::Warn => "WARN",
            Self::DropRow => "DROP ROW",
            Self::Quarantine => "QUARANTINE",
            Self::Fail => "FAIL",
        }
    }
}

impl Rule {
    /// A rule with every default.
    pub fn new(name: impl Into<String>, expectation: Expectation) -> Self {
        Self {
            name: name.into(),
            expectation,
            filter: None,
            action: RuleAction::Warn,
            severity: Severity::Error,
            given_dimension: None,
            given_threshold: None,
            message: None,
            nulls_fail: false,
            blank_fails: false,
        }
    }

    /// The rule that a constraint defines.
    ///
    /// # Errors
    /// [`Code::InvalidValue`] for an option that is not one, or not one of this kind. `at` is told the
    /// place of the option.
    pub fn of_constraint(
        constraint: &Constraint,
        at: impl Fn(Error, sqlparser::tokenizer::Span) -> Error,
    ) -> Result<Self> {
        let mut rule = Self::new(constraint.name.clone(), constraint.expectation.clone());
        rule.filter.clone_from(&constraint.filter);
        if let Some((action, span)) = &constraint.action {
            rule.action = action.parse().map_err(|e| at(e, *span))?;
        }
        for (key, value, span) in &constraint.options {
            rule.set(key, value).map_err(|e| at(e, *span))?;
        }
        rule.check().map_err(|e| at(e, constraint.span))?;
        Ok(rule)
    }

    /// Sets an option by its name.
    pub(super) fn set(&mut self, key: &str, value: &str) -> Result<()> {
        match key {
            "severity" => self.severity = value.parse()?,
            "dimension" => self.given_dimension = Some(value.parse()?),
            "threshold" => self.given_threshold = Some(threshold(value)?),
            "message" => self.message = Some(value.to_owned()),
            "nulls" => self.nulls_fail = fails(key, value)?,
            "blank" => self.blank_fails = fails(key, value)?,
            _ => {
                let known = ["severity", "dimension", "threshold", "message", "nulls", "blank"];
                let hint =
                    did_you_mean(key, known).unwrap_or_else(|| format!("there are {}", known.join(", ")));
                let message = format!("a rule has no option '{key}'");
                return Err(Error::new(Code::InvalidValue, message).with_hint(hint));
            }
        }
        Ok(())
    }

    /// Whether the parts go together.
    pub(super) fn check(&self) -> Result<()> {
        let wrong = |message: String| Err(Error::new(Code::InvalidValue, message));
        let name = &self.name;
        if name.is_empty() || name.to_lowercase().starts_with(CAST_RULE) {
            return wrong(format!("'{name}' cannot be a rule's name"));
        }
        if self.nulls_fail && !matches!(self.expectation, Expectation::Holds { .. }) {
            return wrong(format!(
                "rule '{name}' has no condition that 'nulls' could be about"
            ));
        }
        if self.blank_fails && !matches!(self.expectation, Expectation::NotNull { .. }) {
            return wrong(format!("rule '{name}' is not NOT NULL, which 'blank' is about"));
        }
        let once = matches!(
            self.expectation,
            Expectation::Accurate { .. }
                | Expectation::Stable { .. }
                | Expectation::Holds { over_table: true, .. }
        );
        if once {
            self.check_once()?;
        }
        Ok(())
    }

    /// A rule that is evaluated once has no row to drop or to keep aside.
    ///
    /// # Errors
    /// [`Code::InvalidValue`].
    pub fn check_once(&self) -> Result<()> {
        if matches!(self.action, RuleAction::DropRow | RuleAction::Quarantine) {
            let message = format!(
                "rule '{}' is about all rows at once: it cannot {}",
                self.name,
                self.action.sql()
            );
            return Err(Error::new(Code::InvalidValue, message).with_hint("ON VIOLATION WARN or FAIL"));
        }
        Ok(())
    }

    /// What it measures: as the rule says, else by its kind.
    pub fn dimension(&self) -> Dimension {
        self.given_dimension.unwrap_or_else(|| match &self.expectation {
            Expectation::NotNull { .. } => Dimension::Completeness,
            Expectation::Unique { .. } => Dimension::Uniqueness,
            Expectation::ForeignKey { .. } => Dimension::Consistency,
            Expectation::Accurate { .. } => Dimension::Accuracy,
            Expectation::Stable { .. } => Dimension::Consistency,
            Expectation::Holds { expression, .. } => of_condition(expression),
        })
    }

    /// The share of rows that may break it: as the rule says, else none for `FAIL` and
    /// [`DEFAULT_THRESHOLD`] for the others.
    pub fn threshold(&self) -> f64 {
        self.given_threshold.unwrap_or(match self.action {
            RuleAction::Fail => 0.0,
            _ => DEFAULT_THRESHOLD,
        })
    }

    /// What became of it: `violations` of `rows` rows broke it. Strictly below the threshold is well.
    pub fn status(&self, rows: u64, violations: u64) -> RuleStatus {
        #[expect(clippy::cast_precision_loss, reason = "a share needs no more digits")]
        let rate = violations as f64 / rows as f64;
        match self.severity {
            _ if rows == 0 => RuleStatus::Skip,
            _ if violations == 0 || rate < self.threshold() => RuleStatus::Pass,
            Severity::Info | Severity::Warning => RuleStatus::Warn,
            Severity::Error | Severity::Critical => RuleStatus::Fail,
        }
    }

    /// The columns that it is about, as it names them.
    pub fn columns(&self) -> Vec<String> {
        let names = |columns: &[Ident]| columns.iter().map(|column| column.value.clone()).collect();
        match &self.expectation {
            Expectation::Holds { expression, .. } => column_names(expression),
            Expectation::NotNull { columns }
            | Expectation::Unique { columns, .. }
            | Expectation::ForeignKey { columns, .. }
            | Expectation::Accurate { columns, .. } => names(columns),
            Expectation::Stable { column, .. } => names(std::slice::from_ref(column)),
        }
    }

    /// Of which kind it is; `is_aggregate` knows the functions over several rows.
    pub fn kind(&self, is_aggregate: impl Fn(&str) -> bool) -> &'static str {
        match &self.expectation {
            Expectation::Holds { expression, .. } if calls(expression, is_aggregate) => "aggregate",
            Expectation::Holds { .. } => "predicate",
            Expectation::NotNull { .. } => "not null",
            Expectation::Unique { .. } => "unique",
            Expectation::ForeignKey { .. } => "foreign key",
            Expectation::Accurate { .. } => "accuracy",
            Expectation::Stable { .. } => "stability",
        }
    }

    /// Whether it names the column, in any case.
    pub fn mentions(&self, column: &str) -> bool {
        let lower = column.to_lowercase();
        let mut names = self.columns();
        names.extend(self.filter.iter().flat_map(column_names));
        match &self.expectation {
            Expectation::Unique { keep: Some(keep), .. } => names.extend(column_names(&keep.by)),
            Expectation::Accurate { key, .. } => names.extend(key.iter().map(|name| name.value.clone())),
            _ => {}
        }
        names.iter().any(|name| name.to_lowercase() == lower)
    }

    /// What is wrong with a row that breaks it: the rule's own words, else what it expects.
    pub fn words(&self) -> String {
        let expected = || match &self.filter {
            Some(filter) => format!("expected {} where {filter}", self.expectation),
            None => format!("expected {}", self.expectation),
        };
        self.message.clone().unwrap_or_else(expected)
    }

    /// As SQL: `CONSTRAINT … EXPECT …`.
    pub fn sql(&self) -> String {
        let literal = crate::syntax::quote::literal;
        let name = crate::syntax::quote::identifier(&self.name);
        let mut sql = format!("CONSTRAINT {name} EXPECT {}", self.expectation);
        if let Some(filter) = &self.filter {
            sql.push_str(&format!(" WHERE {filter}"));
        }
        sql.push_str(&format!(" ON VIOLATION {}", self.action.sql()));
        let mut options = Vec::new();
        if self.severity != Severity::Error {
            options.push(format!("severity = '{}'", self.severity));
        }
        options.extend(self.given_dimension.map(|d| format!("dimension = '{d}'")));
        options.extend(self.given_threshold.map(|t| format!("threshold = {t}")));
        options.extend(self.message.as_ref().map(|m| format!("message = {}", literal(m))));
        if self.nulls_fail {
            options.push("nulls = 'fail'".to_owned());
        }
        if self.blank_fails {
            options.push("blank = 'fail'".to_owned());
        }
        if !options.is_empty() {
            sql.push_str(&format!(" WITH ({})", options.join(", ")));
        }
        sql
    }
}

/// A share: a number from 0 to 1.
fn threshold(text: &str) -> Result<f64> {
    let share = text
        .parse::<f64>()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| {
        Error::new(Code::InvalidValue, format!("'{text}' is not a share of rows"))
            .with_hint("a number from 0 to 1, such as 0.05")
    })
}

fn fails(key: &str, value: &str) -> Result<bool> {
    match value.to_lowercase().as_str() {
        "fail" => Ok(true),
        "pass" => Ok(false),
        _ => Err(Error::new(
            Code::InvalidValue,
            format!("'{value}' is not what '{key}' can be"),
        )
        .with_hint("'fail' or 'pass'")),
    }
}

fn parsed(fragment: &Fragment) -> Option<Expr> {
    let piece = Script::new(&fragment.sql).into_pieces().next()?.ok()?;
    parse_expression(&piece).ok()
}

/// A condition on one column is about what it can be, on several about how they go together; one that
/// asks the clock about how recent they are.
fn of_condition(expression: &Fragment) -> Dimension {
    let Some(parsed) = parsed(expression) else {
        return Dimension::Validity;
    };
    if matches!(parsed, Expr::IsNotNull(_)) {
        return Dimension::Completeness;
    }
    let clock = |expr: &Expr| {
        let Expr::Function(call) = expr else { return false };
        ["now", "current_timestamp", "current_date", "today"]
            .iter()
            .any(|known| call.name.to_string().eq_ignore_ascii_case(known))
    };
    let asks_clock = visit_expressions(&parsed, |expr| match clock(expr) {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    });
    match (asks_clock.is_break(), column_names(expression).len()) {
        (true, _) => Dimension::Timeliness,
        (_, 0 | 1) => Dimension::Validity,
        _ => Dimension::Consistency,
    }
}

/// Whether an expression calls a function that `is` says.
fn calls(expression: &Fragment, is: impl Fn(&str) -> bool) -> bool {
    let Some(parsed) = parsed(expression) else {
        return false;
    };
    let found = visit_expressions(&parsed, |expr| match expr {
        Expr::Function(call) if is(&call.name.to_string()) => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

/// The names in an expression, each once, in the order in which they come.
fn column_names(expression: &Fragment) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    if let Some(parsed) = parsed(expression) {
        let _ = visit_expressions(&parsed, |expr| {
            let name = match expr {
                Expr::Identifier(ident) => Some(ident.value.clone()),
                Expr::CompoundIdentifier(parts) => parts.last().map(|part| part.value.clone()),
                _ => None,
            };
            names.extend(name.filter(|name| !names.contains(name)));
            ControlFlow::<()>::Continue(())
        });
    }
    names
}
