//! A query's columns are called what was written: `count(*)`, `min(amount)`, `1`, and not what the
//! planner calls the expressions for itself (`min(raw.events.amount)`, `Int64(1)`).

use std::collections::HashSet;

use datafusion::common::{Column, TableReference};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::sql::parser::Statement as Standard;
use sqlparser::ast::{Expr as SqlExpr, SelectItem, SetExpr, Statement};

/// A column of a query, as its writer sees it.
pub(super) enum Written {
    /// It has a name of its own.
    Named,
    /// An expression, which is called what was written.
    Called(String),
    /// `*`: any number of columns with names of their own.
    Star,
}

/// The plan of a query with its output columns so called. Whatever else it is (an `INSERT`, an
/// `EXPLAIN`) stays as it is.
pub(super) fn as_written(plan: LogicalPlan, written: Option<Vec<Written>>) -> Result<LogicalPlan> {
    let names = written.and_then(|written| spread(written, plan.schema().fields().len()));
    let Some(names) = names else {
        return Ok(plan);
    };
    let schema = plan.schema();
    let current = schema.fields().iter().map(|field| field.name());
    let wanted: Vec<&String> = names
        .iter()
        .zip(current.clone())
        .map(|(name, old)| name.as_ref().unwrap_or(old))
        .collect();
    if wanted.iter().copied().eq(current) {
        return Ok(plan);
    }
    let is_distinct = wanted.iter().collect::<HashSet<_>>().len() == wanted.len();
    let columns = wanted.iter().enumerate().map(|(i, name)| {
        let (qualifier, field) = schema.qualified_field(i);
        let column = Expr::Column(Column::new(qualifier.cloned(), field.name()));
        if !is_distinct {
            // Columns of one name are told apart by tables that there are not.
            column.alias_qualified(Some(TableReference::bare(format!("column {i}"))), name.as_str())
        } else if field.name() == *name {
            column
        } else {
            column.alias(name.as_str())
        }
    });
    let columns: Vec<Expr> = columns.collect();
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}

/// A name, or none, for each of `columns` columns. Where there are two stars, who knows which is how
/// wide.
fn spread(written: Vec<Written>, columns: usize) -> Option<Vec<Option<String>>> {
    let stars = written
        .iter()
        .filter(|column| matches!(column, Written::Star))
        .count();
    let starred = (columns + stars).checked_sub(written.len())?;
    if stars > 1 || (stars == 0 && starred != 0) {
        return None;
    }
    let mut names = Vec::with_capacity(columns);
    for column in written {
        match column {
            Written::Named => names.push(None),
            Written::Called(name) => names.push(Some(name)),
            Written::Star => names.extend(std::iter::repeat_n(None, starred)),
        }
    }
    Some(names)
}

/// The columns of a query; nothing for other statements.
pub(super) fn written(statement: &Standard) -> Option<Vec<Written>> {
    let Standard::Statement(statement) = statement else {
        return None;
    };
    let Statement::Query(query) = statement.as_ref() else {
        return None;
    };
    let mut body = query.body.as_ref();
    loop {
        match body {
            SetExpr::Select(select) => return Some(select.projection.iter().map(item).collect()),
            SetExpr::Query(query) => body = query.body.as_ref(),
            SetExpr::SetOperation { left, .. } => body = left.as_ref(),
            _ => return None,
        }
    }
}

fn item(item: &SelectItem) -> Written {
    match item {
        SelectItem::UnnamedExpr(SqlExpr::Identifier(name))
        | SelectItem::ExprWithAlias { alias: name, .. } => Written::Called(name.value.clone()),
        SelectItem::UnnamedExpr(SqlExpr::CompoundIdentifier(parts)) => parts
            .last()
            .map_or(Written::Named, |part| Written::Called(part.value.clone())),
        SelectItem::UnnamedExpr(expression) => Written::Called(expression.to_string()),
        _ => Written::Star,
    }
}
