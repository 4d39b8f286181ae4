//! What an output is given: results, one after another, each a schema and its batches.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::delimited::DelimitedWriter;
use super::fit::Fit;
use super::output::Output;
use super::{
    Format, arrow_ipc, chart, csv, expanded, html, insert, json, markdown, parquet_file, table, tsv,
};
use crate::error::{Code, Error, Result};

/// What a user may choose about how results are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderOptions {
    /// The table that `insert` inserts into, as SQL writes its name: `curated.daily`, `"my table"`.
    pub insert_table: String,
    /// The text for NULL where a person reads: table, expanded, markdown and html.
    pub null_text: String,
    /// Whether the output is a file, which can be read from any place. `arrow` then writes the file
    /// format, and otherwise the stream format, which can be read from a pipe.
    pub to_file: bool,
    /// Whether table and expanded end with a line `(3 rows)`.
    pub row_count: bool,
    /// The screen that a table or a chart has to fit on; without one, nothing of a table is cut.
    pub fit: Option<Fit>,
    /// Whether table and expanded write the digits of amounts in groups of three: `1,234,567`.
    pub groups: bool,
}

/// `result`, `NULL`, not a file, with the number of rows, nothing cut.
impl Default for RenderOptions {
    fn default() -> Self {
        Self {
            insert_table: "result".to_owned(),
            null_text: "NULL".to_owned(),
            to_file: false,
            row_count: true,
            fit: None,
            groups: false,
        }
    }
}

/// How one format writes a result. A writer is told of several results in turn; what stands between
/// them is the renderer's.
pub(super) trait ResultWriter: Send {
    /// A result begins.
    fn begin(&mut self, schema: &SchemaRef, out: &mut Output) -> Result<()>;

    /// Rows of it.
    fn batch(&mut self, batch: &RecordBatch, out: &mut Output) -> Result<()>;

    /// It ends, with this many rows.
    fn end(&mut self, rows: u64, out: &mut Output) -> Result<()>;
}

/// Writes results to one output in one format.
///
/// Memory is bounded by a batch, in `table` and `chart` by a thousand rows, in `parquet` by a row group. What
/// [`Renderer::batch`] was given is on the output when it returns, except in `table` (up to a thousand
/// rows wait for the width of their columns), `chart` and `parquet`. A result that is not ended has no end on
/// the output either: an array without its bracket, a file without its footer, so that a failed
/// statement is never taken for a finished one.
///
/// # Errors
/// Each method fails with [`Code::Io`] or [`Code::DiskFull`] if the output does ([`is_broken_pipe`]
/// tells when that is no failure), with [`Code::DataException`] if a value has no text (a time beyond
/// the calendar), and with [`Code::Internal`] if it is called out of turn.
///
/// [`is_broken_pipe`]: super::is_broken_pipe
///
/// ```
/// # use std::sync::Arc;
/// # use arrow::array::{ArrayRef, Int64Array, RecordBatch};
/// use weir::render::{Format, RenderOptions, Renderer};
///
/// # fn main() -> weir::Result<()> {
/// # let column: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
/// # let batch = RecordBatch::try_from_iter([("id", column)]).unwrap();
/// let mut renderer = Renderer::new(Format::Csv, Box::new(std::io::stdout()), RenderOptions::default());
/// renderer.begin(&batch.schema())?;
/// renderer.batch(&batch)?;
/// assert_eq!(renderer.end()?, 2);
/// renderer.finish()
/// # }
/// ```
pub struct Renderer {
    format: Format,
    out: Output,
    writer: Box<dyn ResultWriter>,
    results: u64,
    open: Option<Open>,
}

/// The result that has begun and not ended.
struct Open {
    columns: usize,
    rows: u64,
}

impl Renderer {
    /// A renderer for `out`.
    pub fn new(format: Format, out: Box<dyn Write + Send>, options: RenderOptions) -> Self {
        Self {
            format,
            out: Output::new(out),
            writer: writer(format, options),
            results: 0,
            open: None,
        }
    }

    /// Begins a result.
    ///
    /// # Errors
    /// [`Code::InvalidValue`] for a second result in a format that holds one, before anything of it is
    /// written.
    pub fn begin(&mut self, schema: &SchemaRef) -> Result<()> {
        if self.open.is_some() {
            return Err(out_of_turn("a result has begun already"));
        }
        if self.results > 0 {
            self.separate()?;
        }
        self.writer.begin(schema, &mut self.out)?;
        self.out.flush()?;
        self.results += 1;
        self.open = Some(Open {
            columns: schema.fields().len(),
            rows: 0,
        });
        Ok(())
    }

    /// Writes rows of the result.
    ///
    /// # Errors
    /// As of the type.
    pub fn batch(&mut self, batch: &RecordBatch) -> Result<()> {
        match &mut self.open {
            None => return Err(out_of_turn("rows come before their result")),
            Some(open) if open.columns != batch.num_columns() => {
                return Err(out_of_turn("rows have other columns than their result"));
            }
            Some(open) => open.rows += batch.num_rows() as u64,
        }
        self.writer.batch(batch, &mut self.out)?;
        self.out.flush()
    }

    /// Ends the result and says how many rows it has.
    ///
    /// # Errors
    /// As of the type.
    pub fn end(&mut self) -> Result<u64> {
        let Some(open) = self.open.take() else {
            return Err(out_of_turn("no result has begun"));
        };
        self.writer.end(open.rows, &mut self.out)?;
        self.out.flush()?;
        Ok(open.rows)
    }

    /// Leaves the result that has begun, if one has, without its end, because its statement failed.
    /// Another may begin after it.
    ///
    /// # Errors
    /// As of the type.
    pub fn abandon(&mut self) -> Result<()> {
        self.open = None;
        self.out.flush()
    }

    /// Ends the output.
    ///
    /// # Errors
    /// As of the type.
    pub fn finish(mut self) -> Result<()> {
        if self.open.is_some() {
            return Err(out_of_turn("a result has not ended"));
        }
        self.out.flush()
    }

    /// What stands between two results.
    fn separate(&mut self) -> Result<()> {
        if self.format.is_binary() {
            let message = format!("a second result cannot be written as {}", self.format);
            return Err(Error::new(Code::InvalidValue, message)
                .with_hint("a file of this format holds one result: write each to an output of its own"));
        }
        self.out.text.push('\n');
        Ok(())
    }
}

fn out_of_turn(message: &str) -> Error {
    Error::new(Code::Internal, format!("rendering out of turn: {message}"))
}

fn writer(format: Format, options: RenderOptions) -> Box<dyn ResultWriter> {
    match format {
        Format::Table => Box::new(table::TableWriter::new(options)),
        Format::Expanded => Box::new(expanded::ExpandedWriter::new(&options)),
        Format::Chart => Box::new(chart::ChartWriter::new(&options)),
        Format::Csv => Box::new(DelimitedWriter::new(csv::CSV)),
        Format::Tsv => Box::new(DelimitedWriter::new(tsv::TSV)),
        Format::Json => Box::new(json::JsonWriter::array()),
        Format::Ndjson => Box::new(json::JsonWriter::lines()),
        Format::Markdown => Box::new(markdown::MarkdownWriter::new(&options.null_text)),
        Format::Html => Box::new(html::HtmlWriter::new(&options.null_text)),
        Format::Insert => Box::new(insert::InsertWriter::new(options.insert_table)),
        Format::Parquet => Box::new(parquet_file::ParquetWriter::default()),
        Format::Arrow => Box::new(arrow_ipc::ArrowWriter::new(options.to_file)),
    }
}
