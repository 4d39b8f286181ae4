//! Frames of the rows of a partition, in order.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{cast, is_null};
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::PhysicalExpr;

use super::bounds::{Bounds, Reach, Ticks};
use super::call::{Call, Function};
use super::slide::{Slide, slide};
use super::values::Rows;
use crate::error::{Code, Error};
use crate::operators::input::{Runs, columns_of, sliced_size, widened};
use crate::operators::node::Planning;
use crate::operators::window::calls::{CallRows, Family, Over};
use crate::operators::window::keyed::Kernel;

/// Aggregates over frames that slide.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::operators::window) struct Sliding;

/// A call over frames.
#[derive(Debug, Clone)]
pub(in crate::operators::window) struct FrameCall {
    function: Function,
    argument: Option<Arc<dyn PhysicalExpr>>,
    filter: Option<Arc<dyn PhysicalExpr>>,
    reach: Reach,
}

impl Family for Sliding {
    const NODE: &'static str = "SlidingFrames";
    const EXEC: &'static str = "SlidingExec";
    const RULE: &'static str = "slide_frames";

    type Call = FrameCall;

    fn over<'a>(expr: &'a Expr, schema: &DFSchema) -> Option<Over<'a>> {
        Call::of(expr, schema).map(|call| call.over)
    }

    fn call(expr: &Expr, schema: &DFSchema, planning: &Planning<'_>) -> Result<FrameCall> {
        let unknown = || Error::new(Code::Internal, format!("'{expr}' does not slide"));
        let call = Call::of(expr, schema).ok_or_else(unknown)?;
        let optional = |expr: Option<&Expr>| expr.map(|expr| planning.expression(expr, schema)).transpose();
        Ok(FrameCall {
            function: call.function,
            argument: optional(call.argument)?,
            filter: optional(call.filter)?,
            reach: call.reach,
        })
    }

    fn describe(call: &FrameCall) -> String {
        let argument = call.argument.as_ref().map_or("*".to_owned(), ToString::to_string);
        let filter = call.filter.as_ref();
        let filter = filter.map_or(String::new(), |filter| format!(" FILTER ({filter})"));
        let Reach { before, after } = call.reach;
        format!("{:?}({argument}){filter} -{before}..+{after}", call.function)
    }

    fn kernel(rows: &CallRows<Self>, schema: &SchemaRef) -> Result<Box<dyn Kernel>> {
        let mut reaches: Vec<Reach> = Vec::new();
        let mut calls = Vec::with_capacity(rows.calls.len());
        let passed = schema.fields().len() - rows.calls.len();
        for (i, call) in rows.calls.iter().enumerate() {
            let known = reaches.iter().position(|reach| *reach == call.reach);
            let bounds = known.unwrap_or_else(|| {
                reaches.push(call.reach);
                reaches.len() - 1
            });
            let result = schema.field(passed + i).data_type();
            calls.push((bounds, slide(call.function, result)?));
        }
        Ok(Box::new(Work {
            rows: rows.clone(),
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
    rows: CallRows<Sliding>,
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
