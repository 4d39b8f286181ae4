//! Bulk ingest: rows that a client sends, put into a table as one statement.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow_flight::sql::{CommandStatementIngest, TableExistsOption, TableNotExistOption};
use futures::StreamExt;
use futures::stream::BoxStream;
use tonic::{Code as Grpc, Status};

use super::sessions::Client;
use super::status::{malformed, refused};
use super::wire::{wire_batch, wire_type};
use crate::catalog::CATALOG;
use crate::engine::{IfExists, Ingest};
use crate::error::{Code, Error};

/// Puts the batches into the table that the command names; all of them, or none.
///
/// # Errors
/// As of the statement; unimplemented for temporary tables and transactions.
pub(super) async fn run(
    client: &Arc<Client>,
    command: CommandStatementIngest,
    schema: Option<SchemaRef>,
    batches: BoxStream<'static, Result<RecordBatch, Status>>,
) -> Result<i64, Status> {
    let ingest = ingest(&command)?;
    let schema = schema.ok_or_else(|| malformed("the rows to ingest have no schema"))?;
    let schema = plain(&schema);
    let target = Arc::clone(&schema);
    let rows = batches.map(move |batch| {
        let batch = batch.map_err(lost)?;
        wire_batch(&batch, &target).map_err(|e| Error::new(Code::DataException, e.to_string()))
    });
    let _turn = client.gate.lock().await;
    let rows = client
        .session
        .ingest(ingest, schema, rows.boxed())
        .await
        .map_err(refused)?;
    Ok(i64::try_from(rows).unwrap_or(i64::MAX))
}

fn ingest(command: &CommandStatementIngest) -> Result<Ingest, Status> {
    if command.temporary {
        return Err(Status::unimplemented("there are no temporary tables"));
    }
    if command.transaction_id.as_ref().is_some_and(|id| !id.is_empty()) {
        return Err(Status::unimplemented(
            "there are no transactions: every statement is one commit",
        ));
    }
    if let Some(catalog) = command.catalog.as_deref().filter(|catalog| !catalog.is_empty())
        && !catalog.eq_ignore_ascii_case(CATALOG)
    {
        return Err(Status::not_found(format!("there is no catalog '{catalog}'")));
    }
    let options = command.table_definition_options.unwrap_or_default();
    let if_missing = TableNotExistOption::try_from(options.if_not_exist).unwrap_or_default();
    let if_exists = TableExistsOption::try_from(options.if_exists).unwrap_or_default();
    Ok(Ingest {
        zone: command.schema.clone().filter(|zone| !zone.is_empty()),
        table: command.table.clone(),
        // What is not said fails, rather than make or change something.
        creates: if_missing == TableNotExistOption::Create,
        if_exists: match if_exists {
            TableExistsOption::Append => IfExists::Append,
            TableExistsOption::Replace => IfExists::Replace,
            TableExistsOption::Fail | TableExistsOption::Unspecified => IfExists::Fail,
        },
    })
}

/// The columns in types that tables have.
fn plain(schema: &Schema) -> SchemaRef {
    let fields = schema
        .fields()
        .iter()
        .map(|field| Field::new(field.name(), wire_type(field.data_type()), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The rows did not come to their end.
fn lost(status: Status) -> Error {
    let code = match status.code() {
        Grpc::InvalidArgument => Code::DataException,
        _ => Code::Cancelled,
    };
    Error::new(
        code,
        format!("the rows to ingest ended early: {}", status.message()),
    )
}
