//! `time_bucket`: the start of the interval that a moment lies in.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Date32Array, PrimitiveArray};
use arrow::datatypes::{
    DataType, Date32Type, IntervalMonthDayNanoType, IntervalUnit, TimeUnit, TimestampMicrosecondType,
    TimestampNanosecondType,
};
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;

use super::dates::{MICROS_PER_DAY, civil, days, moment, out_of_range};
use super::documentation::Described;
use super::failure::{internal, invalid_argument, wrong_type};
use super::scalar::{Argument, ScalarFunction, Shell, expect_arguments};

/// The functions of this file.
pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![Shell::udf(TimeBucket)]
}

const NAME: &str = "time_bucket";
/// 2000-01-03, a Monday, so that buckets of weeks are weeks.
const MONDAY: i64 = 10_959;
const MONTHS_TO_2000: i64 = 2000 * 12;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct TimeBucket;

const DESCRIBED: Described = Described {
    section: "Time and Date Functions",
    sentence: "The start of the bucket of a width that a moment lies in. Buckets are counted from the origin: \
        2000-01-03 00:00 (a Monday), for widths in months 2000-01; of an origin only the month counts there. A \
        date stays a date; a timestamp with a time zone is bucketed in UTC.",
    source: "TimescaleDB and DuckDB `time_bucket`",
    syntax: "time_bucket(width, ts [, origin])",
    example: "SELECT time_bucket(INTERVAL '5 minutes', TIMESTAMP '2024-01-01 10:07:30'); -- 2024-01-01T10:05:00",
    arguments: &[
        ("width", "a positive interval, of months alone or without months"),
        ("ts", "a date or timestamp"),
        ("origin", "a date or timestamp at which a bucket starts"),
    ],
};

impl ScalarFunction for TimeBucket {
    fn name(&self) -> &'static str {
        NAME
    }

    fn described(&self) -> Described {
        DESCRIBED
    }

    fn coerce(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        expect_arguments(self, types, &[2, 3])?;
        let width = DataType::Interval(IntervalUnit::MonthDayNano);
        if !matches!(
            types[0],
            DataType::Interval(_) | DataType::Duration(_) | DataType::Null
        ) {
            return Err(wrong_type(NAME, "width", "an interval", &types[0]));
        }
        // Seconds and milliseconds could not hold every bucket's start.
        let ts = match moment(NAME, "ts", &types[1])? {
            DataType::Timestamp(TimeUnit::Second | TimeUnit::Millisecond, zone) => {
                DataType::Timestamp(TimeUnit::Microsecond, zone)
            }
            other => other,
        };
        let mut coerced = vec![width, ts.clone()];
        if let Some(origin) = types.get(2) {
            moment(NAME, "origin", origin)?;
            coerced.push(match ts {
                DataType::Date32 => DataType::Timestamp(TimeUnit::Microsecond, None),
                ts => ts,
            });
        }
        Ok(coerced)
    }

    fn return_type(&self, types: &[DataType]) -> DataType {
        types[1].clone()
    }

    fn call(&self, arguments: &[Argument], rows: usize) -> Result<ArrayRef> {
        let ts = &arguments[1].values;
        match ts.data_type() {
            DataType::Date32 => {
                let dates = ts.as_primitive::<Date32Type>().values();
                let micros = |at: usize| i64::from(dates[at]).checked_mul(MICROS_PER_DAY);
                let starts = starts(arguments, rows, 1_000_000, micros)?;
                let starts = starts.into_iter().map(|start| {
                    let day = start.map(|start| i32::try_from(start.div_euclid(MICROS_PER_DAY)));
                    day.transpose().map_err(|_| out_of_range(NAME, "ts"))
                });
                Ok(Arc::new(starts.collect::<Result<Date32Array>>()?))
            }
            DataType::Timestamp(TimeUnit::Microsecond, zone) => {
                let values = ts.as_primitive::<TimestampMicrosecondType>().values();
                let starts = starts(arguments, rows, 1_000_000, |at| Some(values[at]))?;
                let starts: PrimitiveArray<TimestampMicrosecondType> = starts.into_iter().collect();
                Ok(Arc::new(starts.with_timezone_opt(zone.clone())))
            }
            DataType::Timestamp(TimeUnit::Nanosecond, zone) => {
                let values = ts.as_primitive::<TimestampNanosecondType>().values();
                let starts = starts(arguments, rows, 1_000_000_000, |at| Some(values[at]))?;
                let starts: PrimitiveArray<TimestampNanosecondType> = starts.into_iter().collect();
                Ok(Arc::new(starts.with_timezone_opt(zone.clone())))
            }
            _ => Err(internal(NAME, "a moment of an unexpected type")),
        }
    }
}

