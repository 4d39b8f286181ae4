//! Arithmetic on integers that fails where its result does not fit.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{DFSchema, ExprSchema};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;

use crate::functions::CheckedOperator;

/// Puts checked functions in the place of `+`, `-`, `*` and negation of integers. Types are coerced
/// before.
#[derive(Debug, Default)]
pub struct CheckedArithmetic;

impl AnalyzerRule for CheckedArithmetic {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|plan| {
            let schema = schema_of(&plan);
            let names = NamePreserver::new(&plan);
            let rewritten = plan.map_expressions(|expression| {
                let name = names.save(&expression);
                let checked = expression.transform_up(|e| checked(e, &schema))?;
                Ok(checked.update_data(|e| name.restore(e)))
            })?;
            rewritten.map_data(LogicalPlan::recompute_schema)
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "checked_arithmetic"
    }
}

/// The columns that the plan's expressions read.
fn schema_of(plan: &LogicalPlan) -> DFSchema {
    let mut schema = merge_schema(&plan.inputs());
    if let LogicalPlan::TableScan(scan) = plan {
        // Its filters read what it does not give.
        let source = scan.source.schema();
        if let Ok(all) = DFSchema::try_from_qualified_schema(scan.table_name.clone(), &source) {
            schema.merge(&all);
        }
    }
    schema
}

fn checked(expression: Expr, schema: &dyn ExprSchema) -> Result<Transformed<Expr>> {
    // An operand whose type is not known here is not an integer that anybody computed.
    // What is checked already is known to be one: to ask each part of a long sum for its type would take
    // a time that grows with the square of its length.
    let is_integer = |e: &Expr| match e {
        Expr::ScalarFunction(call) if CheckedOperator::in_place_of(&call.func).is_some() => true,
        other => other
            .get_type(schema)
            .is_ok_and(|data_type| data_type.is_integer()),
    };
    let is_null = |e: &Expr| matches!(e, Expr::Literal(value, _) if value.is_null());
    let (operator, arguments) = match expression {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match CheckedOperator::of(op) {
            // With NULL there is nothing to compute, and functions that want a literal get one.
            Some(operator)
                if is_integer(&left) && is_integer(&right) && !is_null(&left) && !is_null(&right) =>
            {
                match *left {
                    Expr::ScalarFunction(mut call)
                        if CheckedOperator::in_place_of(&call.func) == Some(operator) =>
                    {
                        call.args.push(*right);
                        return Ok(Transformed::yes(Expr::ScalarFunction(call)));
                    }
                    left => (operator, vec![left, *right]),
                }
            }
            _ => return Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right }))),
        },
        Expr::Negative(inner) if is_integer(&inner) => (CheckedOperator::Negate, vec![*inner]),
        other => return Ok(Transformed::no(other)),
    };
    let function = Arc::new(operator.function());
    Ok(Transformed::yes(Expr::ScalarFunction(ScalarFunction::new_udf(
        function, arguments,
    ))))
}
