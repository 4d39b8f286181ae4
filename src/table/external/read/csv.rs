//! Delimited text → batches: columns by the header's names, values converted, what does not convert
//! told with file, line and value.
//!
//! An empty field is NULL; a quoted empty one is the empty text, and NULL where no text is wanted.

use std::io::Read;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, StringViewBuilder, new_null_array};
use arrow::compute::{CastOptions, can_cast_types, cast_with_options};
use arrow::csv::reader::Format as CsvFormat;
use arrow::datatypes::{DataType, Field, Fields, Schema};
use regex::Regex;

use super::records::{Dialect, Fault, Records, Tokenizer};
use super::{Batches, Wanted, corrupt};
use crate::definition::{Column, TextOptions, type_text};
use crate::error::{Code, Error, Result};
use crate::table::conform::match_columns;

/// The batches of a delimited text.
pub(super) fn open(input: Box<dyn Read + Send>, options: &TextOptions, wanted: Wanted) -> Result<Batches> {
    let mut reader = Reader {
        tokenizer: Tokenizer::new(input, dialect(options)),
        records: Records::default(),
        null: null_pattern(options)?,
        positions: Vec::new(),
        width: None,
        wanted,
    };
    reader.begin(options)?;
    let mut done = false;
    Ok(Box::new(std::iter::from_fn(move || {
        if done {
            return None;
        }
        let batch = reader.next().transpose();
        done = !matches!(batch, Some(Ok(_)));
        batch
    })))
}

fn dialect(options: &TextOptions) -> Dialect {
    Dialect {
        delimiter: options.delimiter,
        quote: options.quote,
        escape: options.escape,
        comment: options.comment,
    }
}

fn null_pattern(options: &TextOptions) -> Result<Option<Regex>> {
    let pattern = options.null_regex.as_deref().map(Regex::new).transpose();
    pattern.map_err(|e| {
        Error::new(
            Code::InvalidValue,
            "option 'null_regex' is not a regular expression",
        )
        .with_source(e)
    })
}

struct Reader {
    tokenizer: Tokenizer<Box<dyn Read + Send>>,
    records: Records,
    null: Option<Regex>,
    /// For each wanted column, which field it is.
    positions: Vec<Option<usize>>,
    /// How many fields each record has.
    width: Option<usize>,
    wanted: Wanted,
}

impl Reader {
    /// Finds the columns: by the header's names or, without a header, by their order in the table.
    fn begin(&mut self, options: &TextOptions) -> Result<()> {
        if !options.has_header {
            let all = &self.wanted.all_columns;
            let position = |column: &Column| all.iter().position(|other| other.name == column.name);
            self.positions = self.wanted.columns.iter().map(position).collect();
            return Ok(());
        }
        self.read(1)?;
        let mut fields: Vec<Field> = Vec::new();
        for position in 0..if self.records.len() == 0 {
            0
        } else {
            self.records.width(0)
        } {
            let (name, _) = self.records.field(0, position).unwrap_or_default();
            if fields.iter().any(|field| field.name() == name) && !name.is_empty() {
                let why = format!("its header names '{name}' twice");
                return Err(corrupt(&self.wanted, &why));
            }
            fields.push(Field::new(name, DataType::Utf8View, true));
        }
        self.width = (!fields.is_empty()).then_some(fields.len());
        let fields = Fields::from(fields);
        let matched = match_columns(&self.wanted.all_columns, &fields);
        let matched = matched.map_err(|e| corrupt(&self.wanted, e.message()))?;
        let of = |column: &Column| {
            let mut all = self.wanted.all_columns.iter();
            matched[all.position(|other| other.name == column.name)?]
        };
        if !fields.is_empty() && matched.iter().all(Option::is_none) {
            let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
            let why = format!(
                "none of the table's columns is in its header ({})",
                names.join(", ")
            );
            return Err(corrupt(&self.wanted, &why)
                .with_hint("the columns are matched by name; has_header 'false' matches them by position"));
        }
        self.positions = self.wanted.columns.iter().map(of).collect();
        Ok(())
    }

    fn read(&mut self, limit: usize) -> Result<()> {
        let read = self.tokenizer.read(&mut self.records, limit);
        read.map_err(|fault| match fault {
            Fault::Read(e) => super::read_error(&self.wanted, e),
            Fault::OpenQuote { line } => corrupt(
                &self.wanted,
                &format!("the quote opened in line {line} is never closed"),
            ),
            Fault::NotText { line } => corrupt(&self.wanted, &format!("line {line} is not UTF-8 text")),
        })
    }

