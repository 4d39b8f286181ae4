//! [`Statement`] → logical plan.
//!
//! DataFusion's planner does the work; this module stands around it: what it would ignore without a
//! word is refused (`guard`, `calls`, `spellings`), names are found in any case (`names`, `table_names`), a star over
//! a qualified table is spelled out (`wildcards`), parameters are bound to the plan and never to
//! the text, functions that take a relation become their plans (`relations`), and columns are called
//! what was written (`output_names`).
//! Forms of SQL that it lacks are written as ones that it has (`forms`), relations of shapes that it lacks are
//! planned here (`shapes`).
//! Integers are computed with so that nothing wraps around ([`CheckedArithmetic`]), and times compared as
//! what they are ([`ExactTimes`]).
//! A long `VALUES` is a table in memory ([`ConstantRows`]).
//! Around the physical planner: the operators that it lacks ([`Planner`]), and joins are made to stop
//! when they are told to ([`cancellable`]).

mod assignments;
mod calls;
mod cancellable;
mod checked;
mod constant_rows;
mod exact_times;
mod expression;
mod file_names;
mod forms;
mod guard;
mod intervals;
mod lift_subqueries;
mod limits;
mod literals;
mod multisets;
mod names;
mod one_row;
mod order_keys;
mod output_names;
mod parameters;
mod physical;
mod places;
mod proven;
mod relations;
mod shapes;
mod sizes;
mod spellings;
mod table_names;
mod wildcards;

pub use cancellable::{Cancellation, cancellable};
pub use checked::CheckedArithmetic;
pub use constant_rows::ConstantRows;
pub use exact_times::ExactTimes;
pub use expression::expression;
pub use intervals::Intervals;
pub use lift_subqueries::LiftSubqueries;
pub use order_keys::PassOrderKeys;
pub use physical::Planner;
pub use places::{rescanned, with_places};
pub use proven::UseProofs;
pub use relations::spell_out;
pub use shapes::{Answers, Question};

use datafusion::common::{ParamValues, SchemaError};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement as Standard;

use crate::error::{Code, Error};
use crate::syntax::{Parameters, Piece, Statement};

/// Plans what of the statement `piece` DataFusion's planner knows: a query, an INSERT, or the query
/// of a CREATE.
///
/// # Errors
/// DataFusion's own, and this crate's wrapped in `External`.
pub async fn plan(state: &SessionState, piece: &Piece, parameters: &Parameters) -> Result<LogicalPlan> {
    plan_with(state, piece, parameters, &Answers::default()).await
}

/// The same with answers to what it asked of the data.
///
/// # Errors
/// As of [`plan`]; a [`Question`] where one more is needed.
pub async fn plan_with(
    state: &SessionState,
    piece: &Piece,
    parameters: &Parameters,
    answers: &Answers,
) -> Result<LogicalPlan> {
    let values = parameters::values(piece, parameters)?;
    let plan = planned(state, piece, values.as_ref(), answers).await?;
    match values {
        Some(values) => {
            limits::check(&plan, piece, parameters)?;
            plan.with_param_values(values)
        }
        None => Ok(plan),
    }
}

/// The same with its placeholders in it, which tells their types.
///
/// # Errors
/// As of [`plan`].
pub async fn plan_unbound(state: &SessionState, piece: &Piece) -> Result<LogicalPlan> {
    planned(state, piece, None, &Answers::default()).await
}

async fn planned(
    state: &SessionState,
    piece: &Piece,
    values: Option<&ParamValues>,
    answers: &Answers,
) -> Result<LogicalPlan> {
    let mut spelled = piece.clone();
    // Each turn spells a name anew; two rules that disagree about one must not do so for ever.
    let mut turns = piece.tokens().len();
    let mut hints = forms::Hints::default();
    loop {
        let mut statement = Statement::parse(&spelled)?
            .into_planned()
            .ok_or_else(|| Error::new(Code::Internal, "this statement is not planned"))?;
        guard::check(&statement, &spelled)?;
        calls::check(&statement, state, &spelled)?;
        let by_name = spellings::ByName::of(&statement);
        wildcards::qualify(&mut statement);
        file_names::spell_out(&mut statement);
        forms::spell_out_columns(&mut statement, &hints, &spelled)?;
        let columns = output_names::written(&statement);
        let unfound = match wildcards::leaving_out(&statement) {
            Some((without, replaced)) => {
                let planned = to_plan(state, without, &hints, &spelled, values, answers).await;
                planned.err().filter(|error| misses(error, &replaced))
            }
            None => None,
        };
        let planned = match unfound {
            Some(error) => Err(error),
            None => to_plan(state, statement, &hints, &spelled, values, answers).await,
        };
        match planned {
            Ok(plan) => {
                by_name.check(&plan)?;
                return output_names::as_written(multisets::number(plan)?, columns);
            }
            Err(error) => {
                let mut respelled = names::respell(&spelled, &error)?;
                if respelled.is_none() {
                    respelled = table_names::respell(state, &spelled, &error).await;
                }
                match respelled.filter(|_| turns > 0) {
                    Some(respelled) => spelled = respelled,
                    None if hints.learn(&error) => {}
                    None => return Err(error),
                }
                turns = turns.saturating_sub(1);
            }
        }
    }
}

async fn to_plan(
    state: &SessionState,
    mut statement: Standard,
    hints: &forms::Hints,
    piece: &Piece,
    values: Option<&ParamValues>,
    answers: &Answers,
) -> Result<LogicalPlan> {
    forms::spell_out(&mut statement, hints, piece)?;
    let (calls, shapes) = (spell_out(&mut statement), shapes::spell_out(&mut statement));
    if !calls && !shapes {
        return state.statement_to_plan(statement).await;
    }
    let mut state = relations::planning(state, values)?;
    if shapes {
        state = shapes::planning(&state, values, answers)?;
    }
    state.statement_to_plan(statement).await
}

/// Whether `error` is that there is none of the columns `names`.
fn misses(error: &DataFusionError, names: &[String]) -> bool {
    let DataFusionError::SchemaError(error, _) = error.find_root() else {
        return false;
    };
    match error.as_ref() {
        SchemaError::FieldNotFound { field, .. } => names.contains(&field.name),
        _ => false,
    }
}
