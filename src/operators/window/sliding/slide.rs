//! One call over frames that slide: values in, a result a frame out.

use std::marker::PhantomData;

use arrow::array::{ArrayRef, ArrowPrimitiveType};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use datafusion::common::Result;

use super::bounds::Frame;
use super::call::Function;
use super::fold::{Fold, Greatest, Least, Mean, Sum, TwoStacks};
use super::running::{Counted, Running};
use super::values::{Results, Rows, Values};
use crate::error::{Code, Error};

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

/// The call of a function whose results are of a type.
pub(super) fn slide(function: Function, result: &DataType) -> Result<Box<dyn Slide>> {
    let unknown = || Error::new(Code::Internal, format!("no frame slides over {result}")).into();
    Ok(match (function, result) {
        (Function::Count, _) => Box::new(Counted::default()),
        (Function::Sum, DataType::Int64) => Box::new(Running::<Int64Type>::new(result.clone())),
        (Function::Sum, DataType::UInt64) => Box::new(Running::<UInt64Type>::new(result.clone())),
        (Function::Sum, DataType::Decimal128(..)) => Box::new(Running::<Decimal128Type>::new(result.clone())),
        (Function::Sum, DataType::Float64) => Box::new(Folded::<Float64Type, Sum>::new(DataType::Float64)),
        (Function::Sum, _) => return Err(unknown()),
        (Function::Avg, _) => Box::new(Folded::<Float64Type, Mean>::new(DataType::Float64)),
        (Function::Min, _) => extreme::<Least>(result).ok_or_else(unknown)?,
        (Function::Max, _) => extreme::<Greatest>(result).ok_or_else(unknown)?,
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
            values: Values::from_row(0),
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
