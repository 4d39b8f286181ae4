//! Loads as the history has them, and as the logs of their tables have them where the history lost them.

use crate::catalog::Catalog;
use crate::definition::{RuleOutcome, TableKind};
use crate::engine::checks::{Finding, Run, RunKind};
use crate::error::Result;
use crate::table::managed::TableLog;

/// What was found of a rule, as the history has it.
pub(crate) fn finding(outcome: &RuleOutcome) -> Finding {
    Finding {
        rule: outcome.rule.clone(),
        dimension: outcome.dimension.to_string(),
        severity: outcome.severity.to_string(),
        action: outcome.action.to_string(),
        status: outcome.status.to_string(),
        value: outcome.value.or_else(|| outcome.rate()),
        threshold: Some(outcome.threshold),
        rows: outcome.rows,
        failed_rows: outcome.violations,
        message: outcome.message.clone(),
    }
}

/// The loads that the logs of managed tables tell of. A log that cannot be read tells of none: who reads
/// its table is told why.
///
/// # Errors
/// What the operating system says of the catalog's folders.
pub(crate) fn loads_in_logs(catalog: &Catalog) -> Result<Vec<Run>> {
    let mut runs = Vec::new();
    for zone in catalog.zones() {
        for entry in catalog.entries(zone)? {
            let Ok(definition) = &entry.definition else {
                continue;
            };
            let TableKind::Managed(table) = &definition.kind else {
                continue;
            };
            let log = TableLog::new(catalog.zone_folder(zone).join(&table.location));
            let name = format!("{}.{}", zone.name, entry.name);
            let entries = log.entries().unwrap_or_default();
            runs.extend(entries.iter().filter_map(|entry| {
                let info = entry.info();
                let outcomes = info.get("ruleOutcomes")?.clone();
                let outcomes: Vec<RuleOutcome> = serde_json::from_value(outcomes).ok()?;
                let began = info.get("beganAt")?.as_str()?.parse().ok();
                Some(Run {
                    id: info.get("loadId")?.as_str()?.to_owned(),
                    kind: RunKind::Load,
                    table: name.clone(),
                    version: Some(entry.version),
                    started_at: began.unwrap_or(entry.committed_at),
                    duration_ms: info.get("durationMs")?.as_u64()?,
                    findings: outcomes.iter().map(finding).collect(),
                })
            }));
        }
    }
    Ok(runs)
}
