//! Functions over the rows of a partition in their order: what lies before and behind a row fills it.
//!
//! Rows come in runs of one partition. What was before them is carried ([`Carried`]); what is behind them must
//! be known: a function that [looks ahead](Fill::looks_ahead) is given rows that end where a run ends, or with
//! a value.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, PrimitiveArray};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::compute::{cast, concat, take};
use arrow::datatypes::{DataType, Float64Type, Int64Type, UInt64Type};
use arrow::util::display::array_value_to_string;
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::PhysicalExpr;

use super::cleaning::constant;
use crate::error::{Code, Error};
use crate::functions::documentation::Described;
use crate::functions::failure::{internal, invalid_argument};

/// Which function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ordered {
    /// `ffill`.
    Ffill,
    /// `bfill`.
    Bfill,
    /// `interpolate_linear`.
    InterpolateLinear,
}

const SECTION: &str = "Cleaning Functions";
const LIMIT: (&str, &str) = (
    "limit",
    "how many NULLs in a row are filled at most; all if not given",
);

impl Ordered {
    /// Every function.
    pub(super) const ALL: [Self; 3] = [Self::Ffill, Self::Bfill, Self::InterpolateLinear];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ffill => "ffill",
            Self::Bfill => "bfill",
            Self::InterpolateLinear => "interpolate_linear",
        }
    }

    pub(super) fn described(self) -> Described {
        let (sentence, source, syntax, example, arguments): (_, _, _, _, &[_]) = match self {
            Self::Ffill => (
                "The value, or the last one before it in the order that is not NULL. NaN is a value. Rows with \
                equal keys lie in no particular order.",
                "pandas `ffill`; TimescaleDB `locf`",
                "ffill(x [, limit]) OVER ([PARTITION BY g] ORDER BY t)",
                "SELECT ffill(x) OVER (ORDER BY t) FROM (VALUES (1, NULL), (2, 5), (3, NULL)) v(t, x); -- NULL;5;5",
                &[("x", "a value of any type"), LIMIT],
            ),
            Self::Bfill => (
                "The value, or the next one behind it in the order that is not NULL. NaN is a value. Rows with \
                equal keys lie in no particular order.",
                "pandas `bfill`",
                "bfill(x [, limit]) OVER ([PARTITION BY g] ORDER BY t)",
                "SELECT bfill(x) OVER (ORDER BY t) FROM (VALUES (1, NULL), (2, 5), (3, NULL)) v(t, x); -- 5;5;NULL",
                &[("x", "a value of any type"), LIMIT],
            ),
            Self::InterpolateLinear => (
                "The value, or y0 + (y1 − y0)·(t − t0)/(t1 − t0) between the last value before and the next behind \
                it, weighed by the key of the order; NULL before the first and behind the last value. Two rows of \
                a partition with one key are an error, and so is a key that is NULL. DOUBLE.",
                "the definition of linear interpolation; TimescaleDB `interpolate`",
                "interpolate_linear(x) OVER ([PARTITION BY g] ORDER BY t)",
                "SELECT interpolate_linear(x) OVER (ORDER BY t) FROM (VALUES (1, 10), (2, NULL), (5, 50)) v(t, x); \
                -- 10.0;20.0;50.0",
                &[("x", "a number")],
            ),
        };
        Described {
            section: SECTION,
            sentence,
            source,
            syntax,
            example,
            arguments,
        }
    }

    /// What a call with these arguments does.
    ///
    /// # Errors
    /// [`Code::InvalidValue`] for a limit that is not constant or not positive.
    pub fn fill(self, args: &[Arc<dyn PhysicalExpr>]) -> Result<Fill> {
        let limit = match (self, args.get(1)) {
            (Self::InterpolateLinear, _) | (_, None) => None,
            (_, Some(limit)) => match constant(self.name(), LIMIT.0, limit)? {
                limit if limit >= 1.0 => Some(limit as usize),
                _ => return Err(invalid_argument(self.name(), LIMIT.0, "must be positive")),
            },
        };
        Ok(Fill {
            function: self,
            limit,
        })
    }
}

/// A run of rows of one partition.
#[derive(Debug, Clone)]
pub struct Run {
    /// Where it lies.
    pub rows: Range<usize>,
    /// Whether the rows before ended with this partition.
    pub continues: bool,
}

/// A function over sorted rows with its constants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fill {
    function: Ordered,
    limit: Option<usize>,
}

