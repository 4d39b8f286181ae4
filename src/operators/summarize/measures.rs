//! What is measured of a column, by its type: an aggregation without groups, a column a measure.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::{Column, Result};
use datafusion::functions::math::expr_fn::round;
use datafusion::functions_aggregate::approx_distinct::approx_distinct_udaf;
use datafusion::functions_aggregate::expr_fn::{avg, count, max, min, stddev};
use datafusion::functions_nested::expr_fn::make_array;
use datafusion::logical_expr::{
    AggregateUDF, Expr, LogicalPlan, LogicalPlanBuilder, ScalarUDF, cast, lit, try_cast, when,
};

use crate::definition::type_text;
use crate::error::{Code, Error};
use crate::functions;

/// What is measured of every column; a column of the aggregation is called `measure:position`.
pub(super) const MIN: &str = "min";
pub(super) const MAX: &str = "max";
pub(super) const APPROX_UNIQUE: &str = "approx_unique";
pub(super) const AVG: &str = "avg";
pub(super) const STD: &str = "std";
pub(super) const Q25: &str = "q25";
pub(super) const Q50: &str = "q50";
pub(super) const Q75: &str = "q75";
/// How many values are not NULL.
pub(super) const VALUES: &str = "values";
/// How many rows there are; of the relation, not of a column.
pub(super) const ROWS: &str = "rows";

const SKETCH: &str = "sketch";

/// How the aggregation calls a measure of the column at `position`.
pub(super) fn name(measure: &str, position: usize) -> String {
    format!("{measure}:{position}")
}

/// The relation's columns: name and type.
pub(super) fn columns(input: &LogicalPlan) -> Vec<(String, String)> {
    let fields = input.schema().fields().iter();
    fields
        .map(|field| (field.name().clone(), type_text(field.data_type())))
        .collect()
}

/// One row: everything that is measured of the relation.
pub(super) fn measured(input: LogicalPlan) -> Result<LogicalPlan> {
    let sketch = aggregate("quantile_sketch")?;
    let quantile = scalar("sketch_quantile")?;
    let mut aggregates = vec![count(lit(1_i64)).alias(ROWS)];
    let mut results = vec![cast(column(ROWS), DataType::Int64).alias(ROWS)];
    for (i, (qualifier, field)) in input.schema().iter().enumerate() {
        let values = Expr::Column(Column::from((qualifier, field)));
        let data_type = field.data_type();
        let mut measure = |name_: &str, aggregate: Expr, result: fn(Expr) -> Expr| {
            let name = name(name_, i);
            aggregates.push(aggregate.alias(&name));
            results.push(result(column(&name)).alias(name));
        };
        measure(VALUES, count(values.clone()), |n| cast(n, DataType::Int64));
        if has_order(data_type) {
            measure(MIN, min(values.clone()), |value| value);
            measure(MAX, max(values.clone()), |value| value);
        }
        if !data_type.is_null() {
            let unique = approx_distinct_udaf().call(vec![hashable(values.clone(), data_type)]);
            measure(APPROX_UNIQUE, unique, |n| cast(n, DataType::Int64));
        }
        let Some(scale) = Scale::of(data_type) else {
            continue;
        };
        let number = scale.number(values);
        if scale == Scale::Number {
            measure(STD, stddev(number.clone()), |value| cast(value, DataType::Utf8));
        }
        aggregates.push(avg(number.clone()).alias(name(AVG, i)));
        results.push(scale.mean(column(&name(AVG, i))).alias(name(AVG, i)));
        aggregates.push(sketch.call(vec![number]).alias(name(SKETCH, i)));
        for (measure, q) in [(Q25, 0.25), (Q50, 0.5), (Q75, 0.75)] {
            let value = quantile.call(vec![column(&name(SKETCH, i)), lit(q)]);
            results.push(scale.value(value, data_type)?.alias(name(measure, i)));
        }
    }
    LogicalPlanBuilder::from(input)
        .aggregate(Vec::<Expr>::new(), aggregates)?
        .project(results)?
        .build()
}

fn column(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}

/// Whether there is a least and a greatest value.
fn has_order(data_type: &DataType) -> bool {
    match data_type {
        DataType::Null | DataType::Map(..) | DataType::Union(..) => false,
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::ListView(item)
        | DataType::LargeListView(item) => has_order(item.data_type()),
        DataType::Struct(fields) => fields.iter().all(|field| has_order(field.data_type())),
        DataType::Dictionary(_, values) => has_order(values),
        _ => true,
    }
}

