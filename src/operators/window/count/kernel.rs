//! Sorted rows → windows of rows.

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, partition, take_record_batch};
use datafusion::common::Result;

use super::Frame;
use crate::error::{Code, Error};
use crate::operators::input::{Run, Runs, sliced_size};

/// Rows of complete windows, window by window.
#[derive(Debug)]
pub(super) struct Complete {
    pub(super) rows: RecordBatch,
    pub(super) starts: Vec<i64>,
    pub(super) ends: Vec<i64>,
    pub(super) ids: Vec<i64>,
}

/// The windows of rows that come sorted by key and time.
#[derive(Debug)]
pub(super) struct Counted {
    frame: Frame,
    runs: Runs,
    /// Rows that windows to come may need, all of one key.
    rows: Vec<RecordBatch>,
    ticks: Vec<i64>,
    /// The key's row that `rows` begins with, from 0.
    first: usize,
    /// The key's window that is not out yet, from 0.
    next: usize,
}

/// What is found in one push.
#[derive(Debug, Default)]
struct Found {
    rows: Vec<u32>,
    starts: Vec<i64>,
    ends: Vec<i64>,
    ids: Vec<i64>,
}

impl Counted {
    pub(super) fn new(frame: Frame) -> Self {
        Self {
            frame,
            runs: Runs::default(),
            rows: Vec::new(),
            ticks: Vec::new(),
            first: 0,
            next: 0,
        }
    }

    /// Takes a batch with the keys and times of its rows. Returns what is complete by then.
    pub(super) fn push(
        &mut self,
        batch: &RecordBatch,
        keys: &[ArrayRef],
        ticks: &[i64],
    ) -> Result<Option<Complete>> {
        let runs = self.runs.push(keys, ticks.len())?;
        let Some(last) = runs.len().checked_sub(1) else {
            return Ok(None);
        };
        let held = self.ticks.len();
        self.rows.push(batch.clone());
        self.ticks.extend_from_slice(ticks);
        let all = std::mem::take(&mut self.ticks);
        let mut found = Found::default();
        if !runs[0].continues && held > 0 {
            self.windows(&mut found, &all, 0..held, true)?;
        }
        let mut kept = 0;
        for (i, Run { rows, continues }) in runs.into_iter().enumerate() {
            let start = if continues { 0 } else { rows.start + held };
            if !continues {
                (self.first, self.next) = (0, 0);
            }
            kept = self.windows(&mut found, &all, start..rows.end + held, i < last)?;
        }
        let complete = found.complete(&self.rows)?;
        self.keep(all, kept)?;
        Ok(complete)
    }

    /// The windows of the last key, when no row follows.
    pub(super) fn finish(&mut self) -> Result<Option<Complete>> {
        let ticks = std::mem::take(&mut self.ticks);
        let mut found = Found::default();
        self.windows(&mut found, &ticks, 0..ticks.len(), true)?;
        let complete = found.complete(&self.rows)?;
        self.rows.clear();
        Ok(complete)
    }

    /// Adds the windows of one key's rows, which lie at `rows` and begin with the key's row `first`.
    /// Returns where the rows begin that windows to come may need.
    fn windows(
        &mut self,
        found: &mut Found,
        ticks: &[i64],
        rows: std::ops::Range<usize>,
        ended: bool,
    ) -> Result<usize> {
        loop {
            let from = rows.start + self.next * self.frame.slide - self.first;
            let until = from + self.frame.rows;
            let cut_short = ended && self.frame.partial && from < rows.end;
            if until > rows.end && !cut_short {
                let from = from.min(rows.end);
                self.first += from - rows.start;
                return Ok(from);
            }
            found.add(from..until.min(rows.end), ticks, self.next)?;
            self.next += 1;
        }
    }

    /// Lets go of the rows before `kept`.
    fn keep(&mut self, ticks: Vec<i64>, mut kept: usize) -> Result<()> {
        self.ticks = ticks;
        self.ticks.drain(..kept);
        self.rows.retain_mut(|batch| {
            let dropped = kept.min(batch.num_rows());
            kept -= dropped;
            *batch = batch.slice(dropped, batch.num_rows() - dropped);
            batch.num_rows() > 0
        });
        Ok(())
    }

    /// Bytes of the rows that wait.
    pub(super) fn size(&self) -> usize {
        let rows = self.rows.iter().map(|batch| sliced_size(batch.columns()));
        rows.sum::<usize>() + self.ticks.capacity() * size_of::<i64>()
    }
}

impl Found {
    fn add(&mut self, rows: std::ops::Range<usize>, ticks: &[i64], window: usize) -> Result<()> {
        let too_large = |_| Error::new(Code::OutOfMemory, "count_window: a window has too many rows");
        let id = i64::try_from(window).map_err(too_large)? + 1;
        let (start, end) = (ticks[rows.start], ticks[rows.end - 1]);
        let range =
            u32::try_from(rows.start).map_err(too_large)?..u32::try_from(rows.end).map_err(too_large)?;
        self.rows.extend(range);
        let length = self.rows.len();
        self.starts.resize(length, start);
        self.ends.resize(length, end);
        self.ids.resize(length, id);
        Ok(())
    }

    fn complete(self, batches: &[RecordBatch]) -> Result<Option<Complete>> {
        let Some(first) = batches.first().filter(|_| !self.rows.is_empty()) else {
            return Ok(None);
        };
        let all = match batches {
            [only] => only.clone(),
            several => concat_batches(&first.schema(), several)?,
        };
        Ok(Some(Complete {
            rows: take_record_batch(&all, &UInt32Array::from(self.rows))?,
            starts: self.starts,
            ends: self.ends,
            ids: self.ids,
        }))
    }
}

/// Refuses rows that nothing puts in an order.
#[derive(Debug, Default)]
pub(super) struct Ties {
    last: Option<Vec<ArrayRef>>,
}

impl Ties {
    /// Whether two rows that follow one another are equal in all `columns`: key, time, order.
    pub(super) fn found(&mut self, columns: &[ArrayRef], rows: usize) -> Result<bool> {
        if rows == 0 {
            return Ok(false);
        }
        let edge = self.last.take();
        self.last = Some(columns.iter().map(|column| column.slice(rows - 1, 1)).collect());
        if partition(columns)?.len() < rows {
            return Ok(true);
        }
        let Some(edge) = edge else {
            return Ok(false);
        };
        let pairs = edge.iter().zip(columns);
        let pairs = pairs.map(|(a, b)| arrow::compute::concat(&[a.as_ref(), b.slice(0, 1).as_ref()]));
        let pairs = pairs.collect::<Result<Vec<_>, _>>()?;
        Ok(partition(&pairs)?.len() == 1)
    }
}
