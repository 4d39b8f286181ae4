//! `raw.events`: what visitors did, day by day in the order of arrival, as Parquet.
//!
//! A visitor views, sometimes clicks on what was viewed, sometimes buys what was clicked on. Most
//! events arrive within seconds, some within minutes. Whether an event is late is decided by the
//! definition, from what has arrived before it; only duplicates and planted ones ever are.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Builder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use super::answers::{Answers, Defect, Table};
use super::calendar::{DAY, DAYS, HOUR, MINUTE, SECOND, moment, partition, spread};
use super::files::{ParquetFile, failure};
use super::progress::Report;
use super::random::{Dice, Every, Recent};
use super::shop::Shop;
use super::words::{BAD_AMOUNTS, EVENT_TYPES, UNKNOWN_TYPES};
use crate::error::Result;

const BATCH: u64 = 1 << 16;
/// The rules of the sample: how far ahead of its arrival an event is from the future, and how far
/// behind the highest time so far it is late.
const AHEAD: i64 = HOUR;
const BEHIND: i64 = 10 * MINUTE;

/// Writes the table below `folder`.
pub(super) fn write(
    folder: &Path,
    rows: u64,
    shop: &Shop,
    dice: Dice,
    answers: &mut Answers,
    report: &mut Report<'_>,
) -> Result<()> {
    let mut stream = Stream::new(shop, dice, answers);
    report.begin(Table::Events, rows);
    for (day, count) in (0..DAYS).zip(spread(rows)) {
        // A table without rows still has a file that tells its columns.
        if count == 0 && !(rows == 0 && day + 1 == DAYS) {
            continue;
        }
        let path = folder.join(partition(day)).join("part-0.parquet");
        let mut file = ParquetFile::create(path.clone(), schema())?;
        for start in (0..count).step_by(BATCH as usize) {
            let mut batch = Batch::default();
            for i in start..count.min(start + BATCH) {
                let arrived = moment(day, i, count, &mut stream.dice);
                stream.next(arrived, &mut batch);
            }
            let batch = batch.finish().map_err(|error| failure(&path, &error))?;
            file.write(&batch)?;
            report.add(batch.num_rows() as u64);
        }
        file.publish()?;
    }
    Ok(())
}

#[derive(Clone, Copy)]
struct Event {
    id: u64,
    kind: &'static str,
    user: Option<u64>,
    item: u64,
    time: Option<i64>,
    amount: Amount,
}

#[derive(Clone, Copy, PartialEq)]
enum Amount {
    None,
    Cents(i64),
    Text(&'static str),
}

/// The events in the order of their arrival.
struct Stream<'a> {
    shop: &'a Shop,
    dice: Dice,
    plan: Plan,
    answers: &'a mut Answers,
    last_id: u64,
    /// The highest time that has arrived, events from the future left out.
    highest: Option<i64>,
    viewed: Recent<(u64, u64)>,
    clicked: Recent<(u64, u64)>,
    just_sent: Recent<Event>,
    sent: Recent<Event>,
}

/// How often each defect is planted.
struct Plan {
    again: Every,
    no_user: Every,
    no_time: Every,
    odd_type: Every,
    bad_amount: Every,
    negative_amount: Every,
    orphan_user: Every,
    orphan_item: Every,
    future: Every,
    late: Every,
    /// Of what was sent, the share from which later duplicates are taken.
    kept: Every,
}

impl Plan {
    fn new() -> Self {
        Self {
            again: Every::new(90),
            no_user: Every::new(110),
            no_time: Every::new(140),
            odd_type: Every::new(160),
            // Of purchases only.
            bad_amount: Every::new(13),
            negative_amount: Every::new(15),
            orphan_user: Every::new(120),
            orphan_item: Every::new(130),
            future: Every::new(180),
            late: Every::new(100),
            kept: Every::new(40),
        }
    }
}

