//! The logical node.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use datafusion::common::{Column, DFSchemaRef, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore, Window};
use datafusion::physical_plan::ExecutionPlan;

use super::{CallRows, Family, Over};
use crate::error::{Code, Error};
use crate::operators::input::{needed_columns, not_keys, one_input};
use crate::operators::node::{PhysicalNode, Planning};
use crate::operators::window::keyed::KeyedExec;

/// Each row of the input with the results of calls, which are of one partition and order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::operators::window) struct CallsNode<F> {
    input: LogicalPlan,
    calls: Vec<Expr>,
    schema: DFSchemaRef,
    family: PhantomData<F>,
}

impl<F: Family> CallsNode<F> {
    pub(super) fn new(input: LogicalPlan, calls: Vec<Expr>) -> Result<Self> {
        let window = Window::try_new(calls, Arc::new(input))?;
        Ok(Self {
            input: Arc::unwrap_or_clone(window.input),
            calls: window.window_expr,
            schema: window.schema,
            family: PhantomData,
        })
    }

    fn over(&self) -> Option<Over<'_>> {
        F::over(self.calls.first()?, self.input.schema())
    }

    /// The columns of the partition.
    fn keys(&self) -> Vec<Expr> {
        let keys = self.over().map(|over| over.keys).unwrap_or_default();
        keys.into_iter().cloned().map(Expr::Column).collect()
    }
}

impl<F: PartialEq> PartialOrd for CallsNode<F> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl<F: Family> UserDefinedLogicalNodeCore for CallsNode<F> {
    fn name(&self) -> &str {
        F::NODE
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
        let calls = self.calls.iter().map(|call| call.schema_name().to_string());
        write!(f, "{}: [{}]", F::NODE, calls.collect::<Vec<_>>().join(", "))
    }

    fn with_exprs_and_inputs(&self, exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        Self::new(one_input(inputs)?, exprs)
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        needed_columns(self.input.schema(), output_columns, &self.calls)
    }
}

impl<F: Family> PhysicalNode for CallsNode<F> {
    fn physical(
        &self,
        planning: &Planning<'_>,
        input: Arc<dyn ExecutionPlan>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = self.input.schema();
        let column = |column: &Column| planning.column(&Expr::Column(column.clone()), schema);
        let over = self.over().ok_or_else(|| {
            let message = format!("{} was given other calls than its own", F::NODE);
            Error::new(Code::Internal, message)
        })?;
        let calls = self.calls.iter().map(|expr| F::call(expr, schema, planning));
        let rows = CallRows::<F> {
            order: column(over.order)?,
            keys: over.keys.into_iter().map(column).collect::<Result<_>>()?,
            calls: calls.collect::<Result<_>>()?,
        };
        let schema = Arc::clone(self.schema.inner());
        Ok(Arc::new(KeyedExec::try_new(input, rows, schema)?))
    }
}
