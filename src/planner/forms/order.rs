//! `SELECT DISTINCT a + 1 … ORDER BY a + 1`: what repeats a column's expression is that column. `ORDER BY
//! ALL` is one by every column, from the first to the last.

use sqlparser::ast::{Distinct, Expr, OrderByExpr, OrderByKind, Query, SelectItem, SetExpr};

use super::number;

/// Orders a query by the positions of its columns, where DISTINCT or ALL asks for it.
pub(super) fn by_position(query: &mut Query) {
    let SetExpr::Select(select) = query.body.as_ref() else {
        return;
    };
    // How many columns a star has is not known here.
    let expressions: Option<Vec<&Expr>> = select.projection.iter().map(expression).collect();
    let (Some(expressions), Some(order_by)) = (expressions, &mut query.order_by) else {
        return;
    };
    let keys = match &mut order_by.kind {
        OrderByKind::All(options) => {
            let key = |position| OrderByExpr {
                expr: number(position),
                options: *options,
                with_fill: None,
            };
            let keys = (1..=expressions.len()).map(key).collect();
            order_by.kind = OrderByKind::Expressions(keys);
            return;
        }
        OrderByKind::Expressions(keys) => keys,
    };
    if !matches!(select.distinct, Some(Distinct::Distinct)) {
        return;
    }
    for key in keys {
        // A name is looked for among the columns' own names first, and a number is a position already.
        if matches!(key.expr, Expr::Identifier(_) | Expr::Value(_)) {
            continue;
        }
        if let Some(position) = expressions.iter().position(|written| **written == key.expr) {
            key.expr = number(position + 1);
        }
    }
}

fn expression(item: &SelectItem) -> Option<&Expr> {
    match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        _ => None,
    }
}
