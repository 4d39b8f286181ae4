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
        let is_interval = |data_type: &DataType| matches!(data_type, DataType::Interval(_));
        let is_count = |data_type: &DataType| data_type.is_integer() || data_type.is_null();
        let arguments = if is_interval(&left) && is_count(&right) {
            vec![expression.left, expression.right]
        } else if is_interval(&right) && is_count(&left) {
            vec![expression.right, expression.left]
        } else {
            return Ok(PlannerResult::Original(expression));
        };
        let call = ScalarFunction::new_udf(multiply_interval().into(), arguments);
        Ok(PlannerResult::Planned(Expr::ScalarFunction(call)))
    }
}
