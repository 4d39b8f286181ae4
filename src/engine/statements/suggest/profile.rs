//! What is measured of every column, in one pass.

use arrow::array::Array;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Column, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::functions::unicode::expr_fn::character_length;
use datafusion::functions_aggregate::expr_fn::{approx_distinct, count, max, min};
use datafusion::logical_expr::{Expr, lit, when};

use super::{Reader, count_of};
use crate::error::{Code, Error, Result};

/// Up to so many different values are a set.
pub(super) const SET_AT_MOST: usize = 12;

/// What a text can be, and the function that says so.
pub(super) const PATTERNS: [&str; 4] = ["is_email", "is_uuid", "is_url", "is_ip"];

/// A table's columns, measured.
#[derive(Debug)]
pub(super) struct Profile {
    pub rows: u64,
    pub columns: Vec<Measured>,
}

/// A column, measured.
#[derive(Debug, Clone)]
pub(super) struct Measured {
    pub field: FieldRef,
    /// How many values are not NULL.
    pub values: u64,
    /// About how many of them differ.
    pub unique: u64,
    pub min: Option<ScalarValue>,
    pub max: Option<ScalarValue>,
    /// All different values, if they are few.
    pub set: Option<Vec<ScalarValue>>,
    /// Of text.
    pub text: Option<Text>,
}

/// What is measured of text.
#[derive(Debug, Clone)]
pub(super) struct Text {
    /// Nothing but white space.
    pub blank: u64,
    /// Characters of the shortest and the longest.
    pub lengths: (u64, u64),
    /// How many values fit each of [`PATTERNS`].
    pub fitting: [u64; PATTERNS.len()],
}

pub(super) fn column(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}

pub(super) fn is_text(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    )
}

/// Whether a rule about the column's values can be written.
pub(super) fn is_simple(data_type: &DataType) -> bool {
    let is_time = matches!(data_type, DataType::Date32 | DataType::Timestamp(_, None));
    is_text(data_type) || data_type.is_numeric() || is_time
}

/// Measures the table.
pub(super) async fn of(reader: &Reader<'_>) -> Result<Profile> {
    let schema = reader.table.schema();
    let translated = |e| reader.session.translated(e, reader.piece);
    let mut measures = vec![count(lit(1_i64))];
    for field in schema.fields() {
        measures.extend(measures_of(reader, field).map_err(translated)?);
    }
    let named = measures.into_iter().enumerate();
    let named: Vec<Expr> = named.map(|(i, measure)| measure.alias(format!("m{i}"))).collect();
    let plan = reader
        .scan()
        .and_then(|scan| scan.aggregate(Vec::<Expr>::new(), named))
        .and_then(|plan| plan.build());
    let mut row = reader.row(plan).await?.into_iter();
    let rows = row.next().as_ref().map_or(0, count_of);
    let columns = schema
        .fields()
        .iter()
        .map(|field| read(field, &mut row))
        .collect();
    Ok(Profile { rows, columns })
}

/// What is measured of a column, in the order in which [`read`] takes it back.
fn measures_of(reader: &Reader<'_>, field: &FieldRef) -> Result<Vec<Expr>, DataFusionError> {
    let values = column(field.name());
    let mut measures = vec![count(values.clone())];
    if !is_simple(field.data_type()) {
        return Ok(measures);
    }
    let top = reader.state.aggregate_functions().get("approx_top_k").cloned();
    let top = top.ok_or_else(|| no_function("approx_top_k"))?;
    let more_than_a_set = i64::try_from(SET_AT_MOST + 1).unwrap_or(i64::MAX);
    if !field.data_type().is_floating() {
        measures.push(approx_distinct(values.clone()));
        measures.push(top.call(vec![values.clone(), lit(more_than_a_set)]));
    }
    measures.extend([min(values.clone()), max(values.clone())]);
    if !is_text(field.data_type()) {
        return Ok(measures);
    }
    let length = || character_length(values.clone());
    let trimmed = datafusion::functions::string::expr_fn::btrim(vec![values.clone()]);
    measures.push(count(when(trimmed.eq(lit("")), lit(1_i64)).end()?));
    measures.extend([min(length()), max(length())]);
    for pattern in PATTERNS {
        let function = reader.state.scalar_functions().get(pattern).cloned();
        let function = function.ok_or_else(|| no_function(pattern))?;
        let fits = function.call(vec![values.clone()]);
        measures.push(count(when(fits, lit(1_i64)).end()?));
    }
    Ok(measures)
}

fn no_function(name: &str) -> DataFusionError {
    Error::new(Code::Internal, format!("there is no function '{name}'")).into()
}

fn read(field: &FieldRef, row: &mut impl Iterator<Item = ScalarValue>) -> Measured {
    let mut next = || row.next().unwrap_or(ScalarValue::Null);
    let mut measured = Measured {
        field: FieldRef::clone(field),
        values: count_of(&next()),
        unique: 0,
        min: None,
        max: None,
        set: None,
        text: None,
    };
    if !is_simple(field.data_type()) {
        return measured;
    }
    if !field.data_type().is_floating() {
        measured.unique = count_of(&next()).min(measured.values);
        measured.set = set(&next());
    }
    let known = |value: ScalarValue| Some(value).filter(|value| !value.is_null());
    measured.min = known(next());
    measured.max = known(next());
    if is_text(field.data_type()) {
        measured.text = Some(Text {
            blank: count_of(&next()),
            lengths: (count_of(&next()), count_of(&next())),
            fitting: PATTERNS.map(|_| count_of(&next())),
        });
    }
    measured
}

/// The values of a list, in order, if they are few.
fn set(list: &ScalarValue) -> Option<Vec<ScalarValue>> {
    let ScalarValue::List(list) = list else {
        return None;
    };
    let values = (!list.is_null(0)).then(|| list.value(0))?;
    if values.len() > SET_AT_MOST {
        return None;
    }
    let all = (0..values.len()).map(|i| ScalarValue::try_from_array(&values, i));
    let mut all: Vec<ScalarValue> = all.collect::<Result<_, _>>().ok()?;
    all.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    Some(all)
}
