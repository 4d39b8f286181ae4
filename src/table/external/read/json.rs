//! JSON lines → batches: fields by name, what is not there NULL.

use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, FieldRef, Fields, Schema};
use arrow::json::ReaderBuilder;
use arrow::json::reader::{Decoder, infer_json_schema};

use super::{Batches, Wanted, corrupt, read_error};
use crate::error::Result;
use crate::table::conform::match_columns;

/// How much of a file is looked into for the spelling of its names.
const LOOKED_INTO: usize = 64 << 10;

/// The batches of a file of JSON objects.
pub(super) fn open(input: Box<dyn Read + Send>, wanted: Wanted) -> Result<Batches> {
    let mut input = BufReader::with_capacity(LOOKED_INTO, input);
    let start = input.fill_buf().map_err(|e| read_error(&wanted, e))?;
    let names = spelled(start, &wanted);
    let fields = wanted.schema.fields().iter().zip(names);
    let fields: Fields = fields
        .map(|(field, name)| FieldRef::new(field.as_ref().clone().with_name(name).with_nullable(true)))
        .collect();
    let decoder = ReaderBuilder::new(Arc::new(Schema::new(fields)))
        .with_batch_size(wanted.batch_rows)
        .build_decoder()
        .map_err(|e| corrupt(&wanted, &e.to_string()))?;
    let mut reader = Reader {
        input,
        decoder,
        rows: 0,
        wanted,
    };
    let mut done = false;
    Ok(Box::new(std::iter::from_fn(move || {
        if done {
            return None;
        }
        let batch = reader.next().transpose();
        done = !matches!(batch, Some(Ok(_)));
        batch
    })))
}

/// What the file calls the wanted columns: a name in another case is told by the file's first objects.
fn spelled(start: &[u8], wanted: &Wanted) -> Vec<String> {
    let values = serde_json::Deserializer::from_slice(start).into_iter::<serde_json::Value>();
    let mut seen: Vec<Field> = Vec::new();
    for value in values.map_while(Result::ok) {
        for name in value.as_object().into_iter().flat_map(|object| object.keys()) {
            if seen.iter().all(|field| field.name() != name) {
                seen.push(Field::new(name, arrow::datatypes::DataType::Null, true));
            }
        }
    }
    let fields = Fields::from(seen);
    // An ambiguous spelling is none.
    let matched =
        match_columns(&wanted.columns, &fields).unwrap_or_else(|_| vec![None; wanted.columns.len()]);
    let names = wanted
        .columns
        .iter()
        .zip(matched)
        .map(|(column, position)| match position {
            Some(position) => fields[position].name().clone(),
            None => column.name_in_files().to_owned(),
        });
    names.collect()
}

struct Reader {
    input: BufReader<Box<dyn Read + Send>>,
    decoder: Decoder,
    rows: usize,
    wanted: Wanted,
}

impl Reader {
    fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let buffer = self.input.fill_buf().map_err(|e| read_error(&self.wanted, e))?;
            if buffer.is_empty() {
                break;
            }
            let length = buffer.len();
            let decoded = self.decoder.decode(buffer);
            let decoded = decoded.map_err(|e| self.fault(&e.to_string()))?;
            self.input.consume(decoded);
            if decoded != length {
                break;
            }
        }
        let batch = self.decoder.flush().map_err(|e| self.fault(&e.to_string()))?;
        let Some(batch) = batch else { return Ok(None) };
        self.rows += batch.num_rows();
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(
            Arc::clone(&self.wanted.schema),
            batch.columns().to_vec(),
            &options,
        )
        .map(Some)
        .map_err(|e| corrupt(&self.wanted, &e.to_string()))
    }

    fn fault(&self, why: &str) -> crate::error::Error {
        let why = crate::error::without_layers(why);
        corrupt(&self.wanted, &format!("behind row {}: {why}", self.rows))
    }
}

/// The fields of a file's first `rows` objects.
pub(super) fn infer(input: Box<dyn Read + Send>, rows: usize) -> Result<Schema, String> {
    let (schema, _) = infer_json_schema(BufReader::new(input), Some(rows)).map_err(|e| e.to_string())?;
    Ok(schema)
}
