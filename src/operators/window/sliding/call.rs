//! Which window functions slide here: read from the logical expression.

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::expr::{NullTreatment, WindowFunction, WindowFunctionParams};
use datafusion::logical_expr::{
    Expr, ExprSchemable, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowFunctionDefinition,
};

use super::bounds::Reach;
use super::slide::has_extremes;
use crate::operators::window::calls::{Over, unnamed};
use crate::operators::window::time::{NANOS_PER_DAY, Time};

/// The digits of decimals whose sum has room in 128 bits: ten are left for the count of rows.
const SUMMED_DIGITS: u8 = 28;

/// What is computed over a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Count,
    Sum,
    Avg,
    Min,
    Max,
}

/// One call of a function over a frame.
#[derive(Debug, Clone)]
pub(super) struct Call<'a> {
    pub(super) function: Function,
    /// What it is called of; nothing where every row counts.
    pub(super) argument: Option<&'a Expr>,
    pub(super) filter: Option<&'a Expr>,
    pub(super) over: Over<'a>,
    pub(super) reach: Reach,
}

impl<'a> Call<'a> {
    /// The call that `expr` is over rows of `schema`; `None` if it is none that slides here.
    pub(super) fn of(expr: &'a Expr, schema: &DFSchema) -> Option<Self> {
        let Expr::WindowFunction(function) = unnamed(expr) else {
            return None;
        };
        let WindowFunction { fun, params } = function.as_ref();
        let WindowFunctionParams {
            args,
            partition_by,
            order_by,
            window_frame,
            filter,
            null_treatment,
            distinct,
        } = params;
        let WindowFunctionDefinition::AggregateUDF(function) = fun else {
            return None;
        };
        let ([argument], [order]) = (args.as_slice(), order_by.as_slice()) else {
            return None;
        };
        if *distinct || !order.asc || *null_treatment == Some(NullTreatment::IgnoreNulls) {
            return None;
        }
        let counts_all = function.name() == "count" && is_value(argument);
        Some(Self {
            function: self::function(function.name(), &argument.get_type(schema).ok()?)?,
            argument: Some(argument).filter(|_| !counts_all),
            filter: filter.as_deref(),
            over: Over::of(partition_by, &order.expr)?,
            reach: reach(window_frame, &order.expr.get_type(schema).ok()?)?,
        })
    }
}

/// A constant that is not NULL.
fn is_value(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(value, _) if !value.is_null())
}

fn function(name: &str, argument: &DataType) -> Option<Function> {
    match (name, argument) {
        ("count", _) => Some(Function::Count),
        ("sum", DataType::Int64 | DataType::UInt64 | DataType::Float64) => Some(Function::Sum),
        ("sum", DataType::Decimal128(digits, _)) if *digits <= SUMMED_DIGITS => Some(Function::Sum),
        ("avg", DataType::Float64) => Some(Function::Avg),
        ("min", _) if has_extremes(argument) => Some(Function::Min),
        ("max", _) if has_extremes(argument) => Some(Function::Max),
        _ => None,
    }
}

/// How far a frame reaches around its row, if it holds its row and has an end on either side.
fn reach(frame: &WindowFrame, order: &DataType) -> Option<Reach> {
    if frame.units != WindowFrameUnits::Range {
        return None;
    }
    let before = match &frame.start_bound {
        WindowFrameBound::CurrentRow => 0,
        WindowFrameBound::Preceding(distance) => ticks(distance, order)?,
        WindowFrameBound::Following(_) => return None,
    };
    let after = match &frame.end_bound {
        WindowFrameBound::CurrentRow => 0,
        WindowFrameBound::Following(distance) => ticks(distance, order)?,
        WindowFrameBound::Preceding(_) => return None,
    };
    Some(Reach { before, after })
}

/// A distance in the order's own whole numbers.
fn ticks(distance: &ScalarValue, order: &DataType) -> Option<u64> {
    let ticks = match (distance, order) {
        (ScalarValue::IntervalMonthDayNano(Some(interval)), _) => {
            let time = Time::of(order)?;
            if interval.months != 0 || (interval.days != 0 && !days_are_even(order)) {
                return None;
            }
            let nanos =
                i128::from(interval.days) * i128::from(NANOS_PER_DAY) + i128::from(interval.nanoseconds);
            let per_tick = i128::from(time.nanos_per_tick());
            (nanos % per_tick == 0).then_some(nanos / per_tick)?
        }
        (ScalarValue::Int8(Some(n)), DataType::Int8) => i128::from(*n),
        (ScalarValue::Int16(Some(n)), DataType::Int16) => i128::from(*n),
        (ScalarValue::Int32(Some(n)), DataType::Int32) => i128::from(*n),
        (ScalarValue::Int64(Some(n)), DataType::Int64) => i128::from(*n),
        _ => return None,
    };
    u64::try_from(ticks).ok()
}

/// Whether every day is as long as the next in the order's time zone.
fn days_are_even(order: &DataType) -> bool {
    match order {
        DataType::Timestamp(_, Some(zone)) => matches!(zone.as_ref(), "UTC" | "+00:00" | "Z"),
        _ => true,
    }
}
