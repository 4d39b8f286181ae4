//! A file's columns → its table's: matched by name, widened where no value is lost, refused otherwise.
//!
//! A column that a file does not have is NULL, one that the table does not have is not read. Inside
//! structs the same holds for fields.

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::CastOptions;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use datafusion::common::nested_struct::cast_column;

use crate::definition::{Column, type_text};
use crate::error::{Code, Error, Result};

/// For each of `columns`, where the file has it: under its own name, else under the one name that
/// differs in case alone.
///
/// # Errors
/// [`Code::AmbiguousColumn`] if several of the file's names do.
pub(super) fn match_columns(columns: &[Column], file: &Fields) -> Result<Vec<Option<usize>>> {
    let find = |column: &Column| {
        let wanted = column.name_in_files();
        if let Some((position, _)) = file.find(wanted) {
            return Ok(Some(position));
        }
        let lower = wanted.to_lowercase();
        let taken = |name: &str| columns.iter().any(|other| other.name_in_files() == name);
        let mut alike = file.iter().enumerate().filter(|(_, field)| {
            let name = field.name();
            name.to_lowercase() == lower && !taken(name)
        });
        match (alike.next(), alike.next()) {
            (None, _) => Ok(None),
            (Some((position, _)), None) => Ok(Some(position)),
            (Some((_, first)), Some((_, second))) => Err(Error::new(
                Code::AmbiguousColumn,
                format!(
                    "column '{wanted}' could be '{}' or '{}' of the file",
                    first.name(),
                    second.name()
                ),
            )),
        }
    };
    columns.iter().map(find).collect()
}

/// Whether every value of type `file` is one of type `table`.
pub(super) fn widens(file: &DataType, table: &DataType) -> bool {
    use DataType as T;
    match (file, table) {
        _ if file == table => true,
        (T::Null, _) => true,
        (T::Dictionary(_, value), _) => widens(value, table),
        (T::RunEndEncoded(_, values), _) => widens(values.data_type(), table),
        (T::Utf8 | T::LargeUtf8 | T::Utf8View, T::Utf8 | T::LargeUtf8 | T::Utf8View) => true,
        (
            T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_),
            T::Binary | T::LargeBinary | T::BinaryView,
        ) => true,
        (T::Float16, T::Float32 | T::Float64) | (T::Float32, T::Float64) => true,
        (T::Date32, T::Timestamp(_, None)) | (T::Date64, T::Date32 | T::Timestamp(_, None)) => true,
        (T::Timestamp(from, from_zone), T::Timestamp(to, to_zone)) => {
            from_zone.is_some() == to_zone.is_some() && fineness(*from) <= fineness(*to)
        }
        (T::Time32(from) | T::Time64(from), T::Time32(to) | T::Time64(to)) => {
            fineness(*from) <= fineness(*to)
        }
        (T::Duration(from), T::Duration(to)) => fineness(*from) <= fineness(*to),
        (
            T::Decimal32(p, s) | T::Decimal64(p, s) | T::Decimal128(p, s) | T::Decimal256(p, s),
            T::Decimal128(..) | T::Decimal256(..),
        ) => decimal_fits(i16::from(*p), i16::from(*s), table),
        (_, T::Decimal128(..) | T::Decimal256(..)) if file.is_integer() => {
            decimal_fits(integer_digits(file), 0, table)
        }
        _ if file.is_integer() => integer_fits(file, table),
        _ => nested_fits(file, table),
    }
}

fn nested_fits(file: &DataType, table: &DataType) -> bool {
    use DataType as T;
    match (file, table) {
        (
            T::List(from)
            | T::LargeList(from)
            | T::ListView(from)
            | T::LargeListView(from)
            | T::FixedSizeList(from, _),
            T::List(to),
        ) => widens(from.data_type(), to.data_type()),
        (T::Struct(from), T::Struct(to)) => to.iter().all(|field| {
            from.find(field.name())
                .is_none_or(|(_, found)| widens(found.data_type(), field.data_type()))
        }),
        (T::Map(from, _), T::Map(to, _)) => match (from.data_type(), to.data_type()) {
            (T::Struct(from), T::Struct(to)) if from.len() == 2 && to.len() == 2 => from
                .iter()
                .zip(to)
                .all(|(from, to)| widens(from.data_type(), to.data_type())),
            _ => false,
        },
        _ => false,
    }
}

fn fineness(unit: TimeUnit) -> u8 {
    match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 1,
        TimeUnit::Microsecond => 2,
        TimeUnit::Nanosecond => 3,
    }
}

fn decimal_fits(precision: i16, scale: i16, table: &DataType) -> bool {
    let (DataType::Decimal128(p, s) | DataType::Decimal256(p, s)) = table else {
        return false;
    };
    let (p, s) = (i16::from(*p), i16::from(*s));
    s >= scale && p - s >= precision - scale
}

fn integer_digits(integer: &DataType) -> i16 {
    match integer {
        DataType::Int8 | DataType::UInt8 => 3,
        DataType::Int16 | DataType::UInt16 => 5,
        DataType::Int32 | DataType::UInt32 => 10,
        DataType::Int64 => 19,
        _ => 20,
    }
}

