//! The arguments that window functions share.

use datafusion::common::{Column, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};

use super::grid::Zone;
use super::time::{NANOS_PER_DAY, Time};
use crate::definition::type_text;
use crate::error::Code;
use crate::operators::{Binding, Call, Interval, Parameter};

pub(super) const TS: Parameter = Parameter {
    name: "ts",
    meaning: "the column of the event time: a DATE or TIMESTAMP",
    binding: Binding::Required,
};

pub(super) const OFFSET: Parameter = Parameter {
    name: "offset",
    meaning: "how far from the epoch the first window begins",
    binding: Binding::Optional,
};

pub(super) const ZONE: Parameter = Parameter {
    name: "zone",
    meaning: "the time zone whose days are meant, for windows of whole days",
    binding: Binding::Named,
};

pub(super) const KEY: Parameter = Parameter {
    name: "key",
    meaning: "the columns whose values have windows of their own, as [a, b]",
    binding: Binding::Named,
};

pub(super) const NULLS: Parameter = Parameter {
    name: "nulls",
    meaning: "'skip' leaves rows without a time out; 'error', the default, refuses them",
    binding: Binding::Named,
};

/// The event time's column and type.
pub(super) fn time(call: &mut Call<'_>) -> Result<(Column, Time)> {
    let column = call.column(TS.name)?;
    let found = call.type_of(&column)?;
    match Time::of(&found) {
        Some(time) => Ok((column, time.named_at(call.place(TS.name)))),
        None => {
            let problem = format!("must be a DATE or TIMESTAMP column, not {}", type_text(&found));
            let hint = "cast it in a subquery: (SELECT *, CAST(… AS TIMESTAMP) AS ts FROM …)";
            Err(call.refuse_with(Code::DatatypeMismatch, TS.name, problem, Some(hint)))
        }
    }
}

/// The zone, for windows over moments.
pub(super) fn zone(call: &mut Call<'_>, time: &Time) -> Result<Option<Zone>> {
    let Some(name) = call.text(ZONE.name)? else {
        return Ok(None);
    };
    if time.is_date() {
        return Err(call.refuse(Code::InvalidValue, ZONE.name, "means nothing for a DATE"));
    }
    match Zone::named(&name) {
        Some(zone) => Ok(Some(zone)),
        None => {
            let hint = "zones are named as 'Europe/Berlin' or '+02:00'";
            let problem = format!("is no time zone: '{name}'");
            Err(call.refuse_with(Code::InvalidValue, ZONE.name, problem, Some(hint)))
        }
    }
}

/// A positive length in ticks; in whole days if the windows are a zone's days.
pub(super) fn length(call: &mut Call<'_>, argument: &str, time: &Time, by_days: bool) -> Result<i64> {
    let interval = interval(call, argument)?;
    if by_days && nanos(interval) % i128::from(NANOS_PER_DAY) != 0 {
        let problem = "must be whole days where a zone is given";
        return Err(call.refuse(Code::InvalidValue, argument, problem));
    }
    positive(call, argument, interval, time)
}

/// An interval that must be given.
pub(super) fn interval(call: &mut Call<'_>, argument: &str) -> Result<Interval> {
    match call.interval(argument)? {
        Some(interval) => Ok(interval),
        None => Err(call.refuse(Code::InvalidValue, argument, "is missing")),
    }
}

/// A positive length in ticks.
pub(super) fn positive(call: &Call<'_>, argument: &str, interval: Interval, time: &Time) -> Result<i64> {
    match ticks(call, argument, interval, time)? {
        ticks if ticks > 0 => Ok(ticks),
        _ => Err(call.refuse(Code::InvalidValue, argument, "must be positive")),
    }
}

/// The offset in ticks, of either sign.
pub(super) fn offset(call: &mut Call<'_>, time: &Time) -> Result<i64> {
    match call.interval(OFFSET.name)? {
        Some(interval) => ticks(call, OFFSET.name, interval, time),
        None => Ok(0),
    }
}

fn nanos(interval: Interval) -> i128 {
    i128::from(interval.days) * i128::from(NANOS_PER_DAY) + i128::from(interval.nanoseconds)
}

fn ticks(call: &Call<'_>, argument: &str, interval: Interval, time: &Time) -> Result<i64> {
    if interval.months != 0 {
        let problem = "must not be in months or years, which have no fixed length";
        let hint = "write it in days, or group by date_trunc('month', …)";
        return Err(call.refuse_with(Code::InvalidValue, argument, problem, Some(hint)));
    }
    let per_tick = i128::from(time.nanos_per_tick());
    let nanos = nanos(interval);
    if nanos % per_tick != 0 {
        let problem = if time.is_date() {
            "must be whole days, since the time is a DATE".to_owned()
        } else {
            format!("is finer than the time, a {}", type_text(time.data_type()))
        };
        let hint = "cast the time in a subquery";
        return Err(call.refuse_with(Code::InvalidValue, argument, problem, Some(hint)));
    }
    i64::try_from(nanos / per_tick).map_err(|_| call.refuse(Code::InvalidValue, argument, "is too long"))
}

/// Whether rows without a time are left out.
pub(super) fn skips_nulls(call: &mut Call<'_>) -> Result<bool> {
    match call.text(NULLS.name)?.map(|text| text.to_lowercase()).as_deref() {
        None | Some("error") => Ok(false),
        Some("skip") => Ok(true),
        Some(_) => Err(call.refuse(Code::InvalidValue, NULLS.name, "must be 'skip' or 'error'")),
    }
}

/// The relation without the rows that are to be left out.
///
/// # Errors
/// [`Code::DuplicateColumn`] if it has one of the columns that are `added`.
pub(super) fn input(call: Call<'_>, time: &Column, skip: bool, added: &[&str]) -> Result<LogicalPlan> {
    let schema = call.input().schema();
    if let Some(name) = added
        .iter()
        .find(|name| !schema.columns_with_unqualified_name(name).is_empty())
    {
        let problem = format!("belongs to a relation that has a column '{name}' already");
        let hint = format!("give it another name in a subquery: (SELECT …, {name} AS … FROM …)");
        return Err(call.refuse_with(Code::DuplicateColumn, TS.name, problem, Some(&hint)));
    }
    let input = call.into_input();
    if !skip {
        return Ok(input);
    }
    LogicalPlanBuilder::from(input)
        .filter(Expr::Column(time.clone()).is_not_null())?
        .build()
}
