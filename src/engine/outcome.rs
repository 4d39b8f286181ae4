//! What a statement gives.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::stream::{self, BoxStream, Stream};

use super::queries::Record;
use crate::error::{Location, Result};

/// The outcomes of a text's statements, one after the other. A statement is run when its outcome is
/// asked for; after an error the next one can still be asked for.
pub type Outcomes = BoxStream<'static, Result<Outcome>>;

/// Marks a column, in its field's metadata, whose values read only as a whole: a tree's lines, say. What
/// fits a result to a screen cuts other columns.
pub const KEEP_WHOLE: &str = "weir:keep_whole";

/// What one statement gave.
#[derive(Debug)]
pub struct Outcome {
    /// The statement as written.
    pub sql: String,
    /// Where in its text it begins.
    pub start: Location,
    /// Rows, or word of what was done.
    pub body: Body,
    /// What it read and used: of rows, so far.
    pub record: Record,
}

/// Rows, or word of what was done.
#[derive(Debug)]
pub enum Body {
    /// A query's rows.
    Rows(Rows),
    /// A statement that gives no rows has been carried out.
    Done(Done),
}

/// Word of what a statement did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// In words, for people.
    pub message: String,
    /// How many rows were written, if any could be.
    pub affected: Option<u64>,
}

impl Done {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            affected: None,
        }
    }
}

/// A stream of batches of one schema. Dropped early, it stops the statement.
pub struct Rows {
    schema: SchemaRef,
    stream: BoxStream<'static, Result<RecordBatch>>,
}

impl Rows {
    /// Rows of `schema`.
    pub fn new(schema: SchemaRef, stream: BoxStream<'static, Result<RecordBatch>>) -> Self {
        Self { schema, stream }
    }

    /// Rows that are there already.
    pub(super) fn of_batch(batch: RecordBatch) -> Self {
        Self::new(batch.schema(), Box::pin(stream::iter([Ok(batch)])))
    }

    /// The columns: names, types, and whether they can be NULL.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

impl Stream for Rows {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.stream.as_mut().poll_next(context)
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows")
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}
