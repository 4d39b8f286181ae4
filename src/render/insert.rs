//! INSERT statements.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::column_names::distinct;
use super::output::Output;
use super::renderer::ResultWriter;
use super::value::{columns, write_identifier};
use crate::error::Result;

/// The rows of one statement.
const STATEMENT_ROWS: u64 = 1000;

/// Writes statements with a column list. A result without rows has no text at all.
pub(super) struct InsertWriter {
    table: String,
    /// What each statement begins with, up to its first row.
    head: String,
    has_columns: bool,
    rows: u64,
}

impl InsertWriter {
    pub(super) fn new(table: String) -> Self {
        Self {
            table,
            head: String::new(),
            has_columns: false,
            rows: 0,
        }
    }

    fn before_row(&mut self, out: &mut String) {
        match self.rows % STATEMENT_ROWS {
            0 => {
                if self.rows > 0 {
                    out.push_str(";\n");
                }
                out.push_str(&self.head);
            }
            _ => out.push_str(",\n"),
        }
        self.rows += 1;
    }
}

impl ResultWriter for InsertWriter {
    fn begin(&mut self, schema: &SchemaRef, _out: &mut Output) -> Result<()> {
        self.rows = 0;
        self.has_columns = !schema.fields().is_empty();
        self.head = format!("INSERT INTO {} ", self.table);
        if !self.has_columns {
            self.head.push_str("DEFAULT VALUES;\n");
            return Ok(());
        }
        let names = distinct(schema.fields().iter().map(|field| field.name().as_str()));
        for (i, name) in names.iter().enumerate() {
            self.head.push_str(if i == 0 { "(" } else { ", " });
            write_identifier(name, &mut self.head);
        }
        self.head.push_str(") VALUES\n");
        Ok(())
    }

    fn batch(&mut self, batch: &RecordBatch, out: &mut Output) -> Result<()> {
        let columns = columns(batch)?;
        for row in 0..batch.num_rows() {
            if !self.has_columns {
                out.text.push_str(&self.head);
                out.relieve()?;
                continue;
            }
            self.before_row(&mut out.text);
            for (i, column) in columns.iter().enumerate() {
                out.text.push_str(if i == 0 { "(" } else { ", " });
                column.sql(row, &mut out.text)?;
            }
            out.text.push(')');
            out.relieve()?;
        }
        Ok(())
    }

    fn end(&mut self, rows: u64, out: &mut Output) -> Result<()> {
        if self.has_columns && rows > 0 {
            out.text.push_str(";\n");
        }
        Ok(())
    }
}
