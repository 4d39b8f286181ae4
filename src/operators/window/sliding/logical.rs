//! The logical node.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use datafusion::common::{DFSchemaRef, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore, Window};
use datafusion::physical_plan::ExecutionPlan;

use super::call::Call;
use super::exec::{FrameCall, FrameRows};
use crate::error::{Code, Error};
use crate::operators::input::{needed_columns, not_keys, one_input};
use crate::operators::node::{PhysicalNode, Planning};
use crate::operators::window::keyed::KeyedExec;

/// Each row of the input with the results of calls over its frames, which are of one partition and order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::operators) struct SlidingNode {
    input: LogicalPlan,
    calls: Vec<Expr>,
    schema: DFSchemaRef,
}

impl SlidingNode {
    pub(super) fn new(input: LogicalPlan, calls: Vec<Expr>) -> Result<Self> {
        let window = Window::try_new(calls, Arc::new(input))?;
        Ok(Self {
            input: Arc::unwrap_or_clone(window.input),
            calls: window.window_expr,
            schema: window.schema,
        })
    }

    fn calls(&self) -> Result<Vec<Call<'_>>> {
        let calls = self.calls.iter().map(|expr| {
            let call = Call::of(expr, self.input.schema());
            call.ok_or_else(|| Error::new(Code::Internal, format!("'{expr}' does not slide")).into())
        });
        calls.collect()
    }

    /// The columns of the partition.
    fn keys(&self) -> Vec<Expr> {
        let call = self.calls.first();
        let call = call.and_then(|expr| Call::of(expr, self.input.schema()));
        let keys = call.map(|call| call.keys).unwrap_or_default();
        keys.into_iter().cloned().map(Expr::Column).collect()
    }
}

impl PartialOrd for SlidingNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl UserDefinedLogicalNodeCore for SlidingNode {
    fn name(&self) -> &str {
        "SlidingFrames"
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
        write!(f, "SlidingFrames: [{}]", calls.join(", "))
    }

    fn with_exprs_and_inputs(&self, exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        Self::new(one_input(inputs)?, exprs)
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        needed_columns(self.input.schema(), output_columns, &self.calls)
    }
}

impl PhysicalNode for SlidingNode {
    fn physical(
        &self,
        planning: &Planning<'_>,
        input: Arc<dyn ExecutionPlan>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = self.input.schema();
        let calls = self.calls()?;
        let Some(first) = calls.first() else {
            return Ok(input);
        };
        let column =
            |column: &datafusion::common::Column| planning.column(&Expr::Column(column.clone()), schema);
        let order = column(first.order)?;
        let keys = first.keys.iter().copied().map(column).collect::<Result<_>>()?;
        let optional = |expr: Option<&Expr>| expr.map(|expr| planning.expression(expr, schema)).transpose();
        let calls = calls.iter().map(|call| {
            Ok(FrameCall {
                function: call.function,
                argument: optional(call.argument)?,
                filter: optional(call.filter)?,
                reach: call.reach,
            })
        });
        let calls = calls.collect::<Result<_>>()?;
        let rows = FrameRows { order, keys, calls };
        Ok(Arc::new(KeyedExec::try_new(
            input,
            rows,
            Arc::clone(self.schema.inner()),
        )?))
    }
}
