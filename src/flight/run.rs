//! Statements, run for a client: planned when they are asked about, computed when their rows are fetched.
//!
//! What changes the lake is carried out once, when it is asked about; its answer waits to be fetched.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, Schema, SchemaRef};
use datafusion::common::ScalarValue;
use futures::{StreamExt, TryStreamExt, stream};
use tonic::Status;

use super::parameters;
use super::sessions::Client;
use super::statements::{Statement, Waiting};
use super::status::{malformed, refused};
use super::wire::wire_schema;
use crate::engine::{Answers, Body, Done, Outcome, Prepared, Rows};
use crate::error::{Code, Error};
use crate::syntax::Parameters;

/// What a text's last statement gave.
pub(super) enum Answer {
    /// Rows, which wait to be fetched.
    Rows(Box<Waiting>),
    /// Word of what was done.
    Done(Done),
}

/// Runs every statement of a text; the answer is the last one's.
///
/// # Errors
/// The first statement's that fails.
pub(super) async fn text(client: &Arc<Client>, sql: &str, parameters: &Parameters) -> Result<Answer, Status> {
    let outcome = last_outcome(client, sql, parameters).await?;
    Ok(answer(client, outcome))
}

async fn last_outcome(client: &Client, sql: &str, parameters: &Parameters) -> Result<Outcome, Status> {
    let _turn = client.gate.lock().await;
    let mut outcomes = client.session.execute(sql, parameters);
    let mut last = None;
    while let Some(outcome) = outcomes.next().await {
        last = Some(outcome.map_err(refused)?);
    }
    last.ok_or_else(|| refused(Error::new(Code::Syntax, "there is no statement in the text")))
}

fn answer(client: &Arc<Client>, outcome: Outcome) -> Answer {
    match outcome.body {
        Body::Rows(rows) => Answer::Rows(Box::new(Waiting {
            schema: wire_schema(&rows.schema()),
            rows,
            record: outcome.record,
            client: Arc::clone(client),
        })),
        Body::Done(done) => Answer::Done(done),
    }
}

/// The answer of a statement without one.
fn nothing() -> Rows {
    Rows::new(Arc::new(Schema::empty()), stream::empty().boxed())
}

/// Runs a prepared statement with each set of values that is bound to it: queries when their rows are
/// fetched, the others now.
///
/// # Errors
/// As of the statement; failed precondition if its parameters have no values.
pub(super) async fn prepared(client: &Arc<Client>, statement: &Arc<Statement>) -> Result<Answer, Status> {
    let bound = bound(statement)?;
    let count = parameters::count(&bound);
    if count == 0 && !statement.told.parameters.is_empty() {
        return none(client, statement).await;
    }
    if statement.told.answers != Answers::Rows && count > 1 {
        return all_sets(client, statement, bound).await;
    }
    let mut sets = parameters::sets(bound);
    let first = sets.next().transpose()?.unwrap_or_default();
    let first = text(client, &statement.sql, &first).await?;
    let Answer::Rows(mut first) = first else {
        return Ok(first);
    };
    if count > 1 {
        let (client, statement) = (Arc::clone(client), Arc::clone(statement));
        let more = stream::iter(sets).then(move |set| {
            let (client, statement) = (Arc::clone(&client), Arc::clone(&statement));
            async move {
                let set = set.map_err(|status| Error::new(Code::InvalidValue, status.message()))?;
                let outcome = one(&client, &statement.sql, &set).await?;
                match outcome.body {
                    Body::Rows(rows) => Ok(rows),
                    Body::Done(_) => Ok(nothing()),
                }
            }
        });
        let schema = first.rows.schema();
        let rows = std::mem::replace(&mut first.rows, nothing());
        first.rows = Rows::new(schema, rows.chain(more.try_flatten()).boxed());
    }
    Ok(Answer::Rows(first))
}

/// The answer of a statement that is run for no set of values at all.
async fn none(client: &Arc<Client>, statement: &Statement) -> Result<Answer, Status> {
    if statement.told.answers != Answers::Rows {
        return Ok(counted(0));
    }
    let nulls = statement
        .told
        .parameters
        .iter()
        .try_fold(Parameters::default(), |all, field| {
            let null = ScalarValue::try_from(field.data_type()).map_err(malformed)?;
            Ok::<_, Status>(all.with(field.name(), null))
        })?;
    // Its columns are those of any other run; its rows are never computed.
    let mut answer = text(client, &statement.sql, &nulls).await?;
    if let Answer::Rows(waiting) = &mut answer {
        waiting.rows = Rows::new(waiting.rows.schema(), stream::empty().boxed());
    }
    Ok(answer)
}

