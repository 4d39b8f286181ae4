//! `INSERT INTO`, and running a plan that writes to its end.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::UInt64Type;
use datafusion::execution::SessionState;
use datafusion::physical_plan::ExecutionPlan;
use futures::TryStreamExt;

use super::managed;
use super::target::Target;
use crate::definition::TableKind;
use crate::engine::outcome::{Body, Done};
use crate::engine::session::Session;
use crate::error::{Code, Error, Result};
use crate::syntax::{Insert, Parameters, Piece};

pub(super) async fn insert(
    session: &Session,
    piece: &Piece,
    insert: Insert,
    parameters: &Parameters,
) -> Result<Body> {
    let target = Target::new(session, &insert.table)?;
    let definition = target.definition(session)?;
    if let TableKind::Managed(_) = definition.kind {
        return managed::insert(session, piece, &insert, parameters).await;
    }
    if let TableKind::View(_) = definition.kind {
        return Err(Error::new(
            Code::WrongObjectType,
            format!("'{}' is a view: rows go into its tables", target.full_name()),
        )
        .at(piece.locate(insert.table.span)));
    }
    let state = session.state();
    let plan = session.plan(&state, piece, parameters).await?;
    let plan = session.physical(&state, piece, &plan).await?;
    let count = run(session, &state, piece, plan).await?;
    Ok(Body::Done(Done {
        message: format!("inserted {} into {}", rows(count), target.full_name()),
        affected: Some(count),
    }))
}

/// Runs a plan whose one row says how many rows it wrote.
pub(super) async fn run(
    session: &Session,
    state: &SessionState,
    piece: &Piece,
    plan: Arc<dyn ExecutionPlan>,
) -> Result<u64> {
    let batches: Vec<_> = session.stream(state, piece, plan)?.try_collect().await?;
    let counts = batches.iter().filter_map(|batch| {
        let column = batch.columns().first()?.as_primitive_opt::<UInt64Type>()?;
        (!column.is_empty()).then(|| column.value(0))
    });
    Ok(counts.sum())
}

/// `1 row`, `2 rows`.
pub(super) fn rows(count: u64) -> String {
    format!("{count} row{}", if count == 1 { "" } else { "s" })
}
