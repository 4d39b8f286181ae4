//! Any aggregate over a frame that slides: rows leave it in the order in which they came.

use std::collections::VecDeque;
use std::mem::size_of;

use arrow::array::{Array, ArrayRef};
use arrow::compute::concat;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Accumulator;

use super::groups::{GroupStates, Single};
use crate::functions::failure::internal;

/// The state of the rows of a frame that slides.
///
/// Where a state takes rows out exactly, it does. Subtracting from moments or products would carry the
/// rounding of every row that ever passed: where states are as large for one row as for many, those of
/// the rows from each row up to a turning point are kept, and one of the rows after it; a frame is the
/// two merged. When frames have passed the turning point, their end becomes the next one, so that a row
/// costs as much as the logarithm of its frame. Else the frame's rows are kept and computed over anew.
#[derive(Debug)]
pub(super) struct Sliding {
    /// Of the rows in `frame`, if it takes rows out itself or is of one size.
    states: Box<dyn GroupStates>,
    way: Way,
    before: Option<Before>,
    /// The frame's rows behind the turning point.
    frame: VecDeque<Vec<ArrayRef>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Retract,
    Turn,
    Anew,
}

/// The states of the rows from each row up to the turning point.
#[derive(Debug)]
struct Before {
    states: Vec<ArrayRef>,
    /// How many of the first rows have left the frame.
    gone: usize,
    rows: usize,
}

impl Sliding {
    /// An empty frame.
    pub(super) fn new(mut states: Box<dyn GroupStates>) -> Self {
        states.resize(1);
        let way = match (states.retracts(), states.is_of_one_size()) {
            (true, _) => Way::Retract,
            (false, true) => Way::Turn,
            (false, false) => Way::Anew,
        };
        Self {
            states,
            way,
            before: None,
            frame: VecDeque::new(),
        }
    }

    /// Drops the frame's first `rows` rows.
    fn drop_rows(&mut self, mut rows: usize) -> Result<()> {
        if let Some(before) = &mut self.before {
            let gone = rows.min(before.rows - before.gone);
            before.gone += gone;
            rows -= gone;
        }
        if rows > 0 && self.way == Way::Turn {
            return self.turn(rows);
        }
        self.drop_behind(rows)
    }

    /// Drops the first `rows` rows behind the turning point.
    fn drop_behind(&mut self, mut rows: usize) -> Result<()> {
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

    /// Makes the frame's end the turning point, when `gone` of the rows up to it have left.
    fn turn(&mut self, gone: usize) -> Result<()> {
        self.drop_behind(gone)?;
        self.before = None;
        let mut states = self.states.fresh()?;
        if let Some(values) = self.compact()? {
            let rows = values.first().map_or(0, |column| column.len());
            states.resize(rows);
            let groups: Vec<usize> = (0..rows).collect();
            states.update(values, super::Rows::all(&groups))?;
            let mut reach = 1;
            while reach < rows {
                let later = states.state(rows)?;
                let later: Vec<ArrayRef> = later.iter().map(|s| s.slice(reach, rows - reach)).collect();
                states.merge(&later, super::Rows::all(&groups[..rows - reach]))?;
                reach *= 2;
            }
            self.before = Some(Before {
                states: states.state(rows)?,
                gone: 0,
                rows,
            });
        }
        self.frame.clear();
        self.states = self.states.fresh()?;
        self.states.resize(1);
        Ok(())
    }

    /// The frame's rows behind the turning point as one batch, which they stay.
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

    /// The states on both sides of the turning point, merged.
    fn merged(&mut self) -> Result<Single> {
        let mut single = Single::new(self.states.fresh()?);
        if let Some(before) = self.before.as_ref().filter(|before| before.gone < before.rows) {
            let first = before.states.iter().map(|state| state.slice(before.gone, 1));
            single.merge_batch(&first.collect::<Vec<_>>())?;
        }
        if !self.frame.is_empty() {
            single.merge_batch(&self.states.state(1)?)?;
        }
        Ok(single)
    }
}

impl Accumulator for Sliding {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let rows = values.first().map_or(0, |column| column.len());
        if rows == 0 {
            return Ok(());
        }
        if self.way != Way::Anew {
            let zeros = vec![0; rows];
            self.states.update(values, super::Rows::all(&zeros))?;
        }
        if self.way != Way::Retract {
            self.frame.push_back(values.to_vec());
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        if self.way == Way::Retract {
            return self.states.retract(values);
        }
        self.drop_rows(values.first().map_or(0, |column| column.len()))
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        match self.way {
            Way::Retract => ScalarValue::try_from_array(&self.states.finish(1)?, 0),
            Way::Turn => self.merged()?.evaluate(),
            Way::Anew => {
                let mut single = Single::new(self.states.fresh()?);
                if let Some(frame) = self.compact()? {
                    single.update_batch(frame)?;
                }
                single.evaluate()
            }
        }
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Err(internal("sliding window", "a frame has no mergeable state"))
    }

    fn merge_batch(&mut self, _states: &[ArrayRef]) -> Result<()> {
        Err(internal("sliding window", "a frame has no mergeable state"))
    }

    fn size(&self) -> usize {
        let before = self.before.iter().flat_map(|before| &before.states);
        let frame = self.frame.iter().flatten().chain(before);
        let bytes: usize = frame.map(|column| column.get_array_memory_size()).sum();
        size_of::<Self>() + self.states.size() + bytes
    }
}
