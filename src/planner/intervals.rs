//! `n * INTERVAL '…'`, which DataFusion's operators do not have.

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ExprSchemable};
use sqlparser::ast::BinaryOperator;

use crate::functions::multiply_interval;

/// Plans the product of an interval and an integer.
#[derive(Debug, Default)]
pub struct Intervals;

impl ExprPlanner for Intervals {
    fn plan_binary_op(
        &self,
        expression: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        if expression.op != BinaryOperator::Multiply {
            return Ok(PlannerResult::Original(expression));
        }
        let (Ok(left), Ok(right)) = (
            expression.left.get_type(schema),
            expression.right.get_type(schema),
        ) else {
            return Ok(PlannerResult::Original(expression));
        };
        let arguments = if matches!(left, DataType::Interval(_)) && right.is_integer() {
            vec![expression.left, expression.right]
        } else if matches!(right, DataType::Interval(_)) && left.is_integer() {
            vec![expression.right, expression.left]
        } else {
            return Ok(PlannerResult::Original(expression));
        };
        let call = ScalarFunction::new_udf(multiply_interval().into(), arguments);
        Ok(PlannerResult::Planned(Expr::ScalarFunction(call)))
    }
}
