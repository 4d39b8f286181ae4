//! `date_diff`, `date_sub`: the distance of two moments in calendar units.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::datatypes::{DataType, Date32Type, TimeUnit};
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;

use super::documentation::Described;
use super::failure::{internal, invalid_argument, wrong_type};
use super::scalar::{Argument, ScalarFunction, Shell, expect_arguments, text_type};
use crate::error::{Code, Error, did_you_mean};

/// The functions of this file.
pub(super) fn functions() -> Vec<ScalarUDF> {
    [Distance::Boundaries, Distance::Complete].map(Shell::udf).into()
}

pub(super) const MICROS_PER_SECOND: i64 = 1_000_000;
pub(super) const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Distance {
    Boundaries,
    Complete,
}

const ARGUMENTS: &[(&str, &str)] = &[
    (
        "unit",
        "microsecond, millisecond, second, minute, hour, day, week (from Monday), month, quarter, year, decade, \
         century or millennium, or a short form of them",
    ),
    ("start", "a date or timestamp"),
    ("end", "a date or timestamp"),
];

const DATE_DIFF: Described = Described {
    section: "Time and Date Functions",
    sentence: "How many boundaries of a unit lie between two moments; negative if the end is before the start. \
        Timestamps with a time zone are counted in UTC.",
    source: "DuckDB and SQL Server `date_diff`; weeks begin on Monday (ISO 8601)",
    syntax: "date_diff(unit, start, end)",
    example: "SELECT date_diff('month', DATE '1992-01-31', DATE '1992-02-01'); -- 1",
    arguments: ARGUMENTS,
};

const DATE_SUB: Described = Described {
    section: "Time and Date Functions",
    sentence: "How many complete units lie between two moments; negative if the end is before the start. A \
        month is complete on the day of the start, or on the end month's last day if that is earlier.",
    source: "DuckDB `date_sub`",
    syntax: "date_sub(unit, start, end)",
    example: "SELECT date_sub('month', DATE '1992-01-31', DATE '1992-02-29'); -- 1",
    arguments: ARGUMENTS,
};

impl ScalarFunction for Distance {
    fn name(&self) -> &'static str {
        match self {
            Self::Boundaries => "date_diff",
            Self::Complete => "date_sub",
        }
    }

    fn aliases(&self) -> &'static [&'static str] {
        match self {
            Self::Boundaries => &["datediff"],
            Self::Complete => &["datesub"],
        }
    }

    fn described(&self) -> Described {
        match self {
            Self::Boundaries => DATE_DIFF,
            Self::Complete => DATE_SUB,
        }
    }

    fn coerce(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        expect_arguments(self, types, &[3])?;
        Ok(vec![
            text_type(self.name(), "unit", &types[0])?,
            moment(self.name(), "start", &types[1])?,
            moment(self.name(), "end", &types[2])?,
        ])
    }

    fn return_type(&self, _types: &[DataType]) -> DataType {
        DataType::Int64
    }

    fn call(&self, arguments: &[Argument], rows: usize) -> Result<ArrayRef> {
        let name = self.name();
        let units = arguments[0].text(name)?;
        let constant = match units.get(0).filter(|_| arguments[0].constant) {
            Some(text) => Some(Unit::parse(name, text)?),
            None => None,
        };
        let (starts, ends) = (
            Moments::new(name, "start", &arguments[1])?,
            Moments::new(name, "end", &arguments[2])?,
        );
        let mut results = Int64Array::builder(rows);
        for row in 0..rows {
            let unit = match (constant, units.get(row)) {
                (Some(unit), _) => Some(unit),
                (None, Some(text)) => Some(Unit::parse(name, text)?),
                (None, None) => None,
            };
            let distance = match (unit, starts.micros(row)?, ends.micros(row)?) {
                (Some(unit), Some(start), Some(end)) => Some(self.distance(unit, start, end)?),
                _ => None,
            };
            results.append_option(distance);
        }
        Ok(Arc::new(results.finish()))
    }
}

