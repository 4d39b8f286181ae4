//! [`Statement`](crate::syntax::Statement) → logical plan.
//!
//! DataFusion's planner does the work; this module stands around it: what it would ignore without a
//! word is refused ([`guard`]), and parameters are bound to the plan, never to the text.

mod guard;
mod parameters;

use datafusion::error::Result;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement as Standard;

use crate::syntax::{Parameters, Piece};

/// Plans a statement that DataFusion's planner knows. `piece` is the statement's text, for places
/// and for the parameters it uses.
///
/// # Errors
/// DataFusion's own, and this crate's wrapped in `External`.
pub(crate) async fn plan(
    state: &SessionState,
    piece: &Piece,
    statement: Standard,
    parameters: &Parameters,
) -> Result<LogicalPlan> {
    guard::check(&statement, piece)?;
    let values = parameters::values(piece, parameters)?;
    let plan = state.statement_to_plan(statement).await?;
    match values {
        Some(values) => plan.with_param_values(values),
        None => Ok(plan),
    }
}
