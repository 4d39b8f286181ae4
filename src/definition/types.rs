//! Column types as SQL text, and back.
//!
//! The text is what `CREATE TABLE`, the definition files, `DESCRIBE` and `SHOW CREATE TABLE` share:
//! for every type that a table can have, reading its text gives the type again. `TIMESTAMP` alone
//! means microseconds, the precision that the standard and the open table formats have; other
//! precisions are written out (`TIMESTAMP(9)`).

use std::str::FromStr;
use std::sync::Arc;

use arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType, Field, FieldRef, Fields, IntervalUnit,
    TimeUnit,
};
use sqlparser::ast::{ArrayElemTypeDef, DataType as SqlType, ExactNumberInfo, TimezoneInfo};

use crate::error::{Code, Error, Result};
use crate::syntax::{parse_type, quote};

/// The zone of `TIMESTAMP WITH TIME ZONE`.
const UTC: &str = "UTC";

/// Reads a type's text.
///
/// # Errors
/// [`Code::Syntax`] if it is no type, [`Code::Unsupported`] if tables cannot have it.
pub fn type_from_text(text: &str) -> Result<DataType> {
    match parse_type(text).and_then(|sql| arrow_type(&sql)) {
        Ok(found) => Ok(found),
        // Types that SQL has no word for are written as Arrow spells them.
        Err(error) => DataType::from_str(text).map_err(|_| error),
    }
}

/// The Arrow type of a parsed SQL type.
///
/// # Errors
/// [`Code::Unsupported`] for types that tables cannot have.
pub fn arrow_type(sql: &SqlType) -> Result<DataType> {
    Ok(match sql {
        SqlType::Boolean | SqlType::Bool => DataType::Boolean,
        SqlType::TinyInt(_) => DataType::Int8,
        SqlType::SmallInt(_) | SqlType::Int2(_) => DataType::Int16,
        SqlType::Int(_) | SqlType::Integer(_) | SqlType::Int4(_) => DataType::Int32,
        SqlType::BigInt(_) | SqlType::Int8(_) => DataType::Int64,
        SqlType::TinyIntUnsigned(_) => DataType::UInt8,
        SqlType::SmallIntUnsigned(_) | SqlType::Int2Unsigned(_) => DataType::UInt16,
        SqlType::IntUnsigned(_) | SqlType::IntegerUnsigned(_) | SqlType::Int4Unsigned(_) => DataType::UInt32,
        SqlType::BigIntUnsigned(_) | SqlType::Int8Unsigned(_) => DataType::UInt64,
        // The standard's: so many binary digits.
        SqlType::Float(ExactNumberInfo::Precision(25..)) => DataType::Float64,
        SqlType::Float(_) | SqlType::Real | SqlType::Float4 => DataType::Float32,
        SqlType::Double(_) | SqlType::DoublePrecision | SqlType::Float8 => DataType::Float64,
        SqlType::Numeric(info) | SqlType::Decimal(info) | SqlType::Dec(info) => decimal(info)?,
        SqlType::Varchar(_)
        | SqlType::Char(_)
        | SqlType::Character(_)
        | SqlType::CharacterVarying(_)
        | SqlType::CharVarying(_)
        | SqlType::Text
        | SqlType::String(_) => DataType::Utf8View,
        SqlType::Bytea | SqlType::Varbinary(_) | SqlType::Binary(_) | SqlType::Blob(_) => DataType::Binary,
        SqlType::Date => DataType::Date32,
        SqlType::Time(None, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => {
            DataType::Time64(TimeUnit::Nanosecond)
        }
        SqlType::Timestamp(precision, zone) => {
            timestamp(*precision, *zone).ok_or_else(|| no_such_type(sql))?
        }
        SqlType::Interval { fields: None, .. } => DataType::Interval(IntervalUnit::MonthDayNano),
        SqlType::Array(ArrayElemTypeDef::SquareBracket(item, None))
        | SqlType::Array(ArrayElemTypeDef::AngleBracket(item) | ArrayElemTypeDef::Parenthesis(item)) => {
            DataType::List(Arc::new(Field::new_list_field(arrow_type(item)?, true)))
        }
        SqlType::Struct(fields, _) => DataType::Struct(struct_fields(fields)?),
        SqlType::Map(key, value) => map(arrow_type(key)?, arrow_type(value)?),
        _ => return Err(no_such_type(sql)),
    })
}

fn no_such_type(sql: &SqlType) -> Error {
    Error::new(Code::Unsupported, format!("tables have no columns of type {sql}"))
}

fn decimal(info: &ExactNumberInfo) -> Result<DataType> {
    let (precision, scale) = match *info {
        ExactNumberInfo::None => (38, 10),
        ExactNumberInfo::Precision(precision) => (precision, 0),
        ExactNumberInfo::PrecisionAndScale(precision, scale) => (precision, scale),
    };
    let wrong = || {
        Error::new(
            Code::Unsupported,
            format!("DECIMAL({precision}, {scale}) does not exist"),
        )
        .with_hint("the precision is 1 to 76, the scale at most the precision")
    };
    let (digits, places) = (u8::try_from(precision), i8::try_from(scale));
    match (digits, places) {
        (Ok(digits @ 1..=DECIMAL256_MAX_PRECISION), Ok(places)) if scale.unsigned_abs() <= precision => {
            if digits <= DECIMAL128_MAX_PRECISION {
                Ok(DataType::Decimal128(digits, places))
            } else {
                Ok(DataType::Decimal256(digits, places))
            }
        }
        _ => Err(wrong()),
    }
}

fn timestamp(precision: Option<u64>, zone: TimezoneInfo) -> Option<DataType> {
    let unit = match precision {
        Some(0) => TimeUnit::Second,
        Some(3) => TimeUnit::Millisecond,
        None | Some(6) => TimeUnit::Microsecond,
        Some(9) => TimeUnit::Nanosecond,
        Some(_) => return None,
    };
    let zone = match zone {
        TimezoneInfo::Tz | TimezoneInfo::WithTimeZone => Some(Arc::from(UTC)),
        TimezoneInfo::None | TimezoneInfo::WithoutTimeZone => None,
    };
    Some(DataType::Timestamp(unit, zone))
}

fn struct_fields(fields: &[sqlparser::ast::StructField]) -> Result<Fields> {
    let fields = fields.iter().enumerate().map(|(i, field)| {
        let name = match &field.field_name {
            Some(name) => name.value.clone(),
            None => format!("c{i}"),
        };
        Ok(Field::new(name, arrow_type(&field.field_type)?, true))
    });
    fields.collect()
}

fn map(key: DataType, value: DataType) -> DataType {
    let fields = vec![Field::new("key", key, false), Field::new("value", value, true)];
    let entries = Field::new("entries", DataType::Struct(fields.into()), false);
    DataType::Map(Arc::new(entries), false)
}

/// A type's text: SQL's where there is one, else Arrow's.
pub fn type_text(data_type: &DataType) -> String {
    sql_text(data_type).unwrap_or_else(|| data_type.to_string())
}

fn sql_text(data_type: &DataType) -> Option<String> {
    let text = match data_type {
        DataType::Boolean => "BOOLEAN",
        DataType::Int8 => "TINYINT",
        DataType::Int16 => "SMALLINT",
        DataType::Int32 => "INT",
        DataType::Int64 => "BIGINT",
        DataType::UInt8 => "TINYINT UNSIGNED",
        DataType::UInt16 => "SMALLINT UNSIGNED",
        DataType::UInt32 => "INT UNSIGNED",
        DataType::UInt64 => "BIGINT UNSIGNED",
        DataType::Float32 => "REAL",
        DataType::Float64 => "DOUBLE",
        DataType::Utf8View | DataType::Utf8 | DataType::LargeUtf8 => "VARCHAR",
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "VARBINARY",
        DataType::Date32 => "DATE",
        DataType::Time64(TimeUnit::Nanosecond) => "TIME",
        DataType::Interval(IntervalUnit::MonthDayNano) => "INTERVAL",
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            return Some(format!("DECIMAL({precision}, {scale})"));
        }
        DataType::Timestamp(unit, zone) => return timestamp_text(*unit, zone.as_deref()),
        DataType::List(item) => return Some(format!("{}[]", sql_text(item.data_type())?)),
        DataType::Struct(fields) => {
            let fields: Option<Vec<String>> = fields.iter().map(field_text).collect();
            return Some(format!("STRUCT<{}>", fields?.join(", ")));
        }
        DataType::Map(entries, false) => {
            let DataType::Struct(fields) = entries.data_type() else {
                return None;
            };
            let [key, value] = fields.as_ref() else {
                return None;
            };
            let (key, value) = (sql_text(key.data_type())?, sql_text(value.data_type())?);
            return Some(format!("MAP({key}, {value})"));
        }
        _ => return None,
    };
    Some(text.to_owned())
}

