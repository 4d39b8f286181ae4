//! Runs a text through a connection and waits for all of its results.
//!
//! Knows the `Connection` trait alone, so that a remote connection runs the same tests.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::StreamExt;
use weir::connection::Connection;
use weir::engine::Body;
use weir::{Parameters, Result};

/// What one statement answered with rows.
pub(crate) type Answer = (SchemaRef, Vec<RecordBatch>);

/// Executes the statements of `sql` in order. Returns the answers of those that have rows, and how many
/// rows the others changed.
pub(crate) async fn run(connection: &impl Connection, sql: &str) -> Result<(Vec<Answer>, u64)> {
    let mut answers = Vec::new();
    let mut affected = 0;
    let mut outcomes = connection.execute(sql, &Parameters::default());
    while let Some(outcome) = outcomes.next().await {
        match outcome?.body {
            Body::Rows(mut rows) => {
                let schema = rows.schema();
                let mut batches = Vec::new();
                while let Some(batch) = rows.next().await {
                    batches.push(batch?);
                }
                answers.push((schema, batches));
            }
            Body::Done(done) => affected += done.affected.unwrap_or_default(),
        }
    }
    Ok((answers, affected))
}
