//! The SQL name of an Arrow type, as a person is shown it.

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef, IntervalUnit, TimeUnit};

use crate::definition::type_text;

/// The SQL name of a type, as definitions write it: `BIGINT`, `DECIMAL(12, 2)`, `VARCHAR[]`. How a value
/// is stored (dictionary, view, run-end, offset width) is not part of it; a type that no column of a
/// table has is called as the nearest one that has a name.
pub fn type_name(data_type: &DataType) -> String {
    match plain(data_type) {
        DataType::Null => "NULL".to_owned(),
        DataType::Union(fields, _) => {
            let member = |field: &FieldRef| format!("{} {}", field.name(), type_name(field.data_type()));
            let members: Vec<String> = fields.iter().map(|(_, field)| member(field)).collect();
            format!("UNION<{}>", members.join(", "))
        }
        plain => type_text(&plain),
    }
}

fn plain(data_type: &DataType) -> DataType {
    use DataType as T;
    let inner = |field: &FieldRef| -> FieldRef {
        let data_type = plain(field.data_type());
        Arc::new(field.as_ref().clone().with_data_type(data_type))
    };
    match data_type {
        T::Dictionary(_, values) => plain(values),
        T::RunEndEncoded(_, values) => plain(values.data_type()),
        T::List(item)
        | T::LargeList(item)
        | T::ListView(item)
        | T::LargeListView(item)
        | T::FixedSizeList(item, _) => T::List(inner(item)),
        T::Struct(fields) => T::Struct(fields.iter().map(inner).collect()),
        T::Map(entries, _) => T::Map(inner(entries), false),
        T::Date64 => T::Timestamp(TimeUnit::Millisecond, None),
        T::Timestamp(unit, Some(_)) => T::Timestamp(*unit, Some(Arc::from("UTC"))),
        T::Time32(_) | T::Time64(_) => T::Time64(TimeUnit::Nanosecond),
        T::Duration(_) | T::Interval(_) => T::Interval(IntervalUnit::MonthDayNano),
        T::Decimal32(precision, scale) | T::Decimal64(precision, scale) => T::Decimal128(*precision, *scale),
        T::FixedSizeBinary(_) => T::Binary,
        other => other.clone(),
    }
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
