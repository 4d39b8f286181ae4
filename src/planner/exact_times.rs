//! Times compared with a literal that is finer than they are.
//!
//! DataFusion would cut the literal to the column's unit: of whole seconds, `t < '… 00:00:00.5'` would lose
//! those at second 0. Here the literal is cut downwards and the comparison is made to say the same.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::{Between, InList};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{BinaryExpr, Cast, Expr, ExprSchemable, LogicalPlan, Operator, lit};
use datafusion::optimizer::AnalyzerRule;

/// Keeps comparisons of times with finer literals true. Types are coerced before.
#[derive(Debug, Default)]
pub struct ExactTimes;

impl AnalyzerRule for ExactTimes {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|plan| {
            let schema = merge_schema(&plan.inputs());
            let names = NamePreserver::new(&plan);
            plan.map_expressions(|expression| {
                let name = names.save(&expression);
                let exact = expression.transform_up(|e| exact(e, &schema))?;
                Ok(exact.update_data(|e| name.restore(e)))
            })
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "exact_times"
    }
}

fn exact(expression: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let spelled = match &expression {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match op.swap() {
            Some(swapped) => {
                compared(left, *op, right, schema).or_else(|| compared(right, swapped, left, schema))
            }
            None => None,
        },
        Expr::Between(between) => within(between, schema),
        Expr::InList(list) => one_of(list, schema),
        _ => None,
    };
    Ok(match spelled {
        Some(spelled) => Transformed::yes(spelled),
        None => Transformed::no(expression),
    })
}

/// `time op literal`, if the literal lies between two times that the column may have.
fn compared(time: &Expr, op: Operator, literal: &Expr, schema: &DFSchema) -> Option<Expr> {
    let Cut { time, below } = cut(time, literal, schema)?;
    Some(match op {
        Operator::Lt | Operator::LtEq => time.lt_eq(below),
        Operator::Gt | Operator::GtEq => time.gt(below),
        Operator::Eq => never(time, below),
        Operator::NotEq => Expr::Not(Box::new(never(time, below))),
        Operator::IsDistinctFrom => lit(true),
        Operator::IsNotDistinctFrom => lit(false),
        _ => return None,
    })
}

/// False, and NULL for no time.
fn never(time: Expr, below: Expr) -> Expr {
    time.clone().lt_eq(below.clone()).and(time.gt(below))
}

fn within(between: &Between, schema: &DFSchema) -> Option<Expr> {
    let Between {
        expr,
        negated,
        low,
        high,
    } = between;
    let from = compared(expr, Operator::GtEq, low, schema);
    let to = compared(expr, Operator::LtEq, high, schema);
    if from.is_none() && to.is_none() {
        return None;
    }
    let from = from.unwrap_or_else(|| expr.as_ref().clone().gt_eq(low.as_ref().clone()));
    let to = to.unwrap_or_else(|| expr.as_ref().clone().lt_eq(high.as_ref().clone()));
    let within = from.and(to);
    Some(if *negated {
        Expr::Not(Box::new(within))
    } else {
        within
    })
}

fn one_of(list: &InList, schema: &DFSchema) -> Option<Expr> {
    let is_met = |literal: &&Expr| cut(&list.expr, literal, schema).is_none();
    let met: Vec<Expr> = list.list.iter().filter(is_met).cloned().collect();
    if met.len() == list.list.len() {
        return None;
    }
    if !met.is_empty() {
        return Some(list.expr.as_ref().clone().in_list(met, list.negated));
    }
    let Cut { time, below } = cut(&list.expr, list.list.first()?, schema)?;
    let never = never(time, below);
    Some(if list.negated {
        Expr::Not(Box::new(never))
    } else {
        never
    })
}

/// A time as it is in its column, and the last that it may have before a literal.
struct Cut {
    time: Expr,
    below: Expr,
}

fn cut(time: &Expr, literal: &Expr, schema: &DFSchema) -> Option<Cut> {
    let DataType::Timestamp(unit, zone) = time.get_type(schema).ok()? else {
        return None;
    };
    let (time, unit) = match time {
        Expr::Cast(Cast { expr, .. }) => match expr.get_type(schema).ok()? {
            DataType::Timestamp(own, of_zone) if of_zone == zone => (expr.as_ref(), own),
            _ => return None,
        },
        _ => (time, unit),
    };
    let (value, per_second) = finest(literal, zone.as_ref())?;
    let own = ticks(unit);
    if per_second <= own {
        return None;
    }
    let ratio = per_second / own;
    if value.rem_euclid(ratio) == 0 {
        return None;
    }
    let below = Some(value.div_euclid(ratio));
    let below = match unit {
        TimeUnit::Second => ScalarValue::TimestampSecond(below, zone),
        TimeUnit::Millisecond => ScalarValue::TimestampMillisecond(below, zone),
        TimeUnit::Microsecond => ScalarValue::TimestampMicrosecond(below, zone),
        TimeUnit::Nanosecond => ScalarValue::TimestampNanosecond(below, zone),
    };
    Some(Cut {
        time: time.clone(),
        below: lit(below),
    })
}

/// A literal as a number of ticks, and how many of them are in a second: nanoseconds where they reach.
fn finest(literal: &Expr, zone: Option<&std::sync::Arc<str>>) -> Option<(i64, i64)> {
    let mut value = match literal {
        Expr::Literal(value, _) => value.clone(),
        Expr::Cast(Cast { expr, field }) => match (expr.as_ref(), field.data_type()) {
            (Expr::Literal(text, _), DataType::Timestamp(_, to)) if to.as_ref() == zone => text.clone(),
            _ => return None,
        },
        _ => return None,
    };
    if matches!(
        value,
        ScalarValue::Utf8(_) | ScalarValue::LargeUtf8(_) | ScalarValue::Utf8View(_)
    ) {
        let units = [TimeUnit::Nanosecond, TimeUnit::Microsecond];
        let mut times = units
            .into_iter()
            .map(|unit| value.cast_to(&DataType::Timestamp(unit, zone.cloned())));
        value = times.find_map(Result::ok)?;
    }
    let (value, unit) = match value {
        ScalarValue::TimestampMillisecond(value, _) => (value?, TimeUnit::Millisecond),
        ScalarValue::TimestampMicrosecond(value, _) => (value?, TimeUnit::Microsecond),
        ScalarValue::TimestampNanosecond(value, _) => (value?, TimeUnit::Nanosecond),
        _ => return None,
    };
    Some((value, ticks(unit)))
}

fn ticks(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}
