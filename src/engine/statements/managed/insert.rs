//! `INSERT INTO` and `INSERT OVERWRITE`.

use datafusion::logical_expr::LogicalPlan;
use datafusion::logical_expr::dml::{InsertOp, WriteOp};
use uuid::Uuid;

use super::{Answer, resolve, stage};
use crate::engine::outcome::Body;
use crate::engine::session::Session;
use crate::error::{Code, Error, Result};
use crate::syntax::{Insert, Parameters, Piece};
use crate::table::managed::{Change, Reads};

pub(crate) async fn insert(
    session: &Session,
    piece: &Piece,
    insert: &Insert,
    parameters: &Parameters,
) -> Result<Body> {
    let state = session.state();
    let table = resolve(session, piece, &insert.table, "INSERT").await?;
    let plan = session.plan(&state, piece, parameters).await?;
    let LogicalPlan::Dml(dml) = plan else {
        return Err(Error::new(
            Code::Internal,
            "an INSERT was planned as something else",
        ));
    };
    let overwrite = match dml.op {
        WriteOp::Insert(InsertOp::Append) => false,
        WriteOp::Insert(InsertOp::Overwrite) => true,
        _ => return Err(Error::new(Code::Unsupported, "REPLACE INTO is not supported").at(piece.start())),
    };
    let input = session.physical(&state, piece, &dml.input).await?;
    let staged = stage(session, &state, piece, input, table.layouts()?).await?;
    let mut change = Change::new("WRITE", if overwrite { Reads::Removed } else { Reads::Nothing });
    let load_id = Uuid::new_v4();
    change.load_id = Some(load_id);
    change
        .parameters
        .push(("mode", if overwrite { "Overwrite" } else { "Append" }.to_owned()));
    change.add(&staged);
    if overwrite {
        change.replace_partitions(table.snapshot());
    }
    let version = table
        .log()
        .commit(table.name(), table.snapshot(), &change)
        .await?;
    let rows = staged.rows;
    staged.keep();
    let answer = Answer {
        load_id,
        version,
        input: rows,
        inserted: Some(rows),
        ..Answer::default()
    };
    Ok(answer.into_body())
}
