//! Tests of the formats, by what they write.

mod every_type;
mod files;
mod properties;
mod sql;
mod text;

use std::io::{self, Write};
use std::slice::from_ref;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, RecordBatchOptions, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use parking_lot::Mutex;

use super::*;
use crate::error::{Code, Result};

/// An output that can be looked at.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn try_render(format: Format, options: RenderOptions, results: &[&[RecordBatch]]) -> Result<Vec<u8>> {
    let written = Written::default();
    let mut renderer = Renderer::new(format, Box::new(written.clone()), options);
    for batches in results {
        renderer.begin(&batches[0].schema())?;
        for batch in *batches {
            renderer.batch(batch)?;
        }
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        assert_eq!(renderer.end()?, rows as u64);
    }
    renderer.finish()?;
    let bytes = written.0.lock().clone();
    Ok(bytes)
}

fn bytes(format: Format, results: &[&[RecordBatch]]) -> Vec<u8> {
    try_render(format, RenderOptions::default(), results).unwrap()
}

fn text(format: Format, results: &[&[RecordBatch]]) -> String {
    String::from_utf8(bytes(format, results)).unwrap()
}

fn one(format: Format, batch: &RecordBatch) -> String {
    text(format, &[from_ref(batch)])
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let fields: Vec<_> = columns
        .iter()
        .map(|(name, array)| Field::new(*name, array.data_type().clone(), true))
        .collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

fn texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

/// NULL, the empty text, quotes, and what is wide.
fn people() -> RecordBatch {
    batch(vec![
        ("id", Arc::new(Int64Array::from(vec![Some(1), Some(-20), None]))),
        ("name", texts(&[Some("a, \"b\""), None, Some("")])),
        (
            "Ratio",
            Arc::new(Float64Array::from(vec![Some(0.1), Some(f64::NAN), Some(1e300)])),
        ),
    ])
}

fn no_columns(rows: usize) -> RecordBatch {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::empty()), vec![], &options).unwrap()
}

#[test]
fn names_are_the_list() {
    for format in Format::ALL {
        assert_eq!(format.name().parse::<Format>().unwrap(), *format);
        assert_eq!(format.name().to_uppercase().parse::<Format>().unwrap(), *format);
    }
    let error = "markdwn".parse::<Format>().unwrap_err();
    assert_eq!(error.code(), Code::InvalidValue);
    assert_eq!(error.message(), "unknown format 'markdwn'");
    assert_eq!(error.hint(), Some("did you mean 'markdown'?"));
    let error = "xlsx".parse::<Format>().unwrap_err();
    assert!(
        error.hint().unwrap().starts_with("one of table, expanded, csv,"),
        "{error:?}"
    );
}

#[test]
fn a_closed_pipe_is_told_from_other_failures() {
    struct Failing(io::ErrorKind);
    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let fail = |format, kind| {
        let mut renderer = Renderer::new(format, Box::new(Failing(kind)), RenderOptions::default());
        let people = people();
        let done = renderer
            .begin(&people.schema())
            .and_then(|()| renderer.batch(&people));
        done.and_then(|()| renderer.end()).unwrap_err()
    };
    for format in Format::ALL {
        let error = fail(*format, io::ErrorKind::BrokenPipe);
        assert!(is_broken_pipe(&error), "{format}: {error:?}");
        let error = fail(*format, io::ErrorKind::StorageFull);
        assert!(!is_broken_pipe(&error), "{format}: {error:?}");
        assert_eq!(error.code(), Code::DiskFull);
    }
}

#[test]
fn calls_out_of_turn_are_refused() {
    let people = people();
    let new = || Renderer::new(Format::Csv, Box::new(io::sink()), RenderOptions::default());
    assert_eq!(new().batch(&people).unwrap_err().code(), Code::Internal);
    assert_eq!(new().end().unwrap_err().code(), Code::Internal);
    let mut renderer = new();
    renderer.begin(&people.schema()).unwrap();
    assert_eq!(
        renderer.begin(&people.schema()).unwrap_err().code(),
        Code::Internal
    );
    assert_eq!(renderer.batch(&no_columns(1)).unwrap_err().code(), Code::Internal);
    assert_eq!(renderer.finish().unwrap_err().code(), Code::Internal);
    new().finish().unwrap();
}

#[test]
fn rows_are_on_the_output_when_batch_returns() {
    for format in [
        Format::Expanded,
        Format::Csv,
        Format::Tsv,
        Format::Ndjson,
        Format::Markdown,
        Format::Html,
    ] {
        let written = Written::default();
        let mut renderer = Renderer::new(format, Box::new(written.clone()), RenderOptions::default());
        renderer.begin(&people().schema()).unwrap();
        renderer.batch(&people()).unwrap();
        let so_far = String::from_utf8(written.0.lock().clone()).unwrap();
        assert!(so_far.contains("1e300"), "{format}: {so_far}");
    }
}

#[test]
fn after_a_failed_statement_another_result_may_begin() {
    let written = Written::default();
    let mut renderer = Renderer::new(Format::Csv, Box::new(written.clone()), RenderOptions::default());
    renderer.begin(&people().schema()).unwrap();
    renderer.batch(&people().slice(1, 1)).unwrap();
    renderer.abandon().unwrap();
    let next = batch(vec![("a", texts(&[Some("x")]))]);
    renderer.begin(&next.schema()).unwrap();
    renderer.batch(&next).unwrap();
    assert_eq!(renderer.end().unwrap(), 1);
    renderer.abandon().unwrap();
    renderer.finish().unwrap();
    let text = String::from_utf8(written.0.lock().clone()).unwrap();
    assert_eq!(text, "id,name,Ratio\n-20,,NaN\n\na\nx\n");
}

#[test]
fn equal_names_are_distinct_where_names_are_keys() {
    let twice = batch(vec![("a", texts(&[Some("x")])), ("a", texts(&[Some("y")]))]);
    assert_eq!(one(Format::Csv, &twice), "a,a\nx,y\n");
    assert_eq!(one(Format::Ndjson, &twice), "{\"a\":\"x\",\"a_1\":\"y\"}\n");
    assert_eq!(
        one(Format::Insert, &twice),
        "INSERT INTO result (a, a_1) VALUES\n('x', 'y');\n"
    );
}

#[test]
fn a_time_beyond_the_calendar_is_an_error_and_no_text() {
    let beyond = arrow::array::TimestampSecondArray::from(vec![i64::MAX]);
    let beyond = batch(vec![("at", Arc::new(beyond))]);
    for format in Format::ALL.iter().filter(|format| !format.is_binary()) {
        if *format == Format::Chart {
            // It draws numbers, and this is none.
            continue;
        }
        let error = try_render(*format, RenderOptions::default(), &[from_ref(&beyond)]).unwrap_err();
        assert_eq!(error.code(), Code::DataException, "{format}");
        assert!(
            error
                .message()
                .starts_with("column 'at': cannot write a value of type TIMESTAMP(0): "),
            "{error:?}"
        );
    }
    assert_eq!(type_name(&DataType::UInt8), "TINYINT UNSIGNED");
}
