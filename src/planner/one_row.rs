//! Conditions on subqueries that depend on their outer query and that DataFusion's joins answer otherwise:
//! an aggregate of all rows has a row where nothing matches, which a join does not give; an `OFFSET` is
//! left out.

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{BinaryExpr, Expr, FetchType, LogicalPlan, Operator, SkipType, Subquery, lit};

use crate::error::{Code, Error};

/// `EXISTS` of one row is true, and `IN` one row is `=`; the same about aggregates further within is refused.
/// It runs before types are settled.
///
/// # Errors
/// [`Code::Unsupported`].
pub(super) fn settle(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|plan| {
        let names = NamePreserver::new(&plan);
        plan.map_expressions(|expr| {
            let name = names.save(&expr);
            let settled = expr.transform_up(settled)?;
            Ok(settled.update_data(|expr| name.restore(expr)))
        })
    })
    .data()
}

fn settled(expr: Expr) -> Result<Transformed<Expr>> {
    match expr {
        Expr::Exists(Exists { subquery, negated }) => {
            if has_one_row(&subquery.subquery)? {
                return Ok(Transformed::yes(lit(!negated)));
            }
            check(&subquery)?;
            Ok(Transformed::no(Expr::Exists(Exists { subquery, negated })))
        }
        Expr::InSubquery(InSubquery {
            expr,
            subquery,
            negated,
        }) => {
            let depends = !subquery.outer_ref_columns.is_empty();
            if depends && has_one_row(&subquery.subquery)? {
                let operator = match negated {
                    true => Operator::NotEq,
                    false => Operator::Eq,
                };
                let value = Box::new(Expr::ScalarSubquery(subquery));
                return Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr::new(
                    expr, operator, value,
                ))));
            }
            check(&subquery)?;
            Ok(Transformed::no(Expr::InSubquery(InSubquery {
                expr,
                subquery,
                negated,
            })))
        }
        Expr::SetComparison(comparison) => {
            check(&comparison.subquery)?;
            Ok(Transformed::no(Expr::SetComparison(comparison)))
        }
        other => Ok(Transformed::no(other)),
    }
}

/// Whether a query is seen to have one row, whatever its tables have.
fn has_one_row(plan: &LogicalPlan) -> Result<bool> {
    match plan {
        LogicalPlan::Projection(projection) => has_one_row(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => has_one_row(&alias.input),
        LogicalPlan::Sort(sort) => has_one_row(&sort.input),
        LogicalPlan::Limit(limit) => {
            let skips_none = matches!(limit.get_skip_type()?, SkipType::Literal(0));
            let takes_one = matches!(
                limit.get_fetch_type()?,
                FetchType::Literal(fetch) if fetch.is_none_or(|fetch| fetch > 0)
            );
            Ok(skips_none && takes_one && has_one_row(&limit.input)?)
        }
        LogicalPlan::Aggregate(aggregate) => Ok(aggregate.group_expr.is_empty()),
        _ => Ok(false),
    }
}

/// Refuses what would be answered otherwise.
fn check(subquery: &Subquery) -> Result<()> {
    if subquery.outer_ref_columns.is_empty() {
        return Ok(());
    }
    let mut refused = None;
    subquery.subquery.apply(|plan| {
        let what = match plan {
            LogicalPlan::Aggregate(aggregate) if gives_a_row_of_none(&aggregate.group_expr) => {
                "an aggregate of all rows in EXISTS or IN"
            }
            LogicalPlan::Limit(limit) if !matches!(limit.get_skip_type()?, SkipType::Literal(0)) => {
                "OFFSET in EXISTS or IN"
            }
            _ => return Ok(TreeNodeRecursion::Continue),
        };
        if plan.all_out_ref_exprs().is_empty() {
            return Ok(TreeNodeRecursion::Jump);
        }
        refused = Some(what);
        Ok(TreeNodeRecursion::Stop)
    })?;
    match refused {
        Some(what) => {
            let message = format!("{what} of a subquery that depends on its outer query is not supported");
            let hint = "compare a subquery's value instead, such as (SELECT count(*) …) > n";
            Err(Error::new(Code::Unsupported, message).with_hint(hint).into())
        }
        None => Ok(()),
    }
}

/// Whether grouping no rows by `keys` gives a row.
fn gives_a_row_of_none(keys: &[Expr]) -> bool {
    keys.is_empty() || keys.iter().any(|key| matches!(key, Expr::GroupingSet(_)))
}
