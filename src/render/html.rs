//! An HTML table, without a page around it.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use html_escape::encode_text_to_string;

use super::output::Output;
use super::renderer::ResultWriter;
use super::value::columns;
use super::visible::{Reader, write_visible};
use crate::error::Result;

/// Writes tables. A line break in a value is a `<br>`.
pub(super) struct HtmlWriter {
    reader: Reader,
    scratch: String,
}

impl HtmlWriter {
    pub(super) fn new(null_text: &str) -> Self {
        Self {
            reader: Reader::new(null_text, "\n"),
            scratch: String::new(),
        }
    }
}

impl ResultWriter for HtmlWriter {
    fn begin(&mut self, schema: &SchemaRef, out: &mut Output) -> Result<()> {
        out.text.push_str("<table>\n<thead>\n<tr>");
        for field in schema.fields() {
            self.scratch.clear();
            write_visible(field.name(), "\n", &mut self.scratch);
            out.text.push_str("<th>");
            write_lines(&self.scratch, &mut out.text);
            out.text.push_str("</th>");
        }
        out.text.push_str("</tr>\n</thead>\n<tbody>\n");
        Ok(())
    }

    fn batch(&mut self, batch: &RecordBatch, out: &mut Output) -> Result<()> {
        let columns = columns(batch)?;
        for row in 0..batch.num_rows() {
            out.text.push_str("<tr>");
            for column in &columns {
                self.scratch.clear();
                self.reader.write(column, row, &mut self.scratch)?;
                out.text.push_str("<td>");
                write_lines(&self.scratch, &mut out.text);
                out.text.push_str("</td>");
            }
            out.text.push_str("</tr>\n");
            out.relieve()?;
        }
        Ok(())
    }

    fn end(&mut self, _rows: u64, out: &mut Output) -> Result<()> {
        out.text.push_str("</tbody>\n</table>\n");
        Ok(())
    }
}

fn write_lines(text: &str, out: &mut String) {
    for (i, line) in text.split('\n').enumerate() {
        if i > 0 {
            out.push_str("<br>");
        }
        encode_text_to_string(line, out);
    }
}
