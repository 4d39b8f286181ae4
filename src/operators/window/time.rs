//! Event time as whole numbers: ticks of the column's own unit since the epoch.
//!
//! A DATE ticks once a day, a TIMESTAMP once a second down to once a nanosecond. Windows are of the
//! column's own type, so that nothing is rounded; a length that is no whole number of ticks is
//! refused. A TIMESTAMP without a zone is taken as UTC.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, Date32Array, PrimitiveArray};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::datatypes::{
    DataType, Date32Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use chrono::{DateTime, NaiveDateTime};
use datafusion::common::{Result, ScalarValue};
use datafusion::error::DataFusionError;
use sqlparser::tokenizer::Span;

use crate::error::{Code, Error};
use crate::operators::at;

/// The nanoseconds of a day without clock changes.
pub(in crate::operators) const NANOS_PER_DAY: i64 = 86_400_000_000_000;
const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// The type of an event time, and where its column is named.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::operators) struct Time {
    data_type: DataType,
    place: Place,
}

/// Where an argument stands, for errors about its values. Two calls do not differ by it.
#[derive(Debug, Clone, Copy)]
struct Place(Span);

impl PartialEq for Place {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Place {}

impl Hash for Place {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

/// The ticks of a column and which of them there are.
pub(in crate::operators) type Ticks = (ScalarBuffer<i64>, Option<NullBuffer>);

impl Time {
    /// `None` if a value of that type is no moment.
    pub(in crate::operators) fn of(data_type: &DataType) -> Option<Self> {
        matches!(data_type, DataType::Date32 | DataType::Timestamp(..)).then(|| Self {
            data_type: data_type.clone(),
            place: Place(Span::empty()),
        })
    }

    /// The same, of the column that is named at `place`.
    pub(in crate::operators) fn named_at(self, place: Span) -> Self {
        Self {
            place: Place(place),
            ..self
        }
    }

    /// An error about the column's values, pointing at where it is named.
    pub(in crate::operators) fn refuse(&self, error: Error) -> DataFusionError {
        at(error, self.place.0)
    }

    /// That a row of `column` has no time.
    pub(in crate::operators) fn missing(&self, function: &str, column: &str) -> DataFusionError {
        let message = format!("{function}: a row has no time: '{column}' is NULL");
        self.refuse(
            Error::new(Code::DataException, message).with_hint("nulls => 'skip' leaves such rows out"),
        )
    }

    pub(in crate::operators) fn data_type(&self) -> &DataType {
        &self.data_type
    }

    pub(in crate::operators) fn is_date(&self) -> bool {
        self.data_type == DataType::Date32
    }

    pub(in crate::operators) fn nanos_per_tick(&self) -> i64 {
        match &self.data_type {
            DataType::Timestamp(TimeUnit::Second, _) => 1_000_000_000,
            DataType::Timestamp(TimeUnit::Millisecond, _) => 1_000_000,
            DataType::Timestamp(TimeUnit::Microsecond, _) => 1_000,
            DataType::Timestamp(TimeUnit::Nanosecond, _) => 1,
            _ => NANOS_PER_DAY,
        }
    }

    /// The name of its zone.
    pub(in crate::operators) fn zone(&self) -> Option<&str> {
        match &self.data_type {
            DataType::Timestamp(_, zone) => zone.as_deref(),
            _ => None,
        }
    }

    /// The moment of a tick; `None` beyond the calendar.
    pub(in crate::operators) fn moment(&self, tick: i64) -> Option<NaiveDateTime> {
        let nanos = i128::from(tick) * i128::from(self.nanos_per_tick());
        let seconds = i64::try_from(nanos.div_euclid(NANOS_PER_SECOND)).ok()?;
        let part = u32::try_from(nanos.rem_euclid(NANOS_PER_SECOND)).ok()?;
        Some(DateTime::from_timestamp(seconds, part)?.naive_utc())
    }

    /// The tick that a moment lies in; `None` if the type does not reach that far.
    pub(in crate::operators) fn tick_of(&self, utc: NaiveDateTime) -> Option<i64> {
        let utc = utc.and_utc();
        let nanos = i128::from(utc.timestamp()) * NANOS_PER_SECOND + i128::from(utc.timestamp_subsec_nanos());
        i64::try_from(nanos.div_euclid(i128::from(self.nanos_per_tick()))).ok()
    }

