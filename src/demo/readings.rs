//! `raw.readings`: temperatures, a value a minute from each sensor, as Avro.
//!
//! A value is the sensor's base, a daily curve of one and a half standard deviations of the noise,
//! and the noise. A spike is thirty-five deviations or more away from the curve. So few and so far,
//! spikes stand out of the mean and deviation that they distort themselves, and of robust measures
//! anyway. The first and the last minute are always there, with a value, so that a gap is one
//! whichever way the ends are read.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, ArrayRef, Float64Builder, Int64Builder, RecordBatch, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};

use super::answers::{Answers, Defect, Table};
use super::calendar::{DAY, DAYS, MINUTE, NOW};
use super::container::AvroFile;
use super::files::failure;
use super::progress::Report;
use super::random::{Dice, Every};
use crate::error::Result;

/// Rows of one Avro block.
const BATCH: usize = 1 << 14;

/// The minutes that are covered, up to the end of the sample, and the sensors that measure.
#[derive(Clone, Copy)]
struct Grid {
    minutes: i64,
    sensors: u64,
}

impl Grid {
    fn new(rows: u64) -> Self {
        let month = DAYS * (DAY / MINUTE) as u64;
        Self {
            minutes: (rows / 10).clamp(240, month) as i64,
            sensors: (rows / 100_000).clamp(5, 50),
        }
    }

    fn at(&self, minute: i64) -> i64 {
        NOW - (self.minutes - minute) * MINUTE
    }
}

/// Writes the table below `folder`, as much as goes with `rows` events.
pub(super) fn write(
    folder: &Path,
    rows: u64,
    mut dice: Dice,
    answers: &mut Answers,
    report: &mut Report<'_>,
) -> Result<()> {
    let path = folder.join("readings.avro");
    let grid = Grid::new(rows);
    let mut sensors: Vec<Sensor> = (1..=grid.sensors).map(|id| Sensor::new(id, &mut dice)).collect();
    let mut file = AvroFile::create(path.clone(), &schema())?;
    let mut batch = Batch::default();
    report.begin(Table::Readings, grid.minutes as u64 * grid.sensors);
    for minute in 0..grid.minutes {
        let end = minute == 0 || minute == grid.minutes - 1;
        for sensor in &mut sensors {
            match sensor.read(grid.at(minute), end, &mut dice, answers) {
                Some(value) => batch.push(sensor.id, grid.at(minute), value),
                None => answers.add(Defect::Gap),
            }
        }
        if batch.id.len() >= BATCH || minute == grid.minutes - 1 {
            let full = std::mem::take(&mut batch).finish();
            file.write(&full.map_err(|error| failure(&path, &error))?)?;
        }
        report.add(grid.sensors);
    }
    file.publish()
}

/// One sensor; values are thousandths.
struct Sensor {
    id: u64,
    base: i64,
    sigma: i64,
    /// When in the day its curve begins to rise.
    phase: i64,
    /// How many minutes it will still be silent.
    silent: u64,
    outage: Every,
    skipped: Every,
    no_value: Every,
    spike: Every,
}

impl Sensor {
    fn new(id: u64, dice: &mut Dice) -> Self {
        Self {
            id,
            base: dice.between(4_000, 26_000),
            sigma: dice.between(300, 800),
            phase: dice.between(6 * 60, 10 * 60),
            silent: 0,
            outage: Every::new(3000),
            skipped: Every::new(150),
            no_value: Every::new(110),
            spike: Every::new(300),
        }
    }

    /// The value at `time`: nothing in a gap, nothing in the row if it is missing there.
    fn read(&mut self, time: i64, end: bool, dice: &mut Dice, answers: &mut Answers) -> Option<Option<f64>> {
        if self.outage.hit(dice) {
            self.silent = 5 + dice.below(40);
        }
        let skipped = self.skipped.hit(dice) | (self.silent > 0);
        self.silent = self.silent.saturating_sub(1);
        let missing = self.no_value.hit(dice);
        let spike = self.spike.hit(dice);
        let value = self.base + self.curve(time) + self.deviation(spike, dice);
        if skipped && !end {
            return None;
        }
        answers.add_row(Table::Readings);
        if missing && !end {
            answers.add(Defect::MissingValue);
            return Some(None);
        }
        answers.add_if(Defect::Spike, spike);
        // A division by a whole number is exact to the last bit everywhere.
        Some(Some(value as f64 / 1000.0))
    }

    fn deviation(&self, spike: bool, dice: &mut Dice) -> i64 {
        if !spike {
            return dice.noise(self.sigma);
        }
        let size = self.sigma * dice.between(3500, 4000) / 100;
        if dice.chance(50) { size } else { -size }
    }

    /// The daily curve: a wave of two parabolas.
    fn curve(&self, time: i64) -> i64 {
        const HALF: i64 = 12 * 60;
        let minute = (time / MINUTE - self.phase).rem_euclid(2 * HALF);
        let (sign, x) = if minute < HALF {
            (1, minute)
        } else {
            (-1, minute - HALF)
        };
        let height = self.sigma * 3 / 2;
        sign * height * 4 * x * (HALF - x) / (HALF * HALF)
    }
}

fn schema() -> Schema {
    // Without a zone, which Avro calls a local timestamp.
    let time = DataType::Timestamp(TimeUnit::Microsecond, None);
    Schema::new(vec![
        Field::new("sensor_id", DataType::Int64, false),
        Field::new("ts", time, false),
        Field::new("value", DataType::Float64, true),
    ])
}

#[derive(Default)]
struct Batch {
    id: Int64Builder,
    time: TimestampMicrosecondBuilder,
    value: Float64Builder,
}

impl Batch {
    fn push(&mut self, id: u64, time: i64, value: Option<f64>) {
        self.id.append_value(id as i64);
        self.time.append_value(time);
        self.value.append_option(value);
    }

    fn finish(mut self) -> Result<RecordBatch, arrow::error::ArrowError> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.id.finish()),
            Arc::new(self.time.finish()),
            Arc::new(self.value.finish()),
        ];
        RecordBatch::try_new(Arc::new(schema()), columns)
    }
}
