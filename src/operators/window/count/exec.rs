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
use crate::operators::window::keyed::{ByTime, Kernel, Operation};

/// Each row once for each window of rows that it lies in.
#[derive(Debug, Clone)]
pub(super) struct CountedRows {
    pub(super) by: ByTime<Column>,
    /// The row's place in the input, behind the input's own columns; it is not passed on.
    pub(super) position: Option<Column>,
    pub(super) frame: Frame,
}

impl Operation for CountedRows {
    const NAME: &'static str = "CountExec";
    const BY_KEY: bool = true;

    fn describe(&self) -> String {
        let Frame { rows, slide, .. } = self.frame;
        let (time, keys) = (&self.by.column, self.describe_briefly());
        format!("time={time}, {keys}, n={rows}, slide={slide}")
    }

    fn keys(&self) -> &[Column] {
        &self.by.keys
    }

    fn sort_columns(&self) -> Vec<Column> {
        let mut columns = self.by.sort_columns();
        columns.extend(self.position.clone());
        columns
    }

    fn equivalences(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        schema: &SchemaRef,
    ) -> Result<EquivalenceProperties> {
        let mut known = EquivalenceProperties::new(Arc::clone(schema));
        let id = schema.fields().len() - 1;
        let by_window = self.by.keys.iter().cloned();
        let by_window = by_window.chain([Column::new(schema.field(id).name(), id), self.by.column.clone()]);
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
            by: self.by.clone(),
            schema: Arc::clone(schema),
            windows: Counted::new(self.frame),
            ties: Ties::default(),
        }))
    }
}

struct Work {
    by: ByTime<Column>,
    order: Vec<Column>,
    schema: SchemaRef,
    windows: Counted,
    ties: Ties,
}

impl Kernel for Work {
    fn push(&mut self, batch: &RecordBatch) -> Result<Vec<RecordBatch>> {
        let times = batch.column(self.by.column.index());
        if times.null_count() > 0 {
            return Err(self.by.time.missing("count_window", self.by.column.name()));
        }
        if self
            .ties
            .found(&columns_of(batch, &self.order), batch.num_rows())?
        {
            return Err(self.by.time.refuse(self.tied()));
        }
        let (ticks, _) = self.by.time.ticks(times)?;
        let passed: Vec<usize> = (0..self.schema.fields().len() - 3).collect();
        let complete = self.windows.push(
            &batch.project(&passed)?,
            &columns_of(batch, &self.by.keys),
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
        let column = self.by.column.name();
        let message = format!("count_window: two rows of a key have one time '{column}', and no order");
        Error::new(Code::DataException, message).with_hint("order_by => [column] gives them one")
    }

    fn output(&self, complete: Option<Complete>) -> Result<Vec<RecordBatch>> {
        let batches = complete.into_iter().map(|complete| {
            let added = [
                self.by.time.array(complete.starts)?,
                self.by.time.array(complete.ends)?,
                Arc::new(Int64Array::from(complete.ids)),
            ];
            widened(&self.schema, &complete.rows, added)
        });
        batches.collect()
    }
}
