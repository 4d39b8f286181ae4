//! Arguments that say how much memory a function sets aside: nothing counts it, so it has to be little.
//!
//! An allocation that fails ends the whole program, and with it every other statement.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan};

use crate::error::{Code, Error};

/// How many centroids a digest keeps at most; a hundred are usual.
const CENTROIDS_AT_MOST: i128 = 100_000;

/// Aggregate functions that keep a digest, and which of their arguments is its size.
const DIGESTS: [(&str, usize); 2] = [
    ("approx_percentile_cont", 2),
    ("approx_percentile_cont_with_weight", 3),
];

/// Checks an optimized plan, in which such arguments are constants.
///
/// # Errors
/// [`Code::InvalidValue`].
pub(super) fn check(plan: &LogicalPlan) -> Result<()> {
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|part| {
                check_call(part)?;
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(())
}

fn check_call(expr: &Expr) -> Result<()> {
    let (name, arguments) = match expr {
        Expr::AggregateFunction(call) => (call.func.name(), &call.params.args),
        Expr::WindowFunction(call) => (call.fun.name(), &call.params.args),
        _ => return Ok(()),
    };
    let size = DIGESTS.iter().find(|(digest, _)| *digest == name);
    let size = size.and_then(|(_, place)| arguments.get(*place));
    match size.and_then(whole) {
        Some(size) if size > CENTROIDS_AT_MOST => {
            let message = format!("'{name}' cannot keep {size} centroids");
            let error = Error::new(Code::InvalidValue, message);
            Err(error
                .with_hint(format!("at most {CENTROIDS_AT_MOST}; a hundred are usual"))
                .into())
        }
        _ => Ok(()),
    }
}

fn whole(expr: &Expr) -> Option<i128> {
    let Expr::Literal(value, _) = expr else {
        return None;
    };
    match value {
        ScalarValue::UInt64(value) => value.map(i128::from),
        value => match value.cast_to(&DataType::Int64) {
            Ok(ScalarValue::Int64(value)) => value.map(i128::from),
            _ => None,
        },
    }
}
