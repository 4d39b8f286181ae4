//! Intervals and durations as SQL's interval text.
//!
//! `1 year 2 mons 3 days 4 hours 5 mins 6.7 secs`: PostgreSQL's verbose form, which this engine's own
//! `CAST(… AS INTERVAL)` reads back, with each part signed for itself and parts of zero left out.

use std::fmt::Write;

use arrow::array::{Array, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::datatypes::{
    DataType, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType,
    IntervalDayTimeType, IntervalMonthDayNanoType, IntervalUnit, IntervalYearMonthType, TimeUnit,
};
use arrow::error::ArrowError;

use super::scalar::WriteValue;

/// Months, days and nanoseconds.
type Parts = (i32, i64, i128);

/// An array of intervals or durations, and how one becomes its parts.
struct Intervals<'a, T: ArrowPrimitiveType> {
    array: &'a PrimitiveArray<T>,
    parts: fn(T::Native) -> Parts,
}

/// The writer for an array of intervals or durations.
pub(super) fn of<'a>(array: &'a dyn Array) -> Result<Box<dyn WriteValue + 'a>, ArrowError> {
    Ok(match array.data_type() {
        DataType::Interval(IntervalUnit::YearMonth) => {
            made::<IntervalYearMonthType>(array, |months| (months, 0, 0))
        }
        DataType::Interval(IntervalUnit::DayTime) => made::<IntervalDayTimeType>(array, |value| {
            (0, value.days.into(), i128::from(value.milliseconds) * 1_000_000)
        }),
        DataType::Interval(IntervalUnit::MonthDayNano) => made::<IntervalMonthDayNanoType>(array, |value| {
            (value.months, value.days.into(), value.nanoseconds.into())
        }),
        DataType::Duration(TimeUnit::Second) => {
            made::<DurationSecondType>(array, |v| exact(v, 1_000_000_000))
        }
        DataType::Duration(TimeUnit::Millisecond) => {
            made::<DurationMillisecondType>(array, |v| exact(v, 1_000_000))
        }
        DataType::Duration(TimeUnit::Microsecond) => {
            made::<DurationMicrosecondType>(array, |v| exact(v, 1_000))
        }
        DataType::Duration(TimeUnit::Nanosecond) => made::<DurationNanosecondType>(array, |v| exact(v, 1)),
        other => return Err(ArrowError::NotYetImplemented(format!("{other} is no interval"))),
    })
}

fn made<'a, T: ArrowPrimitiveType>(
    array: &'a dyn Array,
    parts: fn(T::Native) -> Parts,
) -> Box<dyn WriteValue + 'a> {
    Box::new(Intervals::<T> {
        array: array.as_primitive(),
        parts,
    })
}

const NANOS_PER_DAY: i128 = 24 * 60 * 60 * 1_000_000_000;

/// A duration, in which a day is 24 hours.
fn exact(value: i64, nanos_per_unit: i128) -> Parts {
    let nanos = i128::from(value) * nanos_per_unit;
    // The longest duration is of i64::MAX seconds: its days fit.
    let days = i64::try_from(nanos / NANOS_PER_DAY).unwrap_or_default();
    (0, days, nanos % NANOS_PER_DAY)
}

impl<T: ArrowPrimitiveType> WriteValue for Intervals<'_, T> {
    fn write(&self, row: usize, out: &mut String) -> Result<(), ArrowError> {
        // Writing to a String cannot fail.
        let _ = write_parts((self.parts)(self.array.value(row)), out);
        Ok(())
    }
}

fn write_parts((months, days, nanos): Parts, out: &mut String) -> std::fmt::Result {
    let start = out.len();
    let seconds = nanos / 1_000_000_000;
    let whole = [
        (i128::from(months / 12), "year"),
        (i128::from(months % 12), "mon"),
        (i128::from(days), "day"),
        (seconds / 3600, "hour"),
        (seconds / 60 % 60, "min"),
    ];
    for (count, unit) in whole {
        if count != 0 {
            separate(start, out);
            write!(out, "{count} {unit}{}", if count.abs() == 1 { "" } else { "s" })?;
        }
    }
    let rest = nanos % 60_000_000_000;
    if rest != 0 || out.len() == start {
        separate(start, out);
        write_seconds(rest, out)?;
    }
    Ok(())
}

fn separate(start: usize, out: &mut String) {
    if out.len() > start {
        out.push(' ');
    }
}

fn write_seconds(nanos: i128, out: &mut String) -> std::fmt::Result {
    let size = nanos.unsigned_abs();
    let (seconds, fraction) = (size / 1_000_000_000, size % 1_000_000_000);
    write!(out, "{}{seconds}", if nanos < 0 { "-" } else { "" })?;
    if fraction != 0 {
        write!(out, ".{fraction:09}")?;
        out.truncate(out.trim_end_matches('0').len());
    }
    out.push_str(if size == 1_000_000_000 { " sec" } else { " secs" });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(parts: Parts) -> String {
        let mut out = String::new();
        write_parts(parts, &mut out).unwrap();
        out
    }

    #[test]
    fn parts_of_zero_are_left_out_and_signs_kept() {
        assert_eq!(text((0, 0, 0)), "0 secs");
        assert_eq!(
            text((14, 3, 14_706_700_000_000)),
            "1 year 2 mons 3 days 4 hours 5 mins 6.7 secs"
        );
        assert_eq!(text((-13, 1, -1)), "-1 year -1 mon 1 day -0.000000001 secs");
        assert_eq!(text((0, 0, 3_601_000_000_000)), "1 hour 1 sec");
        assert_eq!(text(exact(-90_000, 1_000_000_000)), "-1 day -1 hour");
        assert_eq!(
            text(exact(i64::MAX, 1_000_000_000)),
            "106751991167300 days 15 hours 30 mins 7 secs"
        );
        assert_eq!(
            text(exact(i64::MIN, 1)),
            "-106751 days -23 hours -47 mins -16.854775808 secs"
        );
    }
}
