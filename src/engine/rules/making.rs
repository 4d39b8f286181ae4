//! Rules that a statement defines.

use super::Binding;
use crate::definition::Rule;
use crate::error::{Code, Error, Result};
use crate::syntax::{Constraint, Expectation};

/// The rules that `constraints` define, checked against the table's columns. Names in them become those
/// of the table, and tables that they refer to get their zone.
///
/// # Errors
/// What is wrong, with its place.
pub(crate) async fn made(binding: &Binding<'_>, constraints: &[Constraint]) -> Result<Vec<Rule>> {
    let mut rules = Vec::with_capacity(constraints.len());
    for constraint in constraints {
        add(binding, &mut rules, constraint).await?;
    }
    Ok(rules)
}

/// Adds the rule that `constraint` defines.
///
/// # Errors
/// As [`made`]; [`Code::DuplicateTable`] if there is a rule of that name.
pub(crate) async fn add(binding: &Binding<'_>, rules: &mut Vec<Rule>, constraint: &Constraint) -> Result<()> {
    let at = |error: Error, span| match binding.statement {
        Some(statement) => error.at(statement.locate(span)),
        None => error,
    };
    let lower = constraint.name.to_lowercase();
    if let Some(known) = rules.iter().find(|known| known.name.to_lowercase() == lower) {
        let message = format!("there is a rule '{}' already", known.name);
        let error = Error::new(Code::DuplicateObject, message);
        return Err(at(
            error.with_hint("names of rules are distinct in any case: DROP CONSTRAINT takes one away"),
            constraint.span,
        ));
    }
    let mut rule = Rule::of_constraint(constraint, at)?;
    let bound = binding.bind(&rule).await?;
    let spelled = |names: &mut [sqlparser::ast::Ident], positions: &[usize]| {
        for (name, position) in names.iter_mut().zip(positions) {
            binding.schema.field(*position).name().clone_into(&mut name.value);
        }
    };
    match &mut rule.expectation {
        Expectation::NotNull { columns } | Expectation::Unique { columns, .. } => {
            spelled(columns, &bound.columns);
        }
        Expectation::ForeignKey { columns, table, .. } | Expectation::Accurate { columns, table, .. } => {
            spelled(columns, &bound.columns);
            table.0.zone.get_or_insert_with(|| binding.session.zone());
        }
        Expectation::Stable { column, table, .. } => {
            spelled(std::slice::from_mut(column), &bound.columns);
            table.0.zone.get_or_insert_with(|| binding.session.zone());
        }
        Expectation::Holds { .. } => {}
    }
    rules.push(rule);
    Ok(())
}
