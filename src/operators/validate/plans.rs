//! Rules as logical plans over any rows of their table.

use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema};
use datafusion::error::Result;
use datafusion::functions::math::expr_fn::abs;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::utils::find_aggregate_exprs;
use datafusion::logical_expr::{
    EmptyRelation, Expr, ExprSchemable, JoinType, LogicalPlan, LogicalPlanBuilder, cast, col, lit, when,
};

/// No rows of these columns, to see whether an expression fits them.
///
/// # Errors
/// DataFusion's own.
pub fn empty_rows(schema: &SchemaRef) -> Result<LogicalPlan> {
    Ok(LogicalPlan::EmptyRelation(EmptyRelation {
        produce_one_row: false,
        schema: Arc::new(DFSchema::try_from(schema.as_ref().clone())?),
    }))
}

/// `condition`, which has aggregates, over all of `rows`: one row, one column.
///
/// # Errors
/// DataFusion's own, as for a column beside the aggregates.
pub fn aggregated(rows: LogicalPlan, condition: &Expr) -> Result<LogicalPlan> {
    let aggregates = find_aggregate_exprs([condition]);
    let named: Vec<Expr> = aggregates
        .iter()
        .enumerate()
        .map(|(i, aggregate)| aggregate.clone().alias(format!("__weir_a{i}")))
        .collect();
    let replaced = condition.clone().transform_down(|expr| {
        Ok(match aggregates.iter().position(|aggregate| *aggregate == expr) {
            Some(i) => Transformed::new(
                Expr::Column(Column::new_unqualified(format!("__weir_a{i}"))),
                true,
                datafusion::common::tree_node::TreeNodeRecursion::Jump,
            ),
            None => Transformed::no(expr),
        })
    })?;
    LogicalPlanBuilder::from(rows)
        .aggregate(Vec::<Expr>::new(), named)?
        .project([replaced.data.alias("holds")])?
        .build()
}

/// Rows compared with the reference's of the same key: `total`, how many have a partner, and `wrong`, how
/// many of them differ. `columns` are those of the rows; the reference has the key first.
///
/// # Errors
/// DataFusion's own.
pub fn compared(
    rows: LogicalPlan,
    reference: &LogicalPlan,
    key: &[String],
    columns: &[String],
    tolerance: f64,
) -> Result<LogicalPlan> {
    let theirs = |i: usize| format!("__weir_r{i}");
    let renamed = (0..key.len() + columns.len())
        .map(|i| Expr::Column(Column::from(reference.schema().qualified_field(i))).alias(theirs(i)));
    let reference = LogicalPlanBuilder::from(reference.clone())
        .project(renamed)?
        .alias("reference")?
        .build()?;
    let ours = |name: &String| Expr::Column(Column::new_unqualified(name));
    let own = key.iter().chain(columns).enumerate();
    let own = own.map(|(i, name)| ours(name).alias(format!("__weir_o{i}")));
    let rows = LogicalPlanBuilder::from(rows).project(own)?.alias("input")?;
    let pair = |i: usize| {
        let own = Expr::Column(Column::new(Some("input"), format!("__weir_o{i}")));
        (own, Expr::Column(Column::new(Some("reference"), theirs(i))))
    };
    let same_key = (0..key.len()).map(|i| {
        let (a, b) = pair(i);
        a.eq(b)
    });
    let joined = rows.join_on(reference, JoinType::Inner, same_key)?;
    let schema = Arc::clone(joined.schema());
    let differs = (key.len()..key.len() + columns.len()).map(|i| {
        let (a, b) = pair(i);
        let types = [&a, &b].map(|e| e.get_type(&schema).unwrap_or(DataType::Null));
        let numbers = types.iter().all(DataType::is_numeric);
        // Whole numbers and decimals that must not differ at all keep every digit.
        let measured = tolerance > 0.0 || types.iter().any(DataType::is_floating);
        let one_missing = a.clone().is_null().not_eq(b.clone().is_null());
        let apart = match numbers && measured {
            true => {
                let (a, b) = (cast(a, DataType::Float64), cast(b, DataType::Float64));
                // Infinities and NaN are equal to themselves, and have no distance.
                let distance = abs(a.clone() - b.clone());
                a.not_eq(b).and(distance.gt(lit(tolerance)))
            }
            false => a.not_eq(b),
        };
        one_missing.or(apart)
    });
    let differs = differs.reduce(Expr::or).unwrap_or_else(|| lit(false));
    joined
        .project([differs.alias("differs")])?
        .aggregate(
            Vec::<Expr>::new(),
            [
                count(lit(1_i64)).alias("total"),
                count(when(col("differs").is_true(), lit(1_i64)).end()?).alias("wrong"),
            ],
        )?
        .build()
}
