//! A file's statistics: the footer of a file just written → the JSON that the log keeps, and back
//! into what the planner reads.
//!
//! Ranges are kept for numbers, decimals, dates, times and texts at the top level; a float column with
//! a NaN has none, since the footer leaves NaN out. Texts may be cut (a lower and an upper bound, not
//! the values), and so are inexact, as are floats, whose zeros differ in sign.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, ScalarValue, Statistics};
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use serde_json::Value;

use crate::error::{Code, Error, Result};
use crate::table::writer::WrittenFile;

/// Decimals of more digits do not survive a reader that takes JSON's numbers for doubles.
const JSON_DIGITS: u8 = 15;

/// How many bytes of a text bound are kept.
const TEXT_BYTES: usize = 64;

/// The statistics of a file as the log has them.
pub(super) fn to_json(file: &WrittenFile, schema: &SchemaRef) -> Result<String> {
    let found = DFParquetMetadata::statistics_from_parquet_metadata(&file.metadata, schema)
        .map_err(|e| Error::new(Code::Internal, e.strip_backtrace()))?;
    let rows = file.metadata.file_metadata().num_rows();
    let (mut mins, mut maxes, mut nulls) = (Vec::new(), Vec::new(), Vec::new());
    for (i, field) in schema.fields().iter().enumerate() {
        let Some(column) = found.column_statistics.get(i) else {
            continue;
        };
        let name = json_text(field.name());
        if let Some(count) = column
            .null_count
            .get_value()
            .filter(|_| !field.data_type().is_nested())
        {
            nulls.push(format!("{name}:{count}"));
        }
        if file.has_nan.get(i) == Some(&true) {
            continue;
        }
        let bounds = (
            column.min_value.get_value().and_then(json_value),
            column.max_value.get_value().and_then(json_value),
        );
        if let (Some(min), Some(max)) = bounds {
            mins.push(format!("{name}:{min}"));
            maxes.push(format!("{name}:{max}"));
        }
    }
    Ok(format!(
        "{{\"numRecords\":{rows},\"minValues\":{{{}}},\"maxValues\":{{{}}},\"nullCount\":{{{}}}}}",
        mins.join(","),
        maxes.join(","),
        nulls.join(",")
    ))
}

fn json_text(text: &str) -> String {
    Value::from(text).to_string()
}

/// A bound as JSON; nothing for values that the log keeps none of.
fn json_value(value: &ScalarValue) -> Option<String> {
    if value.is_null() {
        return None;
    }
    match value {
        ScalarValue::Int8(_) | ScalarValue::Int16(_) | ScalarValue::Int32(_) | ScalarValue::Int64(_) => {
            Some(value.to_string())
        }
        ScalarValue::Float32(Some(v)) => v.is_finite().then(|| Value::from(*v).to_string()),
        ScalarValue::Float64(Some(v)) => v.is_finite().then(|| Value::from(*v).to_string()),
        ScalarValue::Decimal128(_, digits, _) => (*digits <= JSON_DIGITS).then(|| text(value)).flatten(),
        ScalarValue::Utf8(Some(v)) | ScalarValue::Utf8View(Some(v)) | ScalarValue::LargeUtf8(Some(v)) => {
            (v.len() <= TEXT_BYTES).then(|| json_text(v))
        }
        ScalarValue::Date32(_) => Some(json_text(&text(value)?)),
        ScalarValue::TimestampMicrosecond(Some(micros), zone) => {
            let time = chrono::DateTime::from_timestamp_micros(*micros)?;
            let mut text = time.format("%Y-%m-%dT%H:%M:%S%.6f").to_string();
            if zone.is_some() {
                text.push('Z');
            }
            Some(json_text(&text))
        }
        _ => None,
    }
}

fn text(value: &ScalarValue) -> Option<String> {
    let array = value.to_array().ok()?;
    let formatter = ArrayFormatter::try_new(&array, &FormatOptions::default()).ok()?;
    formatter.value(0).try_to_string().ok()
}

