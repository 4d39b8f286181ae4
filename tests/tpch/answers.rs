//! Expected answers: their files, and how an answer is compared with one.
//!
//! Where the other engine's type is DOUBLE, it is an average or a quotient: a relative difference of 1e-6
//! is allowed, or one in the last place of a decimal. Everything else must be equal, rows in order.

use std::fs::File;
use std::iter;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::csv::ReaderBuilder;
use arrow::csv::reader::Format;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::util::display::array_value_to_string;

/// How far two floating-point numbers may be apart, as a part of the expected one.
const TOLERANCE: f64 = 1e-6;

/// An expected answer, as text.
pub(crate) struct Expected {
    /// Each column's name, and its type in the engine that answered.
    titles: Vec<(String, String)>,
    rows: Vec<Vec<String>>,
}

impl Expected {
    /// Reads a file whose titles are `name TYPE`.
    pub(crate) fn read(path: &Path) -> Self {
        let format = Format::default().with_header(true);
        let open = || File::open(path).expect("the expected answer");
        let (schema, _) = format.infer_schema(open(), Some(0)).expect("its titles");
        let title = |field: &Arc<Field>| {
            let (name, kind) = field.name().rsplit_once(' ').expect("a name and a type");
            (name.to_owned(), kind.to_owned())
        };
        let text = |field: &Arc<Field>| Field::new(field.name(), DataType::Utf8, true);
        let texts = Schema::new(schema.fields().iter().map(text).collect::<Vec<_>>());
        let reader = ReaderBuilder::new(Arc::new(texts))
            .with_format(format)
            .build(open());
        let mut rows = Vec::new();
        for batch in reader.expect("a CSV reader") {
            let batch = batch.expect("its rows");
            let columns: Vec<_> = batch
                .columns()
                .iter()
                .map(|column| column.as_string::<i32>())
                .collect();
            let row = |row| {
                columns
                    .iter()
                    .map(|column| column.value(row).to_owned())
                    .collect()
            };
            rows.extend((0..batch.num_rows()).map(row));
        }
        Self {
            titles: schema.fields().iter().map(title).collect(),
            rows,
        }
    }

    /// Where `batches` differ from what is expected, at the first place.
    pub(crate) fn difference(&self, schema: &Schema, batches: &[RecordBatch]) -> Option<String> {
        if schema.fields().len() != self.titles.len() {
            return Some(format!(
                "{} columns instead of {}",
                schema.fields().len(),
                self.titles.len()
            ));
        }
        let mut rows = self.rows.iter().enumerate();
        for batch in batches {
            for (at, (number, expected)) in iter::zip(0..batch.num_rows(), &mut rows) {
                let found = self.row_difference(batch, at, expected);
                if let Some(found) = found {
                    return Some(format!("row {}: {found}", number + 1));
                }
            }
        }
        let count: usize = batches.iter().map(RecordBatch::num_rows).sum();
        (count != self.rows.len()).then(|| format!("{count} rows instead of {}", self.rows.len()))
    }

    fn row_difference(&self, batch: &RecordBatch, row: usize, expected: &[String]) -> Option<String> {
        let cells = iter::zip(batch.columns(), iter::zip(&self.titles, expected));
        for (column, ((name, kind), expected)) in cells {
            let actual = if column.is_null(row) {
                "NULL".to_owned()
            } else {
                array_value_to_string(column, row).expect("every value has a text")
            };
            let last_place = match column.data_type() {
                DataType::Decimal128(_, scale) => 0.1_f64.powi((*scale).into()),
                _ => 0.0,
            };
            if !same(kind, &actual, expected, last_place) {
                return Some(format!("{name} is {actual} instead of {expected}"));
            }
        }
        None
    }
}

fn same(kind: &str, actual: &str, expected: &str, last_place: f64) -> bool {
    if actual == expected {
        return true;
    }
    if kind == "DOUBLE" {
        let (Ok(actual), Ok(expected)) = (actual.parse::<f64>(), expected.parse::<f64>()) else {
            return false;
        };
        return (actual - expected).abs() <= last_place.max(TOLERANCE * expected.abs());
    }
    kind.starts_with("DECIMAL") && plain(actual) == plain(expected)
}

/// A decimal without the zeros that only show its scale.
fn plain(decimal: &str) -> &str {
    match decimal.contains('.') {
        true => decimal.trim_end_matches('0').trim_end_matches('.'),
        false => decimal,
    }
}