async fn one(client: &Client, sql: &str, set: &Parameters) -> crate::Result<Outcome> {
    let _turn = client.gate.lock().await;
    let outcome = client.session.execute(sql, set).next().await;
    outcome.unwrap_or_else(|| Err(Error::new(Code::Syntax, "there is no statement in the text")))
}

/// Of several runs of a statement that changes rows, one answer.
fn counted(rows: i64) -> Answer {
    let rows = rows.unsigned_abs();
    Answer::Done(Done {
        message: format!("changed {rows} rows"),
        affected: Some(rows),
    })
}

/// Runs a statement that is no query for every set of values; an insert of them is one commit.
async fn all_sets(
    client: &Arc<Client>,
    statement: &Statement,
    bound: Vec<RecordBatch>,
) -> Result<Answer, Status> {
    let inserted = {
        let _turn = client.gate.lock().await;
        client
            .session
            .insert_rows(&statement.sql, bound.clone())
            .await
            .map_err(refused)?
    };
    if let Some(rows) = inserted {
        return Ok(counted(i64::try_from(rows).unwrap_or(i64::MAX)));
    }
    let mut rows = 0;
    for set in parameters::sets(bound) {
        rows += changed(text(client, &statement.sql, &set?).await?).await?;
    }
    Ok(counted(rows))
}

/// The sets of values to run a statement with.
fn bound(statement: &Statement) -> Result<Vec<RecordBatch>, Status> {
    let bound = statement.bound.lock().clone();
    if statement.told.parameters.is_empty() {
        return Ok(Vec::new());
    }
    bound.ok_or_else(|| {
        let names = statement
            .told
            .parameters
            .iter()
            .map(|field| format!("${}", field.name()));
        let names = names.collect::<Vec<_>>().join(", ");
        Status::failed_precondition(format!("no values are bound to {names}"))
    })
}

/// Runs a text that is no query, and says how many rows it changed.
///
/// # Errors
/// As of the statement.
pub(super) async fn update(client: &Arc<Client>, sql: &str) -> Result<i64, Status> {
    if client.session.answers(sql) == Some(Answers::Rows) {
        return Err(malformed("a query is no update: fetch its rows"));
    }
    changed(text(client, sql, &Parameters::default()).await?).await
}

/// The same with each set of values that is bound.
pub(super) async fn prepared_update(client: &Arc<Client>, statement: &Statement) -> Result<i64, Status> {
    if statement.told.answers == Answers::Rows {
        return Err(malformed("a query is no update: fetch its rows"));
    }
    let bound = bound(statement)?;
    if !statement.told.parameters.is_empty() && bound.is_empty() {
        // No row is bound: there is nothing to run it for.
        return Ok(0);
    }
    if parameters::count(&bound) > 1 {
        return changed(all_sets(client, statement, bound).await?).await;
    }
    let set = parameters::sets(bound).next().transpose()?.unwrap_or_default();
    changed(text(client, &statement.sql, &set).await?).await
}

/// How many rows a statement changed, as its answer says.
async fn changed(answer: Answer) -> Result<i64, Status> {
    let waiting = match answer {
        Answer::Rows(waiting) => waiting,
        Answer::Done(done) => {
            return Ok(done
                .affected
                .map_or(0, |rows| i64::try_from(rows).unwrap_or(i64::MAX)));
        }
    };
    let batches: Vec<_> = waiting.rows.try_collect().await.map_err(refused)?;
    let counts = ["inserted", "updated", "deleted"];
    let of_batch = |batch: &RecordBatch| -> i64 {
        let columns = counts.iter().filter_map(|name| batch.column_by_name(name));
        let numbers = columns.filter_map(|column| column.as_primitive_opt::<Int64Type>());
        numbers
            .filter(|numbers| !numbers.is_empty())
            .map(|numbers| numbers.value(0))
            .sum()
    };
    Ok(batches.iter().map(of_batch).sum())
}

/// The columns that a text's one statement will give, or none.
///
/// # Errors
/// As of planning it.
pub(super) async fn told(client: &Client, sql: &str) -> Result<(Prepared, Option<SchemaRef>), Status> {
    let _turn = client.gate.lock().await;
    let told = client.session.prepare(sql).await.map_err(refused)?;
    let schema = told.schema.as_ref().map(|schema| wire_schema(schema));
    Ok((told, schema))
}
