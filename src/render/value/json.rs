//! Values in JSON (RFC 8259).
//!
//! Numbers are JSON numbers, decimals with all their digits. NaN and the infinities are `null`: JSON
//! has no spelling for them, and a text would be another type. Times and binary are texts. A map is
//! an object whose keys are texts.

use super::Values;
use super::notation::Notation;
use super::scalar::{Class, Scalar};
use crate::error::Result;

/// JSON.
pub(super) struct Json;

impl Notation for Json {
    const NULL: &'static str = "null";
    const LIST: [&'static str; 3] = ["[", ",", "]"];
    const STRUCT: [&'static str; 4] = ["{", ":", ",", "}"];
    const MAP: [&'static str; 4] = ["{", ":", ",", "}"];

    fn text(text: &str, out: &mut String) {
        write_string(text, out);
    }

    fn scalar(scalar: &Scalar<'_>, row: usize, out: &mut String) -> Result<()> {
        write_scalar(scalar, row, out)
    }

    fn key(keys: &Values<'_>, entry: usize, out: &mut String) -> Result<()> {
        let mut scratch = String::new();
        let key = match keys.is_null(entry) {
            true => "null",
            false => keys.text(entry, &mut scratch)?,
        };
        write_string(key, out);
        Ok(())
    }
}

fn write_scalar(scalar: &Scalar<'_>, row: usize, out: &mut String) -> Result<()> {
    match scalar.class {
        Class::Boolean | Class::Integer | Class::Decimal { .. } => scalar.write(row, out),
        Class::Float => {
            let start = out.len();
            scalar.write(row, out)?;
            // Of all floats only NaN, inf and -inf end in a letter.
            if out.ends_with(char::is_alphabetic) {
                out.truncate(start);
                out.push_str("null");
            }
            Ok(())
        }
        Class::Date
        | Class::Time
        | Class::Timestamp
        | Class::TimestampWithZone
        | Class::Interval
        | Class::Binary => {
            out.push('"');
            scalar.write(row, out)?;
            out.push('"');
            Ok(())
        }
    }
}

/// Appends a text as a JSON string.
pub(in crate::render) fn write_string(text: &str, out: &mut String) {
    out.push('"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|b| b < b' ' || b == b'"' || b == b'\\') {
        out.push_str(&rest[..at]);
        write_escape(rest.as_bytes()[at], out);
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

fn write_escape(byte: u8, out: &mut String) {
    let short = match byte {
        b'"' => "\\\"",
        b'\\' => "\\\\",
        b'\n' => "\\n",
        b'\r' => "\\r",
        b'\t' => "\\t",
        0x08 => "\\b",
        0x0c => "\\f",
        other => {
            out.push_str("\\u00");
            for digit in [other >> 4, other & 15] {
                out.extend(char::from_digit(digit.into(), 16));
            }
            return;
        }
    };
    out.push_str(short);
}
