//! What is written reads back as it was, and does not depend on how rows come in batches.

use std::io::Cursor;

use arrow::array::*;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::*;

/// Texts with what formats must escape, and any other.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ a,\"'\t\n\r\\\\|<&_*\u{0}é数]{0,6}",
        any::<String>(),
        Just("NULL".to_owned())
    ]
}

fn any_decimal() -> impl Strategy<Value = i128> {
    -99_999_999_999_999_999_999_999_999_999_999_999_999_i128
        ..=99_999_999_999_999_999_999_999_999_999_999_999_999
}

type Row = (
    Option<i64>,
    Option<f64>,
    Option<f32>,
    Option<String>,
    Option<bool>,
    Option<i128>,
    Option<i32>,
    Option<i64>,
);

fn any_row() -> impl Strategy<Value = Row> {
    let micros = -60_000_000_000_000_000_i64..200_000_000_000_000_000;
    (
        of(any::<i64>()),
        of(any::<f64>()),
        of(any::<f32>()),
        of(any_text()),
        of(any::<bool>()),
        of(any_decimal()),
        of(-700_000..2_900_000),
        of(micros),
    )
}

fn batch_of(rows: &[Row]) -> RecordBatch {
    let decimals: Decimal128Array = rows.iter().map(|row| row.5).collect();
    batch(vec![
        (
            "i",
            Arc::new(rows.iter().map(|row| row.0).collect::<Int64Array>()),
        ),
        (
            "f",
            Arc::new(rows.iter().map(|row| row.1).collect::<Float64Array>()),
        ),
        (
            "g",
            Arc::new(rows.iter().map(|row| row.2).collect::<Float32Array>()),
        ),
        (
            "t",
            Arc::new(rows.iter().map(|row| row.3.as_deref()).collect::<StringArray>()),
        ),
        (
            "b",
            Arc::new(rows.iter().map(|row| row.4).collect::<BooleanArray>()),
        ),
        ("d", Arc::new(decimals.with_precision_and_scale(38, 5).unwrap())),
        (
            "day",
            Arc::new(rows.iter().map(|row| row.6).collect::<Date32Array>()),
        ),
        (
            "at",
            Arc::new(
                rows.iter()
                    .map(|row| row.7)
                    .collect::<TimestampMicrosecondArray>(),
            ),
        ),
    ])
}

fn read_csv(text: &str, schema: SchemaRef) -> RecordBatch {
    let reader = arrow::csv::ReaderBuilder::new(Arc::clone(&schema)).with_header(true);
    let reader = reader.build(Cursor::new(text)).unwrap();
    let batches: Vec<_> = reader.map(|batch| batch.unwrap()).collect();
    concat_batches(&schema, &batches).unwrap()
}

fn read_ndjson(text: &str, schema: SchemaRef) -> RecordBatch {
    let reader = arrow::json::ReaderBuilder::new(Arc::clone(&schema))
        .build(Cursor::new(text))
        .unwrap();
    let batches: Vec<_> = reader.map(|batch| batch.unwrap()).collect();
    concat_batches(&schema, &batches).unwrap()
}

/// As a reader of CSV sees it who takes the empty text for NULL.
fn without_empty_texts(rows: &[Row]) -> Vec<Row> {
    let mut rows = rows.to_vec();
    for row in &mut rows {
        row.3 = row.3.take().filter(|text| !text.is_empty());
    }
    rows
}

/// As JSON can say it.
fn without_infinite_floats(rows: &[Row]) -> Vec<Row> {
    let mut rows = rows.to_vec();
    for row in &mut rows {
        row.1 = row.1.filter(|float| float.is_finite());
        row.2 = row.2.filter(|float| float.is_finite());
    }
    rows
}

/// A reader of TSV: the fields of each line.
fn read_tsv(text: &str) -> Vec<Vec<Option<String>>> {
    let field = |field: &str| {
        if field == "\\N" {
            return None;
        }
        let mut chars = field.chars();
        let mut plain = String::new();
        while let Some(c) = chars.next() {
            plain.push(match (c, if c == '\\' { chars.next() } else { None }) {
                (_, Some('t')) => '\t',
                (_, Some('n')) => '\n',
                (_, Some('r')) => '\r',
                (_, Some('b')) => '\u{8}',
                (_, Some('v')) => '\u{b}',
                (_, Some('f')) => '\u{c}',
                (_, Some(other)) => other,
                (plain, None) => plain,
            });
        }
        Some(plain)
    };
    text.split_terminator('\n')
        .map(|line| line.split('\t').map(field).collect())
        .collect()
}

