//! How far the running statement is, from the metrics that its plan keeps anyway.

use std::sync::Arc;

use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::MetricsSet;
use parking_lot::Mutex;

/// A handle to a session's running statement. Cheap to clone and to ask.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Mutex<Slot>>);

#[derive(Debug, Default)]
struct Slot {
    plan: Option<Arc<dyn ExecutionPlan>>,
    furthest: f64,
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
    /// The part done, 0 to 1; never falls during a statement. `None` while nothing is known.
    pub fraction: Option<f64>,
}

impl Progress {
    pub(super) fn begin(&self, plan: Arc<dyn ExecutionPlan>) {
        *self.0.lock() = Slot {
            plan: Some(plan),
            furthest: 0.0,
        };
    }

    /// Ends what `plan` began, unless another has begun since.
    pub(super) fn end(&self, plan: &Arc<dyn ExecutionPlan>) {
        let mut slot = self.0.lock();
        if slot
            .plan
            .as_ref()
            .is_some_and(|running| Arc::ptr_eq(running, plan))
        {
            *slot = Slot::default();
        }
    }

    /// How far the running statement is; `None` if none is running.
    pub fn snapshot(&self) -> Option<ProgressSnapshot> {
        let mut slot = self.0.lock();
        let plan = slot.plan.clone()?;
        let mut totals = ProgressSnapshot::default();
        add(plan.as_ref(), &mut totals);
        if totals.files_total > 0 {
            let fraction = totals.files.min(totals.files_total) as f64 / totals.files_total as f64;
            slot.furthest = slot.furthest.max(fraction);
            totals.fraction = Some(slot.furthest);
        }
        Some(totals)
    }
}

/// Adds what the scans below `plan` say.
fn add(plan: &dyn ExecutionPlan, totals: &mut ProgressSnapshot) {
    let children = plan.children();
    if children.is_empty()
        && let Some(metrics) = plan.metrics()
    {
        totals.rows += metrics.output_rows().unwrap_or(0) as u64;
        totals.bytes += sum(&metrics, "bytes_scanned");
        totals.files += sum(&metrics, "files_processed");
    }
    if let Some(source) = plan.downcast_ref::<DataSourceExec>()
        && let Some(scan) = source.data_source().downcast_ref::<FileScanConfig>()
    {
        let files = scan.file_groups.iter().map(|group| group.len() as u64);
        totals.files_total += files.sum::<u64>();
    }
    for child in children {
        add(child.as_ref(), totals);
    }
}

fn sum(metrics: &MetricsSet, name: &str) -> u64 {
    metrics
        .sum_by_name(name)
        .map_or(0, |value| value.as_usize() as u64)
}