/// What is known of the rows before: of the partition to which the last of them belonged.
#[derive(Debug, Clone)]
pub struct Carried {
    /// The last value that was not NULL, as a column of one row.
    value: Option<ArrayRef>,
    /// How many NULLs came behind it.
    nulls: usize,
    /// The last value's key, and the last row's.
    keys: Option<(Option<Position>, Position)>,
}

/// A key of the order.
#[derive(Debug, Clone, Copy)]
enum Position {
    Whole(i64),
    Real(f64),
}

impl Position {
    fn minus(self, other: Self) -> f64 {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => (i128::from(a) - i128::from(b)) as f64,
            (Self::Real(a), Self::Real(b)) => a - b,
            _ => f64::NAN,
        }
    }

    fn is(self, other: Self) -> bool {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => a == b,
            (Self::Real(a), Self::Real(b)) => a == b,
            _ => false,
        }
    }
}

impl Fill {
    /// Whether a NULL waits for what is behind it.
    pub fn looks_ahead(self) -> bool {
        self.function != Ordered::Ffill
    }

    /// The results for rows in `runs`. `columns` are the arguments; `carried` is what the rows before left, and
    /// becomes what these leave.
    ///
    /// # Errors
    /// [`Code::DataException`] for keys between which nothing can be interpolated.
    pub fn fill(self, columns: &[ArrayRef], runs: &[Run], carried: &mut Option<Carried>) -> Result<ArrayRef> {
        let Some(values) = columns.first() else {
            return Err(internal(self.function.name(), "it was not passed its arguments"));
        };
        match (self.function, columns) {
            (Ordered::Ffill, _) => self.forward(values, runs, carried),
            (Ordered::Bfill, _) => self.backward(values, runs),
            (Ordered::InterpolateLinear, [values, keys]) => {
                let keys = Keys::new(keys)?;
                let values = super::whole::as_numbers(values)?;
                Ok(Arc::new(interpolated(values, &keys, runs, carried)?))
            }
            _ => Err(internal(self.function.name(), "it was not passed its arguments")),
        }
    }

    fn forward(self, values: &ArrayRef, runs: &[Run], carried: &mut Option<Carried>) -> Result<ArrayRef> {
        let before = carried.take();
        let first_continues = runs.first().is_some_and(|run| run.continues);
        let before = before.filter(|_| first_continues);
        let held = before.as_ref().and_then(|before| before.value.clone());
        let offset = usize::from(held.is_some());
        let nulls = values.logical_nulls().filter(|nulls| nulls.null_count() > 0);
        let limit = self.limit.unwrap_or(usize::MAX);
        // Where the last value lies, with the one that is held before the others; and how many NULLs follow.
        let (mut last, mut missed) = (None, 0);
        let mut places: Vec<Option<u64>> = Vec::with_capacity(values.len());
        for run in runs {
            (last, missed) = match &before {
                Some(before) if run.continues => (held.as_ref().map(|_| 0), before.nulls),
                _ => (None, 0),
            };
            match &nulls {
                None => {
                    places.extend(run.rows.clone().map(|row| Some((row + offset) as u64)));
                    (last, missed) = (Some(run.rows.end - 1 + offset), 0);
                }
                Some(nulls) => places.extend(run.rows.clone().map(|row| {
                    if nulls.is_valid(row) {
                        (last, missed) = (Some(row + offset), 0);
                    } else {
                        missed = missed.saturating_add(1);
                    }
                    last.filter(|_| missed <= limit).map(|place| place as u64)
                })),
            }
        }
        let all = match &held {
            Some(held) => concat(&[held.as_ref(), values.as_ref()])?,
            None => Arc::clone(values),
        };
        let value = last.map(|place| one(&all, place)).transpose()?;
        *carried = Some(Carried {
            value,
            nulls: missed,
            keys: None,
        });
        if nulls.is_none() {
            return Ok(Arc::clone(values));
        }
        Ok(take(&all, &PrimitiveArray::<UInt64Type>::from(places), None)?)
    }

    fn backward(self, values: &ArrayRef, runs: &[Run]) -> Result<ArrayRef> {
        let Some(nulls) = values.logical_nulls().filter(|nulls| nulls.null_count() > 0) else {
            return Ok(Arc::clone(values));
        };
        let limit = self.limit.unwrap_or(usize::MAX);
        let mut places: Vec<Option<u64>> = vec![None; values.len()];
        for run in runs {
            let mut next = None;
            for row in run.rows.clone().rev() {
                if nulls.is_valid(row) {
                    next = Some(row);
                }
                let place = next.filter(|next| next - row <= limit);
                places[row] = place.map(|place| place as u64);
            }
        }
        Ok(take(values, &PrimitiveArray::<UInt64Type>::from(places), None)?)
    }
}

