//! CHECK constraints: made when a statement defines them, and evaluated over rows that are written.

use std::sync::Arc;

use datafusion::common::DFSchema;
use sqlparser::tokenizer::Span;

use super::Binding;
use crate::definition::{Rule, check_name};
use crate::error::{Code, Error, Result};
use crate::operators::validate::RowCheck;
use crate::syntax::{Check, Fragment};
use crate::table::managed::LogCheck;

/// The constraints that `checks` define, beside `rules`, checked against the table's columns.
///
/// # Errors
/// What is wrong, with its place.
pub(crate) fn made_checks(binding: &Binding<'_>, checks: &[Check], rules: &[Rule]) -> Result<Vec<LogCheck>> {
    let mut made: Vec<LogCheck> = Vec::with_capacity(checks.len());
    for check in checks {
        made.push(made_check(binding, check, &made, rules)?);
    }
    Ok(made)
}

/// The constraint that `check` defines, beside those that are `known`.
///
/// # Errors
/// As [`made_checks`]; [`Code::DuplicateObject`] if there is a constraint or rule of that name.
pub(crate) fn made_check(
    binding: &Binding<'_>,
    check: &Check,
    known: &[LogCheck],
    rules: &[Rule],
) -> Result<LogCheck> {
    let taken = |name: &str| {
        let lower = name.to_lowercase();
        let checks = known.iter().map(|check| &check.name);
        let mut all = checks.chain(rules.iter().map(|rule| &rule.name));
        all.any(|known| known.to_lowercase() == lower)
    };
    let at = |error: Error, span: Span| match binding.statement {
        Some(statement) => error.at(statement.locate(span)),
        None => error,
    };
    let name = match &check.name {
        Some((name, span)) => {
            check_name("constraint", name).map_err(|e| at(e, *span))?;
            if taken(name) {
                let error = Error::new(
                    Code::DuplicateObject,
                    format!("there is a constraint '{name}' already"),
                );
                return Err(at(
                    error.with_hint("names of constraints are distinct in any case"),
                    *span,
                ));
            }
            name.clone()
        }
        None => {
            let mut names = (1..).map(|n| format!("check_{n}"));
            names.find(|name| !taken(name)).unwrap_or_default()
        }
    };
    binding.check(&check.expression)?;
    Ok(LogCheck::not_false(&name, check.expression.sql.trim()))
}

/// A table's constraints, ready to be evaluated over its columns.
///
/// # Errors
/// A condition that does not fit the table's columns, with the constraint's name.
pub(crate) fn row_checks(binding: &Binding<'_>, checks: &[LogCheck]) -> Result<Arc<[RowCheck]>> {
    let schema = DFSchema::try_from(binding.schema.as_ref().clone())
        .map_err(|e| binding.session.translated_without_place(e))?;
    let ready = |check: &LogCheck| {
        let condition = binding.check(&Fragment {
            sql: check.condition.clone(),
            span: Span::empty(),
        })?;
        let condition = binding
            .state
            .create_physical_expr(condition, &schema)
            .map_err(|e| binding.session.translated_without_place(e))?;
        Ok(RowCheck {
            name: check.name.clone(),
            text: check.as_written().to_owned(),
            condition,
        })
    };
    checks
        .iter()
        .map(|check| {
            ready(check).map_err(|error: Error| {
                let (zone, table) = binding.table;
                let message = format!(
                    "constraint '{}' of table '{zone}.{table}': {}",
                    check.name,
                    error.message()
                );
                Error::new(error.code(), message).with_hint_if(error.hint().map(str::to_owned))
            })
        })
        .collect()
}
