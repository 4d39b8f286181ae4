//! Counters a file.

use std::collections::BTreeMap;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute::partition;
use arrow::datatypes::UInt32Type;
use datafusion::error::Result;
use parking_lot::Mutex;

use crate::operators::validate::{Gate, Judged};

/// For each file, by its position, and each rule: the rows that it applies to, and those that break it.
/// Shared by a plan's streams.
#[derive(Debug, Default)]
pub struct FileTally(Mutex<BTreeMap<u32, Vec<(u64, u64)>>>);

impl FileTally {
    /// The counters as they are. A file without rows has none.
    pub fn counts(&self) -> BTreeMap<u32, Vec<(u64, u64)>> {
        self.0.lock().clone()
    }

    /// Adds a batch, whose rows lie in `files`.
    pub(super) fn add(&self, gate: &Gate, batch: &RecordBatch, files: &ArrayRef) -> Result<()> {
        let positions = files.as_primitive::<UInt32Type>();
        // Rows of a file lie together.
        for rows in partition(&[ArrayRef::clone(files)])?.ranges() {
            let verdict = gate.judge(&batch.slice(rows.start, rows.len()));
            self.add_verdict(positions.value(rows.start), &verdict);
        }
        Ok(())
    }

    fn add_verdict(&self, file: u32, verdict: &Judged) {
        let mut all = self.0.lock();
        let counts = all
            .entry(file)
            .or_insert_with(|| vec![(0, 0); verdict.rows.len()]);
        for ((rows, broken), (n, bits)) in counts.iter_mut().zip(verdict.rows.iter().zip(&verdict.broken)) {
            *rows += n;
            *broken += bits.as_ref().map_or(0, |bits| bits.count_set_bits() as u64);
        }
    }
}
