//! Sorted rows → filled rows.

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::concat;
use datafusion::common::Result;

use crate::functions::{Carried, Fill, Run};
use crate::operators::input::{Runs, sliced_size};

/// Rows with their results: a column a function.
pub(super) type Complete = (RecordBatch, Vec<ArrayRef>);

/// The functions over rows that come sorted.
#[derive(Debug)]
pub(super) struct Fills {
    fills: Vec<Fill>,
    runs: Runs,
    /// What the rows that are out have left, by function.
    carried: Vec<Option<Carried>>,
    waiting: Vec<Part>,
    /// Bytes of what waits.
    size: usize,
}

/// Rows of one batch.
#[derive(Debug)]
struct Part {
    batch: RecordBatch,
    /// Each function's arguments.
    arguments: Vec<Vec<ArrayRef>>,
    runs: Vec<Run>,
}

impl Part {
    fn slice(&self, from: usize, rows: usize) -> Self {
        let arguments = self.arguments.iter().map(|columns| {
            let columns = columns.iter().map(|column| column.slice(from, rows));
            columns.collect()
        });
        let runs = self.runs.iter().filter_map(|run| {
            let start = run.rows.start.max(from);
            let end = run.rows.end.min(from + rows);
            (start < end).then(|| Run {
                rows: start - from..end - from,
                continues: run.continues || start > run.rows.start,
            })
        });
        Self {
            batch: self.batch.slice(from, rows),
            arguments: arguments.collect(),
            runs: runs.collect(),
        }
    }

    fn size(&self) -> usize {
        let arguments = self.arguments.iter().map(|columns| sliced_size(columns));
        sliced_size(self.batch.columns()) + arguments.sum::<usize>()
    }
}

impl Fills {
    pub(super) fn new(fills: Vec<Fill>) -> Self {
        Self {
            carried: vec![None; fills.len()],
            fills,
            runs: Runs::default(),
            waiting: Vec::new(),
            size: 0,
        }
    }

    /// Takes a batch with the keys of its rows and each function's arguments. Returns what is complete by then,
    /// in order.
    pub(super) fn push(
        &mut self,
        batch: RecordBatch,
        keys: &[ArrayRef],
        arguments: Vec<Vec<ArrayRef>>,
    ) -> Result<Vec<Complete>> {
        let rows = batch.num_rows();
        let part = Part {
            runs: self.runs.push(keys, rows)?,
            batch,
            arguments,
        };
        let Some(first) = part.runs.first() else {
            return Ok(Vec::new());
        };
        let mut complete = Vec::new();
        if !first.continues {
            // The partition that waits has ended.
            complete = self.finish()?;
        }
        let known = self.known(&part);
        if known > 0 {
            self.waiting.push(part.slice(0, known));
            complete.extend(self.finish()?);
        }
        if known < rows {
            let rest = part.slice(known, rows - known);
            self.size += rest.size();
            self.waiting.push(rest);
        }
        Ok(complete)
    }

    /// How many of the rows can be computed without those behind them.
    fn known(&self, part: &Part) -> usize {
        let rows = part.batch.num_rows();
        let ahead = self.fills.iter().zip(&part.arguments);
        let ahead = ahead.filter(|(fill, _)| fill.looks_ahead());
        let nulls: Vec<_> = ahead
            .filter_map(|(_, arguments)| arguments[0].logical_nulls())
            .filter(|nulls| nulls.null_count() > 0)
            .collect();
        let last_run = part.runs.last().map_or(0, |run| run.rows.start);
        let anchor = (last_run..rows)
            .rev()
            .find(|row| nulls.iter().all(|nulls| nulls.is_valid(*row)));
        anchor.map_or(last_run, |row| row + 1)
    }

    /// Computes what waits, as if nothing came behind it.
    pub(super) fn finish(&mut self) -> Result<Vec<Complete>> {
        let parts = std::mem::take(&mut self.waiting);
        self.size = 0;
        if parts.is_empty() {
            return Ok(Vec::new());
        }
        let runs = joined(&parts);
        let mut results = Vec::with_capacity(self.fills.len());
        for (place, fill) in self.fills.iter().enumerate() {
            let columns = columns(&parts, place)?;
            results.push(fill.fill(&columns, &runs, &mut self.carried[place])?);
        }
        let mut from = 0;
        let complete = parts.into_iter().map(|part| {
            let rows = part.batch.num_rows();
            let of = results.iter().map(|result| result.slice(from, rows)).collect();
            from += rows;
            (part.batch, of)
        });
        Ok(complete.collect())
    }

    /// Bytes of the rows that wait.
    pub(super) fn size(&self) -> usize {
        self.size
    }
}

/// The arguments of one function, over all parts.
fn columns(parts: &[Part], place: usize) -> Result<Vec<ArrayRef>> {
    if let [part] = parts {
        return Ok(part.arguments[place].clone());
    }
    let count = parts.first().map_or(0, |part| part.arguments[place].len());
    let columns = (0..count).map(|column| {
        let pieces: Vec<&dyn Array> = parts
            .iter()
            .map(|part| part.arguments[place][column].as_ref())
            .collect();
        Ok(concat(&pieces)?)
    });
    columns.collect()
}

/// The runs of all parts.
fn joined(parts: &[Part]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut from = 0;
    for part in parts {
        for run in &part.runs {
            let rows = run.rows.start + from..run.rows.end + from;
            match runs.last_mut().filter(|_| run.continues) {
                Some(last) => last.rows.end = rows.end,
                None => runs.push(Run {
                    rows,
                    continues: run.continues,
                }),
            }
        }
        from += part.batch.num_rows();
    }
    runs
}