impl Distance {
    fn distance(&self, unit: Unit, start: i64, end: i64) -> Result<i64> {
        let distance = match self {
            Self::Boundaries => unit.boundary(end).checked_sub(unit.boundary(start)),
            Self::Complete => unit.complete(start, end),
        };
        distance.ok_or_else(|| out_of_range(self.name(), "end"))
    }
}

/// The type that a date or timestamp is read as.
pub(super) fn moment(function: &str, argument: &str, found: &DataType) -> Result<DataType> {
    match found {
        DataType::Date32 | DataType::Timestamp(_, _) => Ok(found.clone()),
        DataType::Date64 => Ok(DataType::Timestamp(TimeUnit::Millisecond, None)),
        DataType::Null => Ok(DataType::Timestamp(TimeUnit::Microsecond, None)),
        other => Err(wrong_type(function, argument, "a date or timestamp", other)),
    }
}

/// Dates or timestamps as microseconds since 1970; what is finer is rounded down.
pub(super) struct Moments<'a> {
    function: &'a str,
    name: &'a str,
    argument: &'a Argument,
    values: Values<'a>,
}

enum Values<'a> {
    Days(&'a [i32]),
    Ticks(&'a [i64], TimeUnit),
}

impl<'a> Moments<'a> {
    pub(super) fn new(function: &'a str, name: &'a str, argument: &'a Argument) -> Result<Self> {
        let array = &argument.values;
        let values = match array.data_type() {
            DataType::Date32 => Values::Days(array.as_primitive::<Date32Type>().values()),
            DataType::Timestamp(unit, _) => Values::Ticks(ticks(function, array)?, *unit),
            _ => return Err(internal(function, "an argument that should be a moment is not")),
        };
        Ok(Self {
            function,
            name,
            argument,
            values,
        })
    }

    /// # Errors
    /// [`Code::DataException`] if it does not fit.
    pub(super) fn micros(&self, row: usize) -> Result<Option<i64>> {
        let row = self.argument.at(row);
        if self.argument.values.is_null(row) {
            return Ok(None);
        }
        let micros = match self.values {
            Values::Days(days) => i64::from(days[row]).checked_mul(MICROS_PER_DAY),
            Values::Ticks(ticks, TimeUnit::Second) => ticks[row].checked_mul(MICROS_PER_SECOND),
            Values::Ticks(ticks, TimeUnit::Millisecond) => ticks[row].checked_mul(1000),
            Values::Ticks(ticks, TimeUnit::Microsecond) => Some(ticks[row]),
            Values::Ticks(ticks, TimeUnit::Nanosecond) => Some(ticks[row].div_euclid(1000)),
        };
        let beyond = || {
            let message = format!("{}: argument '{}' is too far from 1970", self.function, self.name);
            Error::new(Code::DataException, message).into()
        };
        micros.ok_or_else(beyond).map(Some)
    }
}

/// A timestamp array's numbers, whatever its unit.
fn ticks<'a>(function: &str, array: &'a ArrayRef) -> Result<&'a [i64]> {
    use arrow::datatypes::{
        TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    };
    Ok(match array.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => array.as_primitive::<TimestampSecondType>().values(),
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            array.as_primitive::<TimestampMillisecondType>().values()
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            array.as_primitive::<TimestampMicrosecondType>().values()
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            array.as_primitive::<TimestampNanosecondType>().values()
        }
        _ => {
            return Err(internal(
                function,
                "an argument that should be a timestamp is not",
            ));
        }
    })
}

/// A unit: of so many microseconds, or of so many months.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Micros(i64),
    Week,
    Months(i64),
}

