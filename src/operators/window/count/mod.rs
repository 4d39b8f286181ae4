//! `COUNT_WINDOW`: windows of `n` rows of a key, in the order of time.
//!
//! Window 1 of a key holds its first `n` rows, window `w` those from row `(w - 1) · slide` on. A row
//! comes out once for each of its windows, with the times of the window's first and last row (both
//! inclusive) and the window's number within its key. Windows that the rows do not fill are left out,
//! unless `partial => true`.
//!
//! Two rows of a key with one time have no order of their own. `order_by` gives them one; without it
//! their place in the input does, if the input is read in one sequence; else they are an error.
//!
//! ```sql
//! SELECT user_id, window_id, avg(amount)
//! FROM COUNT_WINDOW(processed.orders, ordered_at, 10, key => [user_id], order_by => [order_id])
//! GROUP BY user_id, window_id;
//! ```
//!
//! Input: the rows of a key in one partition, sorted by key, time and `order_by`. Output: in the order
//! of key and window. Memory: one window and a batch, counted; nothing is spilled.

mod exec;
mod kernel;
mod position;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, SchemaRef};
use datafusion::common::{DFSchema, DFSchemaRef, Result};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::ExecutionPlan;

pub(in crate::operators) use position::PositionExec;

use super::arguments::{self, KEY, NULLS, TS};
use super::keyed::{ByTime, KeyedExec, KeyedNode, Rows};
use super::{WINDOW_END, WINDOW_START};
use crate::error::Code;
use crate::operators::input::widened_schema;
use crate::operators::{Binding, Call, Parameter, RelationFunction, Signature};

const ROWS: &str = "n";
const SLIDE: &str = "slide";
const ORDER_BY: &str = "order_by";
const PARTIAL: &str = "partial";
const WINDOW_ID: &str = "window_id";

/// The function.
#[derive(Debug)]
pub(in crate::operators) struct CountWindow;

/// Which rows make a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Frame {
    rows: usize,
    slide: usize,
    partial: bool,
}

static SIGNATURE: Signature = Signature {
    name: "count_window",
    syntax: "COUNT_WINDOW(t, ts, n [, slide => m] [, key => [k]] [, order_by => [c]] [, partial => true] \
        [, nulls => 'skip'])",
    sentence: "Each row once for each window of n rows of its key that it lies in, in the order of time: with \
        window_start and window_end, the times of the window's first and last row, and window_id, its number.",
    source: "Flink's count windows",
    example: "SELECT window_id, count(*) FROM COUNT_WINDOW((SELECT column1 AS ts FROM (VALUES (DATE '2026-01-01'), \
        (DATE '2026-01-02'))), ts, 2) GROUP BY window_id; -- 1, 2",
    parameters: &[
        TS,
        Parameter {
            name: ROWS,
            meaning: "how many rows a window has",
            binding: Binding::Required,
        },
        Parameter {
            name: SLIDE,
            meaning: "how many rows apart windows begin; n if not given",
            binding: Binding::Named,
        },
        KEY,
        Parameter {
            name: ORDER_BY,
            meaning: "columns that order rows of one time",
            binding: Binding::Named,
        },
        Parameter {
            name: PARTIAL,
            meaning: "whether windows that the rows do not fill come out too",
            binding: Binding::Named,
        },
        NULLS,
    ],
};

impl RelationFunction for CountWindow {
    fn signature(&self) -> &'static Signature {
        &SIGNATURE
    }

    fn plan(&self, mut call: Call<'_>) -> Result<LogicalPlan> {
        let (column, time) = arguments::time(&mut call)?;
        let rows = rows(&mut call, ROWS)?.unwrap_or(1);
        let slide = rows_of_slide(&mut call, rows)?;
        let keys = call.columns(KEY.name)?;
        let order = call.columns(ORDER_BY)?;
        let partial = call.truth(PARTIAL)?.unwrap_or(false);
        let skip = arguments::skips_nulls(&mut call)?;
        let added = [WINDOW_START, WINDOW_END, WINDOW_ID];
        let input = arguments::input(call, &column, skip, &added)?;
        let frame = Frame { rows, slide, partial };
        let by = ByTime {
            column,
            keys,
            order,
            time,
        };
        KeyedNode::plan(input, by, frame)
    }
}

impl Rows for Frame {
    const NAME: &'static str = "CountWindows";

    fn schema(&self, input: &DFSchema, by: &ByTime<Expr>) -> Result<DFSchemaRef> {
        let bound = |name| Field::new(name, by.time.data_type().clone(), false);
        let id = Field::new(WINDOW_ID, DataType::Int64, false);
        widened_schema(input, [bound(WINDOW_START), bound(WINDOW_END), id])
    }

    fn describe(&self) -> String {
        let Self { rows, slide, partial } = self;
        let partial = if *partial { ", partial" } else { "" };
        format!("n={rows}, slide={slide}{partial}")
    }

    fn physical(
        &self,
        input: Arc<dyn ExecutionPlan>,
        by: ByTime<Column>,
        schema: SchemaRef,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let frame = *self;
        let mut rows = exec::CountedRows {
            by,
            position: None,
            frame,
        };
        let input: Arc<dyn ExecutionPlan> = if rows.by.order.is_empty() && PositionExec::applies(&input) {
            let numbered = PositionExec::new(input);
            rows.position = Some(numbered.column());
            Arc::new(numbered)
        } else {
            input
        };
        Ok(Arc::new(KeyedExec::try_new(input, rows, schema)?))
    }
}

fn rows(call: &mut Call<'_>, argument: &str) -> Result<Option<usize>> {
    match call.integer(argument)? {
        None => Ok(None),
        Some(rows) if rows > 0 && rows <= i64::from(u32::MAX) => Ok(usize::try_from(rows).ok()),
        Some(rows) if rows > 0 => Err(call.refuse(Code::InvalidValue, argument, "is too large")),
        Some(_) => Err(call.refuse(Code::InvalidValue, argument, "must be positive")),
    }
}

fn rows_of_slide(call: &mut Call<'_>, size: usize) -> Result<usize> {
    match rows(call, SLIDE)? {
        Some(slide) if slide > size => {
            let problem = format!("must not be larger than argument '{ROWS}': rows would be in no window");
            Err(call.refuse(Code::InvalidValue, SLIDE, problem))
        }
        slide => Ok(slide.unwrap_or(size)),
    }
}
