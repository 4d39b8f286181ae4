//! Every Arrow type in every format.

use std::slice::from_ref;

use arrow::array::*;
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::*;

use super::*;
use crate::render::type_name::is_number;

type Column = (&'static str, ArrayRef, &'static str, &'static str);

/// A row with a value and a row with NULL, and the value's plain text and JSON.
pub(super) fn every_type() -> Vec<Column> {
    let mut columns = numbers();
    columns.extend(times());
    columns.extend(bytes_and_texts());
    columns.extend(nested());
    columns
}

fn numbers() -> Vec<Column> {
    fn decimal<T: DecimalType>(value: T::Native, precision: u8, scale: i8) -> ArrayRef {
        let array: PrimitiveArray<T> = [Some(value), None].into_iter().collect();
        Arc::new(array.with_precision_and_scale(precision, scale).unwrap())
    }
    let half: ArrayRef = Arc::new(Float32Array::from(vec![Some(1.5), None]));
    let half = cast(&half, &DataType::Float16).unwrap();
    let wide = i256::from_string("-1234567890123456789012345678901234567890123").unwrap();
    vec![
        ("null", Arc::new(NullArray::new(2)), "", "null"),
        (
            "boolean",
            Arc::new(BooleanArray::from(vec![Some(true), None])),
            "true",
            "true",
        ),
        (
            "int8",
            Arc::new(Int8Array::from(vec![Some(-128), None])),
            "-128",
            "-128",
        ),
        ("int16", Arc::new(Int16Array::from(vec![Some(7), None])), "7", "7"),
        ("int32", Arc::new(Int32Array::from(vec![Some(7), None])), "7", "7"),
        (
            "int64",
            Arc::new(Int64Array::from(vec![Some(i64::MIN), None])),
            "-9223372036854775808",
            "-9223372036854775808",
        ),
        (
            "uint8",
            Arc::new(UInt8Array::from(vec![Some(255), None])),
            "255",
            "255",
        ),
        (
            "uint16",
            Arc::new(UInt16Array::from(vec![Some(7), None])),
            "7",
            "7",
        ),
        (
            "uint32",
            Arc::new(UInt32Array::from(vec![Some(7), None])),
            "7",
            "7",
        ),
        (
            "uint64",
            Arc::new(UInt64Array::from(vec![Some(u64::MAX), None])),
            "18446744073709551615",
            "18446744073709551615",
        ),
        ("float16", half, "1.5", "1.5"),
        (
            "float32",
            Arc::new(Float32Array::from(vec![Some(0.1), None])),
            "0.1",
            "0.1",
        ),
        (
            "float64",
            Arc::new(Float64Array::from(vec![Some(f64::NEG_INFINITY), None])),
            "-inf",
            "null",
        ),
        ("decimal32", decimal::<Decimal32Type>(-5, 9, 2), "-0.05", "-0.05"),
        ("decimal64", decimal::<Decimal64Type>(1234, 18, 0), "1234", "1234"),
        (
            "decimal128",
            decimal::<Decimal128Type>(i128::from(i64::MAX) * 100, 38, 4),
            "92233720368547758.0700",
            "92233720368547758.0700",
        ),
        (
            "decimal256",
            decimal::<Decimal256Type>(wide, 76, 3),
            "-1234567890123456789012345678901234567890.123",
            "-1234567890123456789012345678901234567890.123",
        ),
    ]
}

fn times() -> Vec<Column> {
    let at = 1_767_322_985_000_001_i64;
    let micros = TimestampMicrosecondArray::from(vec![Some(at), None]);
    let interval = IntervalMonthDayNanoType::make_value(14, 3, 14_706_700_000_000);
    vec![
        (
            "date32",
            Arc::new(Date32Array::from(vec![Some(20_455), None])),
            "2026-01-02",
            "\"2026-01-02\"",
        ),
        (
            "date64",
            Arc::new(Date64Array::from(vec![Some(1_767_312_000_000), None])),
            "2026-01-02T00:00:00",
            "\"2026-01-02T00:00:00\"",
        ),
        (
            "time32",
            Arc::new(Time32SecondArray::from(vec![Some(11_045), None])),
            "03:04:05",
            "\"03:04:05\"",
        ),
        (
            "time64",
            Arc::new(Time64NanosecondArray::from(vec![Some(11_045_000_000_001), None])),
            "03:04:05.000000001",
            "\"03:04:05.000000001\"",
        ),
        (
            "timestamp_s",
            Arc::new(TimestampSecondArray::from(vec![Some(-1), None])),
            "1969-12-31T23:59:59",
            "\"1969-12-31T23:59:59\"",
        ),
        (
            "timestamp_us",
            Arc::new(micros.clone()),
            "2026-01-02T03:03:05.000001",
            "\"2026-01-02T03:03:05.000001\"",
        ),
        (
            "timestamp_utc",
            Arc::new(micros.clone().with_timezone("UTC")),
            "2026-01-02T03:03:05.000001Z",
            "\"2026-01-02T03:03:05.000001Z\"",
        ),
        (
            "timestamp_zone",
            Arc::new(micros.with_timezone("Europe/Berlin")),
            "2026-01-02T04:03:05.000001+01:00",
            "\"2026-01-02T04:03:05.000001+01:00\"",
        ),
        (
            "duration",
            Arc::new(DurationMillisecondArray::from(vec![Some(90_061_500), None])),
            "1 day 1 hour 1 min 1.5 secs",
            "\"1 day 1 hour 1 min 1.5 secs\"",
        ),
        (
            "interval_ym",
            Arc::new(IntervalYearMonthArray::from(vec![Some(-13), None])),
            "-1 year -1 mon",
            "\"-1 year -1 mon\"",
        ),
        (
            "interval_dt",
            Arc::new(IntervalDayTimeArray::from(vec![
                Some(IntervalDayTimeType::make_value(2, 1)),
                None,
            ])),
            "2 days 0.001 secs",
            "\"2 days 0.001 secs\"",
        ),
        (
            "interval_mdn",
            Arc::new(IntervalMonthDayNanoArray::from(vec![Some(interval), None])),
            "1 year 2 mons 3 days 4 hours 5 mins 6.7 secs",
            "\"1 year 2 mons 3 days 4 hours 5 mins 6.7 secs\"",
        ),
    ]
}

fn bytes_and_texts() -> Vec<Column> {
    let bytes: Vec<Option<&[u8]>> = vec![Some(&[0, 0xab]), None];
    let fixed = FixedSizeBinaryArray::try_from_sparse_iter_with_size(bytes.iter().copied(), 2).unwrap();
    vec![
        ("utf8", texts(&[Some("a,\"b"), None]), "a,\"b", r#""a,\"b""#),
        (
            "large_utf8",
            Arc::new(LargeStringArray::from(vec![Some("é"), None])),
            "é",
            "\"é\"",
        ),
        (
            "utf8_view",
            Arc::new(StringViewArray::from(vec![Some("longer than twelve"), None])),
            "longer than twelve",
            "\"longer than twelve\"",
        ),
        (
            "binary",
            Arc::new(BinaryArray::from(bytes.clone())),
            "00ab",
            "\"00ab\"",
        ),
        (
            "large_binary",
            Arc::new(LargeBinaryArray::from(bytes.clone())),
            "00ab",
            "\"00ab\"",
        ),
        (
            "binary_view",
            Arc::new(BinaryViewArray::from(bytes)),
            "00ab",
            "\"00ab\"",
        ),
        ("fixed_binary", Arc::new(fixed), "00ab", "\"00ab\""),
        (
            "dictionary",
            Arc::new(DictionaryArray::<Int8Type>::from_iter([Some("x"), None])),
            "x",
            "\"x\"",
        ),
        ("dictionary_null", dictionary_of_null(), "x", "\"x\""),
        (
            "run_end",
            Arc::new(RunArray::<Int32Type>::from_iter([Some("x"), None])),
            "x",
            "\"x\"",
        ),
    ]
}

/// A dictionary whose NULL stands among its values.
fn dictionary_of_null() -> ArrayRef {
    let keys = UInt16Array::from(vec![1, 0]);
    Arc::new(DictionaryArray::new(keys, texts(&[None, Some("x")])))
}

fn numbers_in_lists() -> (FieldRef, OffsetBuffer<i32>, ArrayRef) {
    let item = Arc::new(Field::new_list_field(DataType::Int32, true));
    let values = Int32Array::from(vec![Some(9), Some(1), None]);
    (
        item,
        OffsetBuffer::new(ScalarBuffer::from(vec![1, 3, 3])),
        Arc::new(values),
    )
}

fn nested() -> Vec<Column> {
    let nulls = || Some(vec![true, false].into());
    let (item, offsets, values) = numbers_in_lists();
    let large = OffsetBuffer::new(ScalarBuffer::from(vec![1_i64, 3, 3]));
    let list =
        |values: &ArrayRef| ListArray::new(Arc::clone(&item), offsets.clone(), Arc::clone(values), nulls());
    let view = |values: &ArrayRef| {
        ListViewArray::new(
            Arc::clone(&item),
            vec![1, 0].into(),
            vec![2, 0].into(),
            Arc::clone(values),
            nulls(),
        )
    };
    let fixed_values: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), None, None, None]));
    let large_view = LargeListViewArray::new(
        Arc::clone(&item),
        vec![1, 0].into(),
        vec![2, 0].into(),
        Arc::clone(&values),
        nulls(),
    );
    let large_list = LargeListArray::new(Arc::clone(&item), large, Arc::clone(&values), nulls());
    vec![
        ("list", Arc::new(list(&values)), "[1,null]", "[1,null]"),
        ("large_list", Arc::new(large_list), "[1,null]", "[1,null]"),
        ("list_view", Arc::new(view(&values)), "[1,null]", "[1,null]"),
        ("large_list_view", Arc::new(large_view), "[1,null]", "[1,null]"),
        (
            "fixed_list",
            Arc::new(FixedSizeListArray::new(item.clone(), 2, fixed_values, nulls())),
            "[1,null]",
            "[1,null]",
        ),
        (
            "struct",
            structs(),
            r#"{"a":"x\n","b":null}"#,
            r#"{"a":"x\n","b":null}"#,
        ),
        ("map", map(), r#"{"1":"one","2":null}"#, r#"{"1":"one","2":null}"#),
        ("union", union(UnionMode::Dense), "7", "7"),
        ("sparse_union", union(UnionMode::Sparse), "7", "7"),
    ]
}

