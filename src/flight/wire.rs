//! The types that every client reads, and batches in them.
//!
//! Owns the one schema that a result has wherever it is told (GetFlightInfo, GetSchema, a prepared
//! statement, DoGet): views, dictionaries, run ends, large and list-view layouts are flattened at every
//! depth, and every column may be NULL, because what the planner proves about NULL differs from plan to
//! plan. Refuses nothing: a type that has no older form goes as it is.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;

use crate::definition::type_text;
use crate::engine::KEEP_WHOLE;

/// What Flight SQL calls a column's type, in its field's metadata.
const TYPE_NAME: &str = "ARROW:FLIGHT:SQL:TYPE_NAME";
const PRECISION: &str = "ARROW:FLIGHT:SQL:PRECISION";
const SCALE: &str = "ARROW:FLIGHT:SQL:SCALE";

/// The schema in which a result of `schema` goes over the wire.
pub(super) fn wire_schema(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| {
        let plain = Field::new(field.name(), wire_type(field.data_type()), true);
        plain.with_metadata(metadata(field))
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// What tools show of a column beside its Arrow type.
fn metadata(field: &Field) -> HashMap<String, String> {
    let mut metadata: HashMap<String, String> = field
        .metadata()
        .iter()
        .filter(|(key, _)| key.as_str() == KEEP_WHOLE || key.starts_with("ARROW:extension:"))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let mut add = |key: &str, value: String| metadata.insert(key.to_owned(), value);
    let data_type = wire_type(field.data_type());
    add(TYPE_NAME, type_text(&data_type));
    if let DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) = data_type {
        add(PRECISION, precision.to_string());
        add(SCALE, scale.to_string());
    }
    metadata
}

/// The type in which a value of `data_type` goes over the wire.
pub(super) fn wire_type(data_type: &DataType) -> DataType {
    let inner = |field: &FieldRef| -> FieldRef {
        let plain = field
            .as_ref()
            .clone()
            .with_data_type(wire_type(field.data_type()));
        Arc::new(plain.with_nullable(true).with_metadata(HashMap::new()))
    };
    match data_type {
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
        DataType::Dictionary(_, value) => wire_type(value),
        DataType::RunEndEncoded(_, values) => wire_type(values.data_type()),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item) => DataType::List(inner(item)),
        DataType::FixedSizeList(item, length) => DataType::FixedSizeList(inner(item), *length),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(inner).collect()),
        DataType::Map(entries, sorted) => DataType::Map(map_entries(entries), *sorted),
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128((*precision).min(DECIMAL128_MAX_PRECISION), *scale)
        }
        DataType::Float16 => DataType::Float32,
        other => other.clone(),
    }
}

/// A map's keys cannot be NULL, nor can its entries.
fn map_entries(entries: &FieldRef) -> FieldRef {
    let DataType::Struct(fields) = entries.data_type() else {
        return Arc::clone(entries);
    };
    let fields = fields.iter().enumerate().map(|(i, field)| {
        let plain = Field::new(field.name(), wire_type(field.data_type()), i > 0);
        Arc::new(plain)
    });
    let fields = DataType::Struct(fields.collect());
    Arc::new(Field::new(entries.name(), fields, false))
}

/// A batch in its wire schema.
pub(super) fn wire_batch(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let options = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    let columns = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| match column.data_type() == field.data_type() {
            true => Ok(Arc::clone(column)),
            false => cast_with_options(column, field.data_type(), &options),
        });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let rows = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &rows)
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, ListArray, StringViewArray, StructArray};
    use arrow::buffer::OffsetBuffer;
    use arrow::datatypes::Int32Type;

    use super::*;

    #[test]
    fn views_and_dictionaries_are_flattened_at_every_depth() {
        let words: DictionaryArray<Int32Type> = ["a", "b", "a"].into_iter().collect();
        let views = StringViewArray::from(vec!["x", "a text that is longer than twelve", "z"]);
        let inner = StructArray::from(vec![
            (
                Arc::new(Field::new("word", words.data_type().clone(), false)),
                Arc::new(words) as ArrayRef,
            ),
            (
                Arc::new(Field::new("view", DataType::Utf8View, false)),
                Arc::new(views) as ArrayRef,
            ),
        ]);
        let item = Arc::new(Field::new("item", inner.data_type().clone(), false));
        let lists = ListArray::new(item, OffsetBuffer::from_lengths([1, 2]), Arc::new(inner), None);
        let batch = RecordBatch::try_from_iter([("lists", Arc::new(lists) as ArrayRef)]).unwrap();
        let schema = wire_schema(&batch.schema());
        let flat = wire_batch(&batch, &schema).unwrap();
        let items = flat.column(0).as_list::<i32>().values().as_struct();
        assert_eq!(items.column(0).as_string::<i32>().value(1), "b");
        assert_eq!(items.column(1).as_string::<i32>().value(2), "z");
        assert!(flat.schema().field(0).is_nullable());
        assert_eq!(wire_schema(&flat.schema()), schema);
    }
}
