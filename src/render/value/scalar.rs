//! Values that are neither text nor nested: numbers, truth values, times, binary.

use std::fmt::{Display, Write};

use arrow::array::{Array, ArrayAccessor, AsArray, BooleanArray, PrimitiveArray};
use arrow::datatypes::{DataType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, DecimalType};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::{interval, unwritable, zoned};
use crate::error::Result;

/// What a scalar is, as far as a notation treats it differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Boolean,
    Integer,
    Float,
    Decimal { precision: u8, scale: i8 },
    Date,
    Time,
    Timestamp,
    TimestampWithZone,
    Interval,
    Binary,
}

/// An array of scalars, ready to be written.
pub(super) struct Scalar<'a> {
    pub(super) class: Class,
    data_type: &'a DataType,
    write: Box<dyn WriteValue + 'a>,
}

/// Appends the text of the value at `row`, which is not NULL.
pub(super) trait WriteValue {
    fn write(&self, row: usize, out: &mut String) -> Result<(), ArrowError>;
}

impl<'a> Scalar<'a> {
    pub(super) fn new(array: &'a dyn Array) -> Result<Self> {
        let data_type = array.data_type();
        let made = Self::make(array).map_err(|error| unwritable(data_type, &error));
        made.map(|(class, write)| Self {
            class,
            data_type,
            write,
        })
    }

    fn make(array: &'a dyn Array) -> Result<(Class, Box<dyn WriteValue + 'a>), ArrowError> {
        use DataType as T;
        Ok(match array.data_type() {
            T::Boolean => (Class::Boolean, Box::new(array.as_boolean())),
            T::Decimal32(..) => decimal::<Decimal32Type>(array),
            T::Decimal64(..) => decimal::<Decimal64Type>(array),
            T::Decimal128(..) => decimal::<Decimal128Type>(array),
            T::Decimal256(..) => decimal::<Decimal256Type>(array),
            T::Binary => (Class::Binary, Box::new(Hex(array.as_binary::<i32>()))),
            T::LargeBinary => (Class::Binary, Box::new(Hex(array.as_binary::<i64>()))),
            T::BinaryView => (Class::Binary, Box::new(Hex(array.as_binary_view()))),
            T::FixedSizeBinary(_) => (Class::Binary, Box::new(Hex(array.as_fixed_size_binary()))),
            T::Timestamp(unit, Some(zone)) => (Class::TimestampWithZone, zoned::of(array, *unit, zone)?),
            T::Interval(_) | T::Duration(_) => (Class::Interval, interval::of(array)?),
            other => (
                Class::of(other),
                Box::new(ArrayFormatter::try_new(array, &FORMAT)?),
            ),
        })
    }

    /// Appends the plain text of a value.
    pub(super) fn write(&self, row: usize, out: &mut String) -> Result<()> {
        self.write
            .write(row, out)
            .map_err(|error| unwritable(self.data_type, &error))
    }
}

/// Arrow's own forms: ISO 8601 for times, the shortest form that reads back for floats.
pub(super) const FORMAT: FormatOptions<'static> = FormatOptions::new().with_display_error(false);

impl Class {
    fn of(data_type: &DataType) -> Self {
        use DataType as T;
        match data_type {
            T::Float16 | T::Float32 | T::Float64 => Self::Float,
            T::Date32 => Self::Date,
            T::Time32(_) | T::Time64(_) => Self::Time,
            T::Timestamp(_, _) | T::Date64 => Self::Timestamp,
            _ => Self::Integer,
        }
    }
}

impl WriteValue for ArrayFormatter<'_> {
    fn write(&self, row: usize, out: &mut String) -> Result<(), ArrowError> {
        self.value(row).write(out)
    }
}

impl WriteValue for &BooleanArray {
    fn write(&self, row: usize, out: &mut String) -> Result<(), ArrowError> {
        out.push_str(if self.value(row) { "true" } else { "false" });
        Ok(())
    }
}

/// Binary as lower case hexadecimal.
struct Hex<B>(B);

impl<'a, B: ArrayAccessor<Item = &'a [u8]>> WriteValue for Hex<B> {
    fn write(&self, row: usize, out: &mut String) -> Result<(), ArrowError> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        for byte in self.0.value(row) {
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        Ok(())
    }
}

/// Decimals in full. Arrow's own formatter cuts a value with more digits than its precision says,
/// which arithmetic can make.
struct Decimal<'a, T: DecimalType>(&'a PrimitiveArray<T>, i8);

fn decimal<'a, T: DecimalType<Native: Display>>(array: &'a dyn Array) -> (Class, Box<dyn WriteValue + 'a>) {
    let array = array.as_primitive::<T>();
    let (precision, scale) = match array.data_type() {
        DataType::Decimal32(p, s)
        | DataType::Decimal64(p, s)
        | DataType::Decimal128(p, s)
        | DataType::Decimal256(p, s) => (*p, *s),
        _ => (T::MAX_PRECISION, 0),
    };
    (
        Class::Decimal { precision, scale },
        Box::new(Decimal(array, scale)),
    )
}

impl<T: DecimalType<Native: Display>> WriteValue for Decimal<'_, T> {
    fn write(&self, row: usize, out: &mut String) -> Result<(), ArrowError> {
        let start = out.len();
        // Writing to a String cannot fail.
        let _ = write!(out, "{}", self.0.value(row));
        let digits_start = start + usize::from(out[start..].starts_with('-'));
        place_point(out, digits_start, self.1);
        Ok(())
    }
}

/// Puts the decimal point into the digits that end `out`.
fn place_point(out: &mut String, digits_start: usize, scale: i8) {
    let fraction = usize::from(scale.unsigned_abs());
    if scale < 0 {
        if &out[digits_start..] != "0" {
            out.extend(std::iter::repeat_n('0', fraction));
        }
        return;
    }
    if fraction == 0 {
        return;
    }
    let digits = out.len() - digits_start;
    if digits <= fraction {
        out.insert_str(digits_start, &"0".repeat(fraction + 1 - digits));
    }
    out.insert(out.len() - fraction, '.');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact_at_any_scale() {
        let text = |digits: &str, scale| {
            let mut out = format!("x{digits}");
            let start = 1 + usize::from(digits.starts_with('-'));
            place_point(&mut out, start, scale);
            out[1..].to_owned()
        };
        assert_eq!(text("12345", 2), "123.45");
        assert_eq!(text("5", 2), "0.05");
        assert_eq!(text("-5", 2), "-0.05");
        assert_eq!(text("50", 2), "0.50");
        assert_eq!(text("0", 3), "0.000");
        assert_eq!(text("12", 0), "12");
        assert_eq!(text("-12", -3), "-12000");
        assert_eq!(text("0", -3), "0");
    }
}
