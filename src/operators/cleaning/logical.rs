//! The logical node.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use datafusion::common::{DFSchemaRef, Result};
use datafusion::logical_expr::expr::{Sort, WindowFunction};
use datafusion::logical_expr::{
    Expr, LogicalPlan, UserDefinedLogicalNodeCore, Window, WindowFunctionDefinition,
};
use datafusion::physical_expr::PhysicalSortExpr;
use datafusion::physical_plan::ExecutionPlan;

use super::sorted::{Call, SortedExec};
use super::whole::{self, WholeExec};
use crate::error::{Code, Error};
use crate::functions::{Cleaning, cleaning};
use crate::operators::input::{needed_columns, not_keys, one_input};
use crate::operators::node::{PhysicalNode, Planning};

/// Cleaning functions over one partitioning, and one order if they need one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::operators) struct CleaningNode {
    input: LogicalPlan,
    /// Calls, with their aliases.
    calls: Vec<Expr>,
    schema: DFSchemaRef,
}

/// The cleaning function that a window expression calls.
pub(super) fn called(expr: &Expr) -> Option<(Cleaning, &WindowFunction)> {
    let mut inner = expr;
    while let Expr::Alias(alias) = inner {
        inner = &alias.expr;
    }
    let Expr::WindowFunction(call) = inner else {
        return None;
    };
    match &call.fun {
        WindowFunctionDefinition::WindowUDF(function) => Some((cleaning(function)?, call)),
        WindowFunctionDefinition::AggregateUDF(_) => None,
    }
}

impl CleaningNode {
    /// `calls` have one `OVER`.
    pub(super) fn new(input: LogicalPlan, calls: Vec<Expr>) -> Result<Self> {
        let input = Arc::new(input);
        let window = Window::try_new(calls, Arc::clone(&input))?;
        Ok(Self {
            calls: window.window_expr,
            schema: window.schema,
            input: Arc::unwrap_or_clone(input),
        })
    }

    fn first(&self) -> Result<&WindowFunction> {
        let call = self.calls.first().and_then(called);
        call.map(|(_, call)| call)
            .ok_or_else(|| Error::new(Code::Internal, "a cleaning operator without functions").into())
    }

    fn keys(&self) -> &[Expr] {
        self.first().map_or(&[], |call| &call.params.partition_by)
    }

    fn order(&self) -> &[Sort] {
        self.first().map_or(&[], |call| &call.params.order_by)
    }
}

impl PartialOrd for CleaningNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl UserDefinedLogicalNodeCore for CleaningNode {
    fn name(&self) -> &str {
        "Cleaning"
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
        not_keys(&self.schema, self.keys())
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls: Vec<String> = self.calls.iter().map(ToString::to_string).collect();
        write!(f, "Cleaning: {}", calls.join(", "))
    }

    fn with_exprs_and_inputs(&self, exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let input = one_input(inputs)?;
        let mut node = Self::new(input, exprs)?;
        // What a rewritten expression would be called is not what is asked for above.
        if node.schema.fields().len() == self.schema.fields().len() {
            node.schema = Arc::clone(&self.schema);
        }
        Ok(node)
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        needed_columns(self.input.schema(), output_columns, &self.calls)
    }
}

impl PhysicalNode for CleaningNode {
    fn physical(
        &self,
        planning: &Planning<'_>,
        input: Arc<dyn ExecutionPlan>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = self.input.schema();
        let physical = |exprs: &[Expr]| -> Result<Vec<_>> {
            exprs
                .iter()
                .map(|expr| planning.expression(expr, schema))
                .collect()
        };
        let keys = physical(self.keys())?;
        let output = Arc::clone(self.schema.inner());
        let (mut whole, mut sorted) = (Vec::new(), Vec::new());
        for (function, call) in self.calls.iter().filter_map(called) {
            let arguments = physical(&call.params.args)?;
            match function {
                Cleaning::Whole(function) => whole.push(whole::Call {
                    work: function.work(&arguments)?,
                    argument: first(arguments)?,
                }),
                Cleaning::Ordered(function) => sorted.push(Call {
                    fill: function.fill(&arguments)?,
                    arguments,
                }),
            }
        }
        if sorted.is_empty() {
            return Ok(Arc::new(WholeExec::new(input, keys, whole, output)?));
        }
        let order = self.order().iter().map(|key| {
            let options = arrow::compute::SortOptions {
                descending: !key.asc,
                nulls_first: key.nulls_first,
            };
            Ok(PhysicalSortExpr::new(
                planning.expression(&key.expr, schema)?,
                options,
            ))
        });
        let order = order.collect::<Result<Vec<_>>>()?;
        Ok(Arc::new(SortedExec::new(input, keys, order, sorted, output)?))
    }
}

fn first<T>(all: Vec<T>) -> Result<T> {
    let first = all.into_iter().next();
    first.ok_or_else(|| Error::new(Code::Internal, "a cleaning function without an argument").into())
}
