//! Frames as an operation over the rows of a partition, in order.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{cast, is_null};
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::ExecutionPlan;

use super::bounds::{Bounds, Reach, Ticks};
use super::call::Function;
use super::slide::{Slide, slide};
use super::values::Rows;
use crate::operators::input::{Runs, columns_of, passed_equivalences, sliced_size, widened};
use crate::operators::window::keyed::{Kernel, Operation};

/// A call over frames.
#[derive(Debug, Clone)]
pub(super) struct FrameCall {
    pub(super) function: Function,
    pub(super) argument: Option<Arc<dyn PhysicalExpr>>,
    pub(super) filter: Option<Arc<dyn PhysicalExpr>>,
    pub(super) reach: Reach,
}

/// Each row with the results of calls over its frames.
#[derive(Debug, Clone)]
pub(super) struct FrameRows {
    pub(super) order: Column,
    pub(super) keys: Vec<Column>,
    pub(super) calls: Vec<FrameCall>,
}

impl Operation for FrameRows {
    const NAME: &'static str = "SlidingExec";
    const KEEPS_ORDER: bool = true;
    const BY_KEY: bool = true;

    fn describe(&self) -> String {
        let calls = self.calls.iter().map(|call| {
            let argument = call.argument.as_ref().map_or("*".to_owned(), ToString::to_string);
            let filter = call.filter.as_ref();
            let filter = filter.map_or(String::new(), |filter| format!(" FILTER ({filter})"));
            let Reach { before, after } = call.reach;
            format!("{:?}({argument}){filter} -{before}..+{after}", call.function)
        });
        let calls: Vec<String> = calls.collect();
        let keys = self.describe_briefly();
        format!("[{}], order={}, {keys}", calls.join(", "), self.order)
    }

    fn describe_briefly(&self) -> String {
        let keys: Vec<String> = self.keys.iter().map(ToString::to_string).collect();
        format!("key=[{}]", keys.join(", "))
    }

    fn keys(&self) -> &[Column] {
        &self.keys
    }

    fn sort_columns(&self) -> Vec<Column> {
        let keys = self.keys.iter();
        keys.chain([&self.order]).cloned().collect()
    }

    fn order(&self) -> Option<&Column> {
        Some(&self.order)
    }

    fn equivalences(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        schema: &SchemaRef,
    ) -> Result<EquivalenceProperties> {
        passed_equivalences(input, schema)
    }

    fn kernel(&self, schema: &SchemaRef, _context: &TaskContext) -> Result<Box<dyn Kernel>> {
        let mut reaches: Vec<Reach> = Vec::new();
        let mut calls = Vec::with_capacity(self.calls.len());
        let passed = schema.fields().len() - self.calls.len();
        for (i, call) in self.calls.iter().enumerate() {
            let known = reaches.iter().position(|reach| *reach == call.reach);
            let bounds = known.unwrap_or_else(|| {
                reaches.push(call.reach);
                reaches.len() - 1
            });
            let result = schema.field(passed + i).data_type();
            calls.push((bounds, slide(call.function, result)?));
        }
        Ok(Box::new(Work {
            rows: self.clone(),
            schema: Arc::clone(schema),
            runs: Runs::default(),
            ticks: Ticks::default(),
            bounds: reaches.into_iter().map(Bounds::new).collect(),
            calls,
            waiting: VecDeque::new(),
            out: 0,
        }))
    }
}

struct Work {
    rows: FrameRows,
    schema: SchemaRef,
    runs: Runs,
    ticks: Ticks,
    /// One for each reach.
    bounds: Vec<Bounds>,
    /// Each with the number of its bounds.
    calls: Vec<(usize, Box<dyn Slide>)>,
    /// Rows whose frames are not all complete.
    waiting: VecDeque<RecordBatch>,
    /// How many rows came out.
    out: usize,
}

impl Kernel for Work {
    fn push(&mut self, batch: &RecordBatch) -> Result<Vec<RecordBatch>> {
        let order = batch.column(self.rows.order.index());
        let ticks = ticks(order)?;
        let mut keys = columns_of(batch, &self.rows.keys);
        if self.schema.field(self.rows.order.index()).is_nullable() {
            keys.push(Arc::new(is_null(order)?));
        }
        for run in self.runs.push(&keys, batch.num_rows())? {
            self.ticks.push(&ticks[run.rows], run.continues);
        }
        for (call, (_, slide)) in self.rows.calls.iter().zip(&mut self.calls) {
            let evaluated = |expr: &Arc<dyn PhysicalExpr>| -> Result<ArrayRef> {
                expr.evaluate(batch)?.into_array(batch.num_rows())
            };
            let values = call.argument.as_ref().map(evaluated).transpose()?;
            let filter = call.filter.as_ref().map(evaluated).transpose()?;
            slide.append(&Rows::new(batch.num_rows(), values, filter.as_ref())?)?;
        }
        self.waiting.push_back(batch.clone());
        self.complete()
    }

    fn finish(&mut self) -> Result<Vec<RecordBatch>> {
        self.ticks.close();
        self.complete()
    }

    fn size(&self) -> usize {
        let waiting = self.waiting.iter().map(|batch| sliced_size(batch.columns()));
        let calls = self.calls.iter().map(|(_, slide)| slide.size());
        self.ticks.size() + waiting.sum::<usize>() + calls.sum::<usize>()
    }
}

impl Work {
    fn complete(&mut self) -> Result<Vec<RecordBatch>> {
        for (number, bounds) in self.bounds.iter_mut().enumerate() {
            let frames = bounds.complete(&self.ticks);
            let calls = self.calls.iter_mut().filter(|(of, _)| *of == number);
            for (_, slide) in calls {
                slide.slide(&frames)?;
            }
        }
        let needed = self.bounds.iter().map(Bounds::needed).min().unwrap_or(0);
        self.ticks.release(needed);
        for (_, slide) in &mut self.calls {
            slide.release(needed);
        }
        let known = self.bounds.iter().map(Bounds::known).min().unwrap_or(0);
        let mut complete = Vec::new();
        while let Some(batch) = self.waiting.pop_front() {
            let rows = batch.num_rows();
            if self.out + rows > known {
                self.waiting.push_front(batch);
                break;
            }
            self.out += rows;
            let results = self.calls.iter_mut().map(|(_, slide)| slide.take(rows));
            let results = results.collect::<Result<Vec<_>>>()?;
            complete.push(widened(&self.schema, &batch, results)?);
        }
        Ok(complete)
    }
}

/// The keys of order as whole numbers; those of NULLs are all the same.
fn ticks(order: &ArrayRef) -> Result<Vec<i64>> {
    let ticks = cast(order, &DataType::Int64)?;
    let ticks = ticks.as_primitive::<Int64Type>();
    Ok(match ticks.null_count() {
        0 => ticks.values().to_vec(),
        _ => ticks.iter().map(Option::unwrap_or_default).collect(),
    })
}