fn field_text(field: &FieldRef) -> Option<String> {
    Some(format!(
        "{} {}",
        quote::identifier(field.name()),
        sql_text(field.data_type())?
    ))
}

fn timestamp_text(unit: TimeUnit, zone: Option<&str>) -> Option<String> {
    let precision = match unit {
        TimeUnit::Second => "(0)",
        TimeUnit::Millisecond => "(3)",
        TimeUnit::Microsecond => "",
        TimeUnit::Nanosecond => "(9)",
    };
    let zone = match zone {
        None => "",
        Some(UTC) => " WITH TIME ZONE",
        Some(_) => return None,
    };
    Some(format!("TIMESTAMP{precision}{zone}"))
}

/// The type that a table's column has for values of `data_type`: the same values, without an
/// encoding that only the producer of a batch cares for.
pub fn column_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Null => DataType::Utf8View,
        DataType::LargeBinary | DataType::BinaryView => DataType::Binary,
        DataType::Dictionary(_, value) => column_type(value),
        DataType::RunEndEncoded(_, values) => column_type(values.data_type()),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item) => DataType::List(Arc::new(Field::new_list_field(
            column_type(item.data_type()),
            true,
        ))),
        DataType::Struct(fields) => {
            let fields = fields
                .iter()
                .map(|field| Field::new(field.name(), column_type(field.data_type()), true));
            DataType::Struct(fields.collect())
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => map(
                column_type(fields[0].data_type()),
                column_type(fields[1].data_type()),
            ),
            _ => data_type.clone(),
        },
        _ => data_type.clone(),
    }
}
