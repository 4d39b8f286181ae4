//! A box for a person.
//!
//! Rows are laid out a page at a time, so that any number of rows needs the memory of one page. The
//! first page decides how wide a column is; a later one that needs more makes it wider from there on,
//! so that no value is ever cut. Where the table has to fit on a screen ([`Fit`]), the first page
//! decides for all of them, and what did not fit is said at the end.

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, SchemaRef};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::fit::{Fit, MORE, Wish, fit};
use super::output::Output;
use super::renderer::{RenderOptions, ResultWriter};
use super::thousands::{are_amounts, group};
use super::type_name::{has_any_length, is_number, type_name};
use super::value::{self, columns};
use super::visible::{Reader, write_visible};
use crate::engine::KEEP_WHOLE;
use crate::error::{Result, wrapped};

/// As many of the columns that do not fit are named, the others counted.
const NAMED: usize = 8;
/// The rows of a page.
const PAGE_ROWS: usize = 1000;
/// A page ends before its rows if its text is this long.
const PAGE_BYTES: usize = 8 * 1024 * 1024;

/// Writes boxes. A result without columns is its number of rows.
pub(super) struct TableWriter {
    reader: Reader,
    columns: Vec<Column>,
    /// How many of the columns are shown.
    shown: usize,
    fit: Option<Fit>,
    row_count: bool,
    groups: bool,
    page: Page,
    has_head: bool,
}

struct Column {
    name: String,
    type_name: String,
    to_the_right: bool,
    groups: bool,
    shrinks: bool,
    width: usize,
    /// Whether something of it was cut.
    is_cut: bool,
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
    pub(super) fn new(options: RenderOptions) -> Self {
        Self {
            reader: Reader::new(&options.null_text, "\\n"),
            columns: Vec::new(),
            shown: 0,
            fit: options.fit,
            row_count: options.row_count,
            groups: options.groups,
            page: Page::default(),
            has_head: false,
        }
    }

    fn add_row(&mut self, values: &[value::Column<'_>], row: usize) -> Result<()> {
        let page = &mut self.page;
        for (values, column) in values.iter().zip(&mut self.columns) {
            let start = page.text.len();
            self.reader.write(values, row, &mut page.text)?;
            if column.groups {
                group(&mut page.text, start);
            }
            let width = page.text[start..].width();
            if !(self.has_head && self.fit.is_some()) {
                column.width = column.width.max(width);
            }
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
            self.choose_widths();
            self.write_head(&mut out.text);
            self.has_head = true;
        }
        let page = &mut self.page;
        let end_of_row = end_of_row(self.shown < self.columns.len());
        let mut start = 0;
        for row in page.cells.chunks(self.columns.len()) {
            for (i, (cell, column)) in row.iter().zip(&mut self.columns).enumerate() {
                if i < self.shown {
                    column.write_cell(&page.text[start..cell.end], cell.width, &mut out.text);
                }
                start = cell.end;
            }
            out.text.push_str(end_of_row);
            out.relieve()?;
        }
        page.text.clear();
        page.cells.clear();
        page.rows = 0;
        Ok(())
    }

    fn choose_widths(&mut self) {
        self.shown = self.columns.len();
        if let Some(Fit { screen, .. }) = self.fit {
            let wishes: Vec<Wish> = self.columns.iter().map(Column::wish).collect();
            let widths = fit(&wishes, screen);
            self.shown = widths.len();
            for (column, width) in self.columns.iter_mut().zip(widths) {
                column.width = width;
            }
        }
    }

    fn write_head(&mut self, out: &mut String) {
        let end_of_row = end_of_row(self.shown < self.columns.len());
        self.write_rule(['┌', '┬', '┐'], out);
        for column in &mut self.columns[..self.shown] {
            let name = std::mem::take(&mut column.name);
            column.write_cell(&name, name.width(), out);
            column.name = name;
        }
        out.push_str(end_of_row);
        for column in &mut self.columns[..self.shown] {
            let name = std::mem::take(&mut column.type_name);
            column.write_cell(&name, name.width(), out);
        }
        out.push_str(end_of_row);
        self.write_rule(['├', '┼', '┤'], out);
    }

    fn write_rule(&self, [left, between, right]: [char; 3], out: &mut String) {
        for (i, column) in self.columns[..self.shown].iter().enumerate() {
            out.push(if i == 0 { left } else { between });
            out.extend(std::iter::repeat_n('─', column.width + 2));
        }
        if self.shown < self.columns.len() {
            out.push(between);
            out.extend(std::iter::repeat_n('─', MORE - 1));
        }
        out.push(right);
        out.push('\n');
    }

    /// Names what did not fit.
    fn write_loss(&self, out: &mut String) {
        let names = |columns: &mut dyn Iterator<Item = &Column>| -> String {
            let names: Vec<&str> = columns.map(|column| column.name.as_str()).collect();
            match names.len().saturating_sub(NAMED) {
                0 | 1 => names.join(", "),
                more => format!("{} and {more} more", names[..NAMED].join(", ")),
            }
        };
        let hidden = names(&mut self.columns[self.shown..].iter());
        let cut = names(&mut self.columns[..self.shown].iter().filter(|column| column.is_cut));
        let mut loss = Vec::new();
        if !hidden.is_empty() {
            loss.push(format!("columns not shown: {hidden}"));
        }
        if !cut.is_empty() {
            loss.push(format!("cut at …: {cut}"));
        }
        if let Some(Fit { way_out, screen }) = self.fit.as_ref().filter(|_| !loss.is_empty()) {
            let line = format!("{} ({way_out})", loss.join("; "));
            out.push_str(&wrapped(&line, *screen));
            out.push('\n');
        }
    }
}

fn end_of_row(is_more: bool) -> &'static str {
    if is_more { "│ … │\n" } else { "│\n" }
}

