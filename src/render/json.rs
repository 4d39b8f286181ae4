//! JSON: an array of objects, or an object a line.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::column_names::distinct;
use super::output::Output;
use super::renderer::ResultWriter;
use super::value::{columns, write_json_string};
use crate::error::Result;

/// Writes objects. NULL is an explicit `null`, so that every object has every key.
pub(super) struct JsonWriter {
    in_array: bool,
    /// Each column's `"name":`, after the first with the comma before it.
    keys: Vec<String>,
    first: bool,
}

impl JsonWriter {
    /// An array of objects.
    pub(super) fn array() -> Self {
        Self {
            in_array: true,
            keys: Vec::new(),
            first: true,
        }
    }

    /// An object a line.
    pub(super) fn lines() -> Self {
        Self {
            in_array: false,
            ..Self::array()
        }
    }

    fn before_object(&mut self, out: &mut String) {
        if self.in_array {
            out.push_str(if self.first { "\n" } else { ",\n" });
        }
        self.first = false;
    }
}

impl ResultWriter for JsonWriter {
    fn begin(&mut self, schema: &SchemaRef, out: &mut Output) -> Result<()> {
        let names = distinct(schema.fields().iter().map(|field| field.name().as_str()));
        self.keys.clear();
        for (i, name) in names.iter().enumerate() {
            let mut key = if i == 0 { String::new() } else { ",".to_owned() };
            write_json_string(name, &mut key);
            key.push(':');
            self.keys.push(key);
        }
        self.first = true;
        if self.in_array {
            out.text.push('[');
        }
        Ok(())
    }

    fn batch(&mut self, batch: &RecordBatch, out: &mut Output) -> Result<()> {
        let columns = columns(batch)?;
        for row in 0..batch.num_rows() {
            self.before_object(&mut out.text);
            out.text.push('{');
            for (key, column) in self.keys.iter().zip(&columns) {
                out.text.push_str(key);
                column.json(row, &mut out.text)?;
            }
            out.text.push('}');
            if !self.in_array {
                out.text.push('\n');
            }
            out.relieve()?;
        }
        Ok(())
    }

    fn end(&mut self, rows: u64, out: &mut Output) -> Result<()> {
        if self.in_array {
            out.text.push_str(if rows == 0 { "]\n" } else { "\n]\n" });
        }
        Ok(())
    }
}
