//! A line a value, a block a row, like psql's `\x`.

use std::fmt::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::{FieldRef, SchemaRef};
use unicode_width::UnicodeWidthStr;

use super::output::Output;
use super::renderer::{RenderOptions, ResultWriter};
use super::table::write_row_count;
use super::thousands::{are_amounts, group};
use super::type_name::is_number;
use super::value::columns;
use super::visible::{Reader, write_visible};
use crate::error::Result;

/// Writes records, and the number of rows at the end.
pub(super) struct ExpandedWriter {
    reader: Reader,
    /// Each column's name, as wide as the widest.
    names: Vec<String>,
    width: usize,
    record: u64,
    row_count: bool,
    /// Whether digits are grouped, and for which columns.
    groups: bool,
    grouped: Vec<bool>,
}

impl ExpandedWriter {
    pub(super) fn new(options: &RenderOptions) -> Self {
        Self {
            reader: Reader::new(&options.null_text, "\\n"),
            names: Vec::new(),
            width: 0,
            record: 0,
            row_count: options.row_count,
            groups: options.groups,
            grouped: Vec::new(),
        }
    }

    /// `-[ RECORD 1 ]-`, with a cross above the bar where it reaches that far.
    fn write_label(&mut self, out: &mut String) {
        self.record += 1;
        let start = out.len();
        // Writing to a String cannot fail.
        let _ = write!(out, "-[ RECORD {} ]-", self.record);
        let bar = self.width + 1;
        let length = out.len() - start;
        if length <= bar {
            out.extend(std::iter::repeat_n('-', bar - length));
            out.push_str("+-");
        }
        out.push('\n');
    }
}

impl ResultWriter for ExpandedWriter {
    fn begin(&mut self, schema: &SchemaRef, _out: &mut Output) -> Result<()> {
        self.record = 0;
        self.names.clear();
        let is_grouped = |field: &FieldRef| is_number(field.data_type()) && are_amounts(field.name());
        self.grouped = schema
            .fields()
            .iter()
            .map(|f| self.groups && is_grouped(f))
            .collect();
        for field in schema.fields() {
            let mut name = String::new();
            write_visible(field.name(), "\\n", &mut name);
            self.names.push(name);
        }
        self.width = self.names.iter().map(|name| name.width()).max().unwrap_or(0);
        for name in &mut self.names {
            let space = self.width - name.width();
            name.extend(std::iter::repeat_n(' ', space));
        }
        Ok(())
    }

    fn batch(&mut self, batch: &RecordBatch, out: &mut Output) -> Result<()> {
        let columns = columns(batch)?;
        for row in 0..batch.num_rows() {
            self.write_label(&mut out.text);
            for ((name, column), is_grouped) in self.names.iter().zip(&columns).zip(&self.grouped) {
                out.text.push_str(name);
                out.text.push_str(" | ");
                let start = out.text.len();
                self.reader.write(column, row, &mut out.text)?;
                if *is_grouped {
                    group(&mut out.text, start);
                }
                out.text.push('\n');
            }
            out.relieve()?;
        }
        Ok(())
    }

    fn end(&mut self, rows: u64, out: &mut Output) -> Result<()> {
        if self.row_count {
            write_row_count(rows, &mut out.text);
        }
        Ok(())
    }
}
