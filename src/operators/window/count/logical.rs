//! The logical node.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::common::{DFSchemaRef, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};
use datafusion::physical_plan::ExecutionPlan;

use super::exec::{CountedRows, Rows};
use super::position::PositionExec;
use super::{Frame, WINDOW_ID};
use crate::operators::input::{needed_columns, not_keys, one_input, widened_schema};
use crate::operators::node::{PhysicalNode, Planning};
use crate::operators::window::keyed::KeyedExec;
use crate::operators::window::time::Time;
use crate::operators::window::{WINDOW_END, WINDOW_START};

/// Each row of the input once for each window of rows that it lies in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::operators) struct CountNode {
    input: LogicalPlan,
    column: Expr,
    keys: Vec<Expr>,
    order: Vec<Expr>,
    time: Time,
    frame: Frame,
    schema: DFSchemaRef,
}

impl CountNode {
    pub(super) fn new(
        input: LogicalPlan,
        column: Expr,
        keys: Vec<Expr>,
        order: Vec<Expr>,
        time: Time,
        frame: Frame,
    ) -> Result<Self> {
        let bound = |name| Field::new(name, time.data_type().clone(), false);
        let added = [
            bound(WINDOW_START),
            bound(WINDOW_END),
            Field::new(WINDOW_ID, DataType::Int64, false),
        ];
        let schema = widened_schema(input.schema(), added)?;
        Ok(Self {
            input,
            column,
            keys,
            order,
            time,
            frame,
            schema,
        })
    }
}

impl PartialOrd for CountNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl UserDefinedLogicalNodeCore for CountNode {
    fn name(&self) -> &str {
        "CountWindows"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        let column = std::iter::once(&self.column);
        column.chain(&self.keys).chain(&self.order).cloned().collect()
    }

    /// Whole keys can be left out beforehand, and nothing else.
    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        not_keys(&self.schema, &self.keys)
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Frame { rows, slide, partial } = self.frame;
        write!(f, "count_window: {}, n={rows}, slide={slide}", self.column)?;
        for (name, columns) in [("key", &self.keys), ("order_by", &self.order)] {
            if !columns.is_empty() {
                let columns: Vec<String> = columns.iter().map(ToString::to_string).collect();
                write!(f, ", {name}=[{}]", columns.join(", "))?;
            }
        }
        if partial {
            f.write_str(", partial")?;
        }
        Ok(())
    }

    fn with_exprs_and_inputs(&self, exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let input = one_input(inputs)?;
        let mut exprs = exprs.into_iter();
        let column = exprs.next().unwrap_or_else(|| self.column.clone());
        let keys = exprs.by_ref().take(self.keys.len()).collect();
        Self::new(
            input,
            column,
            keys,
            exprs.collect(),
            self.time.clone(),
            self.frame,
        )
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        needed_columns(self.input.schema(), output_columns, &self.expressions())
    }
}

impl PhysicalNode for CountNode {
    fn physical(
        &self,
        planning: &Planning<'_>,
        input: Arc<dyn ExecutionPlan>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = self.input.schema();
        let mut rows = Rows {
            column: planning.column(&self.column, schema)?,
            keys: planning.columns(&self.keys, schema)?,
            order: planning.columns(&self.order, schema)?,
            position: None,
            time: self.time.clone(),
        };
        let input: Arc<dyn ExecutionPlan> = if rows.order.is_empty() && PositionExec::applies(&input) {
            let numbered = PositionExec::new(input);
            rows.position = Some(numbered.column());
            Arc::new(numbered)
        } else {
            input
        };
        let schema = Arc::clone(self.schema.inner());
        let frame = self.frame;
        let rows = CountedRows { rows, frame };
        Ok(Arc::new(KeyedExec::try_new(input, rows, schema)?))
    }
}
