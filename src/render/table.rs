//! A box for a person.
//!
//! Rows are laid out a page at a time, so that any number of rows needs the memory of one page. The
//! first page decides how wide a column is; a later one that needs more makes it wider from there on,
//! so that no value is ever cut.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use unicode_width::UnicodeWidthStr;

use super::output::Output;
use super::renderer::ResultWriter;
use super::type_name::{is_number, type_name};
use super::value::{self, columns};
use super::visible::{Reader, write_visible};
use crate::error::Result;

/// The rows of a page.
const PAGE_ROWS: usize = 1000;
/// A page ends before its rows if its text is this long.
const PAGE_BYTES: usize = 8 * 1024 * 1024;

/// Writes boxes. A result without columns is its number of rows.
pub(super) struct TableWriter {
    reader: Reader,
    columns: Vec<Column>,
    page: Page,
    has_head: bool,
}

struct Column {
    name: String,
    type_name: String,
    to_the_right: bool,
    width: usize,
}

/// The cells of some rows, row by row.
#[derive(Default)]
struct Page {
    text: String,
    cells: Vec<Cell>,
    rows: usize,
}

struct Cell {
    /// Where its text ends; it begins where the cell before ends.
    end: usize,
    width: usize,
}

impl TableWriter {
    pub(super) fn new(null_text: &str) -> Self {
        Self {
            reader: Reader::new(null_text, "\\n"),
            columns: Vec::new(),
            page: Page::default(),
            has_head: false,
        }
    }

    fn add_row(&mut self, values: &[value::Column<'_>], row: usize) -> Result<()> {
        let page = &mut self.page;
        for (values, column) in values.iter().zip(&mut self.columns) {
            let start = page.text.len();
            self.reader.write(values, row, &mut page.text)?;
            let width = page.text[start..].width();
            column.width = column.width.max(width);
            page.cells.push(Cell {
                end: page.text.len(),
                width,
            });
        }
        page.rows += 1;
        Ok(())
    }

    fn write_page(&mut self, out: &mut Output) -> Result<()> {
        if !self.has_head {
            self.write_head(&mut out.text);
            self.has_head = true;
        }
        let page = &mut self.page;
        let mut start = 0;
        for row in page.cells.chunks(self.columns.len()) {
            for (cell, column) in row.iter().zip(&self.columns) {
                column.write_cell(&page.text[start..cell.end], cell.width, &mut out.text);
                start = cell.end;
            }
            out.text.push_str("│\n");
            out.relieve()?;
        }
        page.text.clear();
        page.cells.clear();
        page.rows = 0;
        Ok(())
    }

    fn write_head(&self, out: &mut String) {
        self.write_rule(['┌', '┬', '┐'], out);
        for column in &self.columns {
            column.write_cell(&column.name, column.name.width(), out);
        }
        out.push_str("│\n");
        for column in &self.columns {
            column.write_cell(&column.type_name, column.type_name.width(), out);
        }
        out.push_str("│\n");
        self.write_rule(['├', '┼', '┤'], out);
    }

    fn write_rule(&self, [left, between, right]: [char; 3], out: &mut String) {
        for (i, column) in self.columns.iter().enumerate() {
            out.push(if i == 0 { left } else { between });
            out.extend(std::iter::repeat_n('─', column.width + 2));
        }
        out.push(right);
        out.push('\n');
    }
}

impl Column {
    fn new(field: &arrow::datatypes::Field) -> Self {
        let mut name = String::new();
        write_visible(field.name(), "\\n", &mut name);
        let type_name = type_name(field.data_type());
        Self {
            width: name.width().max(type_name.width()),
            name,
            type_name,
            to_the_right: is_number(field.data_type()),
        }
    }

    fn write_cell(&self, text: &str, width: usize, out: &mut String) {
        let space = std::iter::repeat_n(' ', self.width.saturating_sub(width));
        out.push_str("│ ");
        if self.to_the_right {
            out.extend(space);
            out.push_str(text);
        } else {
            out.push_str(text);
            out.extend(space);
        }
        out.push(' ');
    }
}

impl ResultWriter for TableWriter {
    fn begin(&mut self, schema: &SchemaRef, _out: &mut Output) -> Result<()> {
        self.columns = schema.fields().iter().map(|field| Column::new(field)).collect();
        self.page = Page::default();
        self.has_head = false;
        Ok(())
    }

    fn batch(&mut self, batch: &RecordBatch, out: &mut Output) -> Result<()> {
        if self.columns.is_empty() {
            return Ok(());
        }
        let values = columns(batch)?;
        for row in 0..batch.num_rows() {
            self.add_row(&values, row)?;
            if self.page.rows == PAGE_ROWS || self.page.text.len() >= PAGE_BYTES {
                self.write_page(out)?;
            }
        }
        Ok(())
    }

    fn end(&mut self, rows: u64, out: &mut Output) -> Result<()> {
        if !self.columns.is_empty() {
            self.write_page(out)?;
            self.write_rule(['└', '┴', '┘'], &mut out.text);
        }
        write_row_count(rows, &mut out.text);
        Ok(())
    }
}

/// Appends the line `(3 rows)`.
pub(super) fn write_row_count(rows: u64, out: &mut String) {
    out.push_str(&match rows {
        1 => "(1 row)\n".to_owned(),
        rows => format!("({rows} rows)\n"),
    });
}
