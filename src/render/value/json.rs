//! Values in JSON (RFC 8259).
//!
//! Numbers are JSON numbers, decimals with all their digits. NaN and the infinities are `null`: JSON
//! has no spelling for them, and a text would be another type. Times and binary are texts. A map is
//! an object whose keys are texts.

use super::nested::{List, Map, Struct};
use super::scalar::{Class, Scalar};
use super::{Kind, Values};
use crate::error::Result;

impl Values<'_> {
    /// Appends a value, which may be NULL, as JSON.
    pub(in crate::render) fn json(&self, row: usize, out: &mut String) -> Result<()> {
        if self.is_null(row) {
            out.push_str("null");
            return Ok(());
        }
        match &self.kind {
            Kind::Null => out.push_str("null"),
            Kind::Text(text) => write_string(text.value(row), out),
            Kind::Scalar(scalar) => write_scalar(scalar, row, out)?,
            Kind::List(list) => write_list(list, row, out)?,
            Kind::Struct(structs) => write_struct(structs, row, out)?,
            Kind::Map(map) => write_map(map, row, out)?,
            Kind::Union(union) => {
                let (member, row) = union.member(row);
                member.json(row, out)?;
            }
            Kind::Indirect(indirect) => indirect.values.json(indirect.index(row), out)?,
        }
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

fn write_list(list: &List<'_>, row: usize, out: &mut String) -> Result<()> {
    out.push('[');
    for (i, item) in list.range(row).enumerate() {
        if i > 0 {
            out.push(',');
        }
        list.items.json(item, out)?;
    }
    out.push(']');
    Ok(())
}

fn write_struct(structs: &Struct<'_>, row: usize, out: &mut String) -> Result<()> {
    out.push('{');
    for (i, (name, values)) in structs.fields.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        write_string(name, out);
        out.push(':');
        values.json(row, out)?;
    }
    out.push('}');
    Ok(())
}

fn write_map(map: &Map<'_>, row: usize, out: &mut String) -> Result<()> {
    let mut scratch = String::new();
    out.push('{');
    for (i, entry) in map.range(row).enumerate() {
        if i > 0 {
            out.push(',');
        }
        let key = match map.keys.is_null(entry) {
            true => "null",
            false => map.keys.text(entry, &mut scratch)?,
        };
        write_string(key, out);
        out.push(':');
        map.values.json(entry, out)?;
    }
    out.push('}');
    Ok(())
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