impl Column {
    fn new(field: &Field, groups: bool) -> Self {
        let mut name = String::new();
        write_visible(field.name(), "\\n", &mut name);
        let type_name = type_name(field.data_type());
        Self {
            width: name.width().max(type_name.width()),
            name,
            type_name,
            to_the_right: is_number(field.data_type()),
            groups: groups && is_number(field.data_type()) && are_amounts(field.name()),
            shrinks: has_any_length(field.data_type()) && !field.metadata().contains_key(KEEP_WHOLE),
            is_cut: false,
        }
    }

    fn wish(&self) -> Wish {
        Wish {
            natural: self.width,
            shrinks: self.shrinks,
        }
    }

    fn write_cell(&mut self, text: &str, width: usize, out: &mut String) {
        let space = std::iter::repeat_n(' ', self.width.saturating_sub(width));
        out.push_str("│ ");
        if width > self.width {
            self.is_cut = true;
            write_cut(text, self.width, out);
        } else if self.to_the_right {
            out.extend(space);
            out.push_str(text);
        } else {
            out.push_str(text);
            out.extend(space);
        }
        out.push(' ');
    }
}

/// Appends the first part of a text and `…`, `width` characters in all.
fn write_cut(text: &str, width: usize, out: &mut String) {
    let mut used = 1;
    for c in text.chars() {
        let next = used + c.width().unwrap_or(0);
        if next > width {
            break;
        }
        used = next;
        out.push(c);
    }
    out.push('…');
    out.extend(std::iter::repeat_n(' ', width.saturating_sub(used)));
}

impl ResultWriter for TableWriter {
    fn begin(&mut self, schema: &SchemaRef, _out: &mut Output) -> Result<()> {
        let columns = schema.fields().iter();
        self.columns = columns.map(|field| Column::new(field, self.groups)).collect();
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
            self.write_loss(&mut out.text);
        }
        if self.row_count {
            write_row_count(rows, &mut out.text);
        }
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
