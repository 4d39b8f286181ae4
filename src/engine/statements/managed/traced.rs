//! A load's plan → the same with where each of its rows comes from, if it is a row of one file.
//!
//! That is so where every row of the input is one of a single external table's: filtered, reordered and
//! computed, but neither joined nor grouped.

use std::sync::Arc;

use datafusion::common::{Column, DFSchema};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, Projection, TableScan, TableScanBuilder};

use crate::table::ExternalTableProvider;
use crate::table::external::{SOURCE, SOURCE_ROW, Sources, TracedTable};

/// `plan` with [`SOURCE`] and [`SOURCE_ROW`] as its last columns; nothing if its rows have no such place.
///
/// # Errors
/// DataFusion's own.
pub(super) fn traced(plan: &LogicalPlan) -> Result<Option<(LogicalPlan, Arc<Sources>)>> {
    let sources = Arc::new(Sources::default());
    Ok(of(plan, &sources)?.map(|plan| (plan, sources)))
}

fn of(plan: &LogicalPlan, sources: &Arc<Sources>) -> Result<Option<LogicalPlan>> {
    match plan {
        LogicalPlan::TableScan(scan) => of_scan(scan, sources),
        LogicalPlan::Projection(projection) => {
            let Some(input) = of(&projection.input, sources)? else {
                return Ok(None);
            };
            let mut all = projection.expr.clone();
            all.extend(places(input.schema())?);
            let projection = Projection::try_new(all, Arc::new(input))?;
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
                .map(|input| of(input, sources))
                .transpose()?;
            let Some(input) = input.flatten() else {
                return Ok(None);
            };
            plan.with_new_exprs(plan.expressions(), vec![input]).map(Some)
        }
        _ => Ok(None),
    }
}

fn of_scan(scan: &TableScan, sources: &Arc<Sources>) -> Result<Option<LogicalPlan>> {
    let Ok(provider) = source_as_provider(&scan.source) else {
        return Ok(None);
    };
    let Some(table) = provider.downcast_ref::<ExternalTableProvider>() else {
        return Ok(None);
    };
    let columns = scan.source.schema().fields().len();
    let projection = scan.projection.clone().map(|mut projection| {
        projection.extend([columns, columns + 1]);
        projection
    });
    let traced = TracedTable::new(table.clone(), Arc::clone(sources));
    let scan = TableScanBuilder::new(scan.table_name.clone(), provider_as_source(Arc::new(traced)))
        .with_projection(projection)
        .with_filters(scan.filters.clone())
        .with_fetch(scan.fetch)
        .build()?;
    Ok(Some(LogicalPlan::TableScan(scan)))
}

fn places(schema: &DFSchema) -> Result<Vec<Expr>> {
    let place = |name: &str| -> Result<Expr> {
        let (qualifier, field) = schema.qualified_field_with_unqualified_name(name)?;
        // Nobody's, so that no name of the statement's can mean it.
        Ok(Expr::Column(Column::from((qualifier, field))).alias(name))
    };
    Ok(vec![place(SOURCE)?, place(SOURCE_ROW)?])
}