fn structs() -> ArrayRef {
    let fields: Fields = vec![
        Field::new("a", DataType::Utf8, true),
        Field::new("b", DataType::Float64, true),
    ]
    .into();
    let children: Vec<ArrayRef> = vec![
        texts(&[Some("x\n"), Some("hidden")]),
        Arc::new(Float64Array::from(vec![Some(f64::NAN), None])),
    ];
    Arc::new(StructArray::new(fields, children, Some(vec![true, false].into())))
}

fn map() -> ArrayRef {
    let mut builder = MapBuilder::new(None, Int32Builder::new(), StringBuilder::new());
    builder.keys().append_value(1);
    builder.values().append_value("one");
    builder.keys().append_value(2);
    builder.values().append_null();
    builder.append(true).unwrap();
    builder.append(false).unwrap();
    Arc::new(builder.finish())
}

/// A number, and a NULL text.
fn union(mode: UnionMode) -> ArrayRef {
    let mut builder = match mode {
        UnionMode::Dense => UnionBuilder::new_dense(),
        UnionMode::Sparse => UnionBuilder::new_sparse(),
    };
    builder.append::<Int64Type>("number", 7).unwrap();
    builder.append_null::<Float64Type>("float").unwrap();
    Arc::new(builder.build().unwrap())
}

