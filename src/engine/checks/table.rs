//! `system.checks`: a row a check or load and rule.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};

use super::History;
use crate::definition::{CheckRecord, RuleOutcome};
use crate::engine::system::batch;
use crate::error::Result;

/// A row: a record, and one of its outcomes if it has any.
type Row<'a> = (&'a CheckRecord, Option<&'a RuleOutcome>);

impl History {
    /// `system.checks`. A record without rules has one row, without a rule.
    pub(in crate::engine) fn table(&self) -> Result<RecordBatch> {
        let records = self.records()?;
        let rows: Vec<Row<'_>> = records.iter().flat_map(rows_of).collect();
        let of_record = |get: fn(&CheckRecord) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(
                rows.iter().map(|(record, _)| get(record)),
            ))
        };
        let text = |get: fn(&RuleOutcome) -> Option<String>| -> ArrayRef {
            let texts = rows.iter().map(|(_, outcome)| outcome.and_then(get));
            Arc::new(texts.collect::<StringArray>())
        };
        let number = |get: fn(&Row<'_>) -> Option<u64>| -> ArrayRef {
            let values = rows.iter().map(|row| i64::try_from(get(row)?).ok());
            Arc::new(values.collect::<Int64Array>())
        };
        let float = |get: fn(&RuleOutcome) -> Option<f64>| -> ArrayRef {
            let values = rows.iter().map(|(_, outcome)| outcome.and_then(get));
            Arc::new(values.collect::<Float64Array>())
        };
        let began = rows.iter().map(|(record, _)| record.at.timestamp_micros());
        let began = TimestampMicrosecondArray::from_iter_values(began).with_timezone("UTC");
        Ok(batch(vec![
            ("run_id", of_record(|record| record.id.to_string())),
            ("kind", of_record(|record| record.kind.clone())),
            ("table_name", of_record(|record| record.table.clone())),
            ("version", number(|(record, _)| record.version)),
            ("started_at", Arc::new(began)),
            ("duration_ms", number(|(record, _)| Some(record.duration_ms))),
            ("rule", text(|outcome| Some(outcome.rule.clone()))),
            ("dimension", text(|outcome| Some(outcome.dimension.to_string()))),
            ("severity", text(|outcome| Some(outcome.severity.to_string()))),
            ("action", text(|outcome| Some(outcome.action.to_string()))),
            ("status", text(|outcome| Some(outcome.status.to_string()))),
            ("value", float(|outcome| outcome.value.or_else(|| outcome.rate()))),
            ("threshold", float(|outcome| Some(outcome.threshold))),
            ("rows", number(|(_, outcome)| Some((*outcome)?.rows))),
            ("failed_rows", number(|(_, outcome)| Some((*outcome)?.violations))),
            ("message", text(|outcome| outcome.message.clone())),
        ]))
    }
}

fn rows_of(record: &CheckRecord) -> Vec<Row<'_>> {
    match record.outcomes.as_slice() {
        [] => vec![(record, None)],
        outcomes => outcomes.iter().map(|outcome| (record, Some(outcome))).collect(),
    }
}
