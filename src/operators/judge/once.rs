//! Rules about all rows at once whose conditions have aggregates, together in one aggregation.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result, ScalarValue};
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::utils::find_aggregate_exprs;
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Operator, cast, lit,
};

use super::logical::HIDDEN;

/// A condition with aggregates, and the rows that they are over.
#[derive(Debug, Clone, Copy)]
pub struct Once<'a> {
    /// Boolean.
    pub condition: &'a Expr,
    /// All rows, if there is none.
    pub filter: Option<&'a Expr>,
}

/// One row: for each of `rules` whether its condition holds, and the number that it compares (NULL if it
/// compares none). `rows` is read once, to its end, even for no rules.
///
/// # Errors
/// DataFusion's own.
pub fn at_once(rows: LogicalPlan, rules: &[Once<'_>]) -> Result<LogicalPlan> {
    let mut aggregates = vec![count(lit(1_i64)).alias(format!("{HIDDEN}n"))];
    let mut replaced = Vec::with_capacity(rules.len());
    for rule in rules {
        let own = find_aggregate_exprs([rule.condition]);
        let first = aggregates.len();
        for (i, aggregate) in own.iter().enumerate() {
            let filtered = with_filter(aggregate.clone(), rule.filter);
            aggregates.push(filtered.alias(name(first + i)));
        }
        let condition = rule.condition.clone().transform_down(|expr| {
            Ok(match own.iter().position(|aggregate| *aggregate == expr) {
                Some(i) => Transformed::new(column(&name(first + i)), true, TreeNodeRecursion::Jump),
                None => Transformed::no(expr),
            })
        });
        replaced.push(condition.data()?);
    }
    let plan = LogicalPlanBuilder::from(rows).aggregate(Vec::<Expr>::new(), aggregates)?;
    let schema = plan.schema();
    let mut results = Vec::with_capacity(2 * rules.len() + 1);
    for (i, condition) in replaced.into_iter().enumerate() {
        let measured =
            measured(&condition).filter(|side| side.get_type(schema).is_ok_and(|t| t.is_numeric()));
        let measured = measured.map_or_else(
            || lit(ScalarValue::Float64(None)),
            |side| cast(side.clone(), DataType::Float64),
        );
        results.extend([
            condition.alias(format!("holds{i}")),
            measured.alias(format!("value{i}")),
        ]);
    }
    results.push(column(&format!("{HIDDEN}n")));
    plan.project(results)?.build()
}

fn name(i: usize) -> String {
    format!("{HIDDEN}a{i}")
}

fn column(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}

fn with_filter(aggregate: Expr, filter: Option<&Expr>) -> Expr {
    match (aggregate, filter) {
        (Expr::AggregateFunction(mut function), Some(filter)) => {
            let own = function.params.filter.take();
            let both = match own {
                Some(own) => own.as_ref().clone().and(filter.clone()),
                None => filter.clone(),
            };
            function.params.filter = Some(Box::new(both));
            Expr::AggregateFunction(function)
        }
        (aggregate, _) => aggregate,
    }
}

/// What a comparison compares with a bound: the side that is no constant.
fn measured(condition: &Expr) -> Option<&Expr> {
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_comparison(*op) => [left, right]
            .into_iter()
            .map(AsRef::as_ref)
            .find(|side| !side.column_refs().is_empty()),
        Expr::Between(between) => Some(between.expr.as_ref()),
        _ => None,
    }
}

fn is_comparison(operator: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    matches!(operator, Eq | NotEq | Lt | LtEq | Gt | GtEq)
}