impl<'a> Stream<'a> {
    fn new(shop: &'a Shop, dice: Dice, answers: &'a mut Answers) -> Self {
        Self {
            shop,
            dice,
            plan: Plan::new(),
            answers,
            last_id: 0,
            highest: None,
            viewed: Recent::new(512),
            clicked: Recent::new(256),
            just_sent: Recent::new(64),
            sent: Recent::new(256),
        }
    }

    /// The event that arrives at `arrived`.
    fn next(&mut self, arrived: i64, batch: &mut Batch) {
        let copied = self
            .plan
            .again
            .hit(&mut self.dice)
            .then(|| self.copy(arrived))
            .flatten();
        let event = match copied {
            Some(event) => event,
            None => self.fresh(arrived),
        };
        self.count(&event, arrived, copied.is_some());
        self.remember(event);
        batch.push(&event, arrived);
    }

    /// An event that arrived before, from the last moments or from longer ago.
    fn copy(&mut self, arrived: i64) -> Option<Event> {
        let source = if self.dice.chance(85) {
            &self.just_sent
        } else {
            &self.sent
        };
        let event = source.pick(&mut self.dice)?;
        let Some(time) = event.time else {
            return Some(event);
        };
        // One from the future would no longer be so far ahead, and push the highest time up; one
        // that lies just on the edge of being late can be called either.
        let clear = time <= arrived && self.highest.is_none_or(|highest| highest - time != BEHIND);
        clear.then_some(event)
    }

    fn fresh(&mut self, arrived: i64) -> Event {
        self.last_id += 1;
        let (kind, user, item) = self.action();
        let mut event = Event {
            id: self.last_id,
            kind,
            user: Some(user),
            item,
            time: Some(self.time(arrived)),
            amount: Amount::None,
        };
        if kind == "purchase" {
            event.amount = self.amount(item);
        }
        self.damage(&mut event);
        event
    }

    /// What is done, by whom, to which item.
    fn action(&mut self) -> (&'static str, u64, u64) {
        let kind = EVENT_TYPES[self.dice.weighted(&EVENT_TYPES.map(|(_, share)| share))].0;
        let followed = match kind {
            "click" if self.dice.chance(85) => self.viewed.pick(&mut self.dice),
            "purchase" if self.dice.chance(90) => self.clicked.pick(&mut self.dice),
            _ => None,
        };
        let (user, item) = followed.unwrap_or_else(|| {
            let user = self.shop.visitor(&mut self.dice);
            (user, self.shop.choice(user, &mut self.dice))
        });
        match kind {
            "view" => self.viewed.push((user, item)),
            "click" => self.clicked.push((user, item)),
            _ => {}
        }
        (kind, user, item)
    }

    /// When it happened: a little before it arrived, unless something else is planted.
    fn time(&mut self, arrived: i64) -> i64 {
        let future = self.plan.future.hit(&mut self.dice);
        let late = self.plan.late.hit(&mut self.dice);
        match (future, late, self.highest) {
            (true, ..) => arrived + self.dice.between(2 * HOUR, 40 * DAY),
            (_, true, Some(highest)) => highest - BEHIND - self.dice.between(30 * SECOND, 4 * HOUR),
            _ if self.dice.chance(4) => arrived - self.dice.between(MINUTE, 8 * MINUTE),
            _ => arrived - self.dice.between(0, 20 * SECOND),
        }
    }

    fn amount(&mut self, item: u64) -> Amount {
        let pieces = 1 + self.dice.weighted(&[80, 14, 4, 2]) as i64;
        let cents = self.shop.price(item) * pieces;
        let bad = self.plan.bad_amount.hit(&mut self.dice);
        let negative = self.plan.negative_amount.hit(&mut self.dice);
        match (bad, negative) {
            (true, _) => Amount::Text(self.dice.pick(&BAD_AMOUNTS)),
            (_, true) => Amount::Cents(-cents),
            _ => Amount::Cents(cents),
        }
    }

