//! `raw.orders`: what was ordered, a Parquet file a day.
//!
//! An order is placed, paid, shipped, and sometimes returned; by the end of the sample all but the
//! planted ones have been paid within two weeks.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Decimal128Builder, Int32Builder, Int64Builder, RecordBatch, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;

use super::answers::{Answers, Defect, Table};
use super::calendar::{DAY, DAYS, NOW, moment, partition, spread};
use super::files::{ParquetFile, failure};
use super::progress::Report;
use super::random::{Dice, Every};
use super::shop::Shop;
use super::words::BAD_STATUSES;
use crate::error::Result;

const BATCH: u64 = 1 << 16;
const STALE: i64 = 14 * DAY;

/// Writes `rows` orders below `folder`.
pub(super) fn write(
    folder: &Path,
    rows: u64,
    shop: &Shop,
    dice: Dice,
    answers: &mut Answers,
    report: &mut Report<'_>,
) -> Result<()> {
    let mut desk = Desk::new(shop, dice, answers);
    report.begin(Table::Orders, rows);
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
                let at = moment(day, i, count, &mut desk.dice);
                let order = desk.next(at);
                batch.push(&order);
            }
            let batch = batch.finish().map_err(|error| failure(&path, &error))?;
            file.write(&batch)?;
            report.add(batch.num_rows() as u64);
        }
        file.publish()?;
    }
    Ok(())
}

struct Order {
    id: u64,
    user: u64,
    item: u64,
    quantity: i32,
    cents: i64,
    status: &'static str,
    at: i64,
}

struct Desk<'a> {
    shop: &'a Shop,
    dice: Dice,
    answers: &'a mut Answers,
    last_id: u64,
    orphan: Every,
    bad_status: Every,
    negative: Every,
    open: Every,
}

impl<'a> Desk<'a> {
    fn new(shop: &'a Shop, dice: Dice, answers: &'a mut Answers) -> Self {
        Self {
            shop,
            dice,
            answers,
            last_id: 0,
            orphan: Every::new(110),
            bad_status: Every::new(120),
            negative: Every::new(100),
            open: Every::new(60),
        }
    }

    fn next(&mut self, at: i64) -> Order {
        // An order that is two weeks old to the microsecond could be called either.
        let at = if at == NOW - STALE { at + 1 } else { at };
        self.last_id += 1;
        let dice = &mut self.dice;
        let mut user = self.shop.visitor(dice);
        let item = self.shop.choice(user, dice);
        if self.orphan.hit(dice) {
            user = self.shop.users + 1 + dice.below(500);
        }
        let mut quantity = 1 + dice.weighted(&[70, 18, 8, 3, 1]) as i32;
        if self.negative.hit(dice) {
            quantity = -quantity;
        }
        let order = Order {
            id: self.last_id,
            user,
            item,
            quantity,
            cents: self.shop.price(item),
            status: self.status(NOW - at),
            at,
        };
        self.count(&order);
        order
    }

    fn status(&mut self, age: i64) -> &'static str {
        let dice = &mut self.dice;
        // How many of a hundred are placed, paid, shipped, returned.
        let shares = match age / DAY {
            0 => [45, 45, 10, 0],
            1..4 => [15, 35, 50, 0],
            4..10 => [4, 10, 83, 3],
            10..14 => [1, 4, 88, 7],
            _ => [0, 3, 89, 8],
        };
        let status = ["placed", "paid", "shipped", "returned"][dice.weighted(&shares)];
        let open = self.open.hit(dice);
        if self.bad_status.hit(dice) {
            dice.pick(&BAD_STATUSES)
        } else if open {
            "placed"
        } else {
            status
        }
    }

    /// Counts by the definitions, whatever was planted.
    fn count(&mut self, order: &Order) {
        let answers = &mut *self.answers;
        answers.add_row(Table::Orders);
        answers.add_if(Defect::OrphanOrderUser, order.user > self.shop.users);
        answers.add_if(Defect::BadStatus, BAD_STATUSES.contains(&order.status));
        answers.add_if(Defect::NegativeQuantity, order.quantity < 0);
        let stale = order.status == "placed" && NOW - order.at > STALE;
        answers.add_if(Defect::StaleOrder, stale);
    }
}

/// The type of money: cents of up to ten billion.
const MONEY: DataType = DataType::Decimal128(12, 2);

fn schema() -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Microsecond, None);
    Arc::new(Schema::new(vec![
        Field::new("order_id", DataType::Int64, true),
        Field::new("user_id", DataType::Int64, true),
        Field::new("item_id", DataType::Int64, true),
        Field::new("quantity", DataType::Int32, true),
        Field::new("unit_price", MONEY, true),
        Field::new("status", DataType::Utf8, true),
        Field::new("ordered_at", time, true),
    ]))
}

#[derive(Default)]
struct Batch {
    id: Int64Builder,
    user: Int64Builder,
    item: Int64Builder,
    quantity: Int32Builder,
    price: Decimal128Builder,
    status: StringBuilder,
    at: TimestampMicrosecondBuilder,
}

impl Batch {
    fn push(&mut self, order: &Order) {
        self.id.append_value(order.id as i64);
        self.user.append_value(order.user as i64);
        self.item.append_value(order.item as i64);
        self.quantity.append_value(order.quantity);
        self.price.append_value(order.cents.into());
        self.status.append_value(order.status);
        self.at.append_value(order.at);
    }

    fn finish(mut self) -> Result<RecordBatch, ArrowError> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.id.finish()),
            Arc::new(self.user.finish()),
            Arc::new(self.item.finish()),
            Arc::new(self.quantity.finish()),
            Arc::new(self.price.finish().with_data_type(MONEY)),
            Arc::new(self.status.finish()),
            Arc::new(self.at.finish()),
        ];
        RecordBatch::try_new(schema(), columns)
    }
}
