//! The logical node.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use datafusion::common::{Column, DFSchemaRef, Result};
use datafusion::logical_expr::expr::{WindowFunction, WindowFunctionParams};
use datafusion::logical_expr::{
    Expr, LogicalPlan, UserDefinedLogicalNodeCore, Window, WindowFunctionDefinition, WindowUDF,
};
use datafusion::physical_plan::ExecutionPlan;

use super::exec::{LateCall, LateRows};
use crate::error::{Code, Error};
use crate::functions::{OrderKey, order_key};
use crate::operators::input::{needed_columns, not_keys, one_input};
use crate::operators::node::{PhysicalNode, Planning};
use crate::operators::window::keyed::KeyedExec;

/// A call over rows in the order of a column.
pub(super) struct Call<'a> {
    function: &'a Arc<WindowUDF>,
    args: &'a [Expr],
    keys: Vec<&'a Column>,
    order: &'a Column,
}

/// `None` if `expr` is no such call.
pub(super) fn call(expr: &Expr) -> Option<Call<'_>> {
    let expr = match expr {
        Expr::Alias(alias) => alias.expr.as_ref(),
        other => other,
    };
    let Expr::WindowFunction(function) = expr else {
        return None;
    };
    let WindowFunction { fun, params } = function.as_ref();
    let WindowFunctionParams {
        args,
        partition_by,
        order_by,
        filter: None,
        distinct: false,
        ..
    } = params
    else {
        return None;
    };
    let WindowFunctionDefinition::WindowUDF(function) = fun else {
        return None;
    };
    let [order] = order_by.as_slice() else {
        return None;
    };
    let (Expr::Column(column), true, false) = (&order.expr, order.asc, order.nulls_first) else {
        return None;
    };
    let OrderKey::Arrival = order_key(function)? else {
        return None;
    };
    Some(Call {
        function,
        args,
        keys: partition_by.iter().map(column_of).collect::<Option<_>>()?,
        order: column,
    })
}

fn column_of(expr: &Expr) -> Option<&Column> {
    match expr {
        Expr::Column(column) => Some(column),
        _ => None,
    }
}

/// Each row of the input with how late it is, by each of its calls.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::operators) struct LateNode {
    input: LogicalPlan,
    calls: Vec<Expr>,
    schema: DFSchemaRef,
}

impl LateNode {
    pub(super) fn new(input: LogicalPlan, calls: Vec<Expr>) -> Result<Self> {
        let window = Window::try_new(calls, Arc::new(input))?;
        Ok(Self {
            input: Arc::unwrap_or_clone(window.input),
            calls: window.window_expr,
            schema: window.schema,
        })
    }

    /// The columns of the partition.
    fn keys(&self) -> Vec<Expr> {
        let keys = self.calls.first().and_then(call).map(|call| call.keys);
        let keys = keys.unwrap_or_default().into_iter();
        keys.cloned().map(Expr::Column).collect()
    }
}

impl PartialOrd for LateNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl UserDefinedLogicalNodeCore for LateNode {
    fn name(&self) -> &str {
        "Lateness"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        self.calls.clone()
    }

    /// Whole partitions can be left out beforehand, and nothing else.
    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        not_keys(&self.schema, &self.keys())
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls: Vec<String> = self
            .calls
            .iter()
            .map(|call| call.schema_name().to_string())
            .collect();
        write!(f, "Lateness: [{}]", calls.join(", "))
    }

    fn with_exprs_and_inputs(&self, exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        Self::new(one_input(inputs)?, exprs)
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        needed_columns(self.input.schema(), output_columns, &self.calls)
    }
}

impl PhysicalNode for LateNode {
    fn physical(
        &self,
        planning: &Planning<'_>,
        input: Arc<dyn ExecutionPlan>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = self.input.schema();
        let column = |column: &Column| planning.column(&Expr::Column(column.clone()), schema);
        let (mut calls, mut sorted) = (Vec::new(), None);
        for expr in &self.calls {
            let unknown = || Error::new(Code::Internal, format!("'{expr}' does not stream"));
            let call = call(expr).ok_or_else(unknown)?;
            let args = call.args.iter().map(|arg| planning.expression(arg, schema));
            calls.push(LateCall {
                function: Arc::clone(call.function),
                args: args.collect::<Result<_>>()?,
            });
            let keys = call.keys.into_iter().map(column).collect::<Result<Vec<_>>>()?;
            sorted = Some((keys, column(call.order)?));
        }
        let Some((keys, order)) = sorted else {
            return Ok(input);
        };
        let rows = LateRows { order, keys, calls };
        let schema = Arc::clone(self.schema.inner());
        Ok(Arc::new(KeyedExec::try_new(input, rows, schema)?))
    }
}
