//! `violations(…)` in a plan → the plan of the rows that break rules.

use std::sync::Arc;

use datafusion::common::TableReference;
use datafusion::datasource::provider_as_source;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::definition::TableDefinition;
use crate::engine::rules::Binding;
use crate::engine::session::Session;
use crate::error::{Code, Error, Result};
use crate::operators::judge::{JudgeNode, Purpose, Sets, flagged, plain, previewed};
use crate::operators::validate::BoundRule;
use crate::operators::violations::{ViolationsNode, calls, resolved};

/// `plan` with every call of `violations` planned.
///
/// # Errors
/// [`Code::UndefinedTable`] for a table that is not there; [`Code::InvalidStatement`] for rows that are not
/// like the table's; a rule that does not fit its table.
pub(crate) async fn resolve(
    session: &Session,
    state: &SessionState,
    mut plan: LogicalPlan,
) -> Result<LogicalPlan> {
    let translated = |e| session.translated_without_place(e);
    while let Some(call) = calls(&plan).map_err(translated)?.into_iter().next() {
        let planned = planned(session, state, &call).await?;
        plan = resolved(plan, &call, &planned).map_err(translated)?;
    }
    Ok(plan)
}

/// The rules may refer to views that call it again.
fn planned<'a>(
    session: &'a Session,
    state: &'a SessionState,
    call: &'a ViolationsNode,
) -> BoxFuture<'a, Result<LogicalPlan>> {
    of_rules(session, state, call).boxed()
}

async fn of_rules(session: &Session, state: &SessionState, call: &ViolationsNode) -> Result<LogicalPlan> {
    let translated = |e| session.translated_without_place(e);
    let (zone, definition) = definition(session, &call.rules_of)?;
    let schema = state.schema_for_ref(call.rules_of.clone()).map_err(translated)?;
    let table = schema.table(call.rules_of.table()).await.map_err(translated)?;
    let not_found = || {
        Error::new(
            Code::UndefinedTable,
            format!("table '{}' not found", call.rules_of),
        )
    };
    let table = table.ok_or_else(not_found)?;
    let columns = table.schema();
    let binding = Binding {
        session,
        state,
        table: (&zone, &definition.name),
        schema: Arc::clone(&columns),
        itself: None,
        statement: None,
    };
    let mut rules = binding.bind_all(&definition.rules).await?;
    // What is about all rows at once has no rows that break it.
    rules.retain(|rule| !rule.is_of_table());
    let plan = match call.is_own {
        true => own(&call.input, &rules),
        false => LogicalPlanBuilder::scan("held", provider_as_source(table), None)
            .and_then(LogicalPlanBuilder::build)
            .and_then(plain)
            .and_then(|held| previewed(call.input.clone(), &columns, &rules, &held)),
    };
    plan.map_err(translated)
}

fn own(input: &LogicalPlan, rules: &[BoundRule]) -> datafusion::error::Result<LogicalPlan> {
    let (flagged, judged) = flagged(&plain(input.clone())?, rules, Sets::Among)?;
    JudgeNode::plan(flagged, judged.into(), Purpose::Show)
}

/// The definition of the table that `name` names.
fn definition(session: &Session, name: &TableReference) -> Result<(String, Arc<TableDefinition>)> {
    let default_zone = session.zone();
    let catalog = session.lake().catalog();
    let zone = catalog.zone(name.schema().unwrap_or(&default_zone))?;
    let definition = catalog.table(zone, name.table())?;
    let definition = definition.ok_or_else(|| catalog.not_found(zone, name.table()))?;
    Ok((zone.name.clone(), definition))
}
