//! Sorted rows → the same rows with those that are missing between them.

use std::sync::Arc;

use arrow::array::{ArrayRef, PrimitiveArray, RecordBatch, new_null_array};
use arrow::buffer::ScalarBuffer;
use arrow::compute::take;
use arrow::datatypes::{SchemaRef, UInt32Type};
use datafusion::common::Result;
use datafusion::physical_expr::expressions::Column;

use super::Points;
use super::points::{Point, Steps};
use crate::operators::input::{Run, Runs, columns_of};
use crate::operators::window::time::Time;

/// The rows of keys that come one after the other, each in the order of time.
#[derive(Debug)]
pub(super) struct Gaps {
    column: usize,
    keys: Vec<Column>,
    time: Time,
    points: Points,
    steps: Steps,
    schema: SchemaRef,
    runs: Runs,
    /// The batch that is being worked on.
    current: Option<Current>,
    /// The key of the last row that is out.
    open: Option<Open>,
    /// The key before it, whose grid goes on behind its last row.
    closing: Option<Open>,
}

#[derive(Debug)]
struct Current {
    batch: RecordBatch,
    ticks: ScalarBuffer<i64>,
    runs: std::vec::IntoIter<Run>,
    /// What of the run is not out yet.
    run: Option<Run>,
}

#[derive(Debug)]
struct Open {
    /// The first point that no row has been seen for.
    next: Point,
    /// The key, as columns of one row, when its rows lie in earlier batches.
    key: Vec<ArrayRef>,
}

/// The rows of a batch to be: where each comes from.
#[derive(Debug, Default)]
struct Chosen {
    /// The row itself; none if it is added.
    rows: Vec<Option<u32>>,
    /// A row of the same key.
    keys: Vec<u32>,
    ticks: Vec<i64>,
}

impl Gaps {
    pub(super) fn new(
        column: usize,
        keys: Vec<Column>,
        time: Time,
        points: Points,
        schema: SchemaRef,
    ) -> Self {
        Self {
            column,
            keys,
            steps: Steps::new(points.step, time.clone()),
            time,
            points,
            schema,
            runs: Runs::default(),
            current: None,
            open: None,
            closing: None,
        }
    }

    /// Takes a batch in. The one before must be out.
    pub(super) fn push(&mut self, batch: RecordBatch, ticks: ScalarBuffer<i64>) -> Result<()> {
        let keys = columns_of(&batch, &self.keys);
        let mut runs = self.runs.push(&keys, batch.num_rows())?.into_iter();
        let run = runs.next();
        self.current = run.is_some().then_some(Current {
            batch,
            ticks,
            runs,
            run,
        });
        if let Some(Current { run: Some(run), .. }) = &self.current
            && !run.continues
        {
            self.enter(run.rows.start, Vec::new());
        }
        Ok(())
    }

    /// No row follows.
    pub(super) fn finish(&mut self) {
        self.closing = self.open.take();
        // Without a key there is one grid, whether there are rows or not.
        if self.closing.is_none() && self.keys.is_empty() {
            self.closing = self.points.start.map(|start| Open {
                next: self.steps.first(start),
                key: Vec::new(),
            });
        }
    }

    /// Begins with the key of a row of the current batch; `key` is that of the rows before.
    fn enter(&mut self, row: usize, key: Vec<ArrayRef>) {
        if let Some(mut before) = self.open.take() {
            if !key.is_empty() {
                before.key = key;
            }
            let goes_on = self.points.stop.is_some_and(|stop| before.next.at < stop);
            self.closing = goes_on.then_some(before);
        }
        let first = self.current.as_ref().map_or(0, |current| current.ticks[row]);
        self.open = Some(Open {
            next: self.steps.first(self.points.start.unwrap_or(first)),
            key: Vec::new(),
        });
    }

    /// The next rows, at most `most`; none if a further batch is needed.
    pub(super) fn next(&mut self, most: usize) -> Result<Option<RecordBatch>> {
        if let Some(behind) = self.behind(most)? {
            return Ok(Some(behind));
        }
        let mut chosen = Chosen::default();
        while chosen.ticks.len() < most && self.closing.is_none() {
            if !self.choose(&mut chosen, most)? {
                break;
            }
        }
        if chosen.ticks.is_empty() {
            return Ok(None);
        }
        let batch = self.batch(&chosen)?;
        self.leave()?;
        Ok(Some(batch))
    }

