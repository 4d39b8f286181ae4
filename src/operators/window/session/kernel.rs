//! Sorted rows → sessions: which rows belong together, and from when until when.

use arrow::array::{ArrayRef, RecordBatch};
use datafusion::common::Result;

use crate::operators::input::{Runs, sliced_size};
use crate::operators::window::time::out_of_range;

/// Rows whose sessions are complete.
#[derive(Debug)]
pub(super) struct Complete {
    pub(super) rows: RecordBatch,
    pub(super) starts: Vec<i64>,
    pub(super) ends: Vec<i64>,
}

/// The sessions of rows that come sorted by key and time.
#[derive(Debug)]
pub(super) struct Sessions {
    gap: i64,
    runs: Runs,
    open: Option<Open>,
}

/// The last session so far.
#[derive(Debug)]
struct Open {
    first: i64,
    last: i64,
    rows: Vec<RecordBatch>,
}

impl Sessions {
    pub(super) fn new(gap: i64) -> Self {
        Self {
            gap,
            runs: Runs::default(),
            open: None,
        }
    }

    /// Takes a batch with the times and keys of its rows. Returns what is complete by then, in order.
    pub(super) fn push(
        &mut self,
        batch: &RecordBatch,
        keys: &[ArrayRef],
        ticks: &[i64],
    ) -> Result<Vec<Complete>> {
        let runs = self.runs.push(keys, ticks.len())?;
        let mut complete = Vec::new();
        let (mut starts, mut ends) = (Vec::new(), Vec::new());
        // Where in the batch the open session begins; before that it lies in earlier batches alone.
        let mut open_from = 0;
        for run in runs {
            let first = run.rows.start;
            for row in run.rows {
                let tick = ticks[row];
                if let Some(open) = &mut self.open
                    && (row > first || run.continues)
                    && tick.saturating_sub(open.last) <= self.gap
                {
                    open.last = tick;
                    continue;
                }
                if let Some(closed) = self.open.take() {
                    let end = closed.end(self.gap)?;
                    starts.resize(row, closed.first);
                    ends.resize(row, end);
                    complete.extend(closed.complete(end));
                }
                open_from = row;
                self.open = Some(Open {
                    first: tick,
                    last: tick,
                    rows: Vec::new(),
                });
            }
        }
        if !starts.is_empty() {
            let rows = batch.slice(0, starts.len());
            complete.push(Complete { rows, starts, ends });
        }
        if let Some(open) = &mut self.open
            && batch.num_rows() > 0
        {
            open.rows
                .push(batch.slice(open_from, batch.num_rows() - open_from));
        }
        Ok(complete)
    }

    /// The last session, when no row follows.
    pub(super) fn finish(&mut self) -> Result<Vec<Complete>> {
        match self.open.take() {
            Some(open) => {
                let end = open.end(self.gap)?;
                Ok(open.complete(end).collect())
            }
            None => Ok(Vec::new()),
        }
    }

    /// Bytes of the rows that wait.
    pub(super) fn size(&self) -> usize {
        let rows = self.open.iter().flat_map(|open| &open.rows);
        rows.map(|batch| sliced_size(batch.columns())).sum()
    }
}

impl Open {
    fn end(&self, gap: i64) -> Result<i64> {
        Ok(self.last.checked_add(gap).ok_or_else(out_of_range)?)
    }

    /// What of the session lies in earlier batches.
    fn complete(self, end: i64) -> impl Iterator<Item = Complete> {
        let first = self.first;
        self.rows.into_iter().map(move |rows| Complete {
            starts: vec![first; rows.num_rows()],
            ends: vec![end; rows.num_rows()],
            rows,
        })
    }
}
