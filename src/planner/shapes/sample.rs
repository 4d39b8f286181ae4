//! `TABLESAMPLE`: which rows are drawn, and by what places they are known again.
//!
//! A table's row is known by its file and its position there; a row of anything else (a join, groups, VALUES) by
//! its values and how many equal ones there are before it. So a sample with a seed is the same whatever else
//! the statement asks, as long as the data is.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::datasource::source_as_provider;
use datafusion::error::Result;
use datafusion::logical_expr::planner::RelationPlannerContext;
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, LogicalPlanBuilder, TableScan};
use sqlparser::ast::{
    Expr as SqlExpr, Spanned, TableFactor, TableSampleKind, TableSampleMethod, TableSampleQuantity,
    TableSampleSeed, TableSampleUnit, Value,
};
use sqlparser::tokenizer::Span;

use super::ShapePlanner;
use crate::error::{Code, Error};
use crate::operators::sample::{Draw, SampleNode, Unit};
use crate::operators::{Fold, at};
use crate::planner::multisets::with_numbers;
use crate::planner::places::{place_columns, rescanned, with_places};
use crate::table::external::{self, TracedTable};
use crate::table::managed::{self, PositionedTable};
use crate::table::{ExternalTableProvider, ManagedTableProvider};

/// What a row's number among its equals is called: nothing else is.
const OCCURRENCE: &str = "sampled occurrence";

/// The plan of a sample of `relation`.
pub(super) fn plan(
    planner: &ShapePlanner,
    sample: TableSampleKind,
    relation: TableFactor,
    context: &mut dyn RelationPlannerContext,
) -> Result<LogicalPlan> {
    let (TableSampleKind::BeforeTableAlias(sample) | TableSampleKind::AfterTableAlias(sample)) = sample;
    let place = relation.span();
    if sample.bucket.is_some() || sample.offset.is_some() {
        let error = Error::new(
            Code::Unsupported,
            "TABLESAMPLE with BUCKET or OFFSET is not supported",
        );
        return Err(at(
            error.with_hint("write TABLESAMPLE BERNOULLI (10) REPEATABLE (42)"),
            place,
        ));
    }
    let unit = match sample.name {
        None | Some(TableSampleMethod::Bernoulli | TableSampleMethod::Row) => Unit::Rows,
        Some(TableSampleMethod::System | TableSampleMethod::Block) => Unit::Blocks,
    };
    let Some(quantity) = sample.quantity else {
        return Err(at(
            Error::new(Code::Syntax, "TABLESAMPLE needs a percentage"),
            place,
        ));
    };
    let share = share(planner, quantity, context)?;
    let seed = sample.seed.map(seed).transpose()?;
    let draw = Draw { unit, share, seed };
    let input = context.plan(relation)?;
    if seed.is_none() {
        return Ok(extension(SampleNode::new(input, draw, Vec::new())));
    }
    by_place(input, draw, place)
}

fn extension(node: SampleNode) -> LogicalPlan {
    LogicalPlan::Extension(Extension { node: Arc::new(node) })
}

/// The share of a percentage.
fn share(
    planner: &ShapePlanner,
    quantity: TableSampleQuantity,
    context: &mut dyn RelationPlannerContext,
) -> Result<f64> {
    let span = place_of(&quantity.value);
    if quantity.unit == Some(TableSampleUnit::Rows) {
        let error = Error::new(
            Code::Unsupported,
            "TABLESAMPLE of a number of ROWS is not supported",
        );
        return Err(at(error.with_hint("write ORDER BY random() LIMIT n"), span));
    }
    if !quantity.parenthesized {
        let error = Error::new(Code::Unsupported, "a sample without parentheses is not supported");
        return Err(at(
            error.with_hint("write TABLESAMPLE BERNOULLI (10), of 10 percent"),
            span,
        ));
    }
    let refused = |problem: &str| {
        let error = Error::new(
            Code::InvalidValue,
            format!("the percentage of TABLESAMPLE {problem}"),
        );
        at(error, span)
    };
    let expr = context.sql_to_expr(quantity.value, &DFSchema::empty())?;
    let value = planner
        .constants
        .fold(expr)?
        .ok_or_else(|| refused("must be a constant"))?;
    match value.cast_to(&DataType::Float64) {
        Ok(ScalarValue::Float64(Some(percent))) if (0.0..=100.0).contains(&percent) => Ok(percent / 100.0),
        Ok(ScalarValue::Float64(None)) => Err(refused("must not be NULL")),
        _ => Err(refused("must be a number from 0 to 100")),
    }
}

fn place_of(expr: &SqlExpr) -> Span {
    match expr {
        SqlExpr::Value(value) => value.span,
        other => other.span(),
    }
}

fn seed(seed: TableSampleSeed) -> Result<u64> {
    let number = match &seed.value.value {
        Value::Number(digits, _) => digits.replace('_', "").parse().ok(),
        _ => None,
    };
    number.ok_or_else(|| {
        let error = Error::new(
            Code::InvalidValue,
            "the seed of TABLESAMPLE must be a whole number, 0 or more",
        );
        at(error, seed.value.span)
    })
}

/// A draw by the places of rows.
fn by_place(input: LogicalPlan, draw: Draw, span: Span) -> Result<LogicalPlan> {
    let columns: Vec<Expr> = input.schema().columns().into_iter().map(Expr::Column).collect();
    for (names, scan) in [
        (
            [external::SOURCE, external::SOURCE_ROW],
            external_scan as fn(&TableScan) -> Result<Option<LogicalPlan>>,
        ),
        ([managed::FILE, managed::ROW], managed_scan),
    ] {
        if let Some(placed) = with_places(&input, names, &scan)? {
            let places = place_columns(placed.schema(), names)?;
            return drawn(placed, draw, places, columns);
        }
    }
    if draw.unit == Unit::Blocks {
        let what = "TABLESAMPLE SYSTEM with REPEATABLE, of anything but one table, is not supported";
        let hint = "rows of a query are in no blocks: BERNOULLI draws them one by one";
        return Err(at(Error::new(Code::Unsupported, what).with_hint(hint), span));
    }
    let numbered = with_numbers(&Arc::new(input), columns.clone(), OCCURRENCE)?;
    let places = numbered.schema().columns();
    drawn(numbered, draw, places, columns)
}

fn drawn(input: LogicalPlan, draw: Draw, places: Vec<Column>, columns: Vec<Expr>) -> Result<LogicalPlan> {
    let places = places.into_iter().map(Expr::Column).collect();
    let sample = extension(SampleNode::new(input, draw, places));
    LogicalPlanBuilder::from(sample).project(columns)?.build()
}

fn external_scan(scan: &TableScan) -> Result<Option<LogicalPlan>> {
    let Ok(provider) = source_as_provider(&scan.source) else {
        return Ok(None);
    };
    match provider.downcast_ref::<ExternalTableProvider>() {
        Some(table) => rescanned(scan, Arc::new(TracedTable::by_name(table.clone()))).map(Some),
        None => Ok(None),
    }
}

fn managed_scan(scan: &TableScan) -> Result<Option<LogicalPlan>> {
    let Ok(provider) = source_as_provider(&scan.source) else {
        return Ok(None);
    };
    match provider.downcast_ref::<ManagedTableProvider>() {
        Some(table) => rescanned(scan, Arc::new(PositionedTable::new(table.clone()))).map(Some),
        None => Ok(None),
    }
}