/// A checked width.
#[derive(Debug, Clone, Copy)]
enum Width {
    Months(i64),
    Ticks(i64),
}

/// The start of each row's bucket, in ticks of which a second has `per_second`.
fn starts(
    arguments: &[Argument],
    rows: usize,
    per_second: i64,
    tick: impl Fn(usize) -> Option<i64>,
) -> Result<Vec<Option<i64>>> {
    let widths = arguments[0].values.as_primitive::<IntervalMonthDayNanoType>();
    let ts = &arguments[1];
    let mut known = None;
    let mut starts = Vec::with_capacity(rows);
    for row in 0..rows {
        let at = arguments[0].at(row);
        if widths.is_null(at) || ts.values.is_null(ts.at(row)) {
            starts.push(None);
            continue;
        }
        let width = match known.filter(|_| arguments[0].constant) {
            Some(width) => width,
            None => *known.insert(checked_width(widths.value(at), per_second)?),
        };
        let origin = match arguments.get(2) {
            None => None,
            Some(origin) => match origin_tick(origin, row)? {
                None => {
                    starts.push(None);
                    continue;
                }
                origin => origin,
            },
        };
        let start = tick(ts.at(row)).and_then(|tick| start(width, tick, origin, per_second));
        starts.push(Some(start.ok_or_else(|| out_of_range(NAME, "ts"))?));
    }
    Ok(starts)
}

fn origin_tick(origin: &Argument, row: usize) -> Result<Option<i64>> {
    let at = origin.at(row);
    if origin.values.is_null(at) {
        return Ok(None);
    }
    match origin.values.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, _) => Ok(Some(
            origin.values.as_primitive::<TimestampMicrosecondType>().value(at),
        )),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => Ok(Some(
            origin.values.as_primitive::<TimestampNanosecondType>().value(at),
        )),
        _ => Err(internal(NAME, "an origin of an unexpected type")),
    }
}

fn checked_width(interval: arrow::datatypes::IntervalMonthDayNano, per_second: i64) -> Result<Width> {
    let refuse = |problem: &str| Err(invalid_argument(NAME, "width", problem));
    let nanos = i128::from(interval.days) * 86_400_000_000_000 + i128::from(interval.nanoseconds);
    if interval.months != 0 && nanos != 0 {
        return refuse("mixes months with days or times, which have no fixed length together");
    }
    if interval.months < 0 || nanos < 0 || (interval.months == 0 && nanos == 0) {
        return refuse("must be positive");
    }
    if interval.months > 0 {
        return Ok(Width::Months(i64::from(interval.months)));
    }
    let per_tick = i128::from(1_000_000_000 / per_second);
    if nanos % per_tick != 0 {
        return refuse("is finer than the timestamp");
    }
    match i64::try_from(nanos / per_tick) {
        Ok(ticks) => Ok(Width::Ticks(ticks)),
        Err(_) => refuse("is too long"),
    }
}

/// `None` if it lies beyond the type.
fn start(width: Width, tick: i64, origin: Option<i64>, per_second: i64) -> Option<i64> {
    let per_day = 86_400 * per_second;
    match width {
        Width::Ticks(width) => {
            let origin = origin.unwrap_or(MONDAY * per_day).rem_euclid(width);
            // Both are reduced first, so that no difference of far moments overflows.
            let into = (tick.rem_euclid(width) - origin).rem_euclid(width);
            tick.checked_sub(into)
        }
        Width::Months(width) => {
            let month = |tick: i64| {
                let (year, month, _) = civil(tick.div_euclid(per_day));
                year * 12 + month - 1
            };
            let month_of_ts = month(tick);
            let origin = origin.map_or(MONTHS_TO_2000, month);
            let first = month_of_ts - (month_of_ts - origin).rem_euclid(width);
            days(first.div_euclid(12), first.rem_euclid(12) + 1).checked_mul(per_day)
        }
    }
}
