//! Subqueries in an aggregate function's arguments that depend on their outer query: DataFusion makes joins
//! of those in a projection and in a filter alone, so the argument is computed in a projection below. Before
//! that, conditions on subqueries that its joins would answer otherwise are settled ([`one_row`]).

use std::sync::Arc;

use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, Projection};
use datafusion::optimizer::AnalyzerRule;

use super::one_row;

/// The rule. It runs before types are settled.
#[derive(Debug)]
pub struct LiftSubqueries;

impl AnalyzerRule for LiftSubqueries {
    fn name(&self) -> &str {
        "lift_subqueries"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        one_row::settle(plan)?
            .transform_up_with_subqueries(|plan| match plan {
                LogicalPlan::Aggregate(aggregate) if aggregate.aggr_expr.iter().any(depends) => {
                    Ok(Transformed::yes(lifted(aggregate)?))
                }
                plan => Ok(Transformed::no(plan)),
            })
            .data()
    }
}

/// Whether an expression has a subquery that depends on what is outside of it.
fn depends(expr: &Expr) -> bool {
    let found = expr.exists(|expr| {
        Ok(matches!(expr, Expr::ScalarSubquery(query) if !query.outer_ref_columns.is_empty()))
    });
    found.unwrap_or(false)
}

fn lifted(aggregate: Aggregate) -> Result<LogicalPlan> {
    let input = aggregate.input.schema().iter();
    let mut columns: Vec<Expr> = input.map(|field| Expr::Column(Column::from(field))).collect();
    let names = NamePreserver::new_for_projection();
    let functions = aggregate.aggr_expr.into_iter().map(|expr| {
        let name = names.save(&expr);
        let expr = expr.transform_down(|expr| {
            let Expr::AggregateFunction(mut call) = expr else {
                return Ok(Transformed::no(expr));
            };
            let arguments = call
                .params
                .args
                .iter_mut()
                .chain(call.params.filter.as_deref_mut());
            for argument in arguments.filter(|argument| depends(argument)) {
                let own = format!("lifted {}", columns.len());
                let computed = std::mem::replace(argument, Expr::Column(Column::new_unqualified(&own)));
                columns.push(computed.alias(own));
            }
            Ok(Transformed::yes(Expr::AggregateFunction(call)))
        });
        expr.data().map(|expr| name.restore(expr))
    });
    let functions = functions.collect::<Result<Vec<_>>>()?;
    let below = LogicalPlan::Projection(Projection::try_new(columns, aggregate.input)?);
    let above = Aggregate::try_new(Arc::new(below), aggregate.group_expr, functions)?;
    Ok(LogicalPlan::Aggregate(above))
}
