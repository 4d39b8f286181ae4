//! What a statement tells of itself to a front end in another process.

use serde::{Deserialize, Serialize};

use super::record::Summary;
use super::totals::Readings;

/// A statement's figures at one moment, as they travel. One that is left out is nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Told {
    /// Rows that its scans gave.
    pub rows_read: u64,
    /// Bytes read from files.
    pub bytes_read: u64,
    /// Files done, those that were ruled out included.
    pub files_done: u64,
    /// Files that its plan names.
    pub files_named: u64,
    /// Files read from.
    pub files_opened: u64,
    /// Files ruled out without being read.
    pub files_pruned: u64,
    /// Row groups of Parquet files that were read.
    pub row_groups_read: u64,
    /// Row groups that were ruled out.
    pub row_groups_pruned: u64,
    /// Bytes written to the spill folder.
    pub spilled_bytes: u64,
    /// Memory held now, in bytes.
    pub memory_bytes: u64,
    /// The most memory held at one time, in bytes.
    pub peak_memory_bytes: u64,
    /// Whether it waits for other statements to end.
    pub is_queued: bool,
    /// The part done, 0 to 1, where it is known.
    pub fraction: Option<f64>,
}

impl Told {
    pub(super) fn new(readings: &Readings) -> Self {
        Self {
            rows_read: readings.rows,
            bytes_read: readings.bytes,
            files_done: readings.files_done,
            files_named: readings.files_named,
            files_opened: readings.files_opened,
            files_pruned: readings.files_pruned,
            row_groups_read: readings.row_groups_read,
            row_groups_pruned: readings.row_groups_pruned,
            spilled_bytes: readings.spilled_bytes,
            ..Self::default()
        }
    }

    /// Of a statement that has ended.
    pub(super) fn of_ended(summary: &Summary) -> Self {
        let totals = &summary.totals;
        Self {
            rows_read: totals.rows_read,
            bytes_read: totals.bytes_read,
            files_opened: totals.files_opened,
            files_pruned: totals.files_pruned,
            row_groups_read: totals.row_groups_read,
            row_groups_pruned: totals.row_groups_pruned,
            spilled_bytes: totals.spilled_bytes,
            peak_memory_bytes: totals.peak_memory_bytes,
            fraction: summary.fraction,
            ..Self::default()
        }
    }

    pub(super) fn readings(&self) -> Readings {
        Readings {
            rows: self.rows_read,
            bytes: self.bytes_read,
            files_done: self.files_done,
            files_named: self.files_named,
            files_opened: self.files_opened,
            files_pruned: self.files_pruned,
            row_groups_read: self.row_groups_read,
            row_groups_pruned: self.row_groups_pruned,
            spilled_bytes: self.spilled_bytes,
            done: self.fraction.unwrap_or(0.0),
            known: self.fraction.map_or(0.0, |_| 1.0),
        }
    }
}
