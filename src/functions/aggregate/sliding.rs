//! Any aggregate over a frame that slides: rows leave it in the order in which they came.

use std::collections::VecDeque;
use std::mem::size_of;

use arrow::array::{Array, ArrayRef};
use arrow::compute::concat;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Accumulator;

use super::groups::{GroupStates, Single};
use crate::functions::failure::internal;

/// Keeps the frame's rows where a state cannot take rows out exactly, and computes over them anew.
///
/// Subtracting from moments or products would carry the rounding of every row that ever passed, so
/// the cost of a row is the length of its frame instead.
#[derive(Debug)]
pub(super) struct Sliding {
    states: Box<dyn GroupStates>,
    /// Whether `states` holds the frame and takes rows out itself.
    retracts: bool,
    frame: VecDeque<Vec<ArrayRef>>,
}

impl Sliding {
    /// An empty frame.
    pub(super) fn new(mut states: Box<dyn GroupStates>) -> Self {
        states.resize(1);
        Self {
            retracts: states.retracts(),
            states,
            frame: VecDeque::new(),
        }
    }

    /// Drops the frame's first `rows` rows.
    fn drop_rows(&mut self, mut rows: usize) -> Result<()> {
        while rows > 0 {
            let Some(front) = self.frame.front_mut() else {
                return Err(internal(
                    "sliding window",
                    "more rows left the frame than entered it",
                ));
            };
            let held = front.first().map_or(0, |column| column.len());
            if held <= rows {
                self.frame.pop_front();
                rows -= held;
                continue;
            }
            for column in front {
                *column = column.slice(rows, held - rows);
            }
            rows = 0;
        }
        Ok(())
    }

    /// The frame as one batch, which it stays.
    fn compact(&mut self) -> Result<Option<&Vec<ArrayRef>>> {
        if self.frame.len() > 1 {
            let width = self.frame[0].len();
            let mut whole = Vec::with_capacity(width);
            for i in 0..width {
                let parts: Vec<&dyn Array> = self.frame.iter().map(|batch| batch[i].as_ref()).collect();
                whole.push(concat(&parts)?);
            }
            self.frame.clear();
            self.frame.push_back(whole);
        }
        Ok(self.frame.front())
    }
}

impl Accumulator for Sliding {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let rows = values.first().map_or(0, |column| column.len());
        if rows == 0 {
            return Ok(());
        }
        if self.retracts {
            let zeros = vec![0; rows];
            return self.states.update(values, super::Rows::all(&zeros));
        }
        self.frame.push_back(values.to_vec());
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        if self.retracts {
            return self.states.retract(values);
        }
        self.drop_rows(values.first().map_or(0, |column| column.len()))
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.retracts {
            return ScalarValue::try_from_array(&self.states.finish(1)?, 0);
        }
        let mut single = Single::new(self.states.fresh()?);
        if let Some(frame) = self.compact()? {
            single.update_batch(frame)?;
        }
        single.evaluate()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Err(internal("sliding window", "a frame has no mergeable state"))
    }

    fn merge_batch(&mut self, _states: &[ArrayRef]) -> Result<()> {
        Err(internal("sliding window", "a frame has no mergeable state"))
    }

    fn size(&self) -> usize {
        let frame = self.frame.iter().flatten();
        let bytes: usize = frame.map(|column| column.get_array_memory_size()).sum();
        size_of::<Self>() + self.states.size() + bytes
    }
}
