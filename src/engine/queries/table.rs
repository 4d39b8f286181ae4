//! `system.queries`: a row a statement, those that run and those that ended of late.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};

use super::{Queries, Summary};
use crate::engine::system::batch;

impl Queries {
    /// Of these sessions alone, if some are given.
    pub(in crate::engine) fn table(&self, sessions: Option<&[String]>) -> RecordBatch {
        let mut all = self.summaries();
        all.retain(|summary| sessions.is_none_or(|sessions| sessions.contains(&summary.session)));
        let text = |get: fn(&Summary) -> Option<&str>| -> ArrayRef {
            Arc::new(all.iter().map(get).collect::<StringArray>())
        };
        let number = |get: fn(&Summary) -> u64| -> ArrayRef {
            let values = all.iter().map(|summary| i64::try_from(get(summary)).ok());
            Arc::new(values.collect::<Int64Array>())
        };
        let time = |get: fn(&Summary) -> Duration| -> ArrayRef {
            let values = all
                .iter()
                .map(|summary| Some(get(summary).as_secs_f64() * 1000.0));
            Arc::new(values.collect::<Float64Array>())
        };
        let started = all
            .iter()
            .map(|summary| Some(summary.started_at.timestamp_micros()));
        batch(vec![
            ("id", text(|s| Some(&s.id))),
            ("session", text(|s| Some(&s.session))),
            ("state", text(|s| Some(s.state.as_str()))),
            ("sql", text(|s| Some(&s.sql))),
            (
                "started_at",
                Arc::new(
                    started
                        .collect::<TimestampMicrosecondArray>()
                        .with_timezone("UTC"),
                ),
            ),
            ("elapsed_ms", time(|s| s.totals.elapsed)),
            ("queued_ms", time(|s| s.totals.queued)),
            (
                "fraction",
                Arc::new(
                    all.iter()
                        .map(|summary| summary.fraction)
                        .collect::<Float64Array>(),
                ),
            ),
            ("rows_read", number(|s| s.totals.rows_read)),
            ("bytes_read", number(|s| s.totals.bytes_read)),
            ("rows_out", number(|s| s.totals.rows_out)),
            ("files_opened", number(|s| s.totals.files_opened)),
            ("files_pruned", number(|s| s.totals.files_pruned)),
            ("row_groups_read", number(|s| s.totals.row_groups_read)),
            ("row_groups_pruned", number(|s| s.totals.row_groups_pruned)),
            ("spilled_bytes", number(|s| s.totals.spilled_bytes)),
            ("peak_memory_bytes", number(|s| s.totals.peak_memory_bytes)),
            ("retries", number(|s| u64::from(s.totals.retries))),
            (
                "notes",
                text(|s| Some(s.notes.as_str()).filter(|notes| !notes.is_empty())),
            ),
            ("error_code", text(|s| s.error.as_ref().map(|(code, _)| *code))),
            (
                "error",
                text(|s| s.error.as_ref().map(|(_, message)| message.as_str())),
            ),
        ])
    }
}
