//! Parquet and Arrow, read back.

use std::io::Cursor;

use arrow::array::{Array, DictionaryArray};
use arrow::compute::concat_batches;
use arrow::datatypes::Int32Type;
use arrow::ipc::reader::{FileReader, StreamReader};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::every_type::every_type;
use super::*;

fn read_parquet(bytes: Vec<u8>) -> RecordBatch {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&bytes).unwrap();
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let schema = Arc::clone(builder.schema());
    let batches: Vec<_> = builder.build().unwrap().map(|batch| batch.unwrap()).collect();
    concat_batches(&schema, &batches).unwrap()
}

fn read_stream(bytes: Vec<u8>) -> RecordBatch {
    let reader = StreamReader::try_new(Cursor::new(bytes), None).unwrap();
    let schema = reader.schema();
    let batches: Vec<_> = reader.map(|batch| batch.unwrap()).collect();
    concat_batches(&schema, &batches).unwrap()
}

fn read_file(bytes: Vec<u8>) -> RecordBatch {
    let reader = FileReader::try_new(Cursor::new(bytes), None).unwrap();
    let schema = reader.schema();
    let batches: Vec<_> = reader.map(|batch| batch.unwrap()).collect();
    concat_batches(&schema, &batches).unwrap()
}

fn to_file(results: &[&[RecordBatch]]) -> Vec<u8> {
    let options = RenderOptions {
        to_file: true,
        ..RenderOptions::default()
    };
    try_render(Format::Arrow, options, results).unwrap()
}

/// Rows survive as their text does.
fn assert_same_text(name: &str, given: &RecordBatch, read: &RecordBatch) {
    assert_eq!(one(Format::Ndjson, given), one(Format::Ndjson, read), "{name}");
}

#[test]
fn rows_come_back() {
    let halves = [people().slice(0, 1), people().slice(1, 2)];
    for read in [
        read_parquet(bytes(Format::Parquet, &[&halves])),
        read_stream(bytes(Format::Arrow, &[&halves])),
        read_file(to_file(&[&halves])),
    ] {
        assert_eq!(one(Format::Csv, &people()), one(Format::Csv, &read));
        assert_eq!(people().schema(), read.schema());
    }
}

#[test]
fn every_type_comes_back_from_arrow() {
    for (name, array, _, _) in every_type() {
        let given = batch(vec![("v", array)]);
        assert_same_text(
            name,
            &given,
            &read_stream(bytes(Format::Arrow, &[from_ref(&given)])),
        );
        assert_same_text(name, &given, &read_file(to_file(&[from_ref(&given)])));
    }
}

#[test]
fn every_type_comes_back_from_parquet() {
    for (name, array, plain, _) in every_type() {
        let given = batch(vec![("v", array)]);
        let read = read_parquet(bytes(Format::Parquet, &[from_ref(&given)]));
        if read.column(0).data_type() == given.column(0).data_type()
            || !read.column(0).data_type().is_string()
        {
            assert_same_text(name, &given, &read);
        } else {
            let values = value::Values::try_new(read.column(0).as_ref()).unwrap();
            assert_eq!(values.text(0, &mut String::new()).unwrap(), plain, "{name}");
            assert!(values.is_null(1), "{name}");
        }
    }
}

#[test]
fn no_rows_are_a_valid_file() {
    let none = people().slice(0, 0);
    for read in [
        read_parquet(bytes(Format::Parquet, &[from_ref(&none)])),
        read_stream(bytes(Format::Arrow, &[from_ref(&none)])),
        read_file(to_file(&[from_ref(&none)])),
    ] {
        assert_eq!(read.num_rows(), 0);
        assert_eq!(read.schema(), none.schema());
    }
}

#[test]
fn a_result_without_columns() {
    assert_eq!(
        read_stream(bytes(Format::Arrow, &[&[no_columns(3)]])).num_columns(),
        0
    );
    let error = try_render(Format::Parquet, RenderOptions::default(), &[&[no_columns(3)]]).unwrap_err();
    assert_eq!(error.code(), Code::InvalidValue);
}

#[test]
fn dictionaries_that_differ_from_batch_to_batch_fit_one_file() {
    let part = |values: [&str; 2]| {
        batch(vec![(
            "v",
            Arc::new(DictionaryArray::<Int32Type>::from_iter(values)) as _,
        )])
    };
    let parts = [part(["a", "b"]), part(["c", "a"])];
    for read in [
        read_parquet(bytes(Format::Parquet, &[&parts])),
        read_stream(bytes(Format::Arrow, &[&parts])),
        read_file(to_file(&[&parts])),
    ] {
        assert_eq!(read.column(0).data_type(), &DataType::Utf8);
        assert_eq!(one(Format::Csv, &read), "v\na\nb\nc\na\n");
    }
}

#[test]
fn a_second_result_is_refused_and_the_first_is_whole() {
    for format in [Format::Parquet, Format::Arrow] {
        let written = Written::default();
        let mut renderer = Renderer::new(format, Box::new(written.clone()), RenderOptions::default());
        renderer.begin(&people().schema()).unwrap();
        renderer.batch(&people()).unwrap();
        renderer.end().unwrap();
        let error = renderer.begin(&people().schema()).unwrap_err();
        assert_eq!(error.code(), Code::InvalidValue);
        assert_eq!(
            error.message(),
            format!("a second result cannot be written as {format}")
        );
        renderer.finish().unwrap();
        let bytes = written.0.lock().clone();
        let read = if format == Format::Parquet {
            read_parquet(bytes)
        } else {
            read_stream(bytes)
        };
        assert_eq!(read.num_rows(), 3);
    }
}

#[test]
fn equal_names_are_distinct() {
    let twice = batch(vec![("a", texts(&[Some("x")])), ("a", texts(&[Some("y")]))]);
    let read = read_parquet(bytes(Format::Parquet, &[&[twice]]));
    assert_eq!(one(Format::Csv, &read), "a,a_1\nx,y\n");
}