    fn damage(&mut self, event: &mut Event) {
        let (plan, dice) = (&mut self.plan, &mut self.dice);
        if plan.orphan_user.hit(dice) {
            event.user = Some(self.shop.users + 1 + dice.below(500));
        }
        if plan.no_user.hit(dice) {
            event.user = None;
        }
        if plan.orphan_item.hit(dice) {
            event.item = self.shop.items + 1 + dice.below(500);
        }
        if plan.no_time.hit(dice) {
            event.time = None;
        }
        // A purchase keeps its type, so that every amount belongs to one.
        if plan.odd_type.hit(dice) && event.kind != "purchase" {
            event.kind = dice.pick(&UNKNOWN_TYPES);
        }
    }

    /// Counts by the definitions, whatever was planted.
    fn count(&mut self, event: &Event, arrived: i64, copied: bool) {
        let answers = &mut *self.answers;
        answers.add_row(Table::Events);
        answers.add_if(Defect::DuplicateEvent, copied);
        answers.add_if(Defect::MissingUser, event.user.is_none());
        answers.add_if(
            Defect::OrphanUser,
            event.user.is_some_and(|user| user > self.shop.users),
        );
        answers.add_if(Defect::OrphanItem, event.item > self.shop.items);
        answers.add_if(Defect::UnknownType, UNKNOWN_TYPES.contains(&event.kind));
        answers.add_if(Defect::BadAmount, matches!(event.amount, Amount::Text(_)));
        answers.add_if(Defect::NegativeAmount, matches!(event.amount, Amount::Cents(..0)));
        let Some(time) = event.time else {
            answers.add(Defect::MissingTime);
            return;
        };
        answers.add_if(
            Defect::LateEvent,
            self.highest.is_some_and(|highest| time < highest - BEHIND),
        );
        let future = time > arrived + AHEAD;
        answers.add_if(Defect::FutureEvent, future);
        if !future {
            self.highest = self.highest.max(Some(time));
        }
    }

    fn remember(&mut self, event: Event) {
        self.just_sent.push(event);
        if self.plan.kept.hit(&mut self.dice) {
            self.sent.push(event);
        }
    }
}

fn schema() -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Microsecond, None);
    Arc::new(Schema::new(vec![
        Field::new("event_id", DataType::Int64, true),
        Field::new("event_type", DataType::Utf8, true),
        Field::new("user_id", DataType::Int64, true),
        Field::new("item_id", DataType::Int64, true),
        Field::new("event_time", time.clone(), true),
        Field::new("arrived_at", time, true),
        Field::new("amount", DataType::Utf8, true),
    ]))
}

#[derive(Default)]
struct Batch {
    id: Int64Builder,
    kind: StringBuilder,
    user: Int64Builder,
    item: Int64Builder,
    time: TimestampMicrosecondBuilder,
    arrived: TimestampMicrosecondBuilder,
    amount: StringBuilder,
}

impl Batch {
    fn push(&mut self, event: &Event, arrived: i64) {
        self.id.append_value(event.id as i64);
        self.kind.append_value(event.kind);
        self.user.append_option(event.user.map(|user| user as i64));
        self.item.append_value(event.item as i64);
        self.time.append_option(event.time);
        self.arrived.append_value(arrived);
        match event.amount {
            Amount::None => self.amount.append_null(),
            Amount::Text(text) => self.amount.append_value(text),
            Amount::Cents(cents) => {
                let sign = if cents < 0 { "-" } else { "" };
                let (euros, cents) = (cents.abs() / 100, cents.abs() % 100);
                // Writing into a builder cannot fail.
                let _ = write!(self.amount, "{sign}{euros}.{cents:02}");
                self.amount.append_value("");
            }
        }
    }

    fn finish(mut self) -> Result<RecordBatch, arrow::error::ArrowError> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.id.finish()),
            Arc::new(self.kind.finish()),
            Arc::new(self.user.finish()),
            Arc::new(self.item.finish()),
            Arc::new(self.time.finish()),
            Arc::new(self.arrived.finish()),
            Arc::new(self.amount.finish()),
        ];
        RecordBatch::try_new(schema(), columns)
    }
}
