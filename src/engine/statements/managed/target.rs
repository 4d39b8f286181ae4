//! The managed table that a statement writes, and the way of rows into its files.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use futures::TryStreamExt;

use crate::definition::{TableDefinition, TableKind};
use crate::engine::session::Session;
use crate::engine::statements::target::Target;
use crate::engine::tables::managed_table;
use crate::error::{Code, Error, Result};
use crate::syntax::{Piece, TableName};
use crate::table::ManagedTableProvider;
use crate::table::managed::{Layouts, Outcome, Staged, WriteExec};

/// The managed table that the statement writes, at the version that it sees.
///
/// # Errors
/// [`Code::WrongObjectType`] for what is no managed table; `what` says the statement.
pub(crate) async fn resolve(
    session: &Session,
    piece: &Piece,
    name: &TableName,
    what: &str,
) -> Result<ManagedTableProvider> {
    let target = Target::new(session, name)?;
    let definition = target.definition(session)?;
    let wrong = |kind: &str| {
        let message = format!(
            "{what} needs a managed table, and '{}' is {kind}",
            target.full_name()
        );
        Error::new(Code::WrongObjectType, message).at(piece.locate(name.span))
    };
    match &definition.kind {
        TableKind::Managed(table) => {
            let pins = session.pins();
            managed_table(session.lake(), &pins, &target.zone, &definition, table).await
        }
        TableKind::External(_) => {
            Err(wrong("external").with_hint("rows can be inserted into external Parquet tables"))
        }
        TableKind::View(_) => Err(wrong("a view").with_hint("rows are in its tables")),
    }
}

/// The definition of the table that the statement writes.
///
/// # Errors
/// [`Code::UndefinedTable`].
pub(crate) fn definition(session: &Session, name: &TableName) -> Result<Arc<TableDefinition>> {
    Target::new(session, name)?.definition(session)
}

/// Runs a plan to its end.
pub(crate) async fn run(
    session: &Session,
    state: &SessionState,
    piece: &Piece,
    plan: Arc<dyn ExecutionPlan>,
) -> Result<()> {
    let mut rows = session.stream(state, piece, plan)?;
    while rows.try_next().await?.is_some() {}
    Ok(())
}

/// The one number of a query that counts.
pub(crate) async fn number(session: &Session, piece: &Piece, plan: &LogicalPlan) -> Result<u64> {
    let mut rows = session.stream_again(&session.state(), piece, plan).await?;
    let mut count = 0;
    while let Some(batch) = rows.try_next().await? {
        let counts = batch.column(0).as_primitive::<Int64Type>();
        count += counts.values().iter().map(|n| n.unsigned_abs()).sum::<u64>();
    }
    Ok(count)
}

/// Writes the rows of `input` as files that no log names yet.
pub(crate) async fn stage(
    session: &Session,
    state: &SessionState,
    piece: &Piece,
    input: Arc<dyn ExecutionPlan>,
    layouts: Arc<Layouts>,
) -> Result<Staged> {
    let outcome = Outcome::default();
    let plan = WriteExec::new(input, layouts, outcome.clone()).map_err(|e| session.translated(e, piece))?;
    run(session, state, piece, Arc::new(plan)).await?;
    outcome.take()
}
