//! `EXPLAIN` and `EXPLAIN ANALYZE` as a tree that reads: a row a node, from the result down to the files.
//!
//! Owns the statements without a `FORMAT`; with one, and with `VERBOSE` or another option, they are
//! DataFusion's own.

mod analyze;
mod measured;
mod tree;

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::format::ExplainFormat;
use datafusion::logical_expr::LogicalPlan;
use datafusion::logical_expr::dml::WriteOp;
use datafusion::sql::parser::Statement as Standard;

use self::analyze::AnalyzeExec;
use super::outcome::{Body, Rows};
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
                LogicalPlan::Dml(dml) if matches!(dml.op, WriteOp::Insert(_)) => {
                    explained(session, state, piece, dml).await?
                }
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
