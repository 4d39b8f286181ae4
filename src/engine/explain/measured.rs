//! What a plan that has run says of each of its nodes.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::error::Result;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::{MetricValue, MetricsSet};

use super::tree::{self, Line, lines, node_field};

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

/// What one node did.
struct Measure {
    rows: Option<i64>,
    nanoseconds: usize,
    bytes: i64,
    spilled: i64,
    pruned: String,
}

/// The columns of [`rows`].
pub(super) fn schema() -> SchemaRef {
    let whole = |name: &str, data_type| Field::new(name, data_type, true);
    Arc::new(Schema::new(vec![
        node_field(),
        whole("share", DataType::Utf8),
        whole("rows", DataType::Int64),
        whole("ms", DataType::Float64),
        whole("bytes_read", DataType::Int64),
        whole("pruned", DataType::Utf8),
        whole("spilled_bytes", DataType::Int64),
        Field::new("detail", DataType::Utf8, false),
    ]))
}

/// A row a node; an arrow points at the hottest.
pub(super) fn rows(plan: &Arc<dyn ExecutionPlan>) -> Result<RecordBatch> {
    let lines = lines(plan);
    let measures: Vec<Measure> = lines.iter().map(measure).collect();
    let total: usize = measures.iter().map(|measure| measure.nanoseconds).sum();
    let hottest = measures.iter().map(|measure| measure.nanoseconds).max();
    let share = |measure: &Measure| {
        let part = measure.nanoseconds as f64 / total.max(1) as f64;
        let is_hot = Some(measure.nanoseconds) == hottest && part >= HOT;
        format!("{:.0} %{}", part * 100.0, if is_hot { " ◀" } else { "" })
    };
    let milliseconds =
        |measure: &Measure| (measure.nanoseconds as f64 / NANOSECONDS_A_MILLISECOND * 100.0).round() / 100.0;
    let positive = |number: i64| (number > 0).then_some(number);
    let pruned = measures
        .iter()
        .map(|m| Some(m.pruned.as_str()).filter(|pruned| !pruned.is_empty()));
    let columns: Vec<ArrayRef> = vec![
        tree::node_column(&lines),
        Arc::new(StringArray::from_iter_values(measures.iter().map(share))),
        Arc::new(measures.iter().map(|m| m.rows).collect::<Int64Array>()),
        Arc::new(Float64Array::from_iter_values(measures.iter().map(milliseconds))),
        Arc::new(measures.iter().map(|m| positive(m.bytes)).collect::<Int64Array>()),
        Arc::new(pruned.collect::<StringArray>()),
        Arc::new(
            measures
                .iter()
                .map(|m| positive(m.spilled))
                .collect::<Int64Array>(),
        ),
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
        bytes: count(named("bytes_scanned")),
        spilled: count(metrics.spilled_bytes().unwrap_or(0)),
        pruned: pruned(&metrics),
    }
}

/// What a scan did not have to read: `27 of 30 files, 3 of 8 row groups`.
fn pruned(metrics: &MetricsSet) -> String {
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
        let (mut out, mut all) = (0, 0);
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
