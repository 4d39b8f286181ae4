//! The walk through a value, NULLs and nesting included, that JSON and SQL share.

use super::json::Json;
use super::nested::{List, Map, Struct};
use super::scalar::Scalar;
use super::sql::Sql;
use super::{Kind, Values};
use crate::error::Result;

/// How a notation spells what the walk comes upon.
pub(super) trait Notation {
    const NULL: &'static str;
    /// What opens a list, stands between two items, and closes it.
    const LIST: [&'static str; 3];
    /// What opens a struct, stands behind a name, between two fields, and closes it.
    const STRUCT: [&'static str; 4];
    /// As of a struct.
    const MAP: [&'static str; 4];

    /// Appends a text; the name of a struct's field too.
    fn text(text: &str, out: &mut String);

    /// Appends a scalar that is not NULL.
    fn scalar(scalar: &Scalar<'_>, row: usize, out: &mut String) -> Result<()>;

    /// Appends a map's key.
    fn key(keys: &Values<'_>, entry: usize, out: &mut String) -> Result<()>;
}

impl Values<'_> {
    /// Appends a value, which may be NULL, as JSON.
    pub(in crate::render) fn json(&self, row: usize, out: &mut String) -> Result<()> {
        write::<Json>(self, row, out)
    }

    /// Appends a value, which may be NULL, as a SQL literal.
    pub(in crate::render) fn sql(&self, row: usize, out: &mut String) -> Result<()> {
        write::<Sql>(self, row, out)
    }
}

fn write<N: Notation>(values: &Values<'_>, row: usize, out: &mut String) -> Result<()> {
    if values.is_null(row) {
        out.push_str(N::NULL);
        return Ok(());
    }
    match &values.kind {
        Kind::Null => out.push_str(N::NULL),
        Kind::Text(text) => N::text(text.value(row), out),
        Kind::Scalar(scalar) => N::scalar(scalar, row, out)?,
        Kind::List(list) => write_list::<N>(list, row, out)?,
        Kind::Struct(structs) => write_struct::<N>(structs, row, out)?,
        Kind::Map(map) => write_map::<N>(map, row, out)?,
        Kind::Union(union) => {
            let (member, row) = union.member(row);
            write::<N>(member, row, out)?;
        }
        Kind::Indirect(indirect) => write::<N>(&indirect.values, indirect.index(row), out)?,
    }
    Ok(())
}

fn write_list<N: Notation>(list: &List<'_>, row: usize, out: &mut String) -> Result<()> {
    let [open, between, close] = N::LIST;
    out.push_str(open);
    for (i, item) in list.range(row).enumerate() {
        if i > 0 {
            out.push_str(between);
        }
        write::<N>(&list.items, item, out)?;
    }
    out.push_str(close);
    Ok(())
}

fn write_struct<N: Notation>(structs: &Struct<'_>, row: usize, out: &mut String) -> Result<()> {
    let [open, is, between, close] = N::STRUCT;
    out.push_str(open);
    for (i, (name, values)) in structs.fields.iter().enumerate() {
        if i > 0 {
            out.push_str(between);
        }
        N::text(name, out);
        out.push_str(is);
        write::<N>(values, row, out)?;
    }
    out.push_str(close);
    Ok(())
}

fn write_map<N: Notation>(map: &Map<'_>, row: usize, out: &mut String) -> Result<()> {
    let [open, is, between, close] = N::MAP;
    out.push_str(open);
    for (i, entry) in map.range(row).enumerate() {
        if i > 0 {
            out.push_str(between);
        }
        N::key(&map.keys, entry, out)?;
        out.push_str(is);
        write::<N>(&map.values, entry, out)?;
    }
    out.push_str(close);
    Ok(())
}
