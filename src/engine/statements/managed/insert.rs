//! `INSERT INTO` and `INSERT OVERWRITE`.

use datafusion::logical_expr::LogicalPlan;
use datafusion::logical_expr::dml::{InsertOp, WriteOp};

use super::{Answer, Held, Passage, definition, resolve};
use crate::engine::outcome::Body;
use crate::engine::session::Session;
use crate::error::{Code, Error, Result};
use crate::syntax::{Insert, Parameters, Piece};
use crate::table::ManagedTableProvider;
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
    let held = held(&table, overwrite);
    let definition = definition(session, &insert.table)?;
    let passage = Passage::open(session, &state, piece, &table, &definition, insert.reject_limit).await?;
    let answer = load(&passage, &dml.input, held, overwrite).await?;
    Ok(answer.into_body())
}

/// What the table holds beside the rows that come.
pub(super) fn held(table: &ManagedTableProvider, overwrite: bool) -> Held {
    match (overwrite, table.snapshot().partition_columns()) {
        (false, _) => Held::All,
        (true, []) => Held::Nothing,
        (true, _) => Held::OtherPartitions,
    }
}

/// Puts the rows of `input` through the gate and into the table.
pub(crate) async fn load(
    passage: &Passage<'_>,
    input: &LogicalPlan,
    held: Held,
    overwrite: bool,
) -> Result<Answer> {
    let least = if overwrite { Reads::Removed } else { Reads::Nothing };
    let reads = passage.reads(least, Some(input));
    let mut change = Change::new("WRITE", reads);
    change
        .parameters
        .push(("mode", if overwrite { "Overwrite" } else { "Append" }.to_owned()));
    carry_out(passage, input, held, change, overwrite).await
}

/// The same, as a change of the caller's.
pub(super) async fn carry_out(
    passage: &Passage<'_>,
    input: &LogicalPlan,
    held: Held,
    mut change: Change,
    overwrite: bool,
) -> Result<Answer> {
    let table = passage.table;
    let passed = passage.stage(input, held, None).await?;
    passed.fill(&mut change);
    if overwrite {
        change.replace_partitions(table.snapshot());
    }
    let version = table
        .log()
        .commit(table.name(), table.snapshot(), &change)
        .await?;
    let counts = passed.counts.clone();
    passage.committed(passed, version).await;
    Ok(Answer {
        load_id: passage.load_id,
        version,
        input: counts.input,
        inserted: Some(counts.accepted()),
        quarantined: counts.quarantined,
        dropped: counts.dropped,
        warned: counts.warned,
        ..Answer::default()
    })
}
