//! Statements that write managed tables. Each is one commit, and answers with one row: what it did,
//! and the version that it made.

mod answer;
mod conversion;
mod copy_into;
mod explained;
mod insert;
mod maintain;
mod merge;
mod passage;
mod replay;
mod rewrite;
mod target;
mod traced;
mod verdict;

use datafusion::logical_expr::LogicalPlan;
use datafusion::logical_expr::dml::WriteOp;

pub(super) use answer::Answer;
pub(super) use copy_into::copy_into;
pub(in crate::engine) use explained::explained;
pub(super) use insert::insert;
pub(super) use insert::load;
pub(super) use maintain::{optimize, restore, vacuum};
use passage::Passed;
pub(super) use passage::{Held, Passage};
pub(super) use replay::replay;
pub(super) use target::{definition, number, resolve, run, stage};

use crate::engine::outcome::Body;
use crate::engine::session::Session;
use crate::error::{Code, Error, Result};
use crate::syntax::{ChangeRows, Parameters, Piece};
use rewrite::Rewrite;

/// `DELETE`, `UPDATE`, `MERGE INTO` and `TRUNCATE`.
pub(super) async fn change_rows(
    session: &Session,
    piece: &Piece,
    statement: &ChangeRows,
    parameters: &Parameters,
) -> Result<Body> {
    let state = session.state();
    let table = resolve(session, piece, &statement.table, statement.verb).await?;
    let rewrite = Rewrite {
        session,
        state: &state,
        piece,
        table: &table,
        definition: definition(session, &statement.table)?,
    };
    let Some(_) = &statement.statement else {
        return rewrite.truncate().await;
    };
    let LogicalPlan::Dml(dml) = session.plan(&state, piece, parameters).await? else {
        return Err(Error::new(
            Code::Internal,
            "a write was planned as something else",
        ));
    };
    match &dml.op {
        WriteOp::Delete => rewrite.delete(&dml.table_name, &dml.input).await,
        WriteOp::Update => rewrite.update(&dml.table_name, &dml.input).await,
        WriteOp::MergeInto(operation) => rewrite.merge(&dml.table_name, operation, &dml.input).await,
        other => Err(Error::new(
            Code::Unsupported,
            format!("{} is not supported", other.name()),
        )),
    }
}