    /// Chooses what is left of the current run, as far as there is room. Says whether there was a run.
    fn choose(&mut self, chosen: &mut Chosen, most: usize) -> Result<bool> {
        let (Some(current), Some(open)) = (&mut self.current, &mut self.open) else {
            return Ok(false);
        };
        let Some(run) = &mut current.run else {
            return Ok(false);
        };
        let stop = self.points.stop;
        while chosen.ticks.len() < most && run.rows.start < run.rows.end {
            let row = run.rows.start;
            let tick = current.ticks[row];
            let is_past = open.next.end.is_some_and(|end| end <= tick);
            if is_past && stop.is_none_or(|stop| open.next.at < stop) {
                chosen.push(None, row, open.next.at);
                open.next = self.steps.after(open.next);
                continue;
            }
            chosen.push(Some(row), row, tick);
            if tick >= open.next.at {
                open.next = self.steps.after(open.next);
            }
            run.rows.start += 1;
        }
        if run.rows.start == run.rows.end {
            let last = run.rows.end - 1;
            current.run = current.runs.next();
            if current.run.is_some() {
                let key = self.key_of(last)?;
                self.enter(last + 1, key);
            }
        }
        Ok(true)
    }

    /// The key of a row of the current batch.
    fn key_of(&self, row: usize) -> Result<Vec<ArrayRef>> {
        let Some(current) = &self.current else {
            return Ok(Vec::new());
        };
        let place = PrimitiveArray::<UInt32Type>::from_value(row as u32, 1);
        let keys = columns_of(&current.batch, &self.keys);
        keys.iter().map(|key| Ok(take(key, &place, None)?)).collect()
    }

    /// Lets go of the current batch when it is out.
    fn leave(&mut self) -> Result<()> {
        let Some(current) = &self.current else {
            return Ok(());
        };
        if current.run.is_some() {
            return Ok(());
        }
        let key = self.key_of(current.batch.num_rows() - 1)?;
        if let Some(open) = &mut self.open {
            open.key = key;
        }
        self.current = None;
        Ok(())
    }

    /// The next points behind the last row of the key that has ended.
    fn behind(&mut self, most: usize) -> Result<Option<RecordBatch>> {
        let (Some(stop), Some(closing)) = (self.points.stop, &mut self.closing) else {
            self.closing = None;
            return Ok(None);
        };
        let mut ticks = Vec::new();
        while ticks.len() < most && closing.next.at < stop {
            ticks.push(closing.next.at);
            closing.next = self.steps.after(closing.next);
        }
        if ticks.is_empty() {
            self.closing = None;
            return Ok(None);
        }
        let same = PrimitiveArray::<UInt32Type>::from_value(0, ticks.len());
        let keys = closing.key.iter().map(|key| take(key, &same, None));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        let rows = ticks.len();
        let times = self.time.array(ticks)?;
        let columns = self.schema.fields().iter().enumerate().map(|(i, field)| {
            if i == self.column {
                return Arc::clone(&times);
            }
            match self.keys.iter().position(|key| key.index() == i) {
                Some(key) => Arc::clone(&keys[key]),
                None => new_null_array(field.data_type(), rows),
            }
        });
        Ok(Some(RecordBatch::try_new(
            Arc::clone(&self.schema),
            columns.collect(),
        )?))
    }

    fn batch(&self, chosen: &Chosen) -> Result<RecordBatch> {
        let Some(current) = &self.current else {
            return Ok(RecordBatch::new_empty(Arc::clone(&self.schema)));
        };
        let columns = match chosen.all_theirs() {
            Some(first) => current.batch.slice(first, chosen.ticks.len()).columns().to_vec(),
            None => {
                let rows: PrimitiveArray<UInt32Type> = chosen.rows.iter().copied().collect();
                let keys = PrimitiveArray::<UInt32Type>::from_iter_values(chosen.keys.iter().copied());
                let columns = current.batch.columns().iter().enumerate().map(|(i, column)| {
                    if i == self.column {
                        return self.time.array(chosen.ticks.clone());
                    }
                    let is_key = self.keys.iter().any(|key| key.index() == i);
                    Ok(take(column, if is_key { &keys } else { &rows }, None)?)
                });
                columns.collect::<Result<Vec<_>>>()?
            }
        };
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

impl Chosen {
    fn push(&mut self, row: Option<usize>, key: usize, tick: i64) {
        self.rows.push(row.map(|row| row as u32));
        self.keys.push(key as u32);
        self.ticks.push(tick);
    }

    /// The first row, if none is added.
    fn all_theirs(&self) -> Option<usize> {
        let first = self.rows.first().copied().flatten()?;
        self.rows.iter().all(Option::is_some).then_some(first as usize)
    }
}
