//! A query's columns are called what was written: `count(*)`, `min(amount)`, `1`, and not what the
//! planner calls the expressions for itself (`min(raw.events.amount)`, `Int64(1)`).

use std::collections::HashSet;

use datafusion::common::Column;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::sql::parser::Statement as Standard;
use sqlparser::ast::{Expr as SqlExpr, SelectItem, SetExpr, Statement};

/// The plan of `statement` with its output columns so called. Whatever else it is (an `INSERT`, an
/// `EXPLAIN`) stays as it is.
pub(super) fn as_written(plan: LogicalPlan, names: Option<Vec<Option<String>>>) -> Result<LogicalPlan> {
    let Some(names) = names.filter(|names| names.len() == plan.schema().fields().len()) else {
        return Ok(plan);
    };
    let schema = plan.schema();
    let current = schema.fields().iter().map(|field| field.name());
    let wanted: Vec<&String> = names
        .iter()
        .zip(current.clone())
        .map(|(name, old)| name.as_ref().unwrap_or(old))
        .collect();
    let distinct = wanted.iter().collect::<HashSet<_>>().len() == wanted.len();
    if !distinct || wanted.iter().copied().eq(current) {
        return Ok(plan);
    }
    let columns = wanted.iter().enumerate().map(|(i, name)| {
        let (qualifier, field) = schema.qualified_field(i);
        let column = Expr::Column(Column::new(qualifier.cloned(), field.name()));
        if field.name() == *name {
            column
        } else {
            column.alias(name.as_str())
        }
    });
    let columns: Vec<Expr> = columns.collect();
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}

/// What the columns of a query are called by whoever wrote it; `None` for those that have a name of
/// their own. Nothing for other statements, and for a `*`, whose columns are known later.
pub(super) fn written(statement: &Standard) -> Option<Vec<Option<String>>> {
    let Standard::Statement(statement) = statement else {
        return None;
    };
    let Statement::Query(query) = statement.as_ref() else {
        return None;
    };
    let mut body = query.body.as_ref();
    loop {
        match body {
            SetExpr::Select(select) => return select.projection.iter().map(item).collect(),
            SetExpr::Query(query) => body = query.body.as_ref(),
            SetExpr::SetOperation { left, .. } => body = left.as_ref(),
            _ => return None,
        }
    }
}

/// `Some(None)` for a name to be kept, `None` where there is no telling.
fn item(item: &SelectItem) -> Option<Option<String>> {
    match item {
        SelectItem::ExprWithAlias { .. } | SelectItem::UnnamedExpr(SqlExpr::Identifier(_)) => Some(None),
        SelectItem::UnnamedExpr(SqlExpr::CompoundIdentifier(parts)) => {
            Some(parts.last().map(|part| part.value.clone()))
        }
        SelectItem::UnnamedExpr(expression) => Some(Some(expression.to_string())),
        _ => None,
    }
}
