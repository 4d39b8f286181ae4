//! Avro and Arrow files → batches: both carry their schema.

use std::io::{BufReader, Cursor, Read, Seek};

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::reader::{FileReader, StreamReader};
use arrow_avro::reader::ReaderBuilder;

use super::{Batches, Seekable, TELLING_BYTES, Wanted, corrupt, other_than};
use crate::definition::Format;
use crate::error::{Result, without_layers};
use crate::table::conform::{check, conform};

/// What an Arrow file, in difference to a stream, begins with.
const ARROW_FILE: &[u8] = b"ARROW1";

/// A file's own columns and its batches.
type Opened = (
    SchemaRef,
    Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send>,
);

/// The batches of an Avro container file.
pub(super) fn avro(input: Box<dyn Read + Send>, wanted: Wanted) -> Result<Batches> {
    let opened = open_avro(input, wanted.batch_rows).map_err(|why| corrupt(&wanted, &why))?;
    conformed(opened, wanted)
}

/// The batches of an Arrow file or stream.
pub(super) fn arrow(input: Seekable, wanted: Wanted) -> Result<Batches> {
    let opened = open_arrow(input).map_err(|why| corrupt(&wanted, &why))?;
    conformed(opened, wanted)
}

fn open_avro(mut input: Box<dyn Read + Send>, rows: usize) -> Result<Opened, String> {
    let mut first = Vec::new();
    let telling = input.by_ref().take(TELLING_BYTES as u64).read_to_end(&mut first);
    telling.map_err(|e| e.to_string())?;
    let whole = Cursor::new(first.clone()).chain(input);
    let reader = ReaderBuilder::new()
        .with_batch_size(rows)
        .build(BufReader::new(whole))
        .map_err(|e| other_than(Format::Avro, &first).unwrap_or_else(|| said(&e)))?;
    Ok((reader.schema(), Box::new(reader)))
}

fn open_arrow(mut input: Seekable) -> Result<Opened, String> {
    let mut first = [0; TELLING_BYTES];
    let begins = input.read_exact(&mut first);
    input.rewind().map_err(|e| e.to_string())?;
    if begins.is_ok() && first == ARROW_FILE {
        let reader = FileReader::try_new(BufReader::new(input), None).map_err(|e| said(&e))?;
        Ok((reader.schema(), Box::new(reader)))
    } else {
        let reader = StreamReader::try_new(BufReader::new(input), None)
            .map_err(|e| other_than(Format::Arrow, &first).unwrap_or_else(|| said(&e)))?;
        Ok((reader.schema(), Box::new(reader)))
    }
}

fn said(error: &ArrowError) -> String {
    without_layers(&error.to_string())
}

fn conformed((schema, batches): Opened, wanted: Wanted) -> Result<Batches> {
    let matched = check(&wanted.table, &wanted.file, &wanted.columns, schema.fields())?;
    Ok(Box::new(batches.map(move |batch| {
        let batch = batch.map_err(|e| corrupt(&wanted, &said(&e)))?;
        conform(&batch, &wanted.schema, &matched)
            .map_err(|e| corrupt(&wanted, &without_layers(&e.find_root().strip_backtrace())))
    })))
}

/// An Avro file's columns.
pub(super) fn infer_avro(input: Box<dyn Read + Send>) -> Result<Schema, String> {
    Ok(open_avro(input, 1)?.0.as_ref().clone())
}

/// An Arrow file's columns.
pub(super) fn infer_arrow(input: Seekable) -> Result<Schema, String> {
    Ok(open_arrow(input)?.0.as_ref().clone())
}
