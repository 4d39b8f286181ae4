//! CSV after RFC 4180, with a header and lines that end in LF.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::output::Output;
use super::renderer::ResultWriter;
use super::value::columns;
use crate::error::Result;

/// Writes CSV. A result without columns has no text at all.
#[derive(Default)]
pub(super) struct CsvWriter {
    scratch: String,
}

impl ResultWriter for CsvWriter {
    fn begin(&mut self, schema: &SchemaRef, out: &mut Output) -> Result<()> {
        for (i, field) in schema.fields().iter().enumerate() {
            if i > 0 {
                out.text.push(',');
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
                    out.text.push(',');
                }
                if !column.is_null(row) {
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
    if !needs_quotes(text) {
        out.push_str(text);
        return;
    }
    out.push('"');
    let mut parts = text.split('"');
    out.extend(parts.next());
    for part in parts {
        out.push_str("\"\"");
        out.push_str(part);
    }
    out.push('"');
}

/// The empty text, what would end the field, and spaces that a reader might trim.
fn needs_quotes(text: &str) -> bool {
    text.is_empty()
        || text.starts_with([' ', '\t'])
        || text.ends_with([' ', '\t'])
        || text.bytes().any(|b| matches!(b, b',' | b'"' | b'\n' | b'\r'))
}
