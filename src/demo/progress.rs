//! What a front end is told while the sample is made.

use super::answers::Table;

/// How far the generation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DemoProgress {
    /// The table that is being written, with its zone.
    pub table: &'static str,
    /// How much of it is written.
    pub rows_done: u64,
    /// How much there will be. Duplicates come on top of it and gaps are counted in it, for a table
    /// other than `raw.events`.
    pub rows_total: u64,
}

/// Passes progress on.
pub(super) struct Report<'a> {
    tell: &'a mut dyn FnMut(DemoProgress),
    now: DemoProgress,
}

impl<'a> Report<'a> {
    pub(super) fn new(tell: &'a mut dyn FnMut(DemoProgress)) -> Self {
        let now = DemoProgress {
            table: "",
            rows_done: 0,
            rows_total: 0,
        };
        Self { tell, now }
    }

    pub(super) fn begin(&mut self, table: Table, rows_total: u64) {
        self.now = DemoProgress {
            table: table.name(),
            rows_done: 0,
            rows_total,
        };
        (self.tell)(self.now);
    }

    pub(super) fn add(&mut self, rows: u64) {
        self.now.rows_done += rows;
        (self.tell)(self.now);
    }
}