    /// The ticks of a column of this type. Those of NULLs mean nothing.
    pub(in crate::operators) fn ticks(&self, column: &ArrayRef) -> Result<Ticks> {
        fn of<T: ArrowPrimitiveType<Native = i64>>(column: &ArrayRef) -> Option<ScalarBuffer<i64>> {
            column.as_primitive_opt::<T>().map(|array| array.values().clone())
        }
        let ticks = match column.data_type() {
            DataType::Date32 => column
                .as_primitive_opt::<Date32Type>()
                .map(|days| days.values().iter().map(|day| i64::from(*day)).collect()),
            DataType::Timestamp(TimeUnit::Second, _) => of::<TimestampSecondType>(column),
            DataType::Timestamp(TimeUnit::Millisecond, _) => of::<TimestampMillisecondType>(column),
            DataType::Timestamp(TimeUnit::Microsecond, _) => of::<TimestampMicrosecondType>(column),
            DataType::Timestamp(TimeUnit::Nanosecond, _) => of::<TimestampNanosecondType>(column),
            _ => None,
        };
        match ticks {
            Some(ticks) if column.data_type() == &self.data_type => Ok((ticks, column.nulls().cloned())),
            _ => {
                let found = column.data_type();
                let message = format!("a time of type {} came as {found}", self.data_type);
                Err(Error::new(Code::Internal, message).into())
            }
        }
    }

    /// A column of these ticks.
    pub(in crate::operators) fn array(&self, ticks: Vec<i64>) -> Result<ArrayRef> {
        self.array_with_nulls(ticks, None)
    }

    /// A column of these ticks, NULL where `nulls` says so.
    pub(in crate::operators) fn array_with_nulls(
        &self,
        ticks: Vec<i64>,
        nulls: Option<NullBuffer>,
    ) -> Result<ArrayRef> {
        fn of<T: ArrowPrimitiveType<Native = i64>>(
            ticks: Vec<i64>,
            nulls: Option<NullBuffer>,
        ) -> PrimitiveArray<T> {
            PrimitiveArray::new(ticks.into(), nulls)
        }
        Ok(match &self.data_type {
            DataType::Timestamp(unit, zone) => {
                let zone = zone.clone();
                match unit {
                    TimeUnit::Second => {
                        Arc::new(of::<TimestampSecondType>(ticks, nulls).with_timezone_opt(zone))
                    }
                    TimeUnit::Millisecond => {
                        Arc::new(of::<TimestampMillisecondType>(ticks, nulls).with_timezone_opt(zone))
                    }
                    TimeUnit::Microsecond => {
                        Arc::new(of::<TimestampMicrosecondType>(ticks, nulls).with_timezone_opt(zone))
                    }
                    TimeUnit::Nanosecond => {
                        Arc::new(of::<TimestampNanosecondType>(ticks, nulls).with_timezone_opt(zone))
                    }
                }
            }
            _ => {
                let days = ticks.into_iter().map(i32::try_from);
                let days: Vec<i32> = days.collect::<Result<_, _>>().map_err(|_| out_of_range())?;
                Arc::new(Date32Array::new(days.into(), nulls))
            }
        })
    }

    /// The tick of a value of this type; `None` for NULL and for other types.
    pub(in crate::operators) fn tick(&self, value: &ScalarValue) -> Option<i64> {
        if value.data_type() != self.data_type {
            return None;
        }
        match value {
            ScalarValue::Date32(day) => day.map(i64::from),
            ScalarValue::TimestampSecond(tick, _)
            | ScalarValue::TimestampMillisecond(tick, _)
            | ScalarValue::TimestampMicrosecond(tick, _)
            | ScalarValue::TimestampNanosecond(tick, _) => *tick,
            _ => None,
        }
    }

    /// The value of a tick; `None` if the type does not reach that far.
    pub(in crate::operators) fn value(&self, tick: i64) -> Option<ScalarValue> {
        Some(match &self.data_type {
            DataType::Timestamp(unit, zone) => {
                let (tick, zone) = (Some(tick), zone.clone());
                match unit {
                    TimeUnit::Second => ScalarValue::TimestampSecond(tick, zone),
                    TimeUnit::Millisecond => ScalarValue::TimestampMillisecond(tick, zone),
                    TimeUnit::Microsecond => ScalarValue::TimestampMicrosecond(tick, zone),
                    TimeUnit::Nanosecond => ScalarValue::TimestampNanosecond(tick, zone),
                }
            }
            _ => ScalarValue::Date32(Some(i32::try_from(tick).ok()?)),
        })
    }
}

/// A window that would begin or end where the type does not reach.
pub(in crate::operators) fn out_of_range() -> Error {
    Error::new(
        Code::DataException,
        "a window reaches beyond the first or the last moment of its type",
    )
}
