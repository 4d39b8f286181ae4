//! `system.rules`: a row a rule of every table whose definition can be read.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};

use crate::catalog::Catalog;
use crate::definition::Rule;
use crate::engine::state::aggregate_functions;
use crate::engine::system::batch;
use crate::error::Result;

struct Row {
    zone: String,
    table: String,
    position: i64,
    rule: Rule,
}

/// The table, of the zones that may be read.
///
/// # Errors
/// What the operating system says of the catalog's folders.
pub(crate) fn rules_table(catalog: &Catalog, may_read: &dyn Fn(&str) -> bool) -> Result<RecordBatch> {
    let mut rows = Vec::new();
    for zone in catalog.zones().iter().filter(|zone| may_read(&zone.name)) {
        for entry in catalog.entries(zone)? {
            let Ok(definition) = &entry.definition else {
                continue;
            };
            for (position, rule) in (1_i64..).zip(&definition.rules) {
                rows.push(Row {
                    zone: zone.name.clone(),
                    table: entry.name.clone(),
                    position,
                    rule: rule.clone(),
                });
            }
        }
    }
    let aggregates: HashSet<String> = aggregate_functions()
        .iter()
        .flat_map(|f| std::iter::once(f.name().to_owned()).chain(f.aliases().iter().cloned()))
        .collect();
    let is_aggregate = |name: &str| aggregates.contains(&name.to_lowercase());
    let text = |get: &dyn Fn(&Row) -> Option<String>| -> ArrayRef {
        Arc::new(rows.iter().map(get).collect::<StringArray>())
    };
    let thresholds = rows.iter().map(|row| Some(row.rule.threshold()));
    let truth = |get: &dyn Fn(&Row) -> bool| -> ArrayRef {
        Arc::new(rows.iter().map(|row| Some(get(row))).collect::<BooleanArray>())
    };
    Ok(batch(vec![
        ("zone", text(&|row| Some(row.zone.clone()))),
        ("table_name", text(&|row| Some(row.table.clone()))),
        ("rule", text(&|row| Some(row.rule.name.clone()))),
        (
            "position",
            Arc::new(rows.iter().map(|row| Some(row.position)).collect::<Int64Array>()),
        ),
        ("kind", text(&|row| Some(row.rule.kind(is_aggregate).to_owned()))),
        ("expectation", text(&|row| Some(row.rule.expectation.to_string()))),
        (
            "filter",
            text(&|row| row.rule.filter.as_ref().map(|filter| filter.sql.clone())),
        ),
        ("columns", text(&|row| Some(row.rule.columns().join(", ")))),
        ("action", text(&|row| Some(row.rule.action.to_string()))),
        ("severity", text(&|row| Some(row.rule.severity.to_string()))),
        ("dimension", text(&|row| Some(row.rule.dimension().to_string()))),
        ("threshold", Arc::new(thresholds.collect::<Float64Array>())),
        ("message", text(&|row| row.rule.message.clone())),
        ("nulls_fail", truth(&|row| row.rule.nulls_fail)),
        ("blank_fails", truth(&|row| row.rule.blank_fails)),
        ("definition", text(&|row| Some(row.rule.sql()))),
    ]))
}
