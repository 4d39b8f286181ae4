//! Types as a file format stores them, where that is not as they are.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, StringBuilder};
use arrow::compute::{can_cast_types, cast};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, IntervalUnit, Schema, SchemaRef, TimeUnit};

use super::column_names::distinct;
use super::value::Values;
use crate::error::{Code, Error, Result};

/// How batches are changed before a file format stores them.
pub(super) struct Stored {
    schema: SchemaRef,
}

impl Stored {
    /// For Arrow IPC: dictionaries are unpacked, since the file format holds one a column only and
    /// batches bring several.
    pub(super) fn for_arrow(schema: &Schema) -> Self {
        Self::new(schema, |stored, given| {
            if can_cast_types(given, &stored) {
                stored
            } else {
                given.clone()
            }
        })
    }

    /// For Parquet: what it has no type for becomes the nearest that loses nothing, in the end text.
    pub(super) fn for_parquet(schema: &Schema) -> Self {
        Self::new(schema, |stored, given| {
            let stored = rewrite(&stored, &parquet_leaf);
            let kept = is_in_parquet(&stored) && can_cast_types(given, &stored);
            if kept { stored } else { DataType::Utf8 }
        })
    }

    fn new(schema: &Schema, choose: impl Fn(DataType, &DataType) -> DataType) -> Self {
        let names = distinct(schema.fields().iter().map(|field| field.name().as_str()));
        let fields = names.into_iter().zip(schema.fields()).map(|(name, field)| {
            let given = field.data_type();
            let stored = choose(rewrite(given, &|leaf| leaf.clone()), given);
            field.as_ref().clone().with_name(name).with_data_type(stored)
        });
        let fields: Fields = fields.collect();
        Self {
            schema: Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone())),
        }
    }

    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The batch as it is stored.
    pub(super) fn convert(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let columns = batch.columns().iter().zip(self.schema.fields());
        let columns = columns
            .map(|(array, field)| convert(array, field))
            .collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .map_err(|error| Error::new(Code::Internal, format!("rows do not fit their result: {error}")))
    }
}

fn convert(array: &ArrayRef, field: &Field) -> Result<ArrayRef> {
    let (given, stored) = (array.data_type(), field.data_type());
    if given == stored {
        return Ok(Arc::clone(array));
    }
    if *stored == DataType::Utf8 && !holds_text(given) {
        return as_text(array);
    }
    cast(array, stored).map_err(|error| {
        let message = format!("column '{}' cannot be stored as {stored}: {error}", field.name());
        Error::new(Code::DataException, message)
    })
}

fn holds_text(data_type: &DataType) -> bool {
    matches!(rewrite(data_type, &|leaf| leaf.clone()), DataType::Utf8)
}

fn as_text(array: &ArrayRef) -> Result<ArrayRef> {
    let values = Values::try_new(array.as_ref())?;
    let mut texts = StringBuilder::with_capacity(array.len(), 0);
    let mut scratch = String::new();
    for row in 0..array.len() {
        if values.is_null(row) {
            texts.append_null();
        } else {
            texts.append_value(values.text(row, &mut scratch)?);
        }
    }
    Ok(Arc::new(texts.finish()))
}

/// The type without dictionaries, its leaves changed by `leaf`.
fn rewrite(data_type: &DataType, leaf: &dyn Fn(&DataType) -> DataType) -> DataType {
    use DataType as T;
    let inner = |field: &FieldRef| -> FieldRef {
        let stored = rewrite(field.data_type(), leaf);
        Arc::new(field.as_ref().clone().with_data_type(stored))
    };
    match data_type {
        T::Dictionary(_, values) => rewrite(values, leaf),
        T::List(item) => T::List(inner(item)),
        T::LargeList(item) => T::LargeList(inner(item)),
        T::FixedSizeList(item, size) => T::FixedSizeList(inner(item), *size),
        T::Struct(fields) => T::Struct(fields.iter().map(inner).collect()),
        T::Map(entries, sorted) => T::Map(inner(entries), *sorted),
        other => leaf(other),
    }
}

/// Types that Parquet's readers would take for bare numbers, or that it does not have.
fn parquet_leaf(data_type: &DataType) -> DataType {
    use DataType as T;
    match data_type {
        T::Timestamp(TimeUnit::Second, zone) => T::Timestamp(TimeUnit::Millisecond, zone.clone()),
        T::Date64 => T::Timestamp(TimeUnit::Millisecond, None),
        T::Time32(TimeUnit::Second) => T::Time32(TimeUnit::Millisecond),
        T::ListView(item) => rewrite(&T::List(Arc::clone(item)), &parquet_leaf),
        T::LargeListView(item) => rewrite(&T::LargeList(Arc::clone(item)), &parquet_leaf),
        T::RunEndEncoded(_, values) => rewrite(values.data_type(), &parquet_leaf),
        other => other.clone(),
    }
}

/// Whether Parquet has a type for it.
fn is_in_parquet(data_type: &DataType) -> bool {
    use DataType as T;
    match data_type {
        T::Union(_, _) | T::Interval(IntervalUnit::MonthDayNano) => false,
        T::List(item) | T::LargeList(item) | T::FixedSizeList(item, _) => is_in_parquet(item.data_type()),
        T::Map(entries, _) => is_in_parquet(entries.data_type()),
        T::Struct(fields) => !fields.is_empty() && fields.iter().all(|f| is_in_parquet(f.data_type())),
        _ => true,
    }
}
