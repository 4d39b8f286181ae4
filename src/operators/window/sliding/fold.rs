//! What is folded over a frame that slides, without taking anything out again.
//!
//! With `sums` of the rows from each row up to a turning point, and the sum of what came after it, a
//! frame that begins before the turning point is one addition. When frames have passed it, the end of
//! the frame becomes the next one. A row is added twice at most, however long frames are (two stacks
//! as a queue).

use arrow::datatypes::ArrowNativeTypeOp;

use super::bounds::Frame;
use super::values::Values;

/// A way to put values together in their order.
pub(super) trait Fold<T>: Send {
    /// Values put together.
    type Sum: Copy + Send;
    /// What is asked for in the end.
    type Result: Copy + Default + Send;

    /// One value.
    fn of(value: T) -> Self::Sum;

    /// Values and those that follow them.
    fn add(first: Self::Sum, then: Self::Sum) -> Self::Sum;

    /// The result of at least one value.
    fn result(sum: Self::Sum) -> Self::Result;
}

/// `sum` of doubles.
pub(super) struct Sum;

impl Fold<f64> for Sum {
    type Sum = f64;
    type Result = f64;

    fn of(value: f64) -> f64 {
        value
    }

    fn add(first: f64, then: f64) -> f64 {
        first + then
    }

    fn result(sum: f64) -> f64 {
        sum
    }
}

/// `avg`.
pub(super) struct Mean;

impl Fold<f64> for Mean {
    type Sum = (f64, u64);
    type Result = f64;

    fn of(value: f64) -> (f64, u64) {
        (value, 1)
    }

    fn add(first: (f64, u64), then: (f64, u64)) -> (f64, u64) {
        (first.0 + then.0, first.1 + then.1)
    }

    fn result((sum, count): (f64, u64)) -> f64 {
        sum / count as f64
    }
}

/// `min`.
pub(super) struct Least;

impl<T: ArrowNativeTypeOp> Fold<T> for Least {
    type Sum = T;
    type Result = T;

    fn of(value: T) -> T {
        value
    }

    fn add(first: T, then: T) -> T {
        if then.is_lt(first) { then } else { first }
    }

    fn result(sum: T) -> T {
        sum
    }
}

/// `max`.
pub(super) struct Greatest;

impl<T: ArrowNativeTypeOp> Fold<T> for Greatest {
    type Sum = T;
    type Result = T;

    fn of(value: T) -> T {
        value
    }

    fn add(first: T, then: T) -> T {
        if then.is_gt(first) { then } else { first }
    }

    fn result(sum: T) -> T {
        sum
    }
}

/// The sums around a turning point. Rows whose value is NULL have none.
pub(super) struct TwoStacks<S> {
    /// Of the rows from one up to the turning point; the last entry is the earliest row's.
    sums: Vec<Option<S>>,
    turn: usize,
    /// Of the rows from the turning point up to `until`.
    after: Option<S>,
    until: usize,
}

impl<S: Copy> TwoStacks<S> {
    pub(super) fn new() -> Self {
        Self {
            sums: Vec::new(),
            turn: 0,
            after: None,
            until: 0,
        }
    }

    /// The sum over a frame, which neither begins nor ends before the one that was asked for before.
    pub(super) fn sum<T: Copy + Default, F: Fold<T, Sum = S>>(
        &mut self,
        values: &Values<T>,
        frame: Frame,
    ) -> Option<S> {
        if frame.from >= self.turn {
            self.turn_at::<T, F>(values, frame);
        }
        for row in self.until..frame.until {
            self.after = add::<T, F>(self.after, values.get(row).map(F::of));
        }
        self.until = frame.until;
        let before = self.sums.get(self.turn - 1 - frame.from).copied().flatten();
        add::<T, F>(before, self.after)
    }

    fn turn_at<T: Copy + Default, F: Fold<T, Sum = S>>(&mut self, values: &Values<T>, frame: Frame) {
        self.sums.clear();
        let mut sum = None;
        for row in (frame.from..frame.until).rev() {
            sum = add::<T, F>(values.get(row).map(F::of), sum);
            self.sums.push(sum);
        }
        (self.turn, self.until, self.after) = (frame.until, frame.until, None);
    }

    pub(super) fn size(&self) -> usize {
        self.sums.capacity() * size_of::<Option<S>>()
    }
}

fn add<T, F: Fold<T>>(first: Option<F::Sum>, then: Option<F::Sum>) -> Option<F::Sum> {
    match (first, then) {
        (Some(first), Some(then)) => Some(F::add(first, then)),
        (first, then) => first.or(then),
    }
}
