//! The SQL types, as ODBC and JDBC know them.

use std::sync::LazyLock;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow_flight::sql::metadata::{XdbcTypeInfo, XdbcTypeInfoData, XdbcTypeInfoDataBuilder};
use arrow_flight::sql::{Nullable, Searchable, XdbcDataType, XdbcDatetimeSubcode};

static TYPES: LazyLock<Result<XdbcTypeInfoData, String>> = LazyLock::new(|| {
    let mut builder = XdbcTypeInfoDataBuilder::new();
    for info in all() {
        builder.append(info);
    }
    builder.build().map_err(|e| e.to_string())
});

/// The types; those of one number, if one is given.
pub(super) fn rows(data_type: Option<i32>) -> Result<RecordBatch, String> {
    let types = TYPES.as_ref().map_err(Clone::clone)?;
    types.record_batch(data_type).map_err(|e| e.to_string())
}

/// Their schema.
pub(super) fn schema() -> SchemaRef {
    XdbcTypeInfoDataBuilder::new().schema()
}

fn all() -> Vec<XdbcTypeInfo> {
    use XdbcDataType as T;
    let mut types = vec![
        whole("BIGINT", T::XdbcBigint, 19),
        whole("INT", T::XdbcInteger, 10),
        whole("SMALLINT", T::XdbcSmallint, 5),
        whole("TINYINT", T::XdbcTinyint, 3),
        number("REAL", T::XdbcReal, 24, 2),
        number("DOUBLE", T::XdbcDouble, 53, 2),
        plain("BOOLEAN", T::XdbcBit, 1),
        quoted("DATE", T::XdbcDate, 10),
        quoted("TIME", T::XdbcTime, 18),
        quoted("TIMESTAMP", T::XdbcTimestamp, 29),
        quoted("VARCHAR", T::XdbcVarchar, i32::MAX),
        quoted("VARBINARY", T::XdbcVarbinary, i32::MAX),
        quoted("INTERVAL", T::XdbcInterval, 64),
    ];
    let mut decimal = number("DECIMAL", T::XdbcDecimal, 38, 10);
    decimal.create_params = Some(vec!["precision".to_owned(), "scale".to_owned()]);
    decimal.fixed_prec_scale = true;
    decimal.minimum_scale = Some(0);
    decimal.maximum_scale = Some(38);
    types.push(decimal);
    types
}

fn plain(name: &str, data_type: XdbcDataType, size: i32) -> XdbcTypeInfo {
    XdbcTypeInfo {
        type_name: name.to_owned(),
        data_type,
        column_size: Some(size),
        nullable: Nullable::NullabilityNullable,
        searchable: Searchable::Full,
        auto_increment: Some(false),
        local_type_name: Some(name.to_owned()),
        sql_data_type: data_type,
        ..XdbcTypeInfo::default()
    }
}

fn number(name: &str, data_type: XdbcDataType, size: i32, radix: i32) -> XdbcTypeInfo {
    XdbcTypeInfo {
        unsigned_attribute: Some(false),
        num_prec_radix: Some(radix),
        ..plain(name, data_type, size)
    }
}

fn whole(name: &str, data_type: XdbcDataType, digits: i32) -> XdbcTypeInfo {
    XdbcTypeInfo {
        minimum_scale: Some(0),
        maximum_scale: Some(0),
        ..number(name, data_type, digits, 10)
    }
}

fn quoted(name: &str, data_type: XdbcDataType, size: i32) -> XdbcTypeInfo {
    let (concise, subcode) = match data_type {
        // Of the codes that share the number 1, date among them, only this one has a name here.
        XdbcDataType::XdbcDate => (
            XdbcDataType::XdbcDatetime,
            Some(XdbcDatetimeSubcode::XdbcSubcodeYear),
        ),
        XdbcDataType::XdbcTime => (
            XdbcDataType::XdbcDatetime,
            Some(XdbcDatetimeSubcode::XdbcSubcodeTime),
        ),
        XdbcDataType::XdbcTimestamp => (
            XdbcDataType::XdbcDatetime,
            Some(XdbcDatetimeSubcode::XdbcSubcodeTimestamp),
        ),
        other => (other, None),
    };
    let prefix = match data_type {
        XdbcDataType::XdbcVarchar => "'".to_owned(),
        XdbcDataType::XdbcVarbinary => "X'".to_owned(),
        _ => format!("{name} '"),
    };
    XdbcTypeInfo {
        literal_prefix: Some(prefix),
        literal_suffix: Some("'".to_owned()),
        case_sensitive: data_type == XdbcDataType::XdbcVarchar,
        sql_data_type: concise,
        datetime_subcode: subcode,
        ..plain(name, data_type, size)
    }
}
