//! Columns ↔ the schema that a Delta log keeps.
//!
//! The format has no unsigned numbers, no times of day, no intervals, decimals of at most 38 digits and
//! timestamps in microseconds: [`stored_type`] says in what a query's values are kept, [`refused`]
//! what cannot be.

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use deltalake_core::kernel::StructType;
use serde_json::{Value, json};

use crate::definition::{Column, column_type, type_text};
use crate::error::{Code, Error, Result};

/// The key of a column's comment, in the log and in Arrow's metadata alike.
pub const COMMENT: &str = "comment";

/// The type in which a managed table keeps a query's values of `data_type`: the same values; of
/// nanoseconds the microseconds.
pub fn stored_type(data_type: &DataType) -> DataType {
    match column_type(data_type) {
        DataType::UInt8 => DataType::Int16,
        DataType::UInt16 => DataType::Int32,
        DataType::UInt32 | DataType::UInt64 => DataType::Int64,
        DataType::Float16 => DataType::Float32,
        DataType::Date64 => DataType::Date32,
        DataType::Timestamp(_, zone) => {
            DataType::Timestamp(TimeUnit::Microsecond, zone.map(|_| "UTC".into()))
        }
        DataType::Decimal32(digits, scale) | DataType::Decimal64(digits, scale) => {
            DataType::Decimal128(digits, scale)
        }
        DataType::FixedSizeBinary(_) => DataType::Binary,
        DataType::List(item) => {
            DataType::List(Field::new_list_field(stored_type(item.data_type()), true).into())
        }
        DataType::Struct(fields) => DataType::Struct(
            fields
                .iter()
                .map(|field| Field::new(field.name(), stored_type(field.data_type()), true))
                .collect(),
        ),
        other => other,
    }
}

/// Refuses a type that a managed table cannot keep.
///
/// # Errors
/// [`Code::Unsupported`] with the column.
pub fn refused(column: &Column) -> Result<()> {
    match type_json(&column.data_type) {
        Some(_) => Ok(()),
        None => {
            let name = type_text(&column.data_type);
            let message = format!(
                "managed tables have no columns of type {name}, as '{}' is",
                column.name
            );
            let hint = match &column.data_type {
                DataType::Timestamp(..) => "timestamps are in microseconds: TIMESTAMP, or TIMESTAMP(6)",
                DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => {
                    "there are no unsigned numbers: take the next wider type"
                }
                DataType::Decimal256(..) => "decimals have at most 38 digits",
                _ => "cast it to another type, such as VARCHAR",
            };
            Err(Error::new(Code::Unsupported, message).with_hint(hint))
        }
    }
}

/// The columns as the log's schema.
///
/// # Errors
/// [`Code::Unsupported`] for a type that the format does not have.
pub(super) fn to_delta(columns: &[Column]) -> Result<StructType> {
    let field = |column: &Column| {
        refused(column)?;
        let mut metadata = serde_json::Map::new();
        if let Some(comment) = &column.comment {
            metadata.insert(COMMENT.to_owned(), Value::from(comment.as_str()));
        }
        Ok(json!({
            "name": column.name,
            "type": type_json(&column.data_type),
            "nullable": column.nullable,
            "metadata": metadata,
        }))
    };
    let fields = columns.iter().map(field).collect::<Result<Vec<Value>>>()?;
    serde_json::from_value(json!({"type": "struct", "fields": fields})).map_err(|e| {
        Error::new(
            Code::Unsupported,
            format!("these columns cannot be a managed table's: {e}"),
        )
        .with_source(e)
    })
}

fn type_json(data_type: &DataType) -> Option<Value> {
    Some(match data_type {
        DataType::Boolean => json!("boolean"),
        DataType::Int8 => json!("byte"),
        DataType::Int16 => json!("short"),
        DataType::Int32 => json!("integer"),
        DataType::Int64 => json!("long"),
        DataType::Float32 => json!("float"),
        DataType::Float64 => json!("double"),
        DataType::Utf8View | DataType::Utf8 | DataType::LargeUtf8 => json!("string"),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => json!("binary"),
        DataType::Date32 => json!("date"),
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => json!("timestamp"),
        DataType::Timestamp(TimeUnit::Microsecond, None) => json!("timestamp_ntz"),
        DataType::Decimal128(digits, scale) if *scale >= 0 => json!(format!("decimal({digits},{scale})")),
        DataType::List(item) => {
            json!({"type": "array", "elementType": type_json(item.data_type())?, "containsNull": true})
        }
        DataType::Struct(fields) => {
            let field = |field: &arrow::datatypes::FieldRef| {
                Some(json!({
                    "name": field.name(),
                    "type": type_json(field.data_type())?,
                    "nullable": true,
                    "metadata": {},
                }))
            };
            let fields: Option<Vec<Value>> = fields.iter().map(field).collect();
            json!({"type": "struct", "fields": fields?})
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => json!({
                "type": "map",
                "keyType": type_json(fields[0].data_type())?,
                "valueType": type_json(fields[1].data_type())?,
                "valueContainsNull": true,
            }),
            _ => return None,
        },
        _ => return None,
    })
}

/// Whether a column, or a part of one, is a timestamp without a zone, which a reader has to know.
pub(super) fn has_plain_timestamp(data_type: &DataType) -> bool {
    match data_type {
        DataType::Timestamp(_, None) => true,
        DataType::List(item) => has_plain_timestamp(item.data_type()),
        DataType::Map(entries, _) => has_plain_timestamp(entries.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| has_plain_timestamp(field.data_type())),
        _ => false,
    }
}

/// The log's schema as a query sees it.
pub(super) fn from_delta(schema: &Schema) -> Schema {
    let field = |field: &arrow::datatypes::FieldRef| {
        Field::new(field.name(), column_type(field.data_type()), field.is_nullable())
            .with_metadata(field.metadata().clone())
    };
    Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>())
}