    fn next(&mut self) -> Result<Option<RecordBatch>> {
        self.read(self.wanted.batch_rows)?;
        let rows = self.records.len();
        if rows == 0 {
            return Ok(None);
        }
        self.check_widths()?;
        let fields = self.wanted.schema.fields().clone();
        let column = |(field, position): (&arrow::datatypes::FieldRef, &Option<usize>)| match position {
            Some(position) => self.column(field, *position),
            None => Ok(new_null_array(field.data_type(), rows)),
        };
        let columns = fields.iter().zip(&self.positions).map(column);
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.wanted.schema), columns, &options)
            .map(Some)
            .map_err(|e| corrupt(&self.wanted, &e.to_string()))
    }

    /// Every record has as many fields as the header or, without one, as the first; a column that was
    /// added to the table since has none there.
    fn check_widths(&mut self) -> Result<()> {
        let columns = self.wanted.all_columns.len();
        let with_header = self.width.is_some();
        let width = *self
            .width
            .get_or_insert_with(|| self.records.width(0).min(columns));
        let mut records = 0..self.records.len();
        match records.find(|record| self.records.width(*record) != width) {
            None => Ok(()),
            Some(record) => {
                let (line, found) = (self.records.line(record), self.records.width(record));
                let than = if with_header { "header" } else { "table" };
                let why = format!("line {line} has {} where the {than} has {width}", fields(found));
                Err(corrupt(&self.wanted, &why)
                    .with_hint("a value that holds the delimiter is put in quotes"))
            }
        }
    }

    fn column(&self, field: &Field, position: usize) -> Result<ArrayRef> {
        let rows = self.records.len();
        let is_text = matches!(field.data_type(), DataType::Utf8View);
        let mut texts = StringViewBuilder::with_capacity(rows);
        for record in 0..rows {
            if position >= self.records.width(record) {
                texts.append_null();
                continue;
            }
            let Some((text, quoted)) = self.records.field(record, position) else {
                let line = self.records.line(record);
                return Err(corrupt(&self.wanted, &format!("line {line} is not UTF-8 text")));
            };
            let is_null = text.is_empty() && !(quoted && is_text)
                || self.null.as_ref().is_some_and(|null| null.is_match(text));
            texts.append_option((!is_null).then_some(text));
        }
        let texts: ArrayRef = Arc::new(texts.finish());
        if is_text {
            return Ok(texts);
        }
        if !can_cast_types(&DataType::Utf8View, field.data_type()) || field.data_type().is_nested() {
            let name = type_text(field.data_type());
            let message = format!(
                "column '{}' of table '{}': csv files have no values of type {name}",
                field.name(),
                self.wanted.table
            );
            return Err(Error::new(Code::Unsupported, message).with_hint("declare it VARCHAR"));
        }
        match convert(&texts, field.data_type(), false) {
            Ok(values) => Ok(values),
            Err(error) => Err(self.unconvertible(field, position, &texts, &error.to_string())),
        }
    }

    /// That a value is not of its column's type: the first one that is not.
    fn unconvertible(&self, field: &Field, position: usize, texts: &ArrayRef, why: &str) -> Error {
        let values = convert(texts, field.data_type(), true).ok();
        let culprit = values.and_then(|values| {
            let mut rows = 0..texts.len();
            rows.find(|row| values.is_null(*row) && !texts.is_null(*row))
        });
        let Some(row) = culprit else {
            return corrupt(&self.wanted, &format!("column '{}': {why}", field.name()));
        };
        let (text, _) = self.records.field(row, position).unwrap_or_default();
        let shown: String = text.chars().take(60).collect();
        corrupt(
            &self.wanted,
            &format!(
                "'{shown}' in line {}, column '{}', is not of type {}",
                self.records.line(row),
                field.name(),
                type_text(field.data_type())
            ),
        )
        .with_hint("declare the column VARCHAR, and convert it in a query with TRY_CAST")
    }
}

fn convert(texts: &ArrayRef, to: &DataType, safe: bool) -> Result<ArrayRef, arrow::error::ArrowError> {
    let options = CastOptions {
        safe,
        ..CastOptions::default()
    };
    cast_with_options(texts, to, &options)
}

fn fields(count: usize) -> String {
    format!("{count} field{}", if count == 1 { "" } else { "s" })
}

/// The columns of a delimited text, their types told by up to `rows` records.
pub(super) fn infer(
    input: Box<dyn Read + Send>,
    options: &TextOptions,
    rows: usize,
) -> Result<Schema, String> {
    let mut format = CsvFormat::default()
        .with_header(options.has_header)
        .with_delimiter(options.delimiter)
        .with_quote(options.quote);
    if let Some(escape) = options.escape {
        format = format.with_escape(escape);
    }
    if let Some(comment) = options.comment {
        format = format.with_comment(comment);
    }
    if let Some(null) = &options.null_regex {
        format = format.with_null_regex(Regex::new(null).map_err(|e| e.to_string())?);
    }
    let (schema, _) = format
        .infer_schema(input, Some(rows))
        .map_err(|e| e.to_string())?;
    Ok(schema)
}