const UNITS: &[(&[&str], Unit)] = &[
    (
        &["microsecond", "microseconds", "us", "usec", "usecs"],
        Unit::Micros(1),
    ),
    (
        &["millisecond", "milliseconds", "ms", "msec", "msecs"],
        Unit::Micros(1000),
    ),
    (
        &["second", "seconds", "s", "sec", "secs"],
        Unit::Micros(MICROS_PER_SECOND),
    ),
    (
        &["minute", "minutes", "m", "min", "mins"],
        Unit::Micros(60 * MICROS_PER_SECOND),
    ),
    (
        &["hour", "hours", "h", "hr", "hrs"],
        Unit::Micros(3600 * MICROS_PER_SECOND),
    ),
    (&["day", "days", "d"], Unit::Micros(MICROS_PER_DAY)),
    (&["week", "weeks", "w"], Unit::Week),
    (&["month", "months", "mon", "mons"], Unit::Months(1)),
    (&["quarter", "quarters"], Unit::Months(3)),
    (&["year", "years", "y", "yr", "yrs"], Unit::Months(12)),
    (&["decade", "decades"], Unit::Months(120)),
    (&["century", "centuries", "c"], Unit::Months(1200)),
    (
        &["millennium", "millennia", "millenniums", "mil"],
        Unit::Months(12_000),
    ),
];

impl Unit {
    fn parse(function: &str, text: &str) -> Result<Self> {
        let word = text.to_ascii_lowercase();
        let found = UNITS.iter().find(|(names, _)| names.contains(&word.as_str()));
        if let Some((_, unit)) = found {
            return Ok(*unit);
        }
        let message = format!("{function}: argument 'unit' is no unit of time: '{text}'");
        let names = UNITS.iter().map(|(names, _)| names[0]);
        Err(Error::new(Code::InvalidValue, message)
            .with_hint_if(did_you_mean(&word, names))
            .into())
    }

    /// The number of the unit that a moment lies in.
    fn boundary(self, micros: i64) -> i64 {
        match self {
            Self::Micros(length) => micros.div_euclid(length),
            // Day 0 was a Thursday.
            Self::Week => (micros.div_euclid(MICROS_PER_DAY) + 3).div_euclid(7),
            Self::Months(length) => {
                let (year, month, _) = civil(micros.div_euclid(MICROS_PER_DAY));
                (year * 12 + month - 1).div_euclid(length)
            }
        }
    }

    /// How many whole units lie between two moments; `None` if they are too far apart.
    fn complete(self, start: i64, end: i64) -> Option<i64> {
        match self {
            Self::Micros(length) => Some(end.checked_sub(start)? / length),
            Self::Week => Some(end.checked_sub(start)? / (7 * MICROS_PER_DAY)),
            Self::Months(length) if start > end => Some(-(complete_months(end, start) / length)),
            Self::Months(length) => Some(complete_months(start, end) / length),
        }
    }
}

/// Whole months from a moment to one that is not before it.
fn complete_months(start: i64, end: i64) -> i64 {
    let split = |micros: i64| {
        (
            micros.div_euclid(MICROS_PER_DAY),
            micros.rem_euclid(MICROS_PER_DAY),
        )
    };
    let ((start_day, start_time), (end_day, end_time)) = (split(start), split(end));
    let (start_year, start_month, start_date) = civil(start_day);
    let (end_year, end_month, end_date) = civil(end_day);
    let months = (end_year - start_year) * 12 + end_month - start_month;
    let due = start_date.min(days_in_month(end_year, end_month));
    months - i64::from((end_date, end_time) < (due, start_time))
}

fn days_in_month(year: i64, month: i64) -> i64 {
    days(year + month / 12, month % 12 + 1) - days(year, month)
}

/// Year, month and day of a day since 1970, in the proleptic Gregorian calendar. After Hinnant,
/// "chrono-compatible low-level date algorithms".
pub(super) fn civil(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let date = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    (year + era * 400 + i64::from(month <= 2), month, date)
}

/// The day since 1970 on which a month begins.
pub(super) fn days(year: i64, month: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let from_march = (month + 9) % 12;
    let of_year = (153 * from_march + 2) / 5;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The problem of an argument whose value is out of range.
pub(super) fn out_of_range(function: &str, argument: &str) -> datafusion::error::DataFusionError {
    invalid_argument(function, argument, "lies out of the range of its type")
}
