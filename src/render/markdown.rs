//! Pipe tables of GitHub's Markdown.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::output::Output;
use super::renderer::ResultWriter;
use super::type_name::is_number;
use super::value::columns;
use super::visible::{Reader, write_visible};
use crate::error::Result;

/// Writes pipe tables. A result without columns has no text at all.
pub(super) struct MarkdownWriter {
    reader: Reader,
    scratch: String,
}

impl MarkdownWriter {
    pub(super) fn new(null_text: &str) -> Self {
        Self {
            reader: Reader::new(null_text, "\n"),
            scratch: String::new(),
        }
    }
}

impl ResultWriter for MarkdownWriter {
    fn begin(&mut self, schema: &SchemaRef, out: &mut Output) -> Result<()> {
        if schema.fields().is_empty() {
            return Ok(());
        }
        out.text.push('|');
        for field in schema.fields() {
            self.scratch.clear();
            write_visible(field.name(), "\n", &mut self.scratch);
            write_cell(&self.scratch, &mut out.text);
        }
        out.text.push_str("\n|");
        for field in schema.fields() {
            let right = is_number(field.data_type());
            out.text.push_str(if right { " ---: |" } else { " --- |" });
        }
        out.text.push('\n');
        Ok(())
    }

    fn batch(&mut self, batch: &RecordBatch, out: &mut Output) -> Result<()> {
        let columns = columns(batch)?;
        if columns.is_empty() {
            return Ok(());
        }
        for row in 0..batch.num_rows() {
            out.text.push('|');
            for column in &columns {
                self.scratch.clear();
                self.reader.write(column, row, &mut self.scratch)?;
                write_cell(&self.scratch, &mut out.text);
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

/// Appends a cell and the pipe after it. What Markdown would take for markup is escaped, so that the
/// page shows the value's own characters.
fn write_cell(text: &str, out: &mut String) {
    out.push(' ');
    let mut before = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' => out.push_str("<br>"),
            '_' if !is_inside_word(before, chars.peek().copied()) => out.push_str("\\_"),
            '\\' | '|' | '`' | '*' | '<' | '&' | '~' => out.extend(['\\', c]),
            '(' if before == Some(']') => out.push_str("\\("),
            other => out.push(other),
        }
        before = Some(c);
    }
    out.push_str(" |");
}

/// Between two letters or digits an underscore is no emphasis.
fn is_inside_word(before: Option<char>, after: Option<char>) -> bool {
    before.is_some_and(char::is_alphanumeric) && after.is_some_and(char::is_alphanumeric)
}
