//! Timestamps with a zone.
//!
//! Written in their zone with its offset, `2026-01-02T04:04:05+01:00`. Before there was standard time,
//! offsets had seconds, which ISO 8601 cannot say (and arrow's formatter rounds away, which makes it
//! another moment): such a timestamp is written in UTC.

use std::fmt::Write;

use arrow::array::timezone::Tz;
use arrow::array::{Array, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::datatypes::{
    TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use arrow::error::ArrowError;
use arrow::temporal_conversions::as_datetime;
use arrow::util::display::ArrayFormatter;
use chrono::{NaiveDateTime, Offset, TimeZone};

use super::scalar::{FORMAT, WriteValue};

struct Zoned<'a, T: ArrowPrimitiveType> {
    array: &'a PrimitiveArray<T>,
    zone: Tz,
    formatter: ArrayFormatter<'a>,
}

/// The writer for an array of timestamps in `zone`.
pub(super) fn of<'a>(
    array: &'a dyn Array,
    unit: TimeUnit,
    zone: &str,
) -> Result<Box<dyn WriteValue + 'a>, ArrowError> {
    match unit {
        TimeUnit::Second => made::<TimestampSecondType>(array, zone),
        TimeUnit::Millisecond => made::<TimestampMillisecondType>(array, zone),
        TimeUnit::Microsecond => made::<TimestampMicrosecondType>(array, zone),
        TimeUnit::Nanosecond => made::<TimestampNanosecondType>(array, zone),
    }
}

fn made<'a, T: ArrowPrimitiveType<Native = i64>>(
    array: &'a dyn Array,
    zone: &str,
) -> Result<Box<dyn WriteValue + 'a>, ArrowError> {
    Ok(Box::new(Zoned::<T> {
        array: array.as_primitive(),
        zone: zone.parse()?,
        formatter: ArrayFormatter::try_new(array, &FORMAT)?,
    }))
}

impl<T: ArrowPrimitiveType<Native = i64>> WriteValue for Zoned<'_, T> {
    fn write(&self, row: usize, out: &mut String) -> Result<(), ArrowError> {
        match as_datetime::<T>(self.array.value(row)) {
            Some(moment) if has_seconds(&self.zone, &moment) => {
                // Writing to a String cannot fail.
                let _ = write!(out, "{moment:?}Z");
                Ok(())
            }
            _ => self.formatter.value(row).write(out),
        }
    }
}

/// Whether the zone's offset at a moment is not of whole minutes.
fn has_seconds(zone: &Tz, moment: &NaiveDateTime) -> bool {
    zone.offset_from_utc_datetime(moment).fix().local_minus_utc() % 60 != 0
}
