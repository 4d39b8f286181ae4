//! Names in any case: an unquoted name that nothing has exactly takes the one spelling that differs
//! from it in case alone.
//!
//! DataFusion looks names up as they are written. Where that fails it says which name it missed and
//! which names there are in that scope, so the statement's own tokens are given the right spelling
//! there and it is planned again. Statements that spell their names right pay nothing.

use std::collections::BTreeSet;

use datafusion::common::{Column, SchemaError};
use datafusion::error::DataFusionError;
use sqlparser::tokenizer::{Span, Token};

use crate::error::{Code, Error, Result};
use crate::syntax::Piece;

/// The statement with one more name spelled right, if `error` is about a name and one spelling fits.
///
/// # Errors
/// [`Code::AmbiguousColumn`] if several spellings fit.
pub(super) fn respell(piece: &Piece, error: &DataFusionError) -> Result<Option<Piece>> {
    let span = place(error);
    match error.find_root() {
        DataFusionError::SchemaError(schema_error, _) => match schema_error.as_ref() {
            SchemaError::FieldNotFound { field, valid_fields } => column(piece, span, field, valid_fields),
            _ => Ok(None),
        },
        DataFusionError::Plan(message) => Ok(other_name(piece, message)),
        _ => Ok(None),
    }
}

/// Where the planner says that it missed something.
pub(super) fn place(error: &DataFusionError) -> Option<Span> {
    let span = error.diagnostic()?.span?;
    let at = |l: datafusion::common::Location| sqlparser::tokenizer::Location::new(l.line, l.column);
    Some(Span::new(at(span.start), at(span.end)))
}

fn same(a: &str, b: &str) -> bool {
    a != b && a.to_lowercase() == b.to_lowercase()
}

fn alike(a: &str, b: &str) -> bool {
    a == b || same(a, b)
}

/// A column that its scope does not have: the scope's columns that are spelled alike.
fn column(piece: &Piece, span: Option<Span>, missed: &Column, valid: &[Column]) -> Result<Option<Piece>> {
    let table = |column: &Column| {
        column
            .relation
            .as_ref()
            .map(|relation| relation.table().to_owned())
    };
    let wanted = table(missed);
    let fits = |column: &&Column| {
        let same_table = match (&wanted, table(column)) {
            (Some(wanted), Some(table)) => alike(wanted, &table),
            (Some(_), None) => false,
            (None, _) => true,
        };
        same_table && alike(&column.name, &missed.name)
    };
    let spellings: BTreeSet<(Option<String>, &str)> = valid
        .iter()
        .filter(fits)
        .map(|column| (wanted.as_ref().and_then(|_| table(column)), column.name.as_str()))
        .collect();
    let mut names = spellings.iter();
    let (Some((table, name)), None) = (names.next(), names.next()) else {
        return match spellings.is_empty() {
            true => Ok(None),
            false => Err(ambiguous(
                piece,
                span,
                missed,
                spellings.iter().map(|(_, name)| *name),
            )),
        };
    };
    let mut respelled = piece.clone();
    let mut changed = respelled.respell(span, &missed.name, name);
    if let (Some(wanted), Some(table)) = (&wanted, table) {
        changed |= respelled.respell(span, wanted, table);
    }
    Ok(changed.then_some(respelled))
}

fn ambiguous<'a>(
    piece: &Piece,
    span: Option<Span>,
    missed: &Column,
    names: impl Iterator<Item = &'a str>,
) -> Error {
    let names: BTreeSet<String> = names
        .map(|name| format!("\"{}\"", name.replace('"', "\"\"")))
        .collect();
    let names: Vec<String> = names.into_iter().collect();
    let error = Error::new(
        Code::AmbiguousColumn,
        format!("column '{}' is ambiguous", missed.name),
    )
    .with_hint(format!(
        "it could be {}: quote the one that is meant",
        names.join(" or ")
    ));
    match span {
        Some(span) => error.at(piece.locate(span)),
        None => error,
    }
}

/// A table, alias or table function that is not there: the statement's own names that are spelled
/// alike, or a function's name in lower case.
fn other_name(piece: &Piece, message: &str) -> Option<Piece> {
    let missed = if let Some(rest) = message.strip_prefix("table '") {
        rest.strip_suffix("' not found")?.rsplit('.').next()?
    } else if let Some(rest) = message.strip_prefix("table function '") {
        rest.strip_suffix("' not found")?
    } else if let Some(rest) = message.strip_prefix("The window ") {
        rest.strip_suffix(" is not defined!")?
    } else {
        message.strip_prefix("Invalid qualifier ")?
    };
    let own: BTreeSet<&str> = piece
        .tokens()
        .iter()
        .filter_map(|token| match &token.token {
            Token::Word(word) if same(&word.value, missed) => Some(word.value.as_str()),
            _ => None,
        })
        .collect();
    let lower = missed.to_lowercase();
    let spelling = match (own.len(), message.starts_with("table function")) {
        (_, true) if lower != missed => lower.as_str(),
        (1, false) => own.first()?,
        _ => return None,
    };
    let mut respelled = piece.clone();
    respelled.respell(None, missed, spelling).then_some(respelled)
}
