//! `REPLAY QUARANTINE t`: rows that were kept aside, repaired or not, through the gate again.
//!
//! The commit that takes them into the table (or back into quarantine, if they still break a rule) is
//! the one that hides where they were: each row is put through once, whatever happens in between, and of
//! two replays at once one is refused. Rows that are not picked stay in quarantine as they are. Without a
//! query a row comes as the load gave it: a text that did not convert is tried again, and never becomes
//! NULL.

use datafusion::common::Column;
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, cast, try_cast};

use super::conversion::{may_fail, raw_name};
use super::{Answer, Held, Passage, definition, number, resolve};
use crate::engine::outcome::Body;
use crate::engine::session::Session;
use crate::error::{Code, Error, Result};
use crate::operators::validate::RAW;
use crate::syntax::quote::{identifier, literal};
use crate::syntax::{Parameters, Piece, Replay, Script};
use crate::table::ManagedTableProvider;
use crate::table::managed::{Change, Reads};
use datafusion::catalog::TableProvider;

pub(crate) async fn replay(
    session: &Session,
    piece: &Piece,
    replay: &Replay,
    parameters: &Parameters,
) -> Result<Body> {
    let state = session.state();
    let table = resolve(session, piece, &replay.table, "REPLAY QUARANTINE").await?;
    let loads = table.log().quarantines(table.snapshot()).await?;
    let queries = Queries::new(&table, replay);
    let plan = |sql: String| {
        let state = &state;
        async move {
            let text = Script::new(&sql).into_pieces().next();
            let text = text.ok_or_else(|| Error::new(Code::Internal, "a replay has no query"))??;
            let planned = session.plan(state, &text, parameters).await;
            // The text is the engine's own: its places mean nothing to who wrote the statement.
            planned.map_err(|e| Error::new(e.code(), e.message()).with_hint_if(e.hint().map(str::to_owned)))
        }
    };
    let picked = number(session, piece, &plan(queries.count()).await?).await?;
    let definition = definition(session, &replay.table)?;
    let mut passage = Passage::open(session, &state, piece, &table, &definition, None).await?;
    if picked == 0 {
        let answer = Answer {
            load_id: passage.load_id,
            version: table.snapshot().version(),
            inserted: Some(0),
            ..Answer::default()
        };
        return Ok(answer.into_body());
    }
    let input = plan(queries.input()).await?;
    let input = match replay.query {
        Some(_) => converted(&input, &table, session, piece)?,
        None => {
            let input = as_given(&input, &table, passage.keeps_raw_values());
            input.map_err(|e| session.translated(e, piece))?
        }
    };
    if replay.predicate.is_some() {
        passage.keep_aside(plan(queries.others()).await?);
    }
    let passed = passage.stage(&input, Held::All, None).await?;
    if passed.counts.input != picked {
        let message = format!(
            "{picked} rows were picked and the query gives {}",
            passed.counts.input
        );
        return Err(Error::new(Code::InvalidStatement, message)
            .with_hint("each row is put through the gate once: pick rows with REPLAY QUARANTINE … WHERE"));
    }
    let mut change = Change::new("REPLAY QUARANTINE", passage.reads(Reads::Nothing, Some(&input)));
    passed.fill(&mut change);
    for load in &loads {
        change.hide_quarantine(load);
    }
    let version = table
        .log()
        .commit(table.name(), table.snapshot(), &change)
        .await?;
    let counts = passed.counts.clone();
    passage.committed(passed, version).await;
    let answer = Answer {
        load_id: passage.load_id,
        version,
        input: counts.input,
        inserted: Some(counts.accepted()),
        quarantined: counts.quarantined,
        dropped: counts.dropped,
        warned: counts.warned,
        ..Answer::default()
    };
    Ok(answer.into_body())
}

/// The queries over the quarantine, as text: names in them are found as in any other.
struct Queries<'a> {
    quarantine: String,
    /// The table's, and behind them the texts that did not convert.
    columns: String,
    predicate: Option<&'a str>,
    query: Option<&'a str>,
}

