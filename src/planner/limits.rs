//! Parameters in `LIMIT` and `OFFSET` are whole numbers: a text there is told before DataFusion tells of
//! it in words that name no parameter.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan};

use crate::error::{Code, Error};
use crate::syntax::{Parameters, Piece};

/// Checks the parameters of a plan's limits.
///
/// # Errors
/// [`Code::DatatypeMismatch`] at the placeholder.
pub(super) fn check(plan: &LogicalPlan, piece: &Piece, parameters: &Parameters) -> Result<()> {
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::Limit(limit) = node {
            for bound in [&limit.skip, &limit.fetch].into_iter().flatten() {
                bound.apply(|part| {
                    check_part(part, piece, parameters)?;
                    Ok(TreeNodeRecursion::Continue)
                })?;
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

fn check_part(part: &Expr, piece: &Piece, parameters: &Parameters) -> Result<()> {
    let Expr::Placeholder(placeholder) = part else {
        return Ok(());
    };
    let name = placeholder.id.trim_start_matches('$');
    let is_number = |name| {
        let value = parameters.get(name)?;
        Some(value.is_null() || value.data_type().is_integer())
    };
    if is_number(name) != Some(false) {
        return Ok(());
    }
    let error = Error::new(
        Code::DatatypeMismatch,
        format!("parameter '${name}' is no whole number, which LIMIT and OFFSET need"),
    )
    .with_hint(format!("give it a type: {name}:BIGINT=…"));
    Err(match piece.locate_parameter(name) {
        Some(place) => error.at(place),
        None => error,
    }
    .into())
}
