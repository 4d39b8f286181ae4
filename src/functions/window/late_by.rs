//! `late_by`: how late a stream would have found a row.

use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, Int64Builder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, IntervalMonthDayNano, IntervalUnit, TimeUnit};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::Sort;
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{
    Documentation, Expr, PartitionEvaluator, Signature, Volatility, WindowUDF, WindowUDFImpl, lit,
};
use datafusion::physical_plan::PhysicalExpr;
use datafusion::physical_plan::expressions::Literal;

use crate::error::{Code, Error};
use crate::functions::documentation::Described;
use crate::functions::failure::{internal, invalid_argument, wrong_count, wrong_type};

const NAME: &str = "late_by";
const NANOS_PER_DAY: i64 = 86_400_000_000_000;
const HOUR: IntervalMonthDayNano = IntervalMonthDayNano {
    months: 0,
    days: 0,
    nanoseconds: 3_600_000_000_000,
};

const DESCRIBED: Described = Described {
    section: "Event Time Functions",
    sentence: "How far a row lies behind the watermark when it arrives; NULL if it is not late. The watermark is the \
        highest time of the rows that arrived before it, less the delay; rows that arrive together do not see one \
        another. A time that is ahead of its own arrival by more than max_ahead, or whose arrival is NULL, does not \
        move the watermark. A row without a time is not late.",
    source: "the watermarks of Flink and Kafka Streams",
    syntax: "late_by(ts, delay [, max_ahead]) OVER (ORDER BY arrived_at)",
    example: "SELECT late_by(ts, INTERVAL '1 minute') OVER (ORDER BY arrived_at) FROM (SELECT \
        TIMESTAMP '2026-01-01 10:00:00' AS ts, TIMESTAMP '2026-01-01 10:00:01' AS arrived_at); -- NULL",
    arguments: &[
        ("ts", "when it happened: a timestamp"),
        (
            "delay",
            "how late rows may be, a constant interval without months",
        ),
        (
            "max_ahead",
            "how far a clock may be ahead, INTERVAL '1 hour' if not given",
        ),
    ],
};

/// The function.
#[derive(Debug)]
pub(super) struct LateBy {
    signature: Signature,
    documentation: Documentation,
}

impl LateBy {
    pub(super) fn udf() -> WindowUDF {
        WindowUDF::from(Self {
            signature: Signature::user_defined(Volatility::Immutable),
            documentation: DESCRIBED.documentation(&[NAME]),
        })
    }
}

impl PartialEq for LateBy {
    fn eq(&self, other: &Self) -> bool {
        self.signature == other.signature
    }
}

impl Eq for LateBy {}

impl Hash for LateBy {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.signature.hash(state);
    }
}

/// The arguments with `max_ahead` said, and the key of the order: when the row arrived.
pub(super) fn with_arrival(mut args: Vec<Expr>, order_by: &[Sort]) -> Result<Vec<Expr>> {
    if !matches!(args.len(), 2 | 3) {
        return Err(wrong_count(NAME, DESCRIBED.syntax, args.len()));
    }
    let [Sort { expr, asc: true, .. }] = order_by else {
        let message = format!("'{NAME}' needs the order in which rows arrive: one key, ascending");
        let error = Error::new(Code::InvalidStatement, message);
        return Err(error.with_hint(format!("call it as {}", DESCRIBED.syntax)).into());
    };
    if args.len() == 2 {
        args.push(lit(ScalarValue::IntervalMonthDayNano(Some(HOUR))));
    }
    args.push(expr.clone());
    Ok(args)
}

/// The unit that holds moments of all of these types; `None` for other types.
fn unit<'a>(types: impl Iterator<Item = &'a DataType>) -> Option<TimeUnit> {
    let units = types.map(|data_type| match data_type {
        DataType::Timestamp(unit, _) => Some(*unit),
        DataType::Date32 => Some(TimeUnit::Second),
        _ => None,
    });
    units.reduce(|a, b| Some(a?.max(b?))).flatten()
}