proptest! {
    #[test]
    fn csv_reads_back(rows in vec(any_row(), 0..20)) {
        let given = batch_of(&rows);
        let read = read_csv(&one(Format::Csv, &given), given.schema());
        prop_assert_eq!(format!("{:?}", read), format!("{:?}", batch_of(&without_empty_texts(&rows))));
    }

    #[test]
    fn csv_of_one_column_keeps_its_rows(values in vec(any_text(), 0..20)) {
        let given: StringArray = values.iter().map(|v| Some(v.as_str())).collect();
        let given = batch(vec![("t", Arc::new(given))]);
        let read = read_csv(&one(Format::Csv, &given), given.schema());
        let expected: StringArray = values.iter().map(|v| Some(v.as_str()).filter(|v| !v.is_empty())).collect();
        prop_assert_eq!(read.column(0).as_string::<i32>(), &expected);
    }

    #[test]
    fn tsv_reads_back(values in vec((of(any_text()), of(any_text())), 0..20)) {
        let column = |values: Vec<&Option<String>>| -> ArrayRef {
            Arc::new(values.into_iter().map(Option::as_deref).collect::<StringArray>())
        };
        let given = batch(vec![
            ("a", column(values.iter().map(|row| &row.0).collect())),
            ("b", column(values.iter().map(|row| &row.1).collect())),
        ]);
        let read = read_tsv(&one(Format::Tsv, &given));
        let expected: Vec<_> = values.into_iter().map(|(a, b)| vec![a, b]).collect();
        prop_assert_eq!(&read[1..], &expected[..]);
    }

    #[test]
    fn ndjson_reads_back(rows in vec(any_row(), 0..20)) {
        let given = batch_of(&rows);
        let read = read_ndjson(&one(Format::Ndjson, &given), given.schema());
        prop_assert_eq!(format!("{:?}", read), format!("{:?}", batch_of(&without_infinite_floats(&rows))));
    }

    #[test]
    fn json_is_an_array_of_what_ndjson_has(rows in vec(any_row(), 0..20)) {
        let given = batch_of(&rows);
        let array: Vec<serde_json::Value> = serde_json::from_str(&one(Format::Json, &given)).unwrap();
        let lines: Vec<serde_json::Value> =
            one(Format::Ndjson, &given).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        prop_assert_eq!(&array, &lines);
        for (value, row) in array.iter().zip(&rows) {
            prop_assert_eq!(value["i"].as_i64(), row.0);
            prop_assert_eq!(value["t"].as_str(), row.3.as_deref());
            prop_assert_eq!(value["b"].as_bool(), row.4);
        }
    }

    #[test]
    fn lines_of_a_table_are_equally_wide(values in vec(of(any_text()), 0..20)) {
        let column: StringArray = values.iter().map(Option::as_deref).collect();
        let table = one(Format::Table, &batch(vec![("t", Arc::new(column))]));
        let lines: Vec<_> = table.lines().collect();
        prop_assert_eq!(lines.len(), values.len() + 6);
        let width = |line: &str| unicode_width::UnicodeWidthStr::width(line);
        for line in &lines[..lines.len() - 1] {
            prop_assert_eq!(width(line), width(lines[0]), "{}", table);
        }
    }

    #[test]
    fn any_time_is_text_or_an_error(value in any::<i64>(), zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "+14:00", "-12:00"])) {
        let arrays: [ArrayRef; 3] = [
            Arc::new(TimestampSecondArray::from(vec![value]).with_timezone(zone)),
            Arc::new(TimestampMillisecondArray::from(vec![value]).with_timezone(zone)),
            Arc::new(Date64Array::from(vec![value])),
        ];
        for array in arrays {
            let _ = try_render(Format::Csv, RenderOptions::default(), &[&[batch(vec![("t", array)])]]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn batches_do_not_matter(rows in vec(any_row(), 1..40), cuts in vec(0_usize..40, 0..5), repeated in 1_usize..60) {
        let batches = vec![batch_of(&rows); repeated];
        let whole = concat_batches(&batches[0].schema(), &batches).unwrap();
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut * repeated % (whole.num_rows() + 1)).collect();
        cuts.extend([0, whole.num_rows()]);
        cuts.sort_unstable();
        let parts: Vec<_> = cuts.windows(2).map(|cut| whole.slice(cut[0], cut[1] - cut[0])).collect();
        for format in Format::ALL.iter().filter(|format| !format.is_binary()) {
            prop_assert_eq!(one(*format, &whole), text(*format, &[&parts]));
        }
    }
}
