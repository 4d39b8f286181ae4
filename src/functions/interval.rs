//! `interval_multiply`: what `n * INTERVAL '…'` stands for.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, IntervalMonthDayNanoArray};
use arrow::datatypes::{DataType, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit};
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;

use super::documentation::Described;
use super::failure::wrong_type;
use super::scalar::{Argument, ScalarFunction, Shell, expect_arguments};
use crate::error::{Code, Error};

/// The functions of this file.
pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![multiply_interval()]
}

/// `interval * n`: an INTERVAL of months, days and nanoseconds, and a BIGINT.
pub fn multiply_interval() -> ScalarUDF {
    Shell::udf(Multiply)
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Multiply;

impl ScalarFunction for Multiply {
    fn name(&self) -> &'static str {
        "interval_multiply"
    }

    fn described(&self) -> Described {
        Described {
            section: "Time and Date Functions",
            sentence: "An interval so many times: its months, days and time each multiplied. Written with `*` too.",
            source: "PostgreSQL and DuckDB `INTERVAL * integer`",
            syntax: "interval_multiply(interval, n)",
            example: "SELECT interval_multiply(INTERVAL '1 day 2 hours', 3); -- 3 days 6 hours",
            arguments: &[("interval", "what is multiplied"), ("n", "an integer")],
        }
    }

    fn coerce(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        expect_arguments(self, types, &[2])?;
        if !matches!(types[0], DataType::Interval(_) | DataType::Null) {
            return Err(wrong_type(self.name(), "interval", "an interval", &types[0]));
        }
        if !(types[1].is_integer() || types[1].is_null()) {
            return Err(wrong_type(self.name(), "n", "an integer", &types[1]));
        }
        Ok(vec![
            DataType::Interval(IntervalUnit::MonthDayNano),
            DataType::Int64,
        ])
    }

    fn return_type(&self, _types: &[DataType]) -> DataType {
        DataType::Interval(IntervalUnit::MonthDayNano)
    }

    fn call(&self, arguments: &[Argument], rows: usize) -> Result<ArrayRef> {
        let intervals = arguments[0].values.as_primitive::<IntervalMonthDayNanoType>();
        let counts = arguments[1].values.as_primitive::<Int64Type>();
        let value = |row: usize| -> Result<Option<IntervalMonthDayNano>> {
            let (i, n) = (arguments[0].at(row), arguments[1].at(row));
            if intervals.is_null(i) || counts.is_null(n) {
                return Ok(None);
            }
            times(intervals.value(i), counts.value(n)).map(Some)
        };
        let results: Result<IntervalMonthDayNanoArray> = (0..rows).map(value).collect();
        Ok(Arc::new(results?))
    }
}

fn times(interval: IntervalMonthDayNano, count: i64) -> Result<IntervalMonthDayNano> {
    let small = |part: i32| i32::try_from(i64::from(part).checked_mul(count)?).ok();
    let product = || {
        Some(IntervalMonthDayNano::new(
            small(interval.months)?,
            small(interval.days)?,
            interval.nanoseconds.checked_mul(count)?,
        ))
    };
    product().ok_or_else(|| {
        let message = format!("{count} times this interval is out of range for INTERVAL");
        Error::new(Code::NumericOutOfRange, message).into()
    })
}
