//! `CHECK TABLE t [WHERE …] [OR FAIL]`: a row a rule, and a run in the history.

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::SchemaRef;
use chrono::Utc;
use datafusion::common::TableReference;
use uuid::Uuid;

use super::target::Target;
use crate::definition::{Rule, RuleOutcome, RuleStatus, Severity, TableKind};
use crate::engine::checks::{Check, Run, RunKind, files_of, prove};
use crate::engine::outcome::{Body, Rows};
use crate::engine::rules::{Binding, finding};
use crate::engine::safe;
use crate::engine::session::Session;
use crate::engine::system::batch;
use crate::error::{Code, Error, Result};
use crate::syntax::{CheckTable, Parameters, Piece};
use crate::table::ManagedTableProvider;

pub(super) async fn execute(
    session: &Session,
    piece: &Piece,
    check: &CheckTable,
    parameters: &Parameters,
) -> Result<Body> {
    let (began, at) = (Instant::now(), Utc::now());
    let target = Target::new(session, &check.table)?;
    let definition = target.definition(session)?;
    if matches!(definition.kind, TableKind::View(_)) {
        let message = format!("'{}' is a view, which has no rules", target.full_name());
        return Err(Error::new(Code::WrongObjectType, message)
            .with_hint("rules are those of tables: SELECT * FROM violations((SELECT …), 'zone.table')")
            .at(piece.locate(check.table.span)));
    }
    let state = session.state();
    let rows = session.plan(&state, piece, parameters).await?;
    let translated = |e| session.translated_without_place(e);
    let schema = state
        .schema_for_ref(TableReference::from(&check.table))
        .map_err(translated)?;
    let table = schema.table(&check.table.table).await.map_err(translated)?;
    let table = table.ok_or_else(|| session.lake().catalog().not_found(&target.zone, &target.name))?;
    let binding = Binding {
        session,
        state: &state,
        table: (&target.zone.name, &definition.name),
        schema: table.schema(),
        itself: None,
        statement: None,
    };
    let checking = Check {
        session,
        state: &state,
        piece,
    };
    let managed = table.downcast_ref::<ManagedTableProvider>();
    let whole = managed.filter(|_| check.is_whole);
    let found = checking.run(&binding, &definition.rules, rows, whole).await?;
    let name = format!("{}.{}", target.zone.name, definition.name);
    let run = Run {
        id: Uuid::new_v4().to_string(),
        kind: RunKind::Check,
        table: name.clone(),
        version: managed.map(|table| table.snapshot().version()),
        started_at: at,
        duration_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        findings: found.iter().map(finding).collect(),
    };
    // A session that changes nothing leaves no trace either.
    if !safe::is_on(session.config().read().options()) {
        session.lake().checks().record(&run)?;
        if let Some(table) = whole {
            let holds = |rule: &Rule| {
                let mut found = found.iter();
                let found = found.find(|outcome| outcome.rule == rule.name);
                found.is_some_and(|found| found.violations == 0 && found.status != RuleStatus::Error)
            };
            let files = files_of(table.snapshot());
            prove(session, table, &definition.rules, files, true, holds).await?;
        }
    }
    match check.or_fail.then(|| failure(&name, &found)).flatten() {
        Some(error) => Err(error),
        None => Ok(Body::Rows(Rows::of_batch(answer(&found)))),
    }
}

/// That rules which must hold do not.
fn failure(table: &str, found: &[RuleOutcome]) -> Option<Error> {
    let must = |outcome: &RuleOutcome| matches!(outcome.severity, Severity::Error | Severity::Critical);
    let fails = |outcome: &&RuleOutcome| {
        must(outcome) && matches!(outcome.status, RuleStatus::Fail | RuleStatus::Error)
    };
    let broken: Vec<String> = found.iter().filter(fails).map(said).collect();
    if broken.is_empty() {
        return None;
    }
    let rules = if broken.len() == 1 { "a rule" } else { "rules" };
    let message = format!("table '{table}' breaks {rules}: {}", broken.join("; "));
    let hint = format!("SELECT * FROM violations({table}) shows the rows");
    Some(Error::new(Code::RuleViolation, message).with_hint(hint))
}

fn said(outcome: &RuleOutcome) -> String {
    match (&outcome.message, outcome.rows) {
        (Some(message), _) => format!("'{}' could not be evaluated ({message})", outcome.rule),
        (None, 1) => format!("'{}'", outcome.rule),
        (None, rows) => format!("'{}' by {} of {rows} rows", outcome.rule, outcome.violations),
    }
}

/// The columns of the answer.
pub(super) fn schema() -> SchemaRef {
    answer(&[]).schema()
}

fn answer(outcomes: &[RuleOutcome]) -> RecordBatch {
    let outcomes = || outcomes.iter();
    let text = |get: fn(&RuleOutcome) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(outcomes().map(get)))
    };
    let number = |get: fn(&RuleOutcome) -> u64| -> ArrayRef {
        let numbers = outcomes().map(|outcome| i64::try_from(get(outcome)).unwrap_or(i64::MAX));
        Arc::new(Int64Array::from_iter_values(numbers))
    };
    let rates = outcomes().map(RuleOutcome::rate).collect::<Float64Array>();
    let thresholds = outcomes()
        .map(|outcome| Some(outcome.threshold))
        .collect::<Float64Array>();
    batch(vec![
        ("rule", text(|outcome| outcome.rule.clone())),
        ("dimension", text(|outcome| outcome.dimension.to_string())),
        ("severity", text(|outcome| outcome.severity.to_string())),
        ("action", text(|outcome| outcome.action.to_string())),
        ("rows", number(|outcome| outcome.rows)),
        ("violations", number(|outcome| outcome.violations)),
        ("rate", Arc::new(rates)),
        ("threshold", Arc::new(thresholds)),
        ("status", text(|outcome| outcome.status.to_string())),
    ])
}
