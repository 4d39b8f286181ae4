//! The grid that aligned windows stand on: time cut into panes of one length.
//!
//! Pane `k` is `[start(k), start(k + 1))`. Without a zone panes are equally long and pane 0 starts at
//! the epoch plus the offset. With one they are whole days by that zone's calendar: they start at its
//! midnights (plus the offset), counted from 1970-01-01, and a day with a clock change is 23 or 25
//! hours long. A midnight that the clock skips is the moment at which it skips; of two equal ones
//! the first counts.

use std::hash::{Hash, Hasher};

use arrow::array::timezone::Tz;
use chrono::{Days, NaiveDate, NaiveDateTime, Offset, TimeDelta, TimeZone};
use datafusion::common::Result;

use super::time::{NANOS_PER_DAY, Time, out_of_range};

/// Panes of one length.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::operators) struct Grid {
    time: Time,
    /// Ticks.
    pane: i64,
    /// Ticks, at least 0 and less than a pane.
    offset: i64,
    zone: Option<Zone>,
}

/// A time zone.
#[derive(Debug, Clone)]
pub(in crate::operators) struct Zone {
    name: String,
    zone: Tz,
}

impl Zone {
    /// `None` if there is none of that name.
    pub(in crate::operators) fn named(name: &str) -> Option<Self> {
        let zone = name.parse().ok()?;
        Some(Self {
            name: name.to_owned(),
            zone,
        })
    }

    /// What the zone's clock shows at a moment.
    pub(in crate::operators) fn to_local(&self, utc: NaiveDateTime) -> Option<NaiveDateTime> {
        utc.checked_add_offset(self.zone.offset_from_utc_datetime(&utc).fix())
    }