/// One row as a column that holds no other.
fn one(values: &ArrayRef, row: usize) -> Result<ArrayRef> {
    let place = PrimitiveArray::<UInt64Type>::from_value(row as u64, 1);
    Ok(take(values, &place, None)?)
}

/// The keys of the order, as numbers with distances.
struct Keys {
    column: ArrayRef,
    whole: Option<ScalarBuffer<i64>>,
    real: Option<ScalarBuffer<f64>>,
    nulls: Option<NullBuffer>,
}

impl Keys {
    fn new(column: &ArrayRef) -> Result<Self> {
        let (whole, real) = match column.data_type() {
            DataType::Float64 => {
                let real = column.as_primitive_opt::<Float64Type>();
                (None, real.map(|real| real.values().clone()))
            }
            DataType::Date32 | DataType::Time32(_) => {
                let whole = cast(&cast(column, &DataType::Int32)?, &DataType::Int64)?;
                (Some(whole.as_primitive::<Int64Type>().values().clone()), None)
            }
            _ => {
                let whole = cast(column, &DataType::Int64)?;
                (Some(whole.as_primitive::<Int64Type>().values().clone()), None)
            }
        };
        Ok(Self {
            column: Arc::clone(column),
            whole,
            real,
            nulls: column.logical_nulls().filter(|nulls| nulls.null_count() > 0),
        })
    }

    fn at(&self, row: usize) -> Result<Position> {
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return Err(unusable("a row has no place in the order: its key is NULL"));
        }
        match (&self.whole, &self.real) {
            (Some(whole), _) => Ok(Position::Whole(whole[row])),
            (None, Some(real)) if !real[row].is_nan() => Ok(Position::Real(real[row])),
            (None, Some(_)) => Err(unusable("a row has no place in the order: its key is NaN")),
            (None, None) => Err(internal(
                Ordered::InterpolateLinear.name(),
                "a key of an unexpected type",
            )),
        }
    }

    fn tie(&self, row: usize) -> DataFusionError {
        let key = array_value_to_string(&self.column, row).unwrap_or_default();
        unusable(&format!("two rows of a partition have the key {key}"))
    }
}

fn unusable(problem: &str) -> DataFusionError {
    let name = Ordered::InterpolateLinear.name();
    Error::new(Code::DataException, format!("{name}: {problem}"))
        .with_hint("leave such rows out in a subquery, or take one of each key: GROUP BY, or FROM dedup(…)")
        .into()
}

fn interpolated(
    values: &Float64Array,
    keys: &Keys,
    runs: &[Run],
    carried: &mut Option<Carried>,
) -> Result<Float64Array> {
    let numbers = values.values();
    let mut results = numbers.to_vec();
    let mut valid: Vec<bool> = (0..values.len()).map(|row| values.is_valid(row)).collect();
    let before = carried.take();
    let mut left = None;
    for run in runs {
        let before = before.as_ref().filter(|_| run.continues);
        let mut last_row = before.and_then(|before| Some(before.keys?.1));
        // The last value: its key and itself.
        let mut last = before.and_then(|before| {
            let value = before.value.as_ref()?.as_primitive_opt::<Float64Type>()?.value(0);
            Some((before.keys?.0?, value))
        });
        let mut open = run.rows.start;
        for row in run.rows.clone() {
            let key = keys.at(row)?;
            if last_row.is_some_and(|last_row| key.is(last_row)) {
                return Err(keys.tie(row));
            }
            last_row = Some(key);
            if !values.is_valid(row) {
                continue;
            }
            let value = numbers[row];
            if let Some((from, start)) = last {
                let (rise, length) = (value - start, key.minus(from));
                for between in open..row {
                    results[between] = start + rise * keys.at(between)?.minus(from) / length;
                    valid[between] = true;
                }
            }
            (last, open) = (Some((key, value)), row + 1);
        }
        left = last_row.map(|last_row| Carried {
            value: last.map(|(_, value)| Arc::new(Float64Array::from(vec![value])) as ArrayRef),
            nulls: 0,
            keys: Some((last.map(|(key, _)| key), last_row)),
        });
    }
    *carried = left;
    Ok(Float64Array::new(results.into(), Some(NullBuffer::from(valid))))
}