/// The values as the estimator of different ones takes them: of a type that it does not know, wrapped.
fn hashable(values: Expr, data_type: &DataType) -> Expr {
    match data_type {
        DataType::Float16 | DataType::Float32 | DataType::Float64 => {
            // NULL stays NULL: an array of NULL would count.
            let wrapped = make_array(vec![values.clone()]);
            when(values.is_not_null(), wrapped).end().unwrap_or(lit(0))
        }
        DataType::Dictionary(_, inner) => cast(values, inner.as_ref().clone()),
        _ => values,
    }
}

/// How values are computed with: as numbers, and back.
#[derive(Debug, Clone, PartialEq)]
enum Scale {
    /// Numbers are themselves.
    Number,
    /// Days, or ticks of a microsecond: whole numbers, given as `ticks` and, of a mean, as `mean`.
    Ticks {
        ticks: DataType,
        mean: DataType,
        per_mean: f64,
    },
}

impl Scale {
    fn of(data_type: &DataType) -> Option<Self> {
        let ticks = |data_type: DataType| Self::Ticks {
            mean: data_type.clone(),
            ticks: data_type,
            per_mean: 1.0,
        };
        match data_type {
            DataType::Dictionary(_, inner) => Self::of(inner),
            other if other.is_numeric() => Some(Self::Number),
            DataType::Date32 | DataType::Date64 => Some(Self::Ticks {
                ticks: DataType::Date32,
                mean: DataType::Timestamp(TimeUnit::Microsecond, None),
                per_mean: 86_400e6,
            }),
            DataType::Timestamp(_, zone) => {
                Some(ticks(DataType::Timestamp(TimeUnit::Microsecond, zone.clone())))
            }
            DataType::Time32(_) | DataType::Time64(_) => Some(ticks(DataType::Time64(TimeUnit::Microsecond))),
            DataType::Duration(_) => Some(ticks(DataType::Duration(TimeUnit::Microsecond))),
            _ => None,
        }
    }

    fn number(&self, values: Expr) -> Expr {
        match self {
            Self::Number => cast(values, DataType::Float64),
            Self::Ticks { ticks, .. } => {
                let whole = match ticks {
                    DataType::Date32 => DataType::Int32,
                    _ => DataType::Int64,
                };
                cast(cast(cast(values, ticks.clone()), whole), DataType::Float64)
            }
        }
    }

    /// A mean, as text.
    fn mean(&self, mean: Expr) -> Expr {
        match self {
            Self::Number => cast(mean, DataType::Utf8),
            Self::Ticks {
                mean: to, per_mean, ..
            } => {
                let ticks = try_cast(round(vec![mean * lit(*per_mean)]), DataType::Int64);
                cast(try_cast(ticks, to.clone()), DataType::Utf8)
            }
        }
    }

    /// A value of the column, as text; one that the type cannot hold exactly enough is a number.
    fn value(&self, value: Expr, data_type: &DataType) -> Result<Expr> {
        let exact = match self {
            Self::Ticks { ticks, .. } => {
                let whole = match ticks {
                    DataType::Date32 => DataType::Int32,
                    _ => DataType::Int64,
                };
                try_cast(try_cast(round(vec![value.clone()]), whole), ticks.clone())
            }
            Self::Number if data_type.is_integer() => try_cast(round(vec![value.clone()]), data_type.clone()),
            Self::Number if data_type.is_decimal() => try_cast(value.clone(), data_type.clone()),
            Self::Number => value.clone(),
        };
        let text = |value: Expr| cast(value, DataType::Utf8);
        when(exact.clone().is_not_null(), text(exact)).otherwise(text(value))
    }
}

fn aggregate(name: &str) -> Result<AggregateUDF> {
    let found = functions::aggregate().into_iter().find(|f| f.name() == name);
    found
        .map(|f| f.as_ref().clone())
        .ok_or_else(|| no_function(name).into())
}

fn scalar(name: &str) -> Result<ScalarUDF> {
    let found = functions::scalar().into_iter().find(|f| f.name() == name);
    found
        .map(|f| f.as_ref().clone())
        .ok_or_else(|| no_function(name).into())
}

fn no_function(name: &str) -> Error {
    Error::new(Code::Internal, format!("there is no function '{name}'"))
}
