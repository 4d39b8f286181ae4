//! `EXCEPT ALL` and `INTERSECT ALL`: how often a row occurs counts.
//!
//! The planner makes joins of them that know whether a row occurs, not how often. So each occurrence of a
//! row is numbered on both sides, and the numbers are joined with the rows.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::common::{Column, NullEquality};
use datafusion::error::Result;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::{Expr, ExprFunctionExt, Join, JoinType, LogicalPlan, LogicalPlanBuilder};

/// What the occurrences' numbers are called: nothing else is.
const LEFT: &str = "left occurrence";
const RIGHT: &str = "right occurrence";

/// Numbers the rows of set operations that keep duplicates. Of the planner's joins those alone take NULL for
/// equal to NULL, and do not make their left side distinct.
pub(super) fn number(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|plan| match plan {
        LogicalPlan::Join(join) if keeps_duplicates(&join) => Ok(Transformed::yes(numbered(join)?)),
        other => Ok(Transformed::no(other)),
    })
    .data()
}

fn keeps_duplicates(join: &Join) -> bool {
    join.null_equality == NullEquality::NullEqualsNull
        && matches!(join.join_type, JoinType::LeftAnti | JoinType::LeftSemi)
        && !matches!(join.left.as_ref(), LogicalPlan::Distinct(_))
        && !join.on.iter().any(|(left, _)| is_number(left))
}

/// Whether it is done already: a view's plan is part of others.
fn is_number(key: &Expr) -> bool {
    matches!(key, Expr::Column(column) if column.name == LEFT)
}

fn numbered(join: Join) -> Result<LogicalPlan> {
    let columns: Vec<Expr> = join
        .schema
        .iter()
        .map(|field| Expr::Column(Column::from(field)))
        .collect();
    let (left_keys, right_keys): (Vec<Expr>, Vec<Expr>) = join.on.iter().cloned().unzip();
    let left = with_numbers(&join.left, left_keys, LEFT)?;
    let right = with_numbers(&join.right, right_keys, RIGHT)?;
    let mut on = join.on;
    let number = |name| Expr::Column(Column::new_unqualified(name));
    on.push((number(LEFT), number(RIGHT)));
    let numbered = Join::try_new(
        Arc::new(left),
        Arc::new(right),
        on,
        join.filter,
        join.join_type,
        join.join_constraint,
        join.null_equality,
        join.null_aware,
    )?;
    LogicalPlanBuilder::from(LogicalPlan::Join(numbered))
        .project(columns)?
        .build()
}

/// The rows with the number of each among its equals.
pub(super) fn with_numbers(input: &Arc<LogicalPlan>, keys: Vec<Expr>, name: &str) -> Result<LogicalPlan> {
    let mut columns: Vec<Expr> = input
        .schema()
        .iter()
        .map(|field| Expr::Column(Column::from(field)))
        .collect();
    let number = row_number().partition_by(keys).build()?;
    let window = LogicalPlanBuilder::from(Arc::clone(input)).window([number])?;
    let (_, counted) = window.schema().qualified_field(columns.len());
    columns.push(Expr::Column(Column::new_unqualified(counted.name())).alias(name));
    window.project(columns)?.build()
}
