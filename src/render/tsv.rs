//! Tab-separated text as PostgreSQL's COPY writes it, with a header.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::output::Output;
use super::renderer::ResultWriter;
use super::value::columns;
use crate::error::Result;

/// Writes TSV. A result without columns has no text at all.
#[derive(Default)]
pub(super) struct TsvWriter {
    scratch: String,
}

impl ResultWriter for TsvWriter {
    fn begin(&mut self, schema: &SchemaRef, out: &mut Output) -> Result<()> {
        for (i, field) in schema.fields().iter().enumerate() {
            if i > 0 {
                out.text.push('\t');
            }
            write_field(field.name(), &mut out.text);
        }
        if !schema.fields().is_empty() {
            out.text.push('\n');
        }
        Ok(())
    }

    fn batch(&mut self, batch: &RecordBatch, out: &mut Output) -> Result<()> {
        let columns = columns(batch)?;
        if columns.is_empty() {
            return Ok(());
        }
        for row in 0..batch.num_rows() {
            for (i, column) in columns.iter().enumerate() {
                if i > 0 {
                    out.text.push('\t');
                }
                if column.is_null(row) {
                    out.text.push_str("\\N");
                } else {
                    write_field(column.text(row, &mut self.scratch)?, &mut out.text);
                }
            }
            out.text.push('\n');
            out.relieve()?;
        }
        Ok(())
    }

    fn end(&mut self, _rows: u64, _out: &mut Output) -> Result<()> {
        Ok(())
    }
}

/// Appends a field that is not NULL.
fn write_field(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some((at, escape)) = rest
        .bytes()
        .enumerate()
        .find_map(|(at, b)| Some((at, escape(b)?)))
    {
        out.push_str(&rest[..at]);
        out.push_str(escape);
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}

fn escape(byte: u8) -> Option<&'static str> {
    match byte {
        b'\t' => Some("\\t"),
        b'\n' => Some("\\n"),
        b'\r' => Some("\\r"),
        b'\\' => Some("\\\\"),
        0x08 => Some("\\b"),
        0x0b => Some("\\v"),
        0x0c => Some("\\f"),
        _ => None,
    }
}
