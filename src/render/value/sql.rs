//! Values as SQL literals.
//!
//! Standard SQL where it has a literal (`DATE '…'`, `TIMESTAMP '…'`, `X'…'`), a CAST of a text where
//! a plain number would lose digits or has none to begin with. Lists, structs and maps are written as
//! DuckDB and this engine read them: `ARRAY[…]`, `{'a': …}`, `MAP {…: …}`.

use super::Values;
use super::notation::Notation;
use super::scalar::{Class, Scalar};
use crate::error::Result;

/// The digits that a double holds, and so those that a plain number may have where it is read as one.
const EXACT_DIGITS: u8 = 15;

/// SQL.
pub(super) struct Sql;

impl Notation for Sql {
    const NULL: &'static str = "NULL";
    const LIST: [&'static str; 3] = ["ARRAY[", ", ", "]"];
    const STRUCT: [&'static str; 4] = ["{", ": ", ", ", "}"];
    const MAP: [&'static str; 4] = ["MAP {", ": ", ", ", "}"];

    fn text(text: &str, out: &mut String) {
        write_string(text, out);
    }

    fn scalar(scalar: &Scalar<'_>, row: usize, out: &mut String) -> Result<()> {
        write_scalar(scalar, row, out)
    }

    fn key(keys: &Values<'_>, entry: usize, out: &mut String) -> Result<()> {
        keys.sql(entry, out)
    }
}

fn write_scalar(scalar: &Scalar<'_>, row: usize, out: &mut String) -> Result<()> {
    match scalar.class {
        Class::Boolean | Class::Integer => scalar.write(row, out),
        Class::Float => write_float(scalar, row, out),
        Class::Decimal { precision, .. } if precision <= EXACT_DIGITS => scalar.write(row, out),
        Class::Decimal { precision, scale } => {
            quoted("CAST('", scalar, row, "'", out)?;
            out.push_str(&format!(" AS DECIMAL({precision},{scale}))"));
            Ok(())
        }
        Class::Date => quoted("DATE '", scalar, row, "'", out),
        Class::Time => quoted("TIME '", scalar, row, "'", out),
        Class::Timestamp => write_timestamp("", scalar, row, out),
        Class::TimestampWithZone => write_timestamp(" WITH TIME ZONE", scalar, row, out),
        Class::Interval => quoted("INTERVAL '", scalar, row, "'", out),
        Class::Binary => quoted("X'", scalar, row, "'", out),
    }
}

/// Appends a scalar between two texts. No scalar's text has a quote in it.
fn quoted(before: &str, scalar: &Scalar<'_>, row: usize, after: &str, out: &mut String) -> Result<()> {
    out.push_str(before);
    scalar.write(row, out)?;
    out.push_str(after);
    Ok(())
}

/// The years that nanoseconds can count. This engine reads a plain literal as nanoseconds.
const NANOSECOND_YEARS: std::ops::RangeInclusive<&str> = "1678"..="2261";

fn write_timestamp(zone: &str, scalar: &Scalar<'_>, row: usize, out: &mut String) -> Result<()> {
    let mut text = String::new();
    scalar.write(row, &mut text)?;
    // A year of other than four digits begins with a sign, which sorts before them.
    let is_near = text.get(..4).is_some_and(|year| NANOSECOND_YEARS.contains(&year));
    out.push_str(&match is_near {
        true => format!("TIMESTAMP{zone} '{text}'"),
        false => format!("CAST('{text}' AS TIMESTAMP(6){zone})"),
    });
    Ok(())
}

fn write_float(scalar: &Scalar<'_>, row: usize, out: &mut String) -> Result<()> {
    let start = out.len();
    scalar.write(row, out)?;
    // Of all floats only NaN, inf and -inf end in a letter.
    if out.ends_with(char::is_alphabetic) {
        let name = out.split_off(start);
        out.push_str("CAST('");
        out.push_str(&name);
        out.push_str("' AS DOUBLE)");
    }
    Ok(())
}

/// Appends a text as a SQL string.
fn write_string(text: &str, out: &mut String) {
    write_doubled(text, '\'', out);
}

/// Appends a text in quotes, each quote in it doubled.
pub(super) fn write_doubled(text: &str, quote: char, out: &mut String) {
    out.push(quote);
    let mut parts = text.split(quote);
    out.extend(parts.next());
    for part in parts {
        out.push(quote);
        out.push(quote);
        out.push_str(part);
    }
    out.push(quote);
}
