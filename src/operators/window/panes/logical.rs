//! The logical node.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::Field;
use datafusion::common::{DFSchema, DFSchemaRef, Result};
use datafusion::logical_expr::utils::exprlist_to_fields;
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};
use datafusion::physical_expr::aggregate::LoweredAggregateBuilder;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode, PhysicalGroupBy};

use super::exec::{Columns, Panes};
use crate::operators::input::{needed_columns, not_keys, one_input};
use crate::operators::node::{PhysicalNode, Planning};
use crate::operators::window::aligned::Windows;
use crate::operators::window::keyed::KeyedExec;
use crate::operators::window::pane_function::{PaneFunction, Part};
use crate::operators::window::{WINDOW_END, WINDOW_START};

const PANE: &str = "__pane";

/// Aggregates over windows and keys: the keys' columns, the window's, the aggregates'.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::operators) struct PanesNode {
    input: LogicalPlan,
    time: Expr,
    keys: Vec<Expr>,
    aggregates: Vec<Expr>,
    windows: Windows,
    schema: DFSchemaRef,
}

impl PanesNode {
    pub(super) fn new(
        input: LogicalPlan,
        time: Expr,
        keys: Vec<Expr>,
        aggregates: Vec<Expr>,
        windows: Windows,
    ) -> Result<Self> {
        let data_type = windows.grid.time().data_type();
        let bound = |name| (None, Arc::new(Field::new(name, data_type.clone(), false)));
        let mut fields = exprlist_to_fields(&keys, &input)?;
        fields.extend([bound(WINDOW_START), bound(WINDOW_END)]);
        fields.extend(exprlist_to_fields(&aggregates, &input)?);
        let metadata = input.schema().metadata().clone();
        let schema = Arc::new(DFSchema::new_with_metadata(fields, metadata)?);
        Ok(Self {
            input,
            time,
            keys,
            aggregates,
            windows,
            schema,
        })
    }
}

impl PartialOrd for PanesNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl UserDefinedLogicalNodeCore for PanesNode {
    fn name(&self) -> &str {
        "Panes"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        let time = std::iter::once(&self.time);
        time.chain(&self.keys).chain(&self.aggregates).cloned().collect()
    }

    /// Whole keys can be left out beforehand, and nothing else.
    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        not_keys(&self.schema, &self.keys)
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |exprs: &[Expr]| {
            exprs
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", ")
        };
        let (function, windows) = (self.windows.function(), self.windows.describe());
        let (keys, aggregates) = (list(&self.keys), list(&self.aggregates));
        let time = &self.time;
        write!(
            f,
            "panes of {function}: {time}, {windows}, groupBy=[[{keys}]], aggr=[[{aggregates}]]"
        )
    }

    /// The columns keep the names that they were made with, whatever the expressions become.
    fn with_exprs_and_inputs(&self, exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let mut exprs = exprs.into_iter();
        Ok(Self {
            input: one_input(inputs)?,
            time: exprs.next().unwrap_or_else(|| self.time.clone()),
            keys: exprs.by_ref().take(self.keys.len()).collect(),
            aggregates: exprs.collect(),
            windows: self.windows.clone(),
            schema: Arc::clone(&self.schema),
        })
    }

    fn necessary_children_exprs(&self, _output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        needed_columns(self.input.schema(), &[], &self.expressions())
    }
}

impl PhysicalNode for PanesNode {
    fn physical(
        &self,
        planning: &Planning<'_>,
        input: Arc<dyn ExecutionPlan>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = self.input.schema();
        let rows = input.schema();
        let column = match &self.time {
            Expr::Column(column) => column.name.as_str(),
            _ => "time",
        };
        let grid = self.windows.grid.clone();
        let pane = PaneFunction::udf(grid, Part::Index, self.windows.function(), column);
        let pane = planning.expression(&PaneFunction::call(pane, self.time.clone()), schema)?;
        let mut group_by = Vec::with_capacity(self.keys.len() + 1);
        for (key, field) in self.keys.iter().zip(self.schema.fields()) {
            group_by.push((planning.expression(key, schema)?, field.name().clone()));
        }
        group_by.push((pane, PANE.to_owned()));
        let (mut aggregates, mut filters) = (Vec::new(), Vec::new());
        for aggregate in &self.aggregates {
            let properties = planning.session.execution_props();
            let lowered =
                LoweredAggregateBuilder::new(aggregate, schema, &rows, properties, planning.context)
                    .build()?;
            aggregates.push(lowered.aggregate);
            filters.push(lowered.filter);
        }
        let columns = Columns {
            keys: (0..self.keys.len())
                .map(|i| Column::new(&group_by[i].1, i))
                .collect(),
            pane: Column::new(PANE, self.keys.len()),
        };
        let partial = AggregateExec::try_new(
            AggregateMode::Partial,
            PhysicalGroupBy::new_single(group_by),
            aggregates.clone(),
            filters,
            input,
            rows,
        )?;
        let panes = Panes {
            columns,
            aggregates,
            windows: self.windows.clone(),
        };
        let schema = Arc::clone(self.schema.inner());
        Ok(Arc::new(KeyedExec::try_new(Arc::new(partial), panes, schema)?))
    }
}
