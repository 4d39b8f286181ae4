//! Plans with their dear conditions computed once a value.

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, InListExpr, LikeExpr};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};

use super::expression::PerValue;

/// `plan` with the dear conditions of its projections computed once a value.
///
/// # Errors
/// DataFusion's own, if a node cannot be rebuilt.
pub fn per_value(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    plan.transform_up(|plan| {
        let Some(projection) = plan.downcast_ref::<ProjectionExec>() else {
            return Ok(Transformed::no(plan));
        };
        let schema = projection.input().schema();
        let expressions: Vec<_> = projection
            .expr()
            .iter()
            .map(|own| rewritten(Arc::clone(&own.expr), &schema))
            .collect::<Result<_>>()?;
        if !expressions.iter().any(|expr| expr.transformed) {
            return Ok(Transformed::no(plan));
        }
        let expressions = expressions.into_iter().zip(projection.expr());
        let expressions = expressions.map(|(expr, own)| ProjectionExpr {
            expr: expr.data,
            alias: own.alias.clone(),
        });
        let projection = ProjectionExec::try_new(expressions, Arc::clone(projection.input()))?;
        Ok(Transformed::yes(Arc::new(projection) as _))
    })
    .data()
}

/// The largest parts of `expr` that are dear and over one text column, once a value.
fn rewritten(expr: Arc<dyn PhysicalExpr>, schema: &Schema) -> Result<Transformed<Arc<dyn PhysicalExpr>>> {
    expr.transform_down(|expr| {
        if !is_dear(&expr)? {
            return Ok(Transformed::new(
                expr,
                false,
                datafusion::common::tree_node::TreeNodeRecursion::Jump,
            ));
        }
        Ok(match PerValue::new(Arc::clone(&expr), schema) {
            Some(once) => Transformed::new(
                Arc::new(once) as Arc<dyn PhysicalExpr>,
                true,
                datafusion::common::tree_node::TreeNodeRecursion::Jump,
            ),
            None => Transformed::no(expr),
        })
    })
}

/// Whether it looks into a list, matches a pattern or calls a function.
fn is_dear(expr: &Arc<dyn PhysicalExpr>) -> Result<bool> {
    expr.exists(|expr| {
        let matches = expr.downcast_ref::<BinaryExpr>().is_some_and(|binary| {
            matches!(
                binary.op(),
                Operator::RegexMatch
                    | Operator::RegexIMatch
                    | Operator::RegexNotMatch
                    | Operator::RegexNotIMatch
            )
        });
        Ok(matches || expr.is::<InListExpr>() || expr.is::<LikeExpr>() || expr.is::<ScalarFunctionExpr>())
    })
}