fn integer_fits(file: &DataType, table: &DataType) -> bool {
    let bits = |data_type: &DataType| data_type.primitive_width().map_or(0, |bytes| 8 * bytes);
    let (from, to) = (bits(file), bits(table));
    match table {
        DataType::Float32 => from <= 16,
        DataType::Float64 => from <= 32,
        _ if !table.is_integer() => false,
        _ if file.is_unsigned_integer() == table.is_unsigned_integer() => from <= to,
        // The sign takes a bit.
        _ => file.is_unsigned_integer() && from < to,
    }
}

/// The narrowest type that has every value of both, if a table can have it.
pub(super) fn common_type(a: &DataType, b: &DataType) -> Option<DataType> {
    use DataType as T;
    if widens(b, a) && *a != T::Null {
        return Some(a.clone());
    }
    if widens(a, b) {
        return Some(b.clone());
    }
    match (a, b) {
        (T::Struct(left), T::Struct(right)) => {
            let mut fields: Vec<Field> = Vec::new();
            for field in left {
                let data_type = match right.find(field.name()) {
                    Some((_, other)) => common_type(field.data_type(), other.data_type())?,
                    None => field.data_type().clone(),
                };
                fields.push(Field::new(field.name(), data_type, true));
            }
            let new = right.iter().filter(|field| left.find(field.name()).is_none());
            fields.extend(new.map(|field| Field::new(field.name(), field.data_type().clone(), true)));
            Some(T::Struct(fields.into()))
        }
        (T::List(left), T::List(right)) => {
            let item = common_type(left.data_type(), right.data_type())?;
            Some(T::List(Field::new_list_field(item, true).into()))
        }
        _ if a.is_integer() && b.is_integer() => {
            let wider = [T::Int16, T::Int32, T::Int64];
            wider.into_iter().find(|wide| widens(a, wide) && widens(b, wide))
        }
        _ if (a.is_integer() || a.is_floating()) && (b.is_integer() || b.is_floating()) => {
            (widens(a, &T::Float64) && widens(b, &T::Float64)).then_some(T::Float64)
        }
        _ => decimal_of_both(a, b),
    }
}

fn decimal_of_both(a: &DataType, b: &DataType) -> Option<DataType> {
    let digits = |data_type: &DataType| match data_type {
        DataType::Decimal128(p, s) | DataType::Decimal256(p, s) => Some((i16::from(*p), i16::from(*s))),
        _ if data_type.is_integer() => Some((integer_digits(data_type), 0)),
        _ => None,
    };
    let ((p1, s1), (p2, s2)) = (digits(a)?, digits(b)?);
    let scale = s1.max(s2);
    let precision = (p1 - s1).max(p2 - s2) + scale;
    let (precision, scale) = (u8::try_from(precision).ok()?, i8::try_from(scale).ok()?);
    match precision {
        1..=38 => Some(DataType::Decimal128(precision, scale)),
        39..=76 => Some(DataType::Decimal256(precision, scale)),
        _ => None,
    }
}

/// That a file's column cannot be read as its table's.
pub(super) fn conflict(table: &str, file: &str, column: &Column, found: &DataType) -> Error {
    Error::new(
        Code::DatatypeMismatch,
        format!(
            "column '{}' is {} in file '{file}' and {} in table '{table}'",
            column.name_in_files(),
            type_text(found),
            type_text(&column.data_type)
        ),
    )
    .with_hint("a file's values are widened where none is lost; declare a type that has all of them")
}

/// Checks that a file of columns `fields` can be read as `columns`; gives where each of them is.
pub(super) fn check(
    table: &str,
    file: &str,
    columns: &[Column],
    fields: &Fields,
) -> Result<Vec<Option<usize>>> {
    let matched = match_columns(columns, fields).map_err(|e| {
        let message = format!("file '{file}' of table '{table}': {}", e.message());
        Error::new(e.code(), message)
    })?;
    for (column, position) in columns.iter().zip(&matched) {
        if let Some(position) = position
            && !widens(fields[*position].data_type(), &column.data_type)
        {
            return Err(conflict(table, file, column, fields[*position].data_type()));
        }
    }
    Ok(matched)
}

/// An array of a file as the table's type. The types have been checked: what fails is a value.
pub(super) fn cast(array: &ArrayRef, to: &Field) -> datafusion::error::Result<ArrayRef> {
    if array.data_type() == to.data_type() {
        return Ok(ArrayRef::clone(array));
    }
    let options = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    cast_column(array, to.data_type(), &options)
}

/// A batch with `schema`'s columns, `matched` saying where each of them is in `batch`.
pub(super) fn conform(
    batch: &RecordBatch,
    schema: &SchemaRef,
    matched: &[Option<usize>],
) -> datafusion::error::Result<RecordBatch> {
    let rows = batch.num_rows();
    let column = |(field, position): (&arrow::datatypes::FieldRef, &Option<usize>)| match position {
        Some(position) => cast(batch.column(*position), field),
        None => Ok(new_null_array(field.data_type(), rows)),
    };
    let columns = schema.fields().iter().zip(matched).map(column);
    let columns = columns.collect::<datafusion::error::Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(
        SchemaRef::clone(schema),
        columns,
        &options,
    )?)
}

/// The columns at these positions.
pub(super) fn project(schema: &Schema, positions: &[usize]) -> SchemaRef {
    let fields: Fields = positions.iter().map(|i| schema.fields()[*i].clone()).collect();
    SchemaRef::new(Schema::new(fields))
}
