//! A load's plan → the same with where each of its rows comes from, if it is a row of one external table's file.

use std::sync::Arc;

use datafusion::datasource::source_as_provider;
use datafusion::error::Result;
use datafusion::logical_expr::{LogicalPlan, TableScan};

use crate::planner::{rescanned, with_places};
use crate::table::ExternalTableProvider;
use crate::table::external::{SOURCE, SOURCE_ROW, Sources, TracedTable};

/// `plan` with [`SOURCE`] and [`SOURCE_ROW`] as its last columns; nothing if its rows have no such place.
///
/// # Errors
/// DataFusion's own.
pub(super) fn traced(plan: &LogicalPlan) -> Result<Option<(LogicalPlan, Arc<Sources>)>> {
    let sources = Arc::new(Sources::default());
    let plan = with_places(plan, [SOURCE, SOURCE_ROW], &|scan| of_scan(scan, &sources))?;
    Ok(plan.map(|plan| (plan, sources)))
}

fn of_scan(scan: &TableScan, sources: &Arc<Sources>) -> Result<Option<LogicalPlan>> {
    let Ok(provider) = source_as_provider(&scan.source) else {
        return Ok(None);
    };
    match provider.downcast_ref::<ExternalTableProvider>() {
        Some(table) => rescanned(
            scan,
            Arc::new(TracedTable::new(table.clone(), Arc::clone(sources))),
        )
        .map(Some),
        None => Ok(None),
    }
}
