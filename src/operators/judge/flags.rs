//! Rows → the same rows with a Boolean column a rule, as logical plans.

use std::sync::Arc;

use datafusion::common::{Column, Result, TableReference};
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions_aggregate::expr_fn::{count, sum};
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::{Expr, ExprFunctionExt, JoinType, LogicalPlan, LogicalPlanBuilder, lit, when};

use super::logical::{HIDDEN, JudgedRule};
use crate::operators::validate::{BoundRule, Expected, Reading, Screened, may_repeat};

/// The rows, their columns without a qualifier.
///
/// # Errors
/// DataFusion's own, for two columns of one name.
pub fn plain(rows: LogicalPlan) -> Result<LogicalPlan> {
    let columns = rows.schema().iter().map(|(qualifier, field)| {
        // An alias, even to the same name, takes the qualifier away.
        Expr::Column(Column::from((qualifier, field))).alias(field.name())
    });
    let columns: Vec<Expr> = columns.collect();
    LogicalPlanBuilder::from(rows).project(columns)?.build()
}

fn column(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}

fn flag(rule: usize) -> String {
    format!("{HIDDEN}r{rule}")
}

fn held_flag(rule: usize) -> String {
    format!("{HIDDEN}h{rule}")
}

fn filter(rule: usize) -> String {
    format!("{HIDDEN}w{rule}")
}

fn part(i: usize) -> String {
    format!("{HIDDEN}k{i}")
}

/// The names of a rule's columns among those of `rows`.
fn names(rows: &LogicalPlan, rule: &BoundRule) -> Vec<String> {
    let schema = rows.schema();
    rule.columns
        .iter()
        .map(|i| schema.field(*i).name().clone())
        .collect()
}

/// How rules of keys are decided.
#[derive(Debug, Clone, Copy)]
pub enum Sets<'a> {
    /// Not here: the column says that none is broken, and is there for the rows that the rule applies to.
    Apart,
    /// Among the rows.
    Among,
    /// Among the rows and those that the table holds already, plain, none of which breaks a rule here.
    Beside(&'a LogicalPlan),
}

/// `rows`, plain, with a column for each rule that is decided row by row, and what the columns are.
///
/// # Errors
/// DataFusion's own.
pub fn flagged(
    rows: &LogicalPlan,
    rules: &[BoundRule],
    sets: Sets<'_>,
) -> Result<(LogicalPlan, Vec<JudgedRule>)> {
    let mut plan = rows.clone();
    let (mut added, mut judged) = (Vec::new(), Vec::new());
    for (i, rule) in rules.iter().enumerate() {
        let reading = match &rule.expected {
            Expected::Condition {
                condition,
                nulls_fail,
            } => {
                added.push(condition.clone().alias(flag(i)));
                Reading::Condition {
                    nulls_fail: *nulls_fail,
                }
            }
            Expected::Unique { .. } | Expected::ForeignKey { .. } if matches!(sets, Sets::Apart) => {
                added.push(lit(false).alias(flag(i)));
                Reading::Violated
            }
            Expected::Unique { keep } => {
                plan = match keep {
                    None => with_repeated(plan, rows, rule, i)?,
                    Some((by, last)) => with_behind(plan, rule, by, *last, i)?,
                };
                let mut said = column(&flag(i));
                if let Sets::Beside(held) = sets {
                    let found = held_flag(i);
                    plan = joined(plan, rule, held_keys(held, rows, rule)?, is_found, &found)?;
                    said = said.or(column(&found));
                }
                added.push(said.alias(flag(i)));
                Reading::Violated
            }
            Expected::ForeignKey { reference } => {
                plan = with_missing(plan, rule, reference, i)?;
                added.push(column(&flag(i)));
                Reading::Violated
            }
            _ => continue,
        };
        if let Some(condition) = &rule.filter {
            added.push(condition.clone().alias(filter(i)));
        }
        judged.push(JudgedRule {
            rule: rule.rule.clone(),
            columns: names(rows, rule),
            flag: flag(i),
            reading,
            filter: rule.filter.as_ref().map(|_| filter(i)),
        });
    }
    let own = rows.schema().fields().iter().map(|field| column(field.name()));
    let plan = LogicalPlanBuilder::from(plan)
        .project(own.chain(added))?
        .build()?;
    Ok((plan, judged))
}

fn all_present(names: &[String]) -> Expr {
    let present = names.iter().map(|name| column(name).is_not_null());
    present.reduce(Expr::and).unwrap_or_else(|| lit(true))
}

/// The rows that a rule of keys looks at, as its key.
fn keys(rows: &LogicalPlan, rule: &BoundRule) -> Result<LogicalPlanBuilder> {
    let names = names(rows, rule);
    let mut keys = LogicalPlanBuilder::from(rows.clone());
    if let Some(condition) = &rule.filter {
        keys = keys.filter(condition.clone())?;
    }
    let parts = names
        .iter()
        .enumerate()
        .map(|(i, name)| column(name).alias(part(i)));
    let parts: Vec<Expr> = parts.collect();
    keys.filter(all_present(&names))?.project(parts)
}

