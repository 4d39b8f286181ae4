//! Conversions of a load's values that may fail: attempted, so that the gate sees what did not convert.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::{
    Cast, Expr, LogicalPlan, LogicalPlanBuilder, Projection, TryCast, Values, cast, lit,
};

/// How the columns begin that have what did not convert.
const RAW: &str = "__weir_raw";

/// The column with the raw values of table column `column`.
pub(super) fn raw_name(column: usize) -> String {
    format!("{RAW}{column}")
}

/// `plan`, whose first `columns` are the table's, with the casts in its last projection attempted: NULL for
/// a value that does not convert. Behind the table's columns come the raw values, and they are said: for
/// each its table column. Raw values that the plan has already stay.
///
/// # Errors
/// DataFusion's own.
pub(super) fn attempted(plan: LogicalPlan, columns: usize) -> Result<(LogicalPlan, Vec<usize>)> {
    let given = given(plan.schema(), columns);
    if !given.is_empty() {
        return Ok((plan, given));
    }
    let LogicalPlan::Projection(projection) = plan else {
        return Ok((plan, Vec::new()));
    };
    if let LogicalPlan::Values(values) = projection.input.as_ref()
        && let Some(attempted) = of_values(&projection, values, columns)?
    {
        return Ok(attempted);
    }
    let (mut own, mut raw, mut raws) = (Vec::with_capacity(projection.expr.len()), Vec::new(), Vec::new());
    for (i, expr) in projection.expr.iter().enumerate() {
        let (name, inner) = match expr {
            Expr::Alias(alias) => (alias.name.clone(), alias.expr.as_ref()),
            other => (other.schema_name().to_string(), other),
        };
        match inner {
            Expr::Cast(cast) if i < columns && may_fail(cast.field.data_type()) => {
                own.push(attempt(cast).alias(name));
                raw.push(cast.expr.as_ref().clone().alias(raw_name(i)));
                raws.push(i);
            }
            _ => own.push(expr.clone()),
        }
    }
    let others = own.split_off(columns);
    let all = own.into_iter().chain(raw).chain(others);
    let plan = LogicalPlanBuilder::from(projection.input.as_ref().clone())
        .project(all)?
        .build()?;
    Ok((plan, raws))
}

/// The table columns whose raw values `schema` has.
fn given(schema: &DFSchema, columns: usize) -> Vec<usize> {
    let behind = schema.fields().iter().skip(columns);
    let raws = behind.map_while(|field| field.name().strip_prefix(RAW)?.parse().ok());
    raws.collect()
}

fn attempt(cast: &Cast) -> Expr {
    Expr::TryCast(TryCast::new(cast.expr.clone(), cast.field.data_type().clone()))
}

/// Whether a conversion to the type can fail.
pub(super) fn may_fail(data_type: &DataType) -> bool {
    !matches!(
        data_type,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    )
}

/// `value` as `data_type`, and its text; neither fails.
pub(super) fn attempted_value(value: &Expr, data_type: &DataType) -> (Expr, Expr) {
    // The planner may have converted it already, and would fail.
    let given = match value {
        Expr::Cast(cast) if cast.field.data_type() == data_type => cast.expr.as_ref(),
        value => value,
    };
    let own = Expr::TryCast(TryCast::new(Box::new(given.clone()), data_type.clone()));
    (own, cast(given.clone(), DataType::Utf8View))
}

/// Rows of a `VALUES` list, whose values the planner has cast one by one.
fn of_values(
    projection: &Projection,
    values: &Values,
    columns: usize,
) -> Result<Option<(LogicalPlan, Vec<usize>)>> {
    let is_cast = |column: usize| {
        values
            .values
            .iter()
            .any(|row| matches!(row.get(column), Some(Expr::Cast(cast)) if may_fail(cast.field.data_type())))
    };
    let width = values.schema.fields().len();
    let failing: Vec<usize> = (0..width).filter(|column| is_cast(*column)).collect();
    // Where the list's columns go: each is a column of the table's as it is.
    let place = |column: usize| {
        let name = values.schema.field(column).name();
        projection
            .expr
            .iter()
            .take(columns)
            .position(|expr| match expr.clone().unalias() {
                Expr::Column(found) => found.name == *name,
                Expr::Cast(cast) => matches!(cast.expr.as_ref(), Expr::Column(found) if found.name == *name),
                _ => false,
            })
    };
    let raws: Vec<(usize, usize)> = failing
        .into_iter()
        .filter_map(|column| Some((column, place(column)?)))
        .collect();
    if raws.is_empty() {
        return Ok(None);
    }
    let row = |row: &Vec<Expr>| {
        let mut all = row.clone();
        for (column, _) in &raws {
            let raw = match &row[*column] {
                Expr::Cast(cast) => {
                    all[*column] = attempt(cast);
                    Expr::Cast(Cast::new(cast.expr.clone(), DataType::Utf8View))
                }
                other => cast(other.clone(), DataType::Utf8View),
            };
            all.push(raw);
        }
        all
    };
    let mut fields: Vec<Field> = values
        .schema
        .fields()
        .iter()
        .map(|field| field.as_ref().clone().with_nullable(true))
        .collect();
    fields.extend(
        raws.iter()
            .map(|(_, to)| Field::new(raw_name(*to), DataType::Utf8View, true)),
    );
    let schema = DFSchema::from_unqualified_fields(fields.into(), values.schema.metadata().clone())?;
    let list = LogicalPlan::Values(Values {
        schema: Arc::new(schema),
        values: values.values.iter().map(row).collect(),
    });
    let (own, others) = projection.expr.split_at(columns.min(projection.expr.len()));
    let raw = raws.iter().map(|(_, to)| Expr::Column(raw_name(*to).into()));
    let all = own.iter().cloned().chain(raw).chain(others.iter().cloned());
    let plan = LogicalPlanBuilder::from(list).project(all)?.build()?;
    Ok(Some((plan, raws.into_iter().map(|(_, to)| to).collect())))
}

/// The raw value of one that was not converted: none.
pub(super) fn no_raw_value() -> Expr {
    lit(ScalarValue::Utf8View(None))
}