/// The planner's statistics of files: `schema`'s first columns are in the files, those behind have one
/// value a file.
pub(super) fn from_json(
    files: &[(Option<String>, u64)],
    schema: &SchemaRef,
    partition_values: &[ArrayRef],
) -> Vec<Statistics> {
    let parsed: Vec<Value> = files
        .iter()
        .map(|(json, _)| json.as_deref().and_then(|json| serde_json::from_str(json).ok()))
        .map(Option::unwrap_or_default)
        .collect();
    let mut all: Vec<Statistics> = files
        .iter()
        .zip(&parsed)
        .map(|((_, bytes), stats)| Statistics {
            num_rows: count(&stats["numRecords"]),
            total_byte_size: Precision::Inexact(usize::try_from(*bytes).unwrap_or(usize::MAX)),
            column_statistics: Vec::with_capacity(schema.fields().len()),
        })
        .collect();
    let in_files = schema.fields().len() - partition_values.len();
    for field in &schema.fields()[..in_files] {
        let bounds = |which: &str, upper| bounds(&parsed, which, field.name(), field.data_type(), upper);
        let (mins, maxes) = (bounds("minValues", false), bounds("maxValues", true));
        for (i, statistics) in all.iter_mut().enumerate() {
            statistics.column_statistics.push(ColumnStatistics {
                null_count: count(&parsed[i]["nullCount"][field.name()]),
                min_value: mins[i].clone(),
                max_value: maxes[i].clone(),
                ..ColumnStatistics::new_unknown()
            });
        }
    }
    for values in partition_values {
        for (i, statistics) in all.iter_mut().enumerate() {
            let value = ScalarValue::try_from_array(values, i).unwrap_or(ScalarValue::Null);
            let rows = statistics.num_rows;
            statistics.column_statistics.push(if value.is_null() {
                ColumnStatistics {
                    null_count: rows,
                    ..ColumnStatistics::new_unknown()
                }
            } else {
                ColumnStatistics {
                    null_count: Precision::Exact(0),
                    min_value: Precision::Exact(value.clone()),
                    max_value: Precision::Exact(value),
                    distinct_count: Precision::Exact(1),
                    ..ColumnStatistics::new_unknown()
                }
            });
        }
    }
    all
}

fn count(value: &Value) -> Precision<usize> {
    match value.as_u64().and_then(|count| usize::try_from(count).ok()) {
        Some(count) => Precision::Exact(count),
        None => Precision::Absent,
    }
}

/// One bound of one column, for all files at once.
fn bounds(
    parsed: &[Value],
    which: &str,
    column: &str,
    data_type: &DataType,
    upper: bool,
) -> Vec<Precision<ScalarValue>> {
    let unknown = || vec![Precision::Absent; parsed.len()];
    let known = match data_type {
        DataType::Decimal128(digits, _) => *digits <= JSON_DIGITS,
        DataType::Boolean | DataType::Binary => false,
        other => !other.is_nested(),
    };
    if !known {
        return unknown();
    }
    let texts: StringArray = parsed
        .iter()
        .map(|stats| bound_text(&stats[which][column], data_type))
        .collect();
    let options = CastOptions {
        safe: true,
        ..CastOptions::default()
    };
    let texts: ArrayRef = Arc::new(texts);
    let Ok(values) = cast_with_options(&texts, data_type, &options) else {
        return unknown();
    };
    let one = |i: usize| {
        if values.is_null(i) {
            return Precision::Absent;
        }
        let Ok(value) = ScalarValue::try_from_array(&values, i) else {
            return Precision::Absent;
        };
        let text = parsed[i][which][column].as_str().unwrap_or_default();
        exactness(value, text, upper)
    };
    (0..parsed.len()).map(one).collect()
}

fn bound_text(value: &Value, data_type: &DataType) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => {
            let mut text = number.to_string();
            if let (DataType::Decimal128(_, scale), true) = (data_type, text.contains(['e', 'E'])) {
                let scale = usize::try_from(*scale).unwrap_or(0);
                text.clear();
                write!(text, "{:.scale$}", number.as_f64()?).ok()?;
            }
            Some(text)
        }
        _ => None,
    }
}

/// Other writers cut times to milliseconds: an upper bound may then lie one below the value.
fn exactness(value: ScalarValue, text: &str, upper: bool) -> Precision<ScalarValue> {
    match value {
        ScalarValue::TimestampMicrosecond(Some(micros), zone) => {
            let fraction = text.rsplit_once('.').map_or("", |(_, fraction)| fraction);
            let digits = fraction.chars().take_while(char::is_ascii_digit).count();
            if digits == 6 {
                Precision::Exact(ScalarValue::TimestampMicrosecond(Some(micros), zone))
            } else {
                let micros = if upper { micros.saturating_add(999) } else { micros };
                Precision::Inexact(ScalarValue::TimestampMicrosecond(Some(micros), zone))
            }
        }
        ScalarValue::Utf8(_)
        | ScalarValue::Utf8View(_)
        | ScalarValue::Float32(_)
        | ScalarValue::Float64(_) => Precision::Inexact(value),
        value => Precision::Exact(value),
    }
}
