//! `SELECT a, a`: the planner wants every column of a query called differently. The later one is called
//! `a_1` to whoever uses the query as a table; in a result it is called what was written.

use std::collections::HashSet;

use sqlparser::ast::{Expr, Ident, Select, SelectItem};

/// Gives later columns of a name that is there already one of their own. With `name_each`, columns that are
/// named beside a `*` too, and every expression the name that it is written as.
pub(super) fn tell_apart(select: &mut Select, name_each: bool) {
    let has_star = select.projection.iter().any(|item| name(item).is_none());
    let mut known: HashSet<String> = select.projection.iter().filter_map(name).collect();
    let mut seen: Vec<(String, Option<String>)> = Vec::new();
    for item in &mut select.projection {
        let Some(called) = name(item) else { continue };
        let table = qualifier(item);
        // Columns of two tables are told apart by those.
        let is_there = |(other, of): &(String, Option<String>)| {
            *other == called && (of.is_none() || table.is_none() || *of == table)
        };
        let is_twice = seen.iter().any(is_there) || (name_each && has_star && is_column(item));
        let is_unnamed = matches!(item, SelectItem::UnnamedExpr(_)) && !is_column(item);
        if is_twice || (name_each && is_unnamed) {
            let own = match is_twice {
                true => fresh(&called, &known),
                false => called.clone(),
            };
            known.insert(own.clone());
            let alias = Ident::with_quote('"', own);
            match item {
                SelectItem::UnnamedExpr(expr) => {
                    *item = SelectItem::ExprWithAlias {
                        expr: expr.clone(),
                        alias,
                    };
                }
                SelectItem::ExprWithAlias { alias: old, .. } => *old = alias,
                _ => {}
            }
        }
        seen.push((called, table));
    }
}

fn fresh(name: &str, known: &HashSet<String>) -> String {
    let mut number = 1;
    loop {
        let fresh = format!("{name}_{number}");
        if !known.contains(&fresh) {
            return fresh;
        }
        number += 1;
    }
}

/// What a column is called; nothing for a star.
fn name(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::UnnamedExpr(Expr::Identifier(name)) | SelectItem::ExprWithAlias { alias: name, .. } => {
            Some(name.value.clone())
        }
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => {
            parts.last().map(|name| name.value.clone())
        }
        SelectItem::UnnamedExpr(expr) => Some(expr.to_string()),
        _ => None,
    }
}

/// The table of a column that is named with it.
fn qualifier(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(parts)) => {
            let table = parts.split_last()?.1;
            Some(table.iter().map(|part| part.value.to_lowercase() + ".").collect())
        }
        _ => None,
    }
}

fn is_column(item: &SelectItem) -> bool {
    matches!(
        item,
        SelectItem::UnnamedExpr(Expr::Identifier(_) | Expr::CompoundIdentifier(_))
    )
}
