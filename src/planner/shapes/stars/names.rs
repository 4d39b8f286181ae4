//! Columns by their names: those that `*` shows, those of a table, and what they are renamed to.

use datafusion::common::{Column, DFSchema, TableReference};
use datafusion::error::Result;
use sqlparser::ast::{
    ExcludeSelectItem, Expr, Ident, ObjectName, RenameSelectItem, SelectItem, Spanned,
    WildcardAdditionalOptions,
};

use super::Placed;
use super::probe::StarColumn;
use crate::error::{Code, Error, did_you_mean};

/// `* EXCLUDE (…) REPLACE (…) RENAME (…)`, column by column.
pub(super) fn renamed(
    all: &[StarColumn],
    shown: &[&StarColumn],
    options: &WildcardAdditionalOptions,
) -> Result<Vec<SelectItem>, Placed> {
    let left_out = excluded(options);
    for name in &left_out {
        find(shown, name)?;
    }
    let renames: Vec<_> = match &options.opt_rename {
        Some(RenameSelectItem::Single(one)) => vec![one],
        Some(RenameSelectItem::Multiple(several)) => several.iter().collect(),
        None => Vec::new(),
    };
    let kept: Vec<&StarColumn> = shown
        .iter()
        .copied()
        .filter(|column| !left_out.iter().any(|name| is_called(column, name, shown)))
        .collect();
    for rename in &renames {
        find(&kept, &rename.ident)?;
    }
    let replaced = options
        .opt_replace
        .as_ref()
        .map(|replace| replace.items.as_slice());
    let replaced = replaced.unwrap_or_default();
    for item in replaced {
        find(&kept, &item.column_name)?;
    }
    let item = |column: &&StarColumn| {
        let new = replaced
            .iter()
            .find(|item| is_called(column, &item.column_name, &kept));
        let name = renames
            .iter()
            .find(|rename| is_called(column, &rename.ident, &kept));
        let expr = new.map_or_else(|| reference(column, all), |item| item.expr.clone());
        match (new, name) {
            (None, None) => SelectItem::UnnamedExpr(expr),
            (_, Some(rename)) => SelectItem::ExprWithAlias {
                expr,
                alias: rename.alias.clone(),
            },
            (Some(_), None) => SelectItem::ExprWithAlias {
                expr,
                alias: ident(&column.column.name),
            },
        }
    };
    Ok(kept.iter().map(item).collect())
}

pub(super) fn excluded(options: &WildcardAdditionalOptions) -> Vec<Ident> {
    let mut names = Vec::new();
    let last = |name: &ObjectName| name.0.last().and_then(|part| part.as_ident().cloned());
    match &options.opt_exclude {
        Some(ExcludeSelectItem::Single(name)) => names.extend(last(name)),
        Some(ExcludeSelectItem::Multiple(several)) => names.extend(several.iter().filter_map(last)),
        None => {}
    }
    if let Some(except) = &options.opt_except {
        names.push(except.first_element.clone());
        names.extend(except.additional_elements.iter().cloned());
    }
    names
}

/// Whether `name` means `column`: exactly, or in any case if no other column is called exactly so.
pub(super) fn is_called(column: &StarColumn, name: &Ident, among: &[&StarColumn]) -> bool {
    let own = &column.column.name;
    if name.quote_style.is_some() || among.iter().any(|other| other.column.name == name.value) {
        return *own == name.value;
    }
    own.to_lowercase() == name.value.to_lowercase()
}

/// The columns that `name` means.
pub(super) fn find<'a>(among: &[&'a StarColumn], name: &Ident) -> Result<Vec<&'a StarColumn>, Placed> {
    let found = among
        .iter()
        .copied()
        .filter(|column| is_called(column, name, among));
    let found: Vec<&StarColumn> = found.collect();
    let mut names = found.iter().map(|column| &column.column.name);
    let Some(first) = names.next() else {
        let hint = did_you_mean(
            &name.value,
            among.iter().map(|column| column.column.name.as_str()),
        );
        let error = Error::new(
            Code::UndefinedColumn,
            format!("column '{}' not found", name.value),
        );
        return Err((error.with_hint_if(hint), name.span));
    };
    match names.find(|other| *other != first) {
        None => Ok(found),
        Some(other) => {
            let message = format!("column '{}' is ambiguous", name.value);
            let hint = format!("it could be \"{first}\" or \"{other}\": quote the one that is meant");
            let error = Error::new(Code::AmbiguousColumn, message).with_hint(hint);
            Err((error, name.span))
        }
    }
}

/// The columns that `*` shows.
pub(super) fn shown(columns: &[StarColumn]) -> Vec<&StarColumn> {
    columns.iter().filter(|column| !column.is_hidden).collect()
}

/// The columns of the table that `name` ends in.
pub(super) fn of_table<'a>(
    columns: &'a [StarColumn],
    name: &ObjectName,
) -> Result<Vec<&'a StarColumn>, Placed> {
    let parts = name.0.iter().filter_map(|part| part.as_ident());
    let wanted: Vec<String> = parts.map(|part| part.value.to_lowercase()).collect();
    let is_of = |column: &&StarColumn| {
        let parts = column
            .column
            .relation
            .as_ref()
            .map(table_parts)
            .unwrap_or_default();
        let parts: Vec<String> = parts.iter().map(|part| part.to_lowercase()).collect();
        parts.ends_with(&wanted)
    };
    let found: Vec<&StarColumn> = columns.iter().filter(is_of).collect();
    if found.is_empty() {
        let message = format!("table '{name}' is not in this FROM, or has no columns of its own");
        return Err((Error::new(Code::UndefinedTable, message), name.span()));
    }
    Ok(found)
}

fn table_parts(table: &TableReference) -> Vec<&str> {
    let parts = [table.catalog(), table.schema(), Some(table.table())];
    parts.into_iter().flatten().collect()
}

/// A column as an expression.
pub(super) fn reference(column: &StarColumn, all: &[StarColumn]) -> Expr {
    let name = &column.column.name;
    let is_only = shown(all)
        .iter()
        .filter(|other| other.column.name == *name)
        .count()
        == 1;
    match &column.column.relation {
        Some(table) if !is_only && !column.is_merged => {
            let parts = table_parts(table).into_iter().chain([name.as_str()]);
            Expr::CompoundIdentifier(parts.map(ident).collect())
        }
        _ => Expr::Identifier(ident(name)),
    }
}

/// A column of `schema` as an expression.
pub(in crate::planner::shapes) fn named(column: &Column, schema: &DFSchema) -> Expr {
    let all: Vec<StarColumn> = schema.columns().into_iter().map(StarColumn::of).collect();
    reference(&StarColumn::of(column.clone()), &all)
}

/// A name, quoted where it is no plain word.
pub(super) fn ident(name: &str) -> Ident {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_plain = name.chars().all(is_word) && !name.starts_with(|c: char| c.is_ascii_digit());
    match is_plain && !name.is_empty() {
        true => Ident::new(name),
        false => Ident::with_quote('"', name),
    }
}
