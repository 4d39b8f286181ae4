//! Sessions as an operation over the rows of a key, in the order of time.

use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::ExecutionPlan;

use super::kernel::{Complete, Sessions};
use crate::operators::input::{columns_of, passed_equivalences, sorted_by, sortings, widened};
use crate::operators::window::keyed::{ByTime, Kernel, Operation};

/// Each row with its session.
#[derive(Debug, Clone)]
pub(super) struct SessionRows {
    pub(super) by: ByTime<Column>,
    /// Ticks.
    pub(super) gap: i64,
}

impl Operation for SessionRows {
    const NAME: &'static str = "SessionExec";
    const BY_KEY: bool = true;

    fn describe(&self) -> String {
        let (keys, gap) = (self.describe_briefly(), self.gap);
        format!("time={}, {keys}, gap={gap} ticks", self.by.column)
    }

    fn keys(&self) -> &[Column] {
        &self.by.keys
    }

    fn order(&self) -> Option<&Column> {
        Some(&self.by.column)
    }

    /// The input's order, and that of key and window.
    fn equivalences(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        schema: &SchemaRef,
    ) -> Result<EquivalenceProperties> {
        let mut known = passed_equivalences(input, schema)?;
        let passed = input.schema().fields().len();
        let added = (passed..schema.fields().len()).map(|i| Column::new(schema.field(i).name(), i));
        let keys = self.by.keys.iter().cloned();
        let by_window: Vec<Column> = keys.chain(added).chain([self.by.column.clone()]).collect();
        if let Some(options) = sorted_by(input, &self.sort_columns())? {
            known.add_ordering(sortings(&by_window, options));
        }
        Ok(known)
    }

    fn kernel(&self, schema: &SchemaRef, _context: &TaskContext) -> Result<Box<dyn Kernel>> {
        Ok(Box::new(Work {
            rows: self.clone(),
            schema: Arc::clone(schema),
            sessions: Sessions::new(self.gap),
        }))
    }
}

struct Work {
    rows: SessionRows,
    schema: SchemaRef,
    sessions: Sessions,
}

impl Work {
    fn output(&self, complete: Vec<Complete>) -> Result<Vec<RecordBatch>> {
        let batches = complete.into_iter().map(|complete| {
            let starts = self.rows.by.time.array(complete.starts)?;
            let ends = self.rows.by.time.array(complete.ends)?;
            widened(&self.schema, &complete.rows, [starts, ends])
        });
        batches.collect()
    }
}

impl Kernel for Work {
    fn push(&mut self, batch: &RecordBatch) -> Result<Vec<RecordBatch>> {
        let times = batch.column(self.rows.by.column.index());
        if times.null_count() > 0 {
            return Err(self.rows.by.time.missing("session", self.rows.by.column.name()));
        }
        let (ticks, _) = self.rows.by.time.ticks(times)?;
        let keys = columns_of(batch, &self.rows.by.keys);
        let complete = self.sessions.push(batch, &keys, &ticks)?;
        self.output(complete)
    }

    fn finish(&mut self) -> Result<Vec<RecordBatch>> {
        let complete = self.sessions.finish()?;
        self.output(complete)
    }

    fn size(&self) -> usize {
        self.sessions.size()
    }
}
