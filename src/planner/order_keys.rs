//! Window functions that need the key of their own `OVER (ORDER BY …)` are passed it as an argument.

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, LogicalPlan, Window, WindowFunctionDefinition};
use datafusion::optimizer::AnalyzerRule;

use crate::functions::order_key;

/// The rule. It runs before types are settled.
#[derive(Debug)]
pub struct PassOrderKeys;

impl AnalyzerRule for PassOrderKeys {
    fn name(&self) -> &str {
        "pass_order_keys"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|plan| match plan {
            LogicalPlan::Window(window) if window.window_expr.iter().any(needs_key) => {
                let exprs = window.window_expr.into_iter().map(with_key);
                let window = Window::try_new(exprs.collect::<Result<_>>()?, window.input)?;
                Ok(Transformed::yes(LogicalPlan::Window(window)))
            }
            plan => Ok(Transformed::no(plan)),
        })
        .data()
    }
}

fn needs_key(expr: &Expr) -> bool {
    let found = expr.exists(|expr| {
        Ok(match expr {
            Expr::WindowFunction(call) => match &call.fun {
                WindowFunctionDefinition::WindowUDF(function) => order_key(function).is_some(),
                WindowFunctionDefinition::AggregateUDF(_) => false,
            },
            _ => false,
        })
    });
    found.unwrap_or(false)
}

/// The expression under its own name, its functions with their keys.
fn with_key(expr: Expr) -> Result<Expr> {
    let name = NamePreserver::new_for_projection().save(&expr);
    let expr = expr
        .transform(|expr| {
            let Expr::WindowFunction(mut call) = expr else {
                return Ok(Transformed::no(expr));
            };
            let key = match &call.fun {
                WindowFunctionDefinition::WindowUDF(function) => order_key(function),
                WindowFunctionDefinition::AggregateUDF(_) => None,
            };
            let Some(key) = key else {
                return Ok(Transformed::no(Expr::WindowFunction(call)));
            };
            let args = std::mem::take(&mut call.params.args);
            call.params.args = key.pass(args, &call.params.order_by, &call.params.window_frame)?;
            Ok(Transformed::yes(Expr::WindowFunction(call)))
        })
        .data()?;
    Ok(name.restore(expr))
}
