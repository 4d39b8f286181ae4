//! Calls whose rows enter and leave the frame one by one, exactly: counts, and sums of whole numbers.

use std::sync::Arc;

use arrow::array::{ArrayRef, ArrowPrimitiveType, Int64Array};
use arrow::datatypes::DataType;
use datafusion::common::Result;

use super::bounds::Frame;
use super::slide::Slide;
use super::values::{Results, Rows, Values};
use crate::functions::sum_out_of_range;

/// A frame whose rows enter and leave one by one.
#[derive(Debug, Default)]
struct Entered {
    from: usize,
    until: usize,
}

impl Entered {
    /// Calls `enter` and `leave` for the rows in which `frame` differs, and `clear` where it shares none.
    fn go_to<S>(
        &mut self,
        frame: Frame,
        state: &mut S,
        clear: impl FnOnce(&mut S),
        enter: impl Fn(&mut S, usize),
        leave: impl Fn(&mut S, usize),
    ) {
        if frame.from >= self.until {
            clear(state);
            (self.from, self.until) = (frame.from, frame.from);
        }
        (self.until..frame.until).for_each(|row| enter(state, row));
        (self.from..frame.from).for_each(|row| leave(state, row));
        (self.from, self.until) = (frame.from, frame.until);
    }
}

/// `sum` of integers, and of decimals whose sum has room in 128 bits however many there are.
pub(super) struct Running<T: ArrowPrimitiveType> {
    values: Values<T::Native>,
    entered: Entered,
    results: Results<T>,
    sum: i128,
    count: usize,
}

impl<T: ArrowPrimitiveType> Running<T> {
    /// With results of a type whose values are the same numbers.
    pub(super) fn new(result: DataType) -> Self {
        Self {
            values: Values::from_row(0),
            entered: Entered::default(),
            results: Results::new(result),
            sum: 0,
            count: 0,
        }
    }
}

impl<T: ArrowPrimitiveType> Slide for Running<T>
where
    T::Native: Into<i128> + TryFrom<i128>,
{
    fn append(&mut self, rows: &Rows) -> Result<()> {
        let values = rows.primitive::<T>()?.values();
        self.values.extend(values.iter().copied(), rows.present.as_ref());
        Ok(())
    }

    fn slide(&mut self, frames: &[Frame]) -> Result<()> {
        let values = &self.values;
        for frame in frames {
            let mut state = (self.sum, self.count);
            self.entered.go_to(
                *frame,
                &mut state,
                |state| *state = (0, 0),
                |(sum, count), row| {
                    if let Some(value) = values.get(row) {
                        let value: i128 = value.into();
                        *sum += value;
                        *count += 1;
                    }
                },
                |(sum, count), row| {
                    if let Some(value) = values.get(row) {
                        let value: i128 = value.into();
                        *sum -= value;
                        *count -= 1;
                    }
                },
            );
            (self.sum, self.count) = state;
            let sum = T::Native::try_from(self.sum).map_err(|_| sum_out_of_range())?;
            self.results.push((self.count > 0).then_some(sum));
        }
        Ok(())
    }

    fn take(&mut self, rows: usize) -> Result<ArrayRef> {
        Ok(self.results.take(rows))
    }

    fn release(&mut self, row: usize) {
        self.values.release(row);
    }

    fn size(&self) -> usize {
        self.values.size() + self.results.size()
    }
}

/// `count`.
#[derive(Default)]
pub(super) struct Counted {
    /// Whether a row counts; none as long as every row does.
    present: Option<Values<bool>>,
    rows: usize,
    first: usize,
    entered: Entered,
    count: i64,
    results: Vec<i64>,
}

impl Slide for Counted {
    fn append(&mut self, rows: &Rows) -> Result<()> {
        if rows.present.is_some() && self.present.is_none() {
            let mut present = Values::from_row(self.first);
            present.extend(std::iter::repeat_n(true, self.rows - self.first), None);
            self.present = Some(present);
        }
        self.rows += rows.count;
        match (&mut self.present, &rows.present) {
            (Some(all), Some(present)) => all.extend(present.iter(), None),
            (Some(all), None) => all.extend(std::iter::repeat_n(true, rows.count), None),
            (None, _) => {}
        }
        Ok(())
    }

    fn slide(&mut self, frames: &[Frame]) -> Result<()> {
        for frame in frames {
            match &self.present {
                None => {
                    self.count = (frame.until - frame.from).cast_signed() as i64;
                    (self.entered.from, self.entered.until) = (frame.from, frame.until);
                }
                Some(present) => self.entered.go_to(
                    *frame,
                    &mut self.count,
                    |count| *count = 0,
                    |count, row| *count += i64::from(present.get(row) == Some(true)),
                    |count, row| *count -= i64::from(present.get(row) == Some(true)),
                ),
            }
            self.results.push(self.count);
        }
        Ok(())
    }

    fn take(&mut self, rows: usize) -> Result<ArrayRef> {
        let later = self.results.split_off(rows);
        let counts = std::mem::replace(&mut self.results, later);
        Ok(Arc::new(Int64Array::from(counts)))
    }

    fn release(&mut self, row: usize) {
        self.first = row;
        if let Some(present) = &mut self.present {
            present.release(row);
        }
    }

    fn size(&self) -> usize {
        let present = self.present.as_ref().map_or(0, Values::size);
        present + self.results.capacity() * size_of::<i64>()
    }
}
