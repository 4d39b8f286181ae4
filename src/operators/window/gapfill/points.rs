//! Where the points of a grid lie: so many ticks apart, or so many months of a calendar.
//!
//! Months are counted from the grid's first point, whose day and time every point has, or the last day of a
//! shorter month: 31 January, 28 February, 31 March. The calendar is that of the time's own zone; a clock time that
//! a change skips is the moment at which it skips, and of two equal ones the first counts.

use std::fmt;

use chrono::Months;

use crate::operators::window::grid::Zone;
use crate::operators::window::time::Time;

/// How far apart the points lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Step {
    Ticks(i64),
    Months(u32),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ticks(ticks) => write!(f, "{ticks} ticks"),
            Self::Months(months) => write!(f, "{months} months"),
        }
    }
}

/// A point, of a grid that it knows by its first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Point {
    first: i64,
    index: i64,
    pub(super) at: i64,
    /// Where the next one lies; `None` beyond the type.
    pub(super) end: Option<i64>,
}

/// From a point to the next.
#[derive(Debug)]
pub(super) struct Steps {
    step: Step,
    time: Time,
    zone: Option<Zone>,
}

impl Steps {
    pub(super) fn new(step: Step, time: Time) -> Self {
        let zone = time.zone().and_then(Zone::named);
        Self { step, time, zone }
    }

    /// The first point of a grid.
    pub(super) fn first(&self, at: i64) -> Point {
        Point {
            first: at,
            index: 0,
            at,
            end: self.nth(at, 1),
        }
    }

    /// The point after `point`; behind the last one of the type there is none that a row could lie at.
    pub(super) fn after(&self, point: Point) -> Point {
        let index = point.index.saturating_add(1);
        Point {
            first: point.first,
            index,
            at: point.end.unwrap_or(i64::MAX),
            end: point
                .end
                .and_then(|_| self.nth(point.first, index.checked_add(1)?)),
        }
    }

    fn nth(&self, first: i64, index: i64) -> Option<i64> {
        match self.step {
            Step::Ticks(step) => first.checked_add(index.checked_mul(step)?),
            Step::Months(months) => {
                let utc = self.time.moment(first)?;
                let months = Months::new(u32::try_from(index).ok()?.checked_mul(months)?);
                let utc = match &self.zone {
                    None => utc.checked_add_months(months)?,
                    Some(zone) => zone.to_utc(zone.to_local(utc)?.checked_add_months(months)?)?,
                };
                self.time.tick_of(utc)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::datatypes::{DataType, TimeUnit};
    use chrono::{DateTime, NaiveDate};

    use super::*;

    fn points(step: Step, data_type: &DataType, first: i64, count: usize) -> Vec<i64> {
        let steps = Steps::new(step, Time::of(data_type).unwrap());
        let points = std::iter::successors(Some(steps.first(first)), |point| Some(steps.after(*point)));
        points.map(|point| point.at).take(count).collect()
    }

    #[test]
    fn months_are_counted_from_the_first_point() {
        let day = |year, month, day| {
            let date = NaiveDate::from_ymd_opt(year, month, day).unwrap();
            date.signed_duration_since(NaiveDate::default()).num_days()
        };
        let found = points(Step::Months(1), &DataType::Date32, day(2023, 12, 31), 4);
        let expected = [
            day(2023, 12, 31),
            day(2024, 1, 31),
            day(2024, 2, 29),
            day(2024, 3, 31),
        ];
        assert_eq!(found, expected);
        let found = points(Step::Months(12), &DataType::Date32, day(1968, 2, 29), 5);
        assert_eq!(found[1], day(1969, 2, 28));
        assert_eq!(found[4], day(1972, 2, 29));
    }

    #[test]
    fn months_of_a_zone_begin_by_its_clock() {
        let zone = Some(Arc::from("Europe/Berlin"));
        let second = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().timestamp();
        let first = second("2026-03-01T00:00:00+01:00");
        let found = points(
            Step::Months(1),
            &DataType::Timestamp(TimeUnit::Second, zone),
            first,
            3,
        );
        let expected = [
            first,
            second("2026-04-01T00:00:00+02:00"),
            second("2026-05-01T00:00:00+02:00"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn behind_the_last_moment_of_the_type_there_is_none() {
        let time = DataType::Timestamp(TimeUnit::Nanosecond, None);
        let found = points(Step::Months(1), &time, i64::MAX - 5, 3);
        assert_eq!(found, [i64::MAX - 5, i64::MAX, i64::MAX]);
        let found = points(Step::Ticks(10), &time, i64::MAX - 15, 3);
        assert_eq!(found, [i64::MAX - 15, i64::MAX - 5, i64::MAX]);
    }
}
