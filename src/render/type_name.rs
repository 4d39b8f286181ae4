//! The SQL name of an Arrow type, as a person is shown it.

use std::fmt::Write;

use arrow::datatypes::{DataType, Field};

/// The SQL name of a type: `BIGINT`, `DECIMAL(12,2)`, `LIST<STRUCT<a BIGINT, b VARCHAR>>`. How a value
/// is stored (dictionary, view, run-end, offset width) is not part of it.
pub fn type_name(data_type: &DataType) -> String {
    let mut name = String::new();
    write_type(data_type, &mut name);
    name
}

/// Whether values of the type are numbers, which stand to the right.
pub(super) fn is_number(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_number(values),
        DataType::RunEndEncoded(_, values) => is_number(values.data_type()),
        plain => plain.is_numeric(),
    }
}

/// Whether one value of the type may be as long as it likes: texts, bytes, and what holds others.
pub(super) fn has_any_length(data_type: &DataType) -> bool {
    use DataType as T;
    match data_type {
        T::Dictionary(_, values) => has_any_length(values),
        T::RunEndEncoded(_, values) => has_any_length(values.data_type()),
        T::Utf8 | T::LargeUtf8 | T::Utf8View => true,
        plain => plain.is_nested() || plain.is_binary() || matches!(plain, T::FixedSizeBinary(_)),
    }
}

fn write_type(data_type: &DataType, out: &mut String) {
    use DataType as T;
    let simple = match data_type {
        T::Null => "NULL",
        T::Boolean => "BOOLEAN",
        T::Int8 => "TINYINT",
        T::Int16 => "SMALLINT",
        T::Int32 => "INT",
        T::Int64 => "BIGINT",
        T::UInt8 => "TINYINT UNSIGNED",
        T::UInt16 => "SMALLINT UNSIGNED",
        T::UInt32 => "INT UNSIGNED",
        T::UInt64 => "BIGINT UNSIGNED",
        T::Float16 => "FLOAT16",
        T::Float32 => "FLOAT",
        T::Float64 => "DOUBLE",
        T::Timestamp(_, None) | T::Date64 => "TIMESTAMP",
        T::Timestamp(_, Some(_)) => "TIMESTAMPTZ",
        T::Date32 => "DATE",
        T::Time32(_) | T::Time64(_) => "TIME",
        T::Duration(_) | T::Interval(_) => "INTERVAL",
        T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_) => "BINARY",
        T::Utf8 | T::LargeUtf8 | T::Utf8View => "VARCHAR",
        nested => return write_nested(nested, out),
    };
    out.push_str(simple);
}

fn write_nested(data_type: &DataType, out: &mut String) {
    use DataType as T;
    match data_type {
        T::Decimal32(precision, scale)
        | T::Decimal64(precision, scale)
        | T::Decimal128(precision, scale)
        | T::Decimal256(precision, scale) => {
            // Writing to a String cannot fail.
            let _ = write!(out, "DECIMAL({precision},{scale})");
        }
        T::Dictionary(_, values) => write_type(values, out),
        T::RunEndEncoded(_, values) => write_type(values.data_type(), out),
        T::List(item)
        | T::LargeList(item)
        | T::ListView(item)
        | T::LargeListView(item)
        | T::FixedSizeList(item, _) => {
            out.push_str("LIST<");
            write_type(item.data_type(), out);
            out.push('>');
        }
        T::Struct(fields) => write_fields("STRUCT", fields.iter().map(AsRef::as_ref), out),
        T::Union(fields, _) => write_fields("UNION", fields.iter().map(|(_, field)| field.as_ref()), out),
        T::Map(entries, _) => write_map(entries.data_type(), out),
        other => {
            let _ = write!(out, "{other}");
        }
    }
}

fn write_fields<'a>(kind: &str, fields: impl Iterator<Item = &'a Field>, out: &mut String) {
    out.push_str(kind);
    out.push('<');
    for (i, field) in fields.enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        out.push_str(field.name());
        out.push(' ');
        write_type(field.data_type(), out);
    }
    out.push('>');
}

fn write_map(entries: &DataType, out: &mut String) {
    out.push_str("MAP<");
    if let DataType::Struct(fields) = entries {
        for (i, field) in fields.iter().enumerate() {
            if i > 0 {
                out.push_str(", ");
            }
            write_type(field.data_type(), out);
        }
    }
    out.push('>');
}
