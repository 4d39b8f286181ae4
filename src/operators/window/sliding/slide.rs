//! One call over frames that slide: values in, a result a frame out.

use std::marker::PhantomData;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, Int64Array, PrimitiveArray};
use arrow::buffer::NullBuffer;
use arrow::compute::prep_null_mask_filter;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use datafusion::common::Result;

use super::bounds::Frame;
use super::call::Function;
use super::fold::{Fold, Greatest, Least, Mean, Sum, TwoStacks};
use crate::error::{Code, Error};
use crate::functions::sum_out_of_range;

/// A call over frames.
pub(super) trait Slide: Send {
    /// Takes the values of the next rows. Rows that are not `present` do not count.
    fn append(&mut self, values: &Rows) -> Result<()>;

    /// Computes over frames, in which nothing begins or ends before what was computed already.
    fn slide(&mut self, frames: &[Frame]) -> Result<()>;

    /// The first `rows` results that were not taken yet.
    fn take(&mut self, rows: usize) -> Result<ArrayRef>;

    /// Lets go of the values before `row`.
    fn release(&mut self, row: usize);

    /// Bytes held.
    fn size(&self) -> usize;
}

/// The values of some rows.
pub(super) struct Rows {
    count: usize,
    /// `None` where nothing but the row counts.
    values: Option<ArrayRef>,
    present: Option<NullBuffer>,
}

impl Rows {
    /// The values of `count` rows, of which those that `filter` lets pass count.
    pub(super) fn new(count: usize, values: Option<ArrayRef>, filter: Option<&ArrayRef>) -> Result<Self> {
        let passed = filter.map(|filter| {
            let filter = filter.as_boolean();
            let filter = if filter.null_count() > 0 {
                prep_null_mask_filter(filter)
            } else {
                filter.clone()
            };
            NullBuffer::new(filter.values().clone())
        });
        let present = values.as_ref().and_then(|values| values.logical_nulls());
        Ok(Self {
            count,
            present: NullBuffer::union(present.as_ref(), passed.as_ref()),
            values,
        })
    }

    fn primitive<T: ArrowPrimitiveType>(&self) -> Result<&PrimitiveArray<T>> {
        let values = self.values.as_ref();
        let values = values.and_then(|values| values.as_primitive_opt::<T>());
        values.ok_or_else(|| Error::new(Code::Internal, "a frame's values came as another type").into())
    }
}

/// The values of rows that frames to come may need.
pub(super) struct Values<T> {
    values: Vec<T>,
    /// Empty as long as there is no NULL.
    present: Vec<bool>,
    /// The row of `values[0]`.
    first: usize,
}

impl<T: Copy + Default> Values<T> {
    fn new() -> Self {
        Self {
            values: Vec::new(),
            present: Vec::new(),
            first: 0,
        }
    }

    fn extend(&mut self, values: impl Iterator<Item = T>, present: Option<&NullBuffer>) {
        let before = self.values.len();
        self.values.extend(values);
        match present {
            Some(present) => {
                self.present.resize(before, true);
                self.present.extend(present.iter());
            }
            None if !self.present.is_empty() => self.present.resize(self.values.len(), true),
            None => {}
        }
    }

    /// `None` for NULL.
    pub(super) fn get(&self, row: usize) -> Option<T> {
        let at = row - self.first;
        let present = self.present.is_empty() || self.present[at];
        present.then(|| self.values[at])
    }

    fn release(&mut self, row: usize) {
        let gone = row - self.first;
        if gone * 2 < self.values.len() {
            return;
        }
        self.values.drain(..gone);
        if !self.present.is_empty() {
            self.present.drain(..gone);
        }
        self.first = row;
    }

    fn size(&self) -> usize {
        self.values.capacity() * size_of::<T>() + self.present.capacity()
    }
}

/// Results that were not taken yet.
struct Results<O: ArrowPrimitiveType> {
    values: Vec<O::Native>,
    present: Vec<bool>,
    data_type: DataType,
}

impl<O: ArrowPrimitiveType> Results<O> {
    fn new(data_type: DataType) -> Self {
        Self {
            values: Vec::new(),
            present: Vec::new(),
            data_type,
        }
    }

    fn push(&mut self, result: Option<O::Native>) {
        self.values.push(result.unwrap_or_default());
        self.present.push(result.is_some());
    }

    fn take(&mut self, rows: usize) -> ArrayRef {
        let later = self.values.split_off(rows);
        let values = std::mem::replace(&mut self.values, later);
        let later = self.present.split_off(rows);
        let present = std::mem::replace(&mut self.present, later);
        let nulls = present.contains(&false).then(|| NullBuffer::from(present));
        let array = PrimitiveArray::<O>::new(values.into(), nulls);
        Arc::new(array.with_data_type(self.data_type.clone()))
    }

    fn size(&self) -> usize {
        self.values.capacity() * size_of::<O::Native>() + self.present.capacity()
    }
}

