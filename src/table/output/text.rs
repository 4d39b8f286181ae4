//! Delimited text: NULL is an empty field, the empty text a quoted one, so that both read back.

use std::io::Write;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::definition::{TextOptions, type_text};
use crate::error::{Code, Error, Result};

pub(super) struct TextWriter<W> {
    bytes: W,
    delimiter: u8,
    quote: u8,
    line: Vec<u8>,
}

impl<W: Write> TextWriter<W> {
    /// A writer whose header, if one is wanted, is written.
    pub(super) fn new(bytes: W, options: &TextOptions, schema: &SchemaRef) -> Result<std::io::Result<Self>> {
        let mut nested = schema.fields().iter();
        if let Some(field) = nested.find(|field| field.data_type().is_nested()) {
            let name = type_text(field.data_type());
            let message = format!("csv files cannot hold column '{}' of type {name}", field.name());
            return Err(Error::new(Code::Unsupported, message).with_hint("json and parquet files can"));
        }
        let mut writer = Self {
            bytes,
            delimiter: options.delimiter,
            quote: options.quote,
            line: Vec::new(),
        };
        if !options.has_header {
            return Ok(Ok(writer));
        }
        for (i, field) in schema.fields().iter().enumerate() {
            writer.separate(i);
            writer.field(field.name());
        }
        writer.line.push(b'\n');
        let written = writer.write_out();
        Ok(written.map(|()| writer))
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        let options = FormatOptions::default()
            .with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.f"))
            .with_timestamp_tz_format(Some("%Y-%m-%d %H:%M:%S%.f%:z"));
        let columns = batch.columns().iter();
        let formatters = columns.map(|column| ArrayFormatter::try_new(column, &options));
        let formatters = formatters.collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            for (i, (column, formatter)) in batch.columns().iter().zip(&formatters).enumerate() {
                self.separate(i);
                if column.is_valid(row) {
                    self.field(&formatter.value(row).try_to_string()?);
                } else if batch.num_columns() == 1 {
                    // An empty line is no record.
                    let message = "a NULL in a file of one column cannot be told from an empty line";
                    return Err(ArrowError::InvalidArgumentError(message.to_owned()));
                }
            }
            self.line.push(b'\n');
        }
        self.write_out()
            .map_err(|e| ArrowError::IoError(e.to_string(), e))
    }

    fn separate(&mut self, position: usize) {
        if position > 0 {
            self.line.push(self.delimiter);
        }
    }

    fn field(&mut self, text: &str) {
        let signs = [self.delimiter, self.quote, b'\n', b'\r'];
        let plain = !text.is_empty()
            && !text.starts_with(['#', '\u{feff}'])
            && text.bytes().all(|byte| !signs.contains(&byte));
        if plain {
            self.line.extend_from_slice(text.as_bytes());
            return;
        }
        self.line.push(self.quote);
        for byte in text.bytes() {
            if byte == self.quote {
                self.line.push(byte);
            }
            self.line.push(byte);
        }
        self.line.push(self.quote);
    }

    fn write_out(&mut self) -> std::io::Result<()> {
        self.bytes.write_all(&self.line)?;
        self.line.clear();
        Ok(())
    }

    pub(super) fn into_inner(self) -> W {
        self.bytes
    }
}