#[test]
fn every_type_has_its_text_and_json() {
    for (name, array, plain, json) in every_type() {
        let batch = batch(vec![
            ("v", Arc::clone(&array)),
            ("end", texts(&[Some("."), Some(".")])),
        ]);
        let mut quoted = plain.to_owned();
        if quoted.contains(['"', ',']) {
            quoted = format!("\"{}\"", quoted.replace('"', "\"\""));
        }
        assert_eq!(
            one(Format::Csv, &batch),
            format!("v,end\n{quoted},.\n,.\n"),
            "{name}"
        );
        assert_eq!(
            one(Format::Ndjson, &batch),
            format!("{{\"v\":{json},\"end\":\".\"}}\n{{\"v\":null,\"end\":\".\"}}\n"),
            "{name}"
        );
    }
}

#[test]
fn every_type_renders_in_every_format_whole_and_sliced() {
    for (name, array, _, _) in every_type() {
        let whole = batch(vec![("v", array)]);
        for format in Format::ALL {
            if *format == Format::Chart && !is_number(whole.column(0).data_type()) {
                continue;
            }
            let context = || format!("{name} as {format}");
            let both = bytes(*format, &[from_ref(&whole)]);
            let sliced = bytes(*format, &[&[whole.slice(0, 1), whole.slice(1, 1)]]);
            if !format.is_binary() {
                assert_eq!(both, sliced, "{}", context());
            }
            assert!(!both.is_empty(), "{}", context());
        }
    }
}

#[test]
fn type_names() {
    let name = |field: &str| {
        let found = every_type()
            .into_iter()
            .find(|(name, ..)| *name == field)
            .unwrap();
        type_name(found.1.data_type())
    };
    assert_eq!(name("dictionary"), "VARCHAR");
    assert_eq!(name("run_end"), "VARCHAR");
    assert_eq!(name("timestamp_zone"), "TIMESTAMP WITH TIME ZONE");
    assert_eq!(name("decimal128"), "DECIMAL(38, 4)");
    assert_eq!(name("struct"), "STRUCT<a VARCHAR, b DOUBLE>");
    assert_eq!(name("fixed_list"), "INT[]");
    assert_eq!(name("map"), "MAP(INT, VARCHAR)");
    assert_eq!(name("union"), "UNION<float DOUBLE, number BIGINT>");
}

#[test]
fn a_decimal_beyond_its_precision_keeps_its_digits() {
    let array = Decimal128Array::from(vec![123_456_789])
        .with_precision_and_scale(5, 2)
        .unwrap();
    assert_eq!(
        one(Format::Csv, &batch(vec![("v", Arc::new(array))])),
        "v\n1234567.89\n"
    );
}

#[test]
fn a_moment_before_standard_time_stays_the_moment() {
    let array = TimestampSecondArray::from(vec![-5_364_662_400, 0]).with_timezone("Europe/Berlin");
    assert_eq!(
        one(Format::Csv, &batch(vec![("t", Arc::new(array))])),
        "t\n1800-01-01T00:00:00Z\n1970-01-01T01:00:00+01:00\n"
    );
}

#[test]
fn a_dictionary_without_values_is_all_null() {
    let keys = Int32Array::from(vec![None, None]);
    let array = DictionaryArray::new(keys, texts(&[]));
    let batch = batch(vec![("v", Arc::new(array)), ("w", texts(&[None, None]))]);
    assert_eq!(one(Format::Csv, &batch), "v,w\n,\n,\n");
}
