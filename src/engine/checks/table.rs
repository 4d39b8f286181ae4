//! `system.checks`: a row a run and rule.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};

use super::{Finding, History, Run};
use crate::engine::system::batch;
use crate::error::Result;

/// A row: a run, and one of its findings if it has any.
type Row<'a> = (&'a Run, Option<&'a Finding>);

impl History {
    /// `system.checks`. A run without rules has one row, without a rule.
    ///
    /// `others` are runs that are known from elsewhere, and may be kept here too; only those of zones that
    /// may be read are shown.
    pub(in crate::engine) fn table(
        &self,
        others: Vec<Run>,
        may_read: &dyn Fn(&str) -> bool,
    ) -> Result<RecordBatch> {
        let mut runs = self.runs()?;
        let known: HashSet<String> = runs.iter().map(|run| run.id.clone()).collect();
        runs.extend(others.into_iter().filter(|run| !known.contains(&run.id)));
        runs.retain(|run| may_read(run.table.split('.').next().unwrap_or_default()));
        runs.sort_by_key(|run| run.started_at);
        let rows: Vec<Row<'_>> = runs.iter().flat_map(rows_of).collect();
        let run_text = |get: fn(&Run) -> &str| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(
                rows.iter().map(|(run, _)| get(run)),
            ))
        };
        let text = |get: fn(&Finding) -> Option<&str>| -> ArrayRef {
            Arc::new(
                rows.iter()
                    .map(|(_, finding)| finding.and_then(get))
                    .collect::<StringArray>(),
            )
        };
        let number = |get: fn(&Row<'_>) -> Option<u64>| -> ArrayRef {
            let values = rows.iter().map(|row| i64::try_from(get(row)?).ok());
            Arc::new(values.collect::<Int64Array>())
        };
        let float = |get: fn(&Finding) -> Option<f64>| -> ArrayRef {
            Arc::new(
                rows.iter()
                    .map(|(_, finding)| finding.and_then(get))
                    .collect::<Float64Array>(),
            )
        };
        let started = rows.iter().map(|(run, _)| run.started_at.timestamp_micros());
        let started = TimestampMicrosecondArray::from_iter_values(started).with_timezone("UTC");
        Ok(batch(vec![
            ("run_id", run_text(|run| &run.id)),
            ("kind", run_text(|run| run.kind.as_str())),
            ("table_name", run_text(|run| &run.table)),
            ("version", number(|(run, _)| run.version)),
            ("started_at", Arc::new(started)),
            ("duration_ms", number(|(run, _)| Some(run.duration_ms))),
            ("rule", text(|finding| Some(&finding.rule))),
            ("dimension", text(|finding| Some(&finding.dimension))),
            ("severity", text(|finding| Some(&finding.severity))),
            ("action", text(|finding| Some(&finding.action))),
            ("status", text(|finding| Some(&finding.status))),
            ("value", float(|finding| finding.value)),
            ("threshold", float(|finding| finding.threshold)),
            ("rows", number(|(_, finding)| Some((*finding)?.rows))),
            (
                "failed_rows",
                number(|(_, finding)| Some((*finding)?.failed_rows)),
            ),
            ("message", text(|finding| finding.message.as_deref())),
        ]))
    }
}

fn rows_of(run: &Run) -> Vec<Row<'_>> {
    match run.findings.as_slice() {
        [] => vec![(run, None)],
        findings => findings.iter().map(|finding| (run, Some(finding))).collect(),
    }
}
