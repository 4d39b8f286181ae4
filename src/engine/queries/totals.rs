//! What a plan has read, kept and spilled so far, from the metrics of its operators.

use std::collections::HashSet;
use std::time::Duration;

use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::{MetricValue, MetricsSet};

/// What a statement has used so far; once it has ended, what it used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Rows that its scans gave, after what a scan itself leaves out.
    pub rows_read: u64,
    /// Bytes read from files.
    pub bytes_read: u64,
    /// Rows that it gave to its reader, or wrote.
    pub rows_out: u64,
    /// Files read from.
    pub files_opened: u64,
    /// Files ruled out without being read, by their partition or their statistics. A folder that was
    /// not even opened counts as one.
    pub files_pruned: u64,
    /// Row groups of Parquet files that were read.
    pub row_groups_read: u64,
    /// Row groups ruled out by statistics, Bloom filters, limits or what a join had found.
    pub row_groups_pruned: u64,
    /// Bytes written to the spill folder.
    pub spilled_bytes: u64,
    /// The most memory that its operators held at one time, in bytes.
    pub peak_memory_bytes: u64,
    /// From its beginning to its end, waiting included.
    pub elapsed: Duration,
    /// Waiting for other statements to end.
    pub queued: Duration,
    /// How often it was run again, after a passing fault or for want of memory.
    pub retries: u32,
}

/// How far a statement is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ProgressSnapshot {
    /// Rows read from tables so far.
    pub rows: u64,
    /// Bytes read from files so far.
    pub bytes: u64,
    /// Files done so far, those that were ruled out included.
    pub files: u64,
    /// Files that the plan names.
    pub files_total: u64,
    /// Bytes spilled so far.
    pub spilled_bytes: u64,
    /// Memory held now, in bytes.
    pub memory_bytes: u64,
    /// Since the statement began.
    pub elapsed: Duration,
    /// Whether it waits for other statements to end.
    pub is_queued: bool,
    /// The part done, 0 to 1; never falls during a statement. `None` while nothing is known.
    pub fraction: Option<f64>,
}

/// The metric that a scan adds for files which were ruled out before it was planned.
const PRUNED_IN_PLANNING: &str = crate::table::FILES_PRUNED_METRIC;

/// What the plans of a statement say of themselves. Work done and known are the last plan's alone.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Readings {
    pub rows: u64,
    pub bytes: u64,
    pub files_done: u64,
    pub files_named: u64,
    pub files_opened: u64,
    pub files_pruned: u64,
    pub row_groups_read: u64,
    pub row_groups_pruned: u64,
    pub spilled_bytes: u64,
    /// Work done and work known, in rows where every scan knows them, else in files.
    pub done: f64,
    pub known: f64,
}

impl Readings {
    /// Adds what `plan` says now.
    pub(super) fn add_plan(&mut self, plan: &dyn ExecutionPlan) {
        let mut scans = Vec::new();
        self.add(plan, &mut scans);
        let in_rows = scans.iter().all(|scan| scan.rows.is_some());
        (self.done, self.known) = (0.0, 0.0);
        for scan in &scans {
            let weight = match scan.rows {
                Some(rows) if in_rows => rows as f64,
                _ => scan.ranges as f64,
            };
            self.known += weight;
            self.done += weight * scan.fraction;
        }
    }

    fn add(&mut self, plan: &dyn ExecutionPlan, scans: &mut Vec<ScanReading>) {
        let children = plan.children();
        let metrics = plan.metrics();
        if let Some(metrics) = &metrics {
            self.spilled_bytes += metrics.spilled_bytes().unwrap_or(0) as u64;
            if children.is_empty() {
                self.rows += metrics.output_rows().unwrap_or(0) as u64;
                self.bytes += sum(metrics, "bytes_scanned");
            }
        }
        if let Some(source) = plan.downcast_ref::<DataSourceExec>()
            && let Some(scan) = source.data_source().downcast_ref::<FileScanConfig>()
        {
            self.add_scan(scan, &metrics.unwrap_or_default(), scans);
        }
        for child in children {
            self.add(child.as_ref(), scans);
        }
    }

    fn add_scan(&mut self, scan: &FileScanConfig, metrics: &MetricsSet, scans: &mut Vec<ScanReading>) {
        let ranges = scan.file_groups.iter().map(|group| group.len() as u64).sum();
        let files = scan.file_groups.iter().flat_map(|group| group.files());
        let named = files
            .map(|file| &file.object_meta.location)
            .collect::<HashSet<_>>()
            .len() as u64;
        let (files_pruned, _) = pruned(metrics, "files_ranges_pruned_statistics");
        let (by_statistics, left) = pruned(metrics, "row_groups_pruned_statistics");
        let (by_bloom_filter, _) = pruned(metrics, "row_groups_pruned_bloom_filter");
        let (by_limit, _) = pruned(metrics, "limit_pruned_row_groups");
        let later = by_bloom_filter + by_limit + sum(metrics, "row_groups_pruned_dynamic_filter");
        let reading = ScanReading::new(scan, metrics, ranges);
        let opened = sum(metrics, "files_opened");
        self.files_named += named;
        self.files_done += (reading.fraction * named as f64) as u64;
        self.files_pruned += files_pruned.min(named) + sum(metrics, PRUNED_IN_PLANNING);
        self.files_opened += opened.saturating_sub(files_pruned).min(named);
        self.row_groups_pruned += by_statistics + later;
        self.row_groups_read += left.saturating_sub(later);
        scans.push(reading);
    }
}

/// How far one scan is.
struct ScanReading {
    ranges: u64,
    /// The rows of its files, where they are known.
    rows: Option<u64>,
    fraction: f64,
}

impl ScanReading {
    fn new(scan: &FileScanConfig, metrics: &MetricsSet, ranges: u64) -> Self {
        let rows = scan.statistics().num_rows.get_value().map(|rows| *rows as u64);
        let (rows_pruned, _) = pruned(metrics, "page_index_rows_pruned");
        let seen =
            metrics.output_rows().unwrap_or(0) as u64 + sum(metrics, "pushdown_rows_pruned") + rows_pruned;
        let by_files = part(sum(metrics, "files_processed"), ranges);
        let by_rows = rows.map_or(0.0, |rows| part(seen, rows));
        Self {
            ranges,
            rows,
            fraction: by_files.max(by_rows),
        }
    }
}

fn part(done: u64, all: u64) -> f64 {
    match all {
        0 => 0.0,
        all => done.min(all) as f64 / all as f64,
    }
}

fn sum(metrics: &MetricsSet, name: &str) -> u64 {
    metrics
        .sum_by_name(name)
        .map_or(0, |value| value.as_usize() as u64)
}

/// How many were ruled out, and how many were left.
fn pruned(metrics: &MetricsSet, name: &str) -> (u64, u64) {
    match metrics.sum_by_name(name) {
        Some(MetricValue::PruningMetrics { pruning_metrics, .. }) => {
            (pruning_metrics.pruned() as u64, pruning_metrics.matched() as u64)
        }
        _ => (0, 0),
    }
}