    /// The moment at which its clock shows `local`; of two the first.
    pub(in crate::operators) fn to_utc(&self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        to_utc(self.zone, local)
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Zone {}

impl Hash for Zone {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

/// A pane with its bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::operators) struct Pane {
    pub(in crate::operators) index: i64,
    pub(in crate::operators) start: i64,
    pub(in crate::operators) end: i64,
}

impl Pane {
    fn holds(&self, tick: i64) -> bool {
        self.start <= tick && tick < self.end
    }
}

impl Grid {
    /// Panes of `pane` ticks, which are positive, moved by `offset` ticks; with a zone both are
    /// lengths on its clock, and `pane` is whole days.
    pub(in crate::operators) fn new(time: Time, pane: i64, offset: i64, zone: Option<Zone>) -> Self {
        Self {
            time,
            pane,
            offset: offset.rem_euclid(pane),
            zone,
        }
    }

    pub(in crate::operators) fn time(&self) -> &Time {
        &self.time
    }

    /// What tells this grid from others, for plans.
    pub(in crate::operators) fn describe(&self) -> String {
        let nanos = self.time.nanos_per_tick();
        let length = |ticks: i64| length(i128::from(ticks) * i128::from(nanos));
        let mut text = length(self.pane);
        if self.offset != 0 {
            text += &format!(" + {}", length(self.offset));
        }
        if let Some(zone) = &self.zone {
            text += &format!(" in {}", zone.name);
        }
        text
    }

    /// The length of a pane as text.
    pub(in crate::operators) fn times(&self, panes: i64) -> String {
        length(i128::from(self.pane) * i128::from(panes) * i128::from(self.time.nanos_per_tick()))
    }

    /// Where pane `index` starts; `None` beyond the type.
    pub(in crate::operators) fn start(&self, index: i64) -> Option<i64> {
        match &self.zone {
            None => index.checked_mul(self.pane)?.checked_add(self.offset),
            Some(zone) => self.start_in(zone.zone, index),
        }
    }

    /// The pane that a moment lies in; `None` if the pane reaches beyond the type.
    pub(in crate::operators) fn pane(&self, tick: i64) -> Option<Pane> {
        match &self.zone {
            None => {
                let since = tick.checked_sub(self.offset)?;
                let index = since.div_euclid(self.pane);
                let start = tick.checked_sub(since.rem_euclid(self.pane))?;
                let end = start.checked_add(self.pane)?;
                Some(Pane { index, start, end })
            }
            Some(zone) => self.pane_in(zone.zone, tick),
        }
    }

    /// The first pane that does not start before `tick`.
    pub(in crate::operators) fn first_from(&self, tick: i64) -> Option<i64> {
        let pane = self.pane(tick)?;
        Some(if pane.start == tick {
            pane.index
        } else {
            pane.index + 1
        })
    }

    /// Calls `visit` with the pane of each tick. Neighbours mostly share one.
    pub(in crate::operators) fn each(&self, ticks: &[i64], mut visit: impl FnMut(Pane)) -> Result<()> {
        let mut pane: Option<Pane> = None;
        for tick in ticks {
            let found = match pane {
                Some(known) if known.holds(*tick) => known,
                _ => self.pane(*tick).ok_or_else(out_of_range)?,
            };
            visit(found);
            pane = Some(found);
        }
        Ok(())
    }

    fn ticks_per_day(&self) -> i64 {
        NANOS_PER_DAY / self.time.nanos_per_tick()
    }

    fn start_in(&self, zone: Tz, index: i64) -> Option<i64> {
        let days = index.checked_mul(self.pane / self.ticks_per_day())?;
        let epoch = NaiveDate::from_ymd_opt(1970, 1, 1)?;
        let far = Days::new(days.unsigned_abs());
        let day = if days < 0 {
            epoch.checked_sub_days(far)?
        } else {
            epoch.checked_add_days(far)?
        };
        let nanos = self.offset.checked_mul(self.time.nanos_per_tick())?;
        let local = day
            .and_hms_opt(0, 0, 0)?
            .checked_add_signed(TimeDelta::nanoseconds(nanos))?;
        self.time.tick_of(to_utc(zone, local)?)
    }

    fn pane_in(&self, zone: Tz, tick: i64) -> Option<Pane> {
        let utc = self.time.moment(tick)?;
        let local = utc.checked_add_offset(zone.offset_from_utc_datetime(&utc).fix())?;
        let nanos = self.offset.checked_mul(self.time.nanos_per_tick())?;
        let shifted = local.checked_sub_signed(TimeDelta::nanoseconds(nanos))?;
        let epoch = NaiveDate::from_ymd_opt(1970, 1, 1)?;
        let day = shifted.date().signed_duration_since(epoch).num_days();
        let mut index = day.div_euclid(self.pane / self.ticks_per_day());
        // The clock may show a time again or leave one out: moments decide, not what it shows.
        let mut start = self.start_in(zone, index)?;
        if tick < start {
            index -= 1;
            start = self.start_in(zone, index)?;
        }
        let mut end = self.start_in(zone, index + 1)?;
        if tick >= end {
            index += 1;
            start = end;
            end = self.start_in(zone, index + 1)?;
        }
        Some(Pane { index, start, end })
    }
}

/// The moment at which the clock of `zone` shows `local`; where it never does, the clock before the
/// change is asked.
fn to_utc(zone: Tz, local: NaiveDateTime) -> Option<NaiveDateTime> {
    if let Some(found) = zone.offset_from_local_datetime(&local).earliest() {
        return local.checked_sub_offset(found.fix());
    }
    let before = local.checked_sub_signed(TimeDelta::days(1))?;
    local.checked_sub_offset(zone.offset_from_utc_datetime(&before).fix())
}

/// `90 minutes`: the largest unit that measures it whole.
fn length(nanos: i128) -> String {
    let units = [
        (86_400_000_000_000, "day"),
        (3_600_000_000_000, "hour"),
        (60_000_000_000, "minute"),
        (1_000_000_000, "second"),
        (1_000_000, "millisecond"),
        (1_000, "microsecond"),
        (1, "nanosecond"),
    ];
    let (size, unit) = units
        .into_iter()
        .find(|(size, _)| nanos % size == 0)
        .unwrap_or((1, "nanosecond"));
    let count = nanos / size;
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

#[cfg(test)]
mod tests;