/// The keys of `rows`, plain, that a rule of keys looks at: no part of them is NULL.
///
/// # Errors
/// DataFusion's own.
pub fn present_keys(rows: &LogicalPlan, rule: &BoundRule) -> Result<LogicalPlan> {
    keys(rows, rule)?.build()
}

/// The keys that occur more than once, and how often. Where they were screened, others are not counted.
fn repeated(
    rows: &LogicalPlan,
    rule: &BoundRule,
    screened: Option<&Arc<Screened>>,
) -> Result<LogicalPlanBuilder> {
    let parts: Vec<Expr> = (0..rule.columns.len()).map(|i| column(&part(i))).collect();
    let times = format!("{HIDDEN}n");
    let mut keys = keys(rows, rule)?;
    if let Some(screened) = screened {
        keys = keys.filter(may_repeat(screened, parts.clone()))?;
    }
    keys.aggregate(parts, [count(lit(1_i64)).alias(&times)])?
        .filter(column(&times).gt(lit(1_i64)))
}

/// The keys of `rows` that `held` rows have too, each once.
fn held_keys(held: &LogicalPlan, rows: &LogicalPlan, rule: &BoundRule) -> Result<LogicalPlanBuilder> {
    let side = |rows: &LogicalPlan, name: &str| keys(rows, rule)?.alias(name)?.build();
    let of = |table: &str, i: usize| Expr::Column(Column::new(Some(table), part(i)));
    let equal = (0..rule.columns.len()).map(|i| of("held", i).eq(of("new", i)));
    let parts = (0..rule.columns.len()).map(|i| of("held", i).alias(part(i)));
    LogicalPlanBuilder::from(side(held, "held")?)
        .join_on(side(rows, "new")?, JoinType::LeftSemi, equal)?
        .project(parts)?
        .distinct()
}

fn is_found(_: Expr, found: Expr) -> Expr {
    found.is_not_null()
}

/// `plan` with all its columns and, joined by the key to `other`, the rule's column `name`.
fn joined(
    plan: LogicalPlan,
    rule: &BoundRule,
    other: LogicalPlanBuilder,
    said: impl FnOnce(Expr, Expr) -> Expr,
    name: &str,
) -> Result<LogicalPlan> {
    let alias = TableReference::bare(format!("{name}t"));
    let found = format!("{HIDDEN}f");
    let parts: Vec<String> = (0..rule.columns.len()).map(part).collect();
    let names = names(&plan, rule);
    let marked = parts
        .iter()
        .map(|part| column(part))
        .chain([lit(true).alias(&found)]);
    let marked: Vec<Expr> = marked.collect();
    let other = other.project(marked)?.alias(alias.clone())?.build()?;
    let own: Vec<Expr> = plan
        .schema()
        .fields()
        .iter()
        .map(|field| column(field.name()))
        .collect();
    let of_other = |name: &str| Expr::Column(Column::new(Some(alias.clone()), name));
    let equal: Vec<Expr> = names
        .iter()
        .zip(&parts)
        .map(|(name, part)| column(name).eq(of_other(part)))
        .collect();
    let said = said(all_present(&names), of_other(&found)).alias(name);
    LogicalPlanBuilder::from(plan)
        .join_on(other, JoinType::Left, equal)?
        .project(own.into_iter().chain([said]))?
        .build()
}

fn with_repeated(plan: LogicalPlan, rows: &LogicalPlan, rule: &BoundRule, i: usize) -> Result<LogicalPlan> {
    joined(plan, rule, repeated(rows, rule, None)?, is_found, &flag(i))
}

fn with_missing(
    plan: LogicalPlan,
    rule: &BoundRule,
    reference: &LogicalPlan,
    i: usize,
) -> Result<LogicalPlan> {
    let said = |present: Expr, found: Expr| present.and(found.is_null());
    joined(plan, rule, known(reference)?, said, &flag(i))
}

/// The reference's keys, each once.
fn known(reference: &LogicalPlan) -> Result<LogicalPlanBuilder> {
    let fields = reference.schema().iter().enumerate();
    let renamed =
        fields.map(|(i, (qualifier, field))| Expr::Column(Column::from((qualifier, field))).alias(part(i)));
    let renamed: Vec<Expr> = renamed.collect();
    LogicalPlanBuilder::from(reference.clone())
        .project(renamed)?
        .distinct()
}

