//! The merge of panes as an operation over states that are sorted by pane.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::BatchCoalescer;
use arrow::datatypes::{Int64Type, SchemaRef};
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{EquivalenceProperties, Partitioning};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use super::kernel::Merge;
use crate::operators::input::{columns_of, sortings};
use crate::operators::window::aligned::Windows;
use crate::operators::window::keyed::{Kernel, Operation};

/// Where the states' columns are: keys, pane, states.
#[derive(Debug, Clone)]
pub(super) struct Columns {
    pub(super) keys: Vec<Column>,
    pub(super) pane: Column,
}

/// Merges the states of panes into the results of windows.
#[derive(Debug, Clone)]
pub(super) struct Panes {
    pub(super) columns: Columns,
    pub(super) aggregates: Vec<Arc<AggregateFunctionExpr>>,
    pub(super) windows: Windows,
}

impl Operation for Panes {
    const NAME: &'static str = "PanesExec";
    const BY_KEY: bool = false;

    fn describe(&self) -> String {
        let (function, windows) = (self.windows.function(), self.windows.describe());
        let aggregates: Vec<&str> = self.aggregates.iter().map(|aggregate| aggregate.name()).collect();
        format!("{function}, {windows}, aggr=[{}]", aggregates.join(", "))
    }

    fn describe_briefly(&self) -> String {
        format!("{}, {}", self.windows.function(), self.windows.describe())
    }

    fn keys(&self) -> &[Column] {
        &self.columns.keys
    }

    fn sort_columns(&self) -> Vec<Column> {
        vec![self.columns.pane.clone()]
    }

    fn order(&self) -> Option<&Column> {
        Some(&self.columns.pane)
    }

    /// That of the windows.
    fn equivalences(
        &self,
        _input: &Arc<dyn ExecutionPlan>,
        schema: &SchemaRef,
    ) -> Result<EquivalenceProperties> {
        let count = self.columns.keys.len();
        let mut known = EquivalenceProperties::new(Arc::clone(schema));
        let bounds = [count, count + 1].map(|i| Column::new(schema.field(i).name(), i));
        let [start, end] = bounds;
        let ascending = arrow::compute::SortOptions::default();
        known.add_ordering(sortings(&[start.clone(), end.clone()], ascending));
        known.add_ordering(sortings(&[end, start], ascending));
        Ok(known)
    }

    /// Keys stay where they are, under the names that the results have.
    fn partitioning(&self, input: &Arc<dyn ExecutionPlan>) -> Partitioning {
        Partitioning::UnknownPartitioning(input.output_partitioning().partition_count())
    }

    fn kernel(&self, schema: &SchemaRef, context: &TaskContext) -> Result<Box<dyn Kernel>> {
        let keys = self.columns.keys.len();
        let merge = Merge::new(self.windows.clone(), Arc::clone(schema), keys, &self.aggregates)?;
        let batch_size = context.session_config().batch_size();
        Ok(Box::new(Work {
            columns: self.columns.clone(),
            merge,
            output: BatchCoalescer::new(Arc::clone(schema), batch_size),
        }))
    }
}

struct Work {
    columns: Columns,
    merge: Merge,
    output: BatchCoalescer,
}

impl Kernel for Work {
    fn push(&mut self, batch: &RecordBatch) -> Result<Vec<RecordBatch>> {
        let pane = self.columns.pane.index();
        let complete = self.merge.push(
            batch.column(pane).as_primitive::<Int64Type>().values(),
            &columns_of(batch, &self.columns.keys),
            &batch.columns()[pane + 1..],
        )?;
        self.output(complete)
    }

    fn finish(&mut self) -> Result<Vec<RecordBatch>> {
        for batch in self.merge.finish()? {
            self.output.push_batch(batch)?;
        }
        self.output.finish_buffered_batch()?;
        self.output(Vec::new())
    }

    fn size(&self) -> usize {
        self.merge.size()
    }
}

impl Work {
    /// Windows of few keys are put together.
    fn output(&mut self, complete: Vec<RecordBatch>) -> Result<Vec<RecordBatch>> {
        for batch in complete {
            self.output.push_batch(batch)?;
        }
        Ok(std::iter::from_fn(|| self.output.next_completed_batch()).collect())
    }
}