/// The call of a function over values of a type.
pub(super) fn slide(function: Function, values: &DataType) -> Result<Box<dyn Slide>> {
    let unknown = || Error::new(Code::Internal, format!("no frame slides over {values}")).into();
    Ok(match (function, values) {
        (Function::Count, _) => Box::new(Counted::default()),
        (Function::SumOfIntegers, DataType::Int64) => Box::new(Running::<Int64Type>::new()),
        (Function::SumOfIntegers, DataType::UInt64) => Box::new(Running::<UInt64Type>::new()),
        (Function::SumOfIntegers, _) => return Err(unknown()),
        (Function::SumOfDoubles, _) => Box::new(Folded::<Float64Type, Sum>::new(DataType::Float64)),
        (Function::Avg, _) => Box::new(Folded::<Float64Type, Mean>::new(DataType::Float64)),
        (Function::Min, _) => extreme::<Least>(values).ok_or_else(unknown)?,
        (Function::Max, _) => extreme::<Greatest>(values).ok_or_else(unknown)?,
    })
}

/// A fold of every primitive type.
trait Extreme:
    Fold<i8, Result = i8>
    + Fold<i16, Result = i16>
    + Fold<i32, Result = i32>
    + Fold<i64, Result = i64>
    + Fold<i128, Result = i128>
    + Fold<u8, Result = u8>
    + Fold<u16, Result = u16>
    + Fold<u32, Result = u32>
    + Fold<u64, Result = u64>
    + Fold<f32, Result = f32>
    + Fold<f64, Result = f64>
    + 'static
{
}

impl Extreme for Least {}
impl Extreme for Greatest {}

/// `None` for values that are not compared as numbers are.
fn extreme<F: Extreme>(values: &DataType) -> Option<Box<dyn Slide>> {
    fn of<T: ArrowPrimitiveType, F: Fold<T::Native, Result = T::Native> + 'static>(
        values: &DataType,
    ) -> Box<dyn Slide> {
        Box::new(Folded::<T, F>::new(values.clone()))
    }
    Some(match values {
        DataType::Int8 => of::<Int8Type, F>(values),
        DataType::Int16 => of::<Int16Type, F>(values),
        DataType::Int32 => of::<Int32Type, F>(values),
        DataType::Int64 => of::<Int64Type, F>(values),
        DataType::UInt8 => of::<UInt8Type, F>(values),
        DataType::UInt16 => of::<UInt16Type, F>(values),
        DataType::UInt32 => of::<UInt32Type, F>(values),
        DataType::UInt64 => of::<UInt64Type, F>(values),
        DataType::Float32 => of::<Float32Type, F>(values),
        DataType::Float64 => of::<Float64Type, F>(values),
        DataType::Decimal128(..) => of::<Decimal128Type, F>(values),
        DataType::Date32 => of::<Date32Type, F>(values),
        DataType::Timestamp(TimeUnit::Second, _) => of::<TimestampSecondType, F>(values),
        DataType::Timestamp(TimeUnit::Millisecond, _) => of::<TimestampMillisecondType, F>(values),
        DataType::Timestamp(TimeUnit::Microsecond, _) => of::<TimestampMicrosecondType, F>(values),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => of::<TimestampNanosecondType, F>(values),
        _ => return None,
    })
}

/// Whether the least and the greatest of such values are found here.
pub(super) fn has_extremes(values: &DataType) -> bool {
    extreme::<Least>(values).is_some()
}

/// Values folded.
struct Folded<T: ArrowPrimitiveType, F: Fold<T::Native>> {
    values: Values<T::Native>,
    sums: TwoStacks<F::Sum>,
    results: Results<T>,
    fold: PhantomData<F>,
}

impl<T: ArrowPrimitiveType, F: Fold<T::Native>> Folded<T, F> {
    fn new(result: DataType) -> Self {
        Self {
            values: Values::new(),
            sums: TwoStacks::new(),
            results: Results::new(result),
            fold: PhantomData,
        }
    }
}

impl<T, F> Slide for Folded<T, F>
where
    T: ArrowPrimitiveType,
    F: Fold<T::Native, Result = T::Native>,
{
    fn append(&mut self, rows: &Rows) -> Result<()> {
        let values = rows.primitive::<T>()?.values();
        self.values.extend(values.iter().copied(), rows.present.as_ref());
        Ok(())
    }

    fn slide(&mut self, frames: &[Frame]) -> Result<()> {
        for frame in frames {
            let sum = self.sums.sum::<T::Native, F>(&self.values, *frame);
            self.results.push(sum.map(F::result));
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
        self.values.size() + self.sums.size() + self.results.size()
    }
}

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

/// `sum` of integers: exact, so that rows can be taken out again.
struct Running<T: ArrowPrimitiveType> {
    values: Values<T::Native>,
    entered: Entered,
    results: Results<T>,
    sum: i128,
    count: usize,
}

impl<T: ArrowPrimitiveType> Running<T> {
    fn new() -> Self {
        Self {
            values: Values::new(),
            entered: Entered::default(),
            results: Results::new(T::DATA_TYPE),
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
struct Counted {
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
            let mut present = Values::new();
            present.first = self.first;
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