/// Time and arrival in one type; lengths as intervals.
fn coerced(types: &[DataType]) -> Result<Vec<DataType>> {
    if !(2..=4).contains(&types.len()) {
        return Err(wrong_count(NAME, DESCRIBED.syntax, types.len()));
    }
    let moments = [types.first(), types.get(3)].into_iter().flatten();
    let Some(unit) = unit(moments) else {
        let (argument, found) = match unit(types.iter().take(1)) {
            Some(_) => ("arrived_at", &types[3]),
            None => ("ts", &types[0]),
        };
        return Err(wrong_type(NAME, argument, "a timestamp", found));
    };
    let zone = match &types[0] {
        DataType::Timestamp(_, zone) => zone.clone(),
        _ => None,
    };
    let moment = DataType::Timestamp(unit, zone);
    let mut coerced = vec![moment.clone()];
    for (argument, found) in ["delay", "max_ahead"].iter().zip(types.iter().skip(1)) {
        if !matches!(found, DataType::Interval(_) | DataType::Duration(_)) {
            return Err(wrong_type(NAME, argument, "an interval", found));
        }
        coerced.push(DataType::Interval(IntervalUnit::MonthDayNano));
    }
    coerced.extend(types.get(3).map(|_| moment));
    Ok(coerced)
}