/// `plan` with a column that is true of the rows that are not the first (or last) of their key.
fn with_behind(plan: LogicalPlan, rule: &BoundRule, by: &Expr, last: bool, i: usize) -> Result<LogicalPlan> {
    let names = names(&plan, rule);
    let own: Vec<Expr> = plan
        .schema()
        .fields()
        .iter()
        .map(|field| column(field.name()))
        .collect();
    let counts = all_present(&names);
    let counts = match &rule.filter {
        Some(condition) => counts.and(condition.clone().is_true()),
        None => counts,
    };
    let counted = format!("{HIDDEN}c");
    let with_counted = own.iter().cloned().chain([counts.alias(&counted)]);
    let with_counted: Vec<Expr> = with_counted.collect();
    let plan = LogicalPlanBuilder::from(plan).project(with_counted)?.build()?;
    // Rows that do not count are apart: they take no row's place.
    let within = std::iter::once(column(&counted)).chain(names.iter().map(|name| column(name)));
    let position = row_number()
        .partition_by(within.collect())
        .order_by(vec![by.clone().sort(!last, false)])
        .build()?;
    let position = position.alias(format!("{HIDDEN}p"));
    let ranked = LogicalPlanBuilder::from(plan).window([position])?.build()?;
    let behind = column(&format!("{HIDDEN}p")).gt(lit(1_u64));
    let said = column(&counted).and(behind).alias(flag(i));
    LogicalPlanBuilder::from(ranked)
        .project(own.into_iter().chain([said]))?
        .build()
}

/// For a rule of keys one row: how many of `rows`, plain, break it. Nothing for other rules. Keys that have
/// to be unique may have been `screened`.
///
/// # Errors
/// DataFusion's own.
pub fn broken_keys(
    rows: &LogicalPlan,
    rule: &BoundRule,
    screened: Option<&Arc<Screened>>,
) -> Result<Option<LogicalPlan>> {
    let none = Vec::<Expr>::new;
    let times = column(&format!("{HIDDEN}n"));
    let plan = match &rule.expected {
        Expected::Unique { keep } => {
            let spared = lit(i64::from(keep.is_some()));
            repeated(rows, rule, screened)?.aggregate(none(), [sum(times - spared)])?
        }
        Expected::ForeignKey { reference } => {
            let alias = TableReference::bare(format!("{HIDDEN}t"));
            let other = known(reference)?.alias(alias.clone())?.build()?;
            let own = TableReference::bare(format!("{HIDDEN}o"));
            let equal: Vec<Expr> = (0..rule.columns.len())
                .map(|i| {
                    let of = |table: &TableReference| Expr::Column(Column::new(Some(table.clone()), part(i)));
                    of(&own).eq(of(&alias))
                })
                .collect();
            keys(rows, rule)?
                .alias(own)?
                .join_on(other, JoinType::LeftAnti, equal)?
                .aggregate(none(), [count(lit(1_i64))])?
        }
        _ => return Ok(None),
    };
    plan.build().map(Some)
}

/// One row: how many more rows break a rule of unique keys when `new` rows come to `old` ones, both plain.
/// Only the keys of the new rows are looked for among the old.
///
/// # Errors
/// DataFusion's own.
pub fn more_broken_keys(old: &LogicalPlan, new: &LogicalPlan, rule: &BoundRule) -> Result<LogicalPlan> {
    let spared = match &rule.expected {
        Expected::Unique { keep } => i64::from(keep.is_some()),
        _ => 0,
    };
    let width = rule.columns.len();
    let (o, n) = (format!("{HIDDEN}o"), format!("{HIDDEN}n"));
    let counted = |rows: &LogicalPlan, name: &str, alias: &str| -> Result<LogicalPlan> {
        let parts: Vec<Expr> = (0..width).map(|i| column(&part(i))).collect();
        let counted = keys(rows, rule)?.aggregate(parts, [count(lit(1_i64)).alias(name)])?;
        counted.alias(alias)?.build()
    };
    let of = |table: &str, name: &str| Expr::Column(Column::new(Some(table), name));
    let equal: Vec<Expr> = (0..width)
        .map(|i| of("new", &part(i)).eq(of("old", &part(i))))
        .collect();
    let new_ones = counted(new, &n, "new")?;
    // Old rows without a new one's key are left out before they are counted.
    let looked_for = LogicalPlanBuilder::from(keys(old, rule)?.alias("old")?.build()?)
        .join_on(new_ones.clone(), JoinType::LeftSemi, equal.clone())?
        .aggregate(
            (0..width).map(|i| of("old", &part(i))),
            [count(lit(1_i64)).alias(&o)],
        )?
        .alias("old")?
        .build()?;
    let before = coalesce(vec![of("old", &o), lit(0_i64)]);
    let after = before.clone() + of("new", &n);
    let broken = |rows: Expr| when(rows.clone().gt(lit(1_i64)), rows - lit(spared)).otherwise(lit(0_i64));
    let more = broken(after)? - broken(before)?;
    LogicalPlanBuilder::from(new_ones)
        .join_on(looked_for, JoinType::Left, equal)?
        .aggregate(Vec::<Expr>::new(), [sum(more)])?
        .build()
}
