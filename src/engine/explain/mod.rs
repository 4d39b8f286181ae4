//! `EXPLAIN` and `EXPLAIN ANALYZE` as a tree that reads: a row a node, from the result down to the files.
//!
//! Owns the statements without a `FORMAT`, and those that write a managed table in any; other queries with one,
//! and with `VERBOSE` or another option, are DataFusion's own.

mod analyze;
mod measured;
mod tree;

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::common::config::ConfigOptions;
use datafusion::common::format::ExplainFormat;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Explain, LogicalPlan};
use datafusion::physical_plan::{ExecutionPlan, displayable};
use datafusion::sql::parser::Statement as Standard;

use self::analyze::AnalyzeExec;
use super::outcome::{Body, Rows};
use super::safe::is_query;
use super::session::Session;
use super::statements::explained;
use crate::error::Result;
use crate::syntax::{Parameters, Piece};

/// Whether a statement is an `EXPLAIN` that this module answers.
pub(super) fn is_tree(statement: &Standard, options: &ConfigOptions) -> bool {
    let Standard::Explain(explain) = statement else {
        return false;
    };
    let explain = &explain.options;
    let is_plain = !explain.verbose
        && explain.analyze_level.is_none()
        && explain.analyze_categories.is_none()
        && explain.show_statistics.is_none();
    is_plain
        && match &explain.format {
            None => options.explain.format == ExplainFormat::Indent,
            // DataFusion draws no tree of what it has measured.
            Some(format) => explain.analyze && *format == ExplainFormat::Tree,
        }
}

/// Whether a statement is an `EXPLAIN` of one that writes.
pub(super) fn is_of_write(statement: &Standard) -> bool {
    match statement {
        Standard::Explain(explain) => !is_query(&explain.statement),
        _ => false,
    }
}

/// Explains the statement `piece`, for which [`is_of_write`] holds and [`is_tree`] does not.
///
/// # Errors
/// As of planning.
pub(super) async fn execute_in_format(
    session: &Session,
    piece: &Piece,
    parameters: &Parameters,
) -> Result<Body> {
    let state = &session.state();
    let LogicalPlan::Explain(explain) = session.plan(state, piece, parameters).await? else {
        return Ok(Body::Rows(session.query(piece, parameters).await?));
    };
    let load = match explain.plan.as_ref() {
        LogicalPlan::Dml(dml) => explained(session, state, piece, dml).await?,
        _ => None,
    };
    let Some(plan) = load else {
        return Ok(Body::Rows(session.query(piece, parameters).await?));
    };
    let rows = in_format(state, &explain, &plan);
    let rows = rows.map_err(|error| session.translated(error, piece))?;
    Ok(Body::Rows(Rows::of_batch(rows)))
}

/// What DataFusion says of a query in the format, of a write.
fn in_format(
    state: &SessionState,
    explain: &Explain,
    plan: &Arc<dyn ExecutionPlan>,
) -> datafusion::error::Result<RecordBatch> {
    let logical = || state.optimize(&explain.plan);
    let shown = displayable(plan.as_ref());
    let rows = match explain.explain_format {
        ExplainFormat::Indent => vec![
            ("logical_plan", logical()?.display_indent().to_string()),
            ("physical_plan", shown.indent(explain.verbose).to_string()),
        ],
        ExplainFormat::Tree => vec![("physical_plan", shown.tree_render().to_string())],
        ExplainFormat::PostgresJSON => vec![("logical_plan", logical()?.display_pg_json().to_string())],
        ExplainFormat::Graphviz => vec![("logical_plan", logical()?.display_graphviz().to_string())],
    };
    let (kinds, plans): (Vec<&str>, Vec<String>) = rows.into_iter().unzip();
    let columns: [ArrayRef; 2] = [
        Arc::new(StringArray::from(kinds)),
        Arc::new(StringArray::from(plans)),
    ];
    Ok(RecordBatch::try_from_iter(
        ["plan_type", "plan"].into_iter().zip(columns),
    )?)
}

/// Explains the statement `piece`, for which [`is_tree`] holds.
///
/// # Errors
/// As of planning; with `ANALYZE` the rows fail as the query's do.
pub(super) async fn execute(session: &Session, piece: &Piece, parameters: &Parameters) -> Result<Body> {
    let state = &session.state();
    match session.plan(state, piece, parameters).await? {
        LogicalPlan::Analyze(analyze) => {
            let input = session.physical(state, piece, &analyze.input).await?;
            let plan = Arc::new(AnalyzeExec::new(input));
            Ok(Body::Rows(session.stream(state, piece, plan)?))
        }
        LogicalPlan::Explain(explain) => {
            let load = match explain.plan.as_ref() {
                LogicalPlan::Dml(dml) => explained(session, state, piece, dml).await?,
                _ => None,
            };
            let plan = match load {
                Some(plan) => plan,
                None => session.physical(state, piece, &explain.plan).await?,
            };
            let rows = tree::estimated(&plan).map_err(|error| session.translated(error, piece))?;
            Ok(Body::Rows(Rows::of_batch(rows)))
        }
        other => {
            let plan = session.physical(state, piece, &other).await?;
            Ok(Body::Rows(session.stream(state, piece, plan)?))
        }
    }
}
