//! `GAPFILL`: the rows that a regular series lacks.
//!
//! The grid of a key begins at `start`, or with its first row, and has a point every `step` until `stop`, or
//! until its last row. A point `p` is missing if no row of the key lies in `[p, p + step)`; it comes out as a row
//! with the key, the time `p`, and NULL in every other column. The relation's own rows come out as they are, those
//! off the grid and out of the bounds too. A key without rows has no grid; without a key there is one grid, even
//! over no rows if both bounds are given. `ffill` and `interpolate_linear` then fill the columns.
//!
//! ```sql
//! SELECT *, ffill(value) OVER (PARTITION BY sensor_id ORDER BY ts)
//! FROM GAPFILL(raw.readings, ts, INTERVAL '1 minute', key => [sensor_id]);
//! ```
//!
//! Input: the rows of a key in one partition, sorted by key and time; a table that is sorted so already is not
//! sorted again. Output: in the order of key and time. Memory: a batch; the rows that are added are made as they
//! are asked for.

mod exec;
mod kernel;
mod points;

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::{DFSchema, DFSchemaRef, Result};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::ExecutionPlan;

use self::points::Step;
use super::arguments::{self, KEY, NULLS, TS};
use super::keyed::{ByTime, KeyedNode, Rows};
use super::time::Time;
use crate::definition::type_text;
use crate::error::Code;
use crate::operators::{Binding, Call, Parameter, RelationFunction, Signature};

const STEP: &str = "step";
const START: &str = "start";
const STOP: &str = "stop";

/// The function.
#[derive(Debug)]
pub(in crate::operators) struct Gapfill;

/// Where the points of a grid lie, in ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Points {
    step: Step,
    start: Option<i64>,
    stop: Option<i64>,
}

static SIGNATURE: Signature = Signature {
    name: "gapfill",
    syntax: "GAPFILL(t, ts, step [, key => [k]] [, start => …] [, stop => …] [, nulls => 'skip'])",
    sentence: "The rows of a relation, and one for each point of its key's regular grid from which no row follows \
        within a step: with the key, the point's time, and NULL in every other column. The grid goes from start \
        (else the key's first row) up to stop, which is not in it (else the key's last row).",
    source: "TimescaleDB `time_bucket_gapfill`, with the grid of pandas `asfreq`",
    example: "SELECT ts, x FROM GAPFILL((SELECT column1 AS ts, column2 AS x FROM (VALUES (DATE '2026-01-01', 1), \
        (DATE '2026-01-03', 2))), ts, INTERVAL '1 day'); -- 2026-01-01, 1;2026-01-02, NULL;2026-01-03, 2",
    parameters: &[
        TS,
        Parameter {
            name: STEP,
            meaning: "how far apart the points lie; in months, they lie on the first one's day of the month, or on the \
                last of a shorter month, by the calendar of the time's zone",
            binding: Binding::Required,
        },
        KEY,
        Parameter {
            name: START,
            meaning: "the first point of every key's grid",
            binding: Binding::Named,
        },
        Parameter {
            name: STOP,
            meaning: "where every key's grid ends; no point lies there",
            binding: Binding::Named,
        },
        NULLS,
    ],
};

impl RelationFunction for Gapfill {
    fn signature(&self) -> &'static Signature {
        &SIGNATURE
    }

    fn plan(&self, mut call: Call<'_>) -> Result<LogicalPlan> {
        let (column, time) = arguments::time(&mut call)?;
        let points = Points {
            step: step(&mut call, &time)?,
            start: bound(&mut call, START, &time)?,
            stop: bound(&mut call, STOP, &time)?,
        };
        if let Points {
            start: Some(start),
            stop: Some(stop),
            ..
        } = points
            && stop < start
        {
            let problem = format!("must not lie before argument '{START}'");
            return Err(call.refuse(Code::InvalidValue, STOP, problem));
        }
        let keys = call.columns(KEY.name)?;
        if keys.contains(&column) {
            return Err(call.refuse(Code::InvalidValue, KEY.name, "must not contain the time itself"));
        }
        let skip = arguments::skips_nulls(&mut call)?;
        let input = arguments::input(call, &column, skip, &[])?;
        let by = ByTime {
            column,
            keys,
            order: Vec::new(),
            time,
        };
        KeyedNode::plan(input, by, points)
    }
}

impl Rows for Points {
    const NAME: &'static str = "Gapfill";

    /// Every column but the key and the time is NULL in the rows that are added.
    fn schema(&self, input: &DFSchema, by: &ByTime<Expr>) -> Result<DFSchemaRef> {
        let known = by.sort_columns();
        let fields = input.columns().into_iter().zip(input.iter());
        let fields = fields.map(|(name, (qualifier, field))| {
            let field = match known.contains(&Expr::Column(name)) {
                true => Arc::clone(field),
                false => Arc::new(field.as_ref().clone().with_nullable(true)),
            };
            (qualifier.cloned(), field)
        });
        let schema = DFSchema::new_with_metadata(fields.collect(), input.metadata().clone())?;
        Ok(Arc::new(schema))
    }

    fn describe(&self) -> String {
        format!("step={}", self.step)
    }

    fn physical(
        &self,
        input: Arc<dyn ExecutionPlan>,
        by: ByTime<Column>,
        schema: SchemaRef,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(exec::GapfillExec::new(input, by, *self, schema)?))
    }
}

/// How far apart the points lie.
fn step(call: &mut Call<'_>, time: &Time) -> Result<Step> {
    let interval = arguments::interval(call, STEP)?;
    if interval.months == 0 {
        return arguments::positive(call, STEP, interval, time).map(Step::Ticks);
    }
    if interval.days != 0 || interval.nanoseconds != 0 {
        let problem = "must not mix months with days or times, which have no fixed length together";
        return Err(call.refuse(Code::InvalidValue, STEP, problem));
    }
    match u32::try_from(interval.months) {
        Ok(months) => Ok(Step::Months(months)),
        Err(_) => Err(call.refuse(Code::InvalidValue, STEP, "must be positive")),
    }
}

/// A moment of the time's own type.
fn bound(call: &mut Call<'_>, argument: &str, time: &Time) -> Result<Option<i64>> {
    let Some(value) = call.constant(argument)? else {
        return Ok(None);
    };
    let tick = value
        .cast_to(time.data_type())
        .ok()
        .and_then(|value| time.tick(&value));
    match tick {
        Some(tick) => Ok(Some(tick)),
        None => {
            let problem = format!("is no {}: {value}", type_text(time.data_type()));
            Err(call.refuse(Code::InvalidValue, argument, problem))
        }
    }
}
