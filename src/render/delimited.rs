//! Values between separators, a line a row: csv and tsv, which differ in how a field is written.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::output::Output;
use super::renderer::ResultWriter;
use super::value::columns;
use crate::error::Result;

/// How one of these formats spells things.
pub(super) struct Notation {
    pub separator: char,
    pub null: &'static str,
    /// Appends a field that is not NULL.
    pub write_field: fn(&str, &mut String),
}

/// Writes a header and rows. A result without columns has no text at all.
pub(super) struct DelimitedWriter {
    notation: Notation,
    scratch: String,
}

impl DelimitedWriter {
    pub(super) fn new(notation: Notation) -> Self {
        Self {
            notation,
            scratch: String::new(),
        }
    }
}

impl ResultWriter for DelimitedWriter {
    fn begin(&mut self, schema: &SchemaRef, out: &mut Output) -> Result<()> {
        for (i, field) in schema.fields().iter().enumerate() {
            if i > 0 {
                out.text.push(self.notation.separator);
            }
            (self.notation.write_field)(field.name(), &mut out.text);
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
                    out.text.push(self.notation.separator);
                }
                if column.is_null(row) {
                    out.text.push_str(self.notation.null);
                } else {
                    let text = column.text(row, &mut self.scratch)?;
                    (self.notation.write_field)(text, &mut out.text);
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
