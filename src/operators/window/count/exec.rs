//! Windows of rows as an operation over the rows of a key, in the order of time.

use std::sync::Arc;

use arrow::array::{Array, Int64Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::ExecutionPlan;

use super::Frame;
use super::kernel::{Complete, Counted, Ties};
use crate::error::{Code, Error};
use crate::operators::input::{columns_of, sorted_by, sortings, widened};
use crate::operators::window::keyed::{Kernel, Operation};
use crate::operators::window::time::Time;

/// Which columns of the input mean what.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    pub(super) column: Column,
    pub(super) keys: Vec<Column>,
    pub(super) order: Vec<Column>,
    /// The row's place in the input, behind the input's own columns; it is not passed on.
    pub(super) position: Option<Column>,
    pub(super) time: Time,
}

/// Each row once for each window of rows that it lies in.
#[derive(Debug, Clone)]
pub(super) struct CountedRows {
    pub(super) rows: Rows,
    pub(super) frame: Frame,
}

impl Operation for CountedRows {
    const NAME: &'static str = "CountExec";
    const KEEPS_ORDER: bool = false;
    const BY_KEY: bool = true;

    fn describe(&self) -> String {
        let Frame { rows, slide, .. } = self.frame;
        let (time, keys) = (&self.rows.column, self.describe_briefly());
        format!("time={time}, {keys}, n={rows}, slide={slide}")
    }

    fn describe_briefly(&self) -> String {
        let keys: Vec<String> = self.rows.keys.iter().map(ToString::to_string).collect();
        format!("key=[{}]", keys.join(", "))
    }

    fn keys(&self) -> &[Column] {
        &self.rows.keys
    }

    fn sort_columns(&self) -> Vec<Column> {
        let rows = &self.rows;
        let columns = rows.keys.iter().chain([&rows.column]).chain(&rows.order);
        columns.chain(&rows.position).cloned().collect()
    }

    fn equivalences(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        schema: &SchemaRef,
    ) -> Result<EquivalenceProperties> {
        let mut known = EquivalenceProperties::new(Arc::clone(schema));
        let id = schema.fields().len() - 1;
        let by_window = self.rows.keys.iter().cloned();
        let by_window = by_window.chain([Column::new(schema.field(id).name(), id), self.rows.column.clone()]);
        if let Some(options) = sorted_by(input, &self.sort_columns())? {
            known.add_ordering(sortings(&by_window.collect::<Vec<_>>(), options));
        }
        Ok(known)
    }

    /// A row comes out several times: so many fewer are taken at once.
    fn rows_at_once(&self, batch_size: usize) -> usize {
        batch_size / self.frame.rows.div_ceil(self.frame.slide)
    }

    fn kernel(&self, schema: &SchemaRef, _context: &TaskContext) -> Result<Box<dyn Kernel>> {
        Ok(Box::new(Work {
            order: self.sort_columns(),
            rows: self.rows.clone(),
            schema: Arc::clone(schema),
            windows: Counted::new(self.frame),
            ties: Ties::default(),
        }))
    }
}

struct Work {
    rows: Rows,
    order: Vec<Column>,
    schema: SchemaRef,
    windows: Counted,
    ties: Ties,
}

impl Kernel for Work {
    fn push(&mut self, batch: &RecordBatch) -> Result<Vec<RecordBatch>> {
        let times = batch.column(self.rows.column.index());
        if times.null_count() > 0 {
            return Err(self.rows.time.missing("count_window", self.rows.column.name()));
        }
        if self
            .ties
            .found(&columns_of(batch, &self.order), batch.num_rows())?
        {
            return Err(self.rows.time.refuse(self.tied()));
        }
        let (ticks, _) = self.rows.time.ticks(times)?;
        let passed: Vec<usize> = (0..self.schema.fields().len() - 3).collect();
        let complete = self.windows.push(
            &batch.project(&passed)?,
            &columns_of(batch, &self.rows.keys),
            &ticks,
        )?;
        self.output(complete)
    }

    fn finish(&mut self) -> Result<Vec<RecordBatch>> {
        let complete = self.windows.finish()?;
        self.output(complete)
    }

    fn size(&self) -> usize {
        self.windows.size()
    }
}

impl Work {
    fn tied(&self) -> Error {
        let column = self.rows.column.name();
        let message = format!("count_window: two rows of a key have one time '{column}', and no order");
        Error::new(Code::DataException, message).with_hint("order_by => [column] gives them one")
    }

    fn output(&self, complete: Option<Complete>) -> Result<Vec<RecordBatch>> {
        let batches = complete.into_iter().map(|complete| {
            let added = [
                self.rows.time.array(complete.starts)?,
                self.rows.time.array(complete.ends)?,
                Arc::new(Int64Array::from(complete.ids)),
            ];
            widened(&self.schema, &complete.rows, added)
        });
        batches.collect()
    }
}
