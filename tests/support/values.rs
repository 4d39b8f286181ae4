//! Arrow values as text, in the manner of DataFusion's own `.slt` files, so that a case can be carried
//! over from there.
//!
//! NULL is `NULL`, the empty text `(empty)`; numbers have neither trailing zeros nor an exponent, and at
//! most twelve decimal places; a last column of several lines becomes a row a line, numbered.

use std::iter;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float16Type, Float32Type, Float64Type, Schema};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, DurationFormat, FormatOptions};
use sqllogictest::ColumnType;

/// The letter of a column's type. In an expectation `?` is any type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Boolean,
    Integer,
    Real,
    Text,
    Date,
    Timestamp,
    Other,
}

const LETTERS: &[(Kind, char)] = &[
    (Kind::Boolean, 'B'),
    (Kind::Integer, 'I'),
    (Kind::Real, 'R'),
    (Kind::Text, 'T'),
    (Kind::Date, 'D'),
    (Kind::Timestamp, 'P'),
    (Kind::Other, '?'),
];

impl ColumnType for Kind {
    fn from_char(letter: char) -> Option<Self> {
        let found = LETTERS.iter().find(|(_, known)| *known == letter);
        found.map(|(kind, _)| kind.clone())
    }

    fn to_char(&self) -> char {
        let found = LETTERS.iter().find(|(kind, _)| kind == self);
        found.map_or('?', |(_, letter)| *letter)
    }
}

/// The types of a schema's columns.
pub(crate) fn kinds(schema: &Schema) -> Vec<Kind> {
    schema
        .fields()
        .iter()
        .map(|field| kind(field.data_type()))
        .collect()
}

fn kind(data_type: &DataType) -> Kind {
    match data_type {
        DataType::Boolean => Kind::Boolean,
        DataType::Date32 | DataType::Date64 | DataType::Time32(_) | DataType::Time64(_) => Kind::Date,
        DataType::Timestamp(..) => Kind::Timestamp,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Kind::Text,
        DataType::Dictionary(_, value) => kind(value),
        other if other.is_integer() => Kind::Integer,
        other if other.is_floating() || other.is_decimal() => Kind::Real,
        _ => Kind::Other,
    }
}

/// Whether the columns are as many and as typed as expected.
pub(crate) fn same_kinds(actual: &Vec<Kind>, expected: &Vec<Kind>) -> bool {
    actual.len() == expected.len()
        && iter::zip(actual, expected)
            .all(|(actual, expected)| *expected == Kind::Other || actual == expected)
}

/// The rows of a batch as text.
pub(crate) fn rows(batch: &RecordBatch) -> Result<Vec<Vec<String>>, ArrowError> {
    let mut rows = Vec::new();
    for row in 0..batch.num_rows() {
        let cells = batch.columns().iter().map(|column| cell(column, row));
        rows.extend(lines(cells.collect::<Result<_, _>>()?));
    }
    Ok(rows)
}

fn cell(column: &dyn Array, row: usize) -> Result<String, ArrowError> {
    if column.is_null(row) {
        return Ok("NULL".to_owned());
    }
    Ok(match column.data_type() {
        DataType::Null => "NULL".to_owned(),
        DataType::Float16 => float(column.as_primitive::<Float16Type>().value(row).to_f32()),
        DataType::Float32 => float(column.as_primitive::<Float32Type>().value(row)),
        DataType::Float64 => float(column.as_primitive::<Float64Type>().value(row)),
        DataType::Dictionary(..) => {
            let column = column.as_any_dictionary();
            let key = column.normalized_keys()[row];
            cell(column.values(), key)?
        }
        data_type => {
            let options = FormatOptions::new()
                .with_null("NULL")
                .with_duration_format(DurationFormat::Pretty);
            let text = ArrayFormatter::try_new(column, &options)?
                .value(row)
                .try_to_string()?;
            match kind(data_type) {
                Kind::Real => number(&text),
                Kind::Text => words(&text),
                _ => text,
            }
        }
    })
}

/// The shortest text that reads back as the same number, to twelve places.
fn float<F: Into<f64> + ToString>(value: F) -> String {
    let text = value.to_string();
    let value: f64 = value.into();
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    match text.split_once('.') {
        Some((_, places)) if places.len() > 12 => number(&format!("{value:.12}")),
        _ => number(&text),
    }
}

/// A plain number without trailing zeros.
fn number(text: &str) -> String {
    let text = match text.split_once('.') {
        Some(_) => text.trim_end_matches('0').trim_end_matches('.'),
        None => text,
    };
    if text == "-0" { "0" } else { text }.to_owned()
}

fn words(text: &str) -> String {
    match text {
        "" => "(empty)".to_owned(),
        text => text.trim_end_matches('\n').replace('\0', "\\0"),
    }
}

/// A row whose last cell has several lines becomes as many rows. Spaces at a line's beginning show as
/// dashes, because a comparison folds spaces.
fn lines(mut cells: Vec<String>) -> Vec<Vec<String>> {
    let Some(last) = cells.pop_if(|last| last.contains('\n')) else {
        return vec![cells];
    };
    let numbered = last.lines().enumerate().map(|(at, line)| {
        let text = line.trim_start();
        let dashes = "-".repeat(line.len() - text.len());
        vec![format!("{:02}){dashes}{text}", at + 1)]
    });
    iter::once(cells)
        .filter(|cells| !cells.is_empty())
        .chain(numbered)
        .collect()
}
