//! A plan → the same with where each of its rows comes from, if it is a row of one file.
//!
//! That is so where every row is one of a single table's: filtered, reordered and computed, but neither joined
//! nor grouped.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::{Column, DFSchema};
use datafusion::datasource::provider_as_source;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, Projection, TableScan, TableScanBuilder};

/// A table's scan with two columns more, which say a row's file and its position there; nothing if the table
/// cannot tell.
type PlacedScan<'a> = &'a dyn Fn(&TableScan) -> Result<Option<LogicalPlan>>;

/// `plan` with the columns `names` as its last ones, which `scan` adds to the scan; nothing if its rows have no
/// such place.
///
/// # Errors
/// DataFusion's own.
pub fn with_places(
    plan: &LogicalPlan,
    names: [&str; 2],
    scan: PlacedScan<'_>,
) -> Result<Option<LogicalPlan>> {
    match plan {
        LogicalPlan::TableScan(table) => scan(table),
        LogicalPlan::Projection(projection) => {
            let Some(input) = with_places(&projection.input, names, scan)? else {
                return Ok(None);
            };
            let mut all = projection.expr.clone();
            for place in place_columns(input.schema(), names)? {
                // Nobody's, so that no name of the statement's can mean it.
                let name = place.name.clone();
                all.push(Expr::Column(place).alias(name));
            }
            let projection = Projection::try_new(all, input.into())?;
            Ok(Some(LogicalPlan::Projection(projection)))
        }
        LogicalPlan::Filter(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Window(_) => {
            let input = plan
                .inputs()
                .first()
                .map(|input| with_places(input, names, scan))
                .transpose()?;
            let Some(input) = input.flatten() else {
                return Ok(None);
            };
            plan.with_new_exprs(plan.expressions(), vec![input]).map(Some)
        }
        _ => Ok(None),
    }
}

/// The columns `names` of a plan's rows.
///
/// # Errors
/// DataFusion's own, if they are not there.
pub(super) fn place_columns(schema: &DFSchema, names: [&str; 2]) -> Result<Vec<Column>> {
    let place = |name: &str| -> Result<Column> {
        let found = schema.qualified_field_with_unqualified_name(name)?;
        Ok(Column::from(found))
    };
    names.into_iter().map(place).collect()
}

/// The same scan of `table`, which has two columns more.
///
/// # Errors
/// DataFusion's own.
pub fn rescanned(scan: &TableScan, table: Arc<dyn TableProvider>) -> Result<LogicalPlan> {
    let columns = scan.source.schema().fields().len();
    let projection = scan.projection.clone().map(|mut projection| {
        projection.extend([columns, columns + 1]);
        projection
    });
    let scan = TableScanBuilder::new(scan.table_name.clone(), provider_as_source(table))
        .with_projection(projection)
        .with_filters(scan.filters.clone())
        .with_fetch(scan.fetch)
        .build()?;
    Ok(LogicalPlan::TableScan(scan))
}
