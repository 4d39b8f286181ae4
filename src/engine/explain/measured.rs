//! What a plan that has run says of each of its nodes.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::error::Result;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::{MetricValue, MetricsSet};
use indicatif::BinaryBytes;

use super::tree::{self, Line, lines, node_field};
use crate::table::FILES_PRUNED_METRIC;

/// Times that operators keep apart from the time they compute, each a part of their work.
const OWN_TIMES: &[&str] = &[
    "build_time",
    "join_time",
    "time_elapsed_processing",
    "repartition_time",
];
/// A node that takes this part of all the time is worth a look.
const HOT: f64 = 0.25;
const NANOSECONDS_A_MILLISECOND: f64 = 1e6;
const MILLISECONDS_A_SECOND: f64 = 1e3;

/// What one node did.
struct Measure {
    rows: Option<i64>,
    nanoseconds: usize,
    bytes: usize,
    spilled: usize,
    pruned: String,
}

impl Measure {
    /// What it read, did not have to read, and spilled; nothing of what is zero. One text, so that a narrow
    /// screen has it all: a node has seldom more than one of them.
    fn used(&self) -> String {
        let mut parts = Vec::new();
        if self.bytes > 0 {
            parts.push(bytes(self.bytes));
        }
        if !self.pruned.is_empty() {
            parts.push(format!("pruned {}", self.pruned));
        }
        if self.spilled > 0 {
            parts.push(format!("spilled {}", bytes(self.spilled)));
        }
        parts.join(", ")
    }
}

fn bytes(number: usize) -> String {
    BinaryBytes(number as u64).to_string()
}

/// `0.4 ms`, `12 ms`, `1.2 s`.
fn duration(nanoseconds: usize) -> String {
    let milliseconds = nanoseconds as f64 / NANOSECONDS_A_MILLISECOND;
    match milliseconds {
        ..10.0 => format!("{milliseconds:.1} ms"),
        ..MILLISECONDS_A_SECOND => format!("{milliseconds:.0} ms"),
        _ => format!("{:.1} s", milliseconds / MILLISECONDS_A_SECOND),
    }
}

/// The columns of [`rows`].
pub(super) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        node_field(),
        Field::new("time", DataType::Utf8, false),
        Field::new("rows", DataType::Int64, true),
        Field::new("read_and_spilled", DataType::Utf8, false),
        Field::new("detail", DataType::Utf8, false),
    ]))
}

/// A row a node; an arrow points at the hottest.
pub(super) fn rows(plan: &Arc<dyn ExecutionPlan>) -> Result<RecordBatch> {
    let lines = lines(plan);
    let measures: Vec<Measure> = lines.iter().map(measure).collect();
    let total: usize = measures.iter().map(|measure| measure.nanoseconds).sum();
    let hottest = measures.iter().map(|measure| measure.nanoseconds).max();
    let time = |measure: &Measure| {
        let part = measure.nanoseconds as f64 / total.max(1) as f64;
        let is_hot = Some(measure.nanoseconds) == hottest && part >= HOT;
        let mark = if is_hot { " ◀" } else { "" };
        format!("{} {:.0} %{mark}", duration(measure.nanoseconds), part * 100.0)
    };
    let columns: Vec<ArrayRef> = vec![
        tree::node_column(&lines),
        Arc::new(StringArray::from_iter_values(measures.iter().map(time))),
        Arc::new(measures.iter().map(|m| m.rows).collect::<Int64Array>()),
        Arc::new(StringArray::from_iter_values(measures.iter().map(Measure::used))),
        tree::detail_column(&lines),
    ];
    Ok(RecordBatch::try_new(schema(), columns)?)
}

fn measure(line: &Line<'_>) -> Measure {
    let metrics = line.plan.metrics().unwrap_or_default();
    let named = |name: &str| metrics.sum_by_name(name).map_or(0, |value| value.as_usize());
    let own: usize = OWN_TIMES.iter().map(|name| named(name)).sum();
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    Measure {
        rows: metrics.output_rows().map(count),
        nanoseconds: own.max(metrics.elapsed_compute().unwrap_or(0)),
        bytes: named("bytes_scanned"),
        spilled: metrics.spilled_bytes().unwrap_or(0),
        pruned: pruned(line.plan.as_ref(), &metrics),
    }
}

/// What a scan did not have to read: `27 of 30 files, 3 of 8 row groups`.
fn pruned(plan: &dyn ExecutionPlan, metrics: &MetricsSet) -> String {
    let in_planning = metrics
        .sum_by_name(FILES_PRUNED_METRIC)
        .map_or(0, |value| value.as_usize());
    let kinds = [
        ("files", &["files_ranges_pruned_statistics"][..]),
        (
            "row groups",
            &["row_groups_pruned_statistics", "row_groups_pruned_bloom_filter"][..],
        ),
        ("rows by pages", &["page_index_rows_pruned"][..]),
    ];
    let mut parts = Vec::new();
    for (what, names) in kinds {
        let (mut out, mut all) = match what {
            "files" => (in_planning, in_planning + tree::named_files(plan)),
            _ => (0, 0),
        };
        for name in names {
            if let Some(MetricValue::PruningMetrics { pruning_metrics, .. }) = metrics.sum_by_name(name) {
                out += pruning_metrics.pruned();
                all = all.max(pruning_metrics.pruned() + pruning_metrics.matched());
            }
        }
        if out > 0 {
            parts.push(format!("{out} of {all} {what}"));
        }
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_said_of_what_is_zero() {
        let mut measure = Measure {
            rows: None,
            nanoseconds: 0,
            bytes: 0,
            spilled: 0,
            pruned: String::new(),
        };
        assert_eq!(measure.used(), "");
        measure.bytes = 3 << 10;
        measure.pruned = "19 of 30 files".to_owned();
        assert_eq!(measure.used(), "3.00 KiB, pruned 19 of 30 files");
        measure.spilled = 1 << 20;
        assert_eq!(
            measure.used(),
            "3.00 KiB, pruned 19 of 30 files, spilled 1.00 MiB"
        );
        assert_eq!(duration(400_000), "0.4 ms");
        assert_eq!(duration(12_000_000), "12 ms");
        assert_eq!(duration(1_200_000_000), "1.2 s");
    }
}