impl<'a> Queries<'a> {
    fn new(table: &ManagedTableProvider, replay: &'a Replay) -> Self {
        let (zone, name) = table.name().split_once('.').unwrap_or(("", table.name()));
        let schema = table.schema();
        let fields = || schema.fields().iter().enumerate();
        let own = fields().map(|(_, field)| identifier(field.name()).to_string());
        let raw = fields().filter(|(_, field)| may_fail(field.data_type()));
        let raw = raw.map(|(i, field)| {
            let column = literal(field.name());
            format!("raw_value({RAW}, {column}) AS {}", raw_name(i))
        });
        let columns: Vec<String> = own.chain(raw).collect();
        Self {
            quarantine: format!(
                "{}.\"{}$quarantine\"",
                identifier(zone),
                name.replace('"', "\"\"")
            ),
            columns: columns.join(", "),
            predicate: replay.predicate.as_ref().map(|predicate| predicate.sql.as_str()),
            query: replay.query.as_ref().map(|query| query.sql.as_str()),
        }
    }

    fn picked(&self) -> String {
        let from = format!("SELECT * FROM {}", self.quarantine);
        match self.predicate {
            Some(predicate) => format!("{from} WHERE ({predicate})"),
            None => from,
        }
    }

    fn count(&self) -> String {
        format!("SELECT count(*) FROM ({}) AS quarantined", self.picked())
    }

    fn input(&self) -> String {
        let own = format!("SELECT {} FROM quarantined", self.columns);
        let query = self.query.unwrap_or(&own);
        format!(
            "WITH quarantined AS ({}) SELECT * FROM ({query}) AS replayed",
            self.picked()
        )
    }

    fn others(&self) -> String {
        let predicate = self.predicate.unwrap_or("true");
        format!(
            "SELECT * FROM {} WHERE ({predicate}) IS NOT TRUE",
            self.quarantine
        )
    }
}

/// The table's columns as a load gave them: a text that did not convert in its column's place. If such
/// texts are to be kept, they stand behind.
fn as_given(
    plan: &LogicalPlan,
    table: &ManagedTableProvider,
    keeps_raw_values: bool,
) -> datafusion::error::Result<LogicalPlan> {
    let schema = table.schema();
    let column = |i: usize| Expr::Column(Column::from(plan.schema().qualified_field(i)));
    let count = schema.fields().len();
    let (mut own, mut raw) = (Vec::with_capacity(count), Vec::new());
    for (i, field) in schema.fields().iter().enumerate() {
        let (value, data_type) = (column(i), field.data_type().clone());
        if !may_fail(&data_type) {
            own.push(value.alias(field.name()));
            continue;
        }
        let given = column(count + raw.len());
        let again = match keeps_raw_values {
            true => try_cast(given.clone(), data_type),
            false => cast(given.clone(), data_type),
        };
        own.push(coalesce(vec![value, again]).alias(field.name()));
        raw.push(given.alias(raw_name(i)));
    }
    if keeps_raw_values {
        own.append(&mut raw);
    }
    LogicalPlanBuilder::from(plan.clone()).project(own)?.build()
}

/// The query's columns as the table's, by position.
fn converted(
    plan: &LogicalPlan,
    table: &ManagedTableProvider,
    session: &Session,
    piece: &Piece,
) -> Result<LogicalPlan> {
    let schema = table.schema();
    let given = plan.schema().fields().len();
    if given != schema.fields().len() {
        let message = format!(
            "the query gives {given} columns, and table '{}' has {}",
            table.name(),
            schema.fields().len()
        );
        return Err(Error::new(Code::InvalidStatement, message)
            .with_hint("AS SELECT gives the table's columns, in their order")
            .at(piece.start()));
    }
    let columns = schema.fields().iter().enumerate().map(|(i, field)| {
        let from = Expr::Column(Column::from(plan.schema().qualified_field(i)));
        Ok(from
            .cast_to(field.data_type(), plan.schema())?
            .alias(field.name()))
    });
    let columns = columns.collect::<datafusion::error::Result<Vec<_>>>();
    columns
        .and_then(|columns| LogicalPlanBuilder::from(plan.clone()).project(columns)?.build())
        .map_err(|e| session.translated(e, piece))
}