impl WindowUDFImpl for LateBy {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        // An error from here would reach the user as text without its code; `field` refuses the types.
        Ok(coerced(types).unwrap_or_else(|_| types.to_vec()))
    }

    fn field(&self, args: WindowUDFFieldArgs) -> Result<FieldRef> {
        let types: Vec<DataType> = args
            .input_fields()
            .iter()
            .map(|field| field.data_type().clone())
            .collect();
        let types = coerced(&types)?;
        let unit = unit(types.iter().take(1)).unwrap_or(TimeUnit::Microsecond);
        Ok(Arc::new(Field::new(args.name(), DataType::Duration(unit), true)))
    }

    fn partition_evaluator(&self, args: PartitionEvaluatorArgs) -> Result<Box<dyn PartitionEvaluator>> {
        let unit = unit(args.input_fields().iter().take(1).map(|field| field.data_type()));
        let (Some(unit), [_, delay, ahead, _]) = (unit, args.input_exprs()) else {
            return Err(internal(NAME, "it was not passed its arguments"));
        };
        Ok(Box::new(Evaluator {
            unit,
            delay: ticks("delay", delay, unit)?,
            max_ahead: ticks("max_ahead", ahead, unit)?,
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// A constant length in ticks, rounded down.
fn ticks(argument: &str, expr: &Arc<dyn PhysicalExpr>, unit: TimeUnit) -> Result<i64> {
    let Some(literal) = expr.downcast_ref::<Literal>() else {
        return Err(invalid_argument(NAME, argument, "must be a constant"));
    };
    let interval = match literal.value() {
        ScalarValue::IntervalMonthDayNano(Some(interval)) => *interval,
        _ => return Err(invalid_argument(NAME, argument, "must not be NULL")),
    };
    if interval.months != 0 {
        let problem = "must not be in months or years, which have no fixed length";
        return Err(invalid_argument(NAME, argument, problem));
    }
    let nanos = i64::from(interval.days)
        .checked_mul(NANOS_PER_DAY)
        .and_then(|days| days.checked_add(interval.nanoseconds));
    match nanos {
        None => Err(invalid_argument(NAME, argument, "is too long")),
        Some(nanos) if nanos < 0 => Err(invalid_argument(NAME, argument, "must not be negative")),
        Some(nanos) => Ok(match unit {
            TimeUnit::Second => nanos / 1_000_000_000,
            TimeUnit::Millisecond => nanos / 1_000_000,
            TimeUnit::Microsecond => nanos / 1_000,
            TimeUnit::Nanosecond => nanos,
        }),
    }
}

#[derive(Debug)]
struct Evaluator {
    unit: TimeUnit,
    delay: i64,
    max_ahead: i64,
}

impl PartitionEvaluator for Evaluator {
    fn evaluate_all(&mut self, values: &[ArrayRef], _rows: usize) -> Result<ArrayRef> {
        let [times, _, _, arrivals] = values else {
            return Err(internal(NAME, "it was not passed its arguments"));
        };
        let mut rows = Lateness {
            unit: self.unit,
            delay: self.delay,
            max_ahead: self.max_ahead,
            watermark: None,
            peers: None,
        };
        rows.push(
            times,
            arrivals,
            &[Arrivals {
                rows: 0..times.len(),
                continue_last: false,
            }],
        )
    }
}

/// Rows of one partition, in the order in which they arrived.
#[derive(Debug)]
pub struct Arrivals {
    /// Which rows of a batch.
    pub rows: Range<usize>,
    /// Whether they come behind the last rows of the batch before.
    pub continue_last: bool,
}

/// What is known of the rows that arrived so far.
#[derive(Debug, Clone)]
pub struct Lateness {
    unit: TimeUnit,
    delay: i64,
    max_ahead: i64,
    /// As the last rows that arrived together found it.
    watermark: Option<i64>,
    /// When they arrived, and to where they move the watermark.
    peers: Option<(Option<i64>, Option<i64>)>,
}

impl Lateness {
    /// For a call of `late_by` with these arguments, coerced; `None` for another function.
    ///
    /// # Errors
    /// [`Code::InvalidValue`] for a delay that is not constant, negative, or in months.
    pub fn of(
        function: &WindowUDF,
        args: &[Arc<dyn PhysicalExpr>],
        result: &DataType,
    ) -> Option<Result<Self>> {
        let ([_, delay, ahead, _], DataType::Duration(unit)) = (args, result) else {
            return None;
        };
        let unit = *unit;
        let known = || {
            Ok(Self {
                unit,
                delay: ticks("delay", delay, unit)?,
                max_ahead: ticks("max_ahead", ahead, unit)?,
                watermark: None,
                peers: None,
            })
        };
        function.inner().is::<LateBy>().then(known)
    }

    /// How late the rows of a batch are, of which `parts` are those of each partition.
    ///
    /// # Errors
    /// [`Code::Internal`] for times of another type.
    pub fn push(&mut self, times: &ArrayRef, arrivals: &ArrayRef, parts: &[Arrivals]) -> Result<ArrayRef> {
        let times = cast(times, &DataType::Int64)?;
        let times = as_ticks(&times)?;
        let arrived = cast(arrivals, &DataType::Int64)?;
        let arrived = as_ticks(&arrived)?;
        let mut late = Int64Builder::with_capacity(times.len());
        for part in parts {
            if !part.continue_last {
                (self.watermark, self.peers) = (None, None);
            }
            for row in part.rows.clone() {
                let arrival = arrived.is_valid(row).then(|| arrived.value(row));
                let time = times.is_valid(row).then(|| times.value(row));
                late.append_option(self.late(time, arrival));
            }
        }
        Ok(cast(&late.finish(), &DataType::Duration(self.unit))?)
    }

    fn late(&mut self, time: Option<i64>, arrival: Option<i64>) -> Option<i64> {
        let moved = match self.peers {
            Some((together, moved)) if together == arrival => moved,
            peers => {
                self.watermark = self.watermark.max(peers.and_then(|(_, moved)| moved));
                None
            }
        };
        let moves = time
            .zip(arrival)
            .filter(|(time, arrival)| time.saturating_sub(*arrival) <= self.max_ahead)
            .map(|(time, _)| time.saturating_sub(self.delay));
        self.peers = Some((arrival, moved.max(moves)));
        let behind = self.watermark?.saturating_sub(time?);
        (behind > 0).then_some(behind)
    }
}

fn as_ticks(column: &ArrayRef) -> Result<&Int64Array> {
    let ticks = column.as_primitive_opt::<Int64Type>();
    ticks.ok_or_else(|| internal(NAME, "a moment of an unexpected type"))
}
