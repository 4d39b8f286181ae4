//! The logical node.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::Field;
use datafusion::common::{Column, DFSchemaRef, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};
use datafusion::physical_plan::ExecutionPlan;

use super::Windows;
use super::exec::AlignedExec;
use crate::error::{Code, Error};
use crate::operators::input::widened_schema;
use crate::operators::node::{PhysicalNode, Planning};
use crate::operators::window::{WINDOW_END, WINDOW_START};

/// The ticks between which the times of rows are asked for, as far as the input was told already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(in crate::operators::window) struct Bounds {
    /// At least.
    pub(in crate::operators::window) from: Option<i64>,
    /// Less than.
    pub(in crate::operators::window) until: Option<i64>,
}

/// Each row of the input once for each of its windows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::operators) struct AlignedNode {
    pub(in crate::operators::window) input: LogicalPlan,
    pub(in crate::operators::window) time: Expr,
    pub(in crate::operators::window) windows: Windows,
    pub(in crate::operators::window) bounds: Bounds,
    schema: DFSchemaRef,
}

impl AlignedNode {
    pub(super) fn new(input: LogicalPlan, time: Expr, windows: Windows) -> Result<Self> {
        let data_type = windows.grid.time().data_type().clone();
        let added = [
            Field::new(WINDOW_START, data_type.clone(), false),
            Field::new(WINDOW_END, data_type, false),
        ];
        let schema = widened_schema(input.schema(), added)?;
        Ok(Self {
            input,
            time,
            windows,
            bounds: Bounds::default(),
            schema,
        })
    }

    /// The same windows over rows of which the input was told these bounds.
    pub(super) fn bounded(&self, input: LogicalPlan, bounds: Bounds) -> Result<Self> {
        let mut node = Self::new(input, self.time.clone(), self.windows.clone())?;
        node.bounds = bounds;
        Ok(node)
    }

    /// Which of the added columns an expression is.
    pub(in crate::operators::window) fn added(&self, expr: &Expr) -> Option<Added> {
        let Expr::Column(Column {
            relation: None, name, ..
        }) = expr
        else {
            return None;
        };
        match name.as_str() {
            WINDOW_START => Some(Added::Start),
            WINDOW_END => Some(Added::End),
            _ => None,
        }
    }

    /// Whether an expression reads one of the added columns.
    pub(in crate::operators::window) fn reads_added(&self, expr: &Expr) -> bool {
        let columns = expr.column_refs();
        columns
            .into_iter()
            .any(|column| self.added(&Expr::Column(column.clone())).is_some())
    }
}

/// A column that the node adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::operators::window) enum Added {
    Start,
    End,
}

impl PartialOrd for AlignedNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl UserDefinedLogicalNodeCore for AlignedNode {
    fn name(&self) -> &str {
        "Windows"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        vec![self.time.clone()]
    }

    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        [WINDOW_START, WINDOW_END].map(str::to_owned).into()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let function = self.windows.function();
        write!(f, "{function}: {}, {}", self.time, self.windows.describe())
    }

    fn with_exprs_and_inputs(&self, exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        match (<[Expr; 1]>::try_from(exprs), <[LogicalPlan; 1]>::try_from(inputs)) {
            (Ok([time]), Ok([input])) => {
                let mut node = Self::new(input, time, self.windows.clone())?;
                node.bounds = self.bounds;
                Ok(node)
            }
            _ => Err(Error::new(Code::Internal, "windows have one time and one input").into()),
        }
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let Expr::Column(time) = &self.time else {
            return None;
        };
        let schema = self.input.schema();
        let time = schema.index_of_column(time).ok()?;
        let passed = output_columns
            .iter()
            .copied()
            .filter(|i| *i < schema.fields().len());
        let mut needed: Vec<usize> = passed.chain([time]).collect();
        needed.sort_unstable();
        needed.dedup();
        Some(vec![needed])
    }

    /// Every row has a window, so that n rows are enough for n rows.
    fn supports_limit_pushdown(&self) -> bool {
        true
    }
}

impl PhysicalNode for AlignedNode {
    fn physical(
        &self,
        planning: &Planning<'_>,
        input: Arc<dyn ExecutionPlan>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let time = planning.column(&self.time, self.input.schema())?;
        let schema = Arc::clone(self.schema.inner());
        Ok(Arc::new(AlignedExec::new(
            input,
            time,
            self.windows.clone(),
            schema,
        )))
    }
}
