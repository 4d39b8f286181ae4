//! The logical node of what is done with the rows of a key, in the order of time.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt::{self, Debug};
use std::hash::Hash;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::common::{DFSchema, DFSchemaRef, Result};
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, UserDefinedLogicalNodeCore};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::ExecutionPlan;

use crate::operators::input::{needed_columns, not_keys, one_input};
use crate::operators::node::{PhysicalNode, Planning};
use crate::operators::window::time::Time;

/// Which columns mean what: expressions in a logical plan, places in a physical one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::operators::window) struct ByTime<C> {
    pub(in crate::operators::window) column: C,
    pub(in crate::operators::window) keys: Vec<C>,
    /// What orders rows of one time, where that matters.
    pub(in crate::operators::window) order: Vec<C>,
    pub(in crate::operators::window) time: Time,
}

impl<C: Clone> ByTime<C> {
    /// What rows are sorted by.
    pub(in crate::operators::window) fn sort_columns(&self) -> Vec<C> {
        let columns = self.keys.iter().chain([&self.column]);
        columns.chain(&self.order).cloned().collect()
    }
}

/// What is done with the rows of a key.
pub(in crate::operators::window) trait Rows:
    Debug + Clone + PartialEq + Eq + Hash + Send + Sync + 'static
{
    /// The node's name.
    const NAME: &'static str;

    /// What comes out; the input's columns are the first of it.
    fn schema(&self, input: &DFSchema, by: &ByTime<Expr>) -> Result<DFSchemaRef>;

    /// What plans show of it.
    fn describe(&self) -> String;

    /// The operator.
    fn physical(
        &self,
        input: Arc<dyn ExecutionPlan>,
        by: ByTime<Column>,
        schema: SchemaRef,
    ) -> Result<Arc<dyn ExecutionPlan>>;
}

/// What is done with the input's rows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::operators::window) struct KeyedNode<R> {
    input: LogicalPlan,
    by: ByTime<Expr>,
    rows: R,
    schema: DFSchemaRef,
}

impl<R: Rows> KeyedNode<R> {
    pub(in crate::operators::window) fn plan(
        input: LogicalPlan,
        by: ByTime<datafusion::common::Column>,
        rows: R,
    ) -> Result<LogicalPlan> {
        let expressions = |columns: Vec<_>| columns.into_iter().map(Expr::Column).collect();
        let by = ByTime {
            column: Expr::Column(by.column),
            keys: expressions(by.keys),
            order: expressions(by.order),
            time: by.time,
        };
        let node = Arc::new(Self::new(input, by, rows)?);
        Ok(LogicalPlan::Extension(Extension { node }))
    }

    fn new(input: LogicalPlan, by: ByTime<Expr>, rows: R) -> Result<Self> {
        let schema = rows.schema(input.schema(), &by)?;
        Ok(Self {
            input,
            by,
            rows,
            schema,
        })
    }
}

impl<R: PartialEq> PartialOrd for KeyedNode<R> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl<R: Rows> UserDefinedLogicalNodeCore for KeyedNode<R> {
    fn name(&self) -> &str {
        R::NAME
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        let by = &self.by;
        let column = std::iter::once(&by.column);
        column.chain(&by.keys).chain(&by.order).cloned().collect()
    }

    /// Whole keys can be left out beforehand, and nothing else.
    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        not_keys(&self.schema, &self.by.keys)
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}, {}", R::NAME, self.by.column, self.rows.describe())?;
        for (name, columns) in [("key", &self.by.keys), ("order_by", &self.by.order)] {
            if !columns.is_empty() {
                let columns: Vec<String> = columns.iter().map(ToString::to_string).collect();
                write!(f, ", {name}=[{}]", columns.join(", "))?;
            }
        }
        Ok(())
    }

    fn with_exprs_and_inputs(&self, exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let mut exprs = exprs.into_iter();
        let by = ByTime {
            column: exprs.next().unwrap_or_else(|| self.by.column.clone()),
            keys: exprs.by_ref().take(self.by.keys.len()).collect(),
            order: exprs.collect(),
            time: self.by.time.clone(),
        };
        Self::new(one_input(inputs)?, by, self.rows.clone())
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        needed_columns(self.input.schema(), output_columns, &self.expressions())
    }
}

impl<R: Rows> PhysicalNode for KeyedNode<R> {
    fn physical(
        &self,
        planning: &Planning<'_>,
        input: Arc<dyn ExecutionPlan>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = self.input.schema();
        let by = ByTime {
            column: planning.column(&self.by.column, schema)?,
            keys: planning.columns(&self.by.keys, schema)?,
            order: planning.columns(&self.by.order, schema)?,
            time: self.by.time.clone(),
        };
        let schema = Arc::clone(self.schema.inner());
        self.rows.physical(input, by, schema)
    }
}
