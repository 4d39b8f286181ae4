//! `SESSION`: rows of a key that follow one another within a gap.
//!
//! A row belongs to the session of the row before it, of its key and in the order of time, if it is
//! not more than `gap` later (Flink and Spark merge at equality too). The window begins with the
//! session's first row and ends `gap` after its last. NULL is a key like any other.
//!
//! ```sql
//! SELECT user_id, window_start, count(*)
//! FROM SESSION(processed.events, event_time, INTERVAL '30 minutes', key => [user_id])
//! GROUP BY user_id, window_start, window_end;
//! ```
//!
//! Input: the rows of a key in one partition, together and in the order of time. A table that is sorted by
//! key and time is not sorted again: its output is in the same order, and so in that of key and
//! window. Memory: the rows of one session, counted against the session's limit, besides what it takes
//! to bring rows of another order into this one, which spills.

mod exec;
mod kernel;

use std::sync::Arc;

use arrow::datatypes::{Field, SchemaRef};
use datafusion::common::{DFSchema, DFSchemaRef, Result};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::ExecutionPlan;

use super::arguments::{self, KEY, NULLS, TS};
use super::keyed::{ByTime, KeyedExec, KeyedNode, Rows};
use super::{WINDOW_END, WINDOW_START};
use crate::operators::input::widened_schema;
use crate::operators::{Binding, Call, Parameter, RelationFunction, Signature};

const GAP: &str = "gap";

/// Each row with its session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Sessions {
    /// Ticks.
    gap: i64,
}

impl Rows for Sessions {
    const NAME: &'static str = "Sessions";

    fn schema(&self, input: &DFSchema, by: &ByTime<Expr>) -> Result<DFSchemaRef> {
        let bound = |name| Field::new(name, by.time.data_type().clone(), false);
        widened_schema(input, [WINDOW_START, WINDOW_END].map(bound))
    }

    fn describe(&self) -> String {
        format!("gap={} ticks", self.gap)
    }

    fn physical(
        &self,
        input: Arc<dyn ExecutionPlan>,
        by: ByTime<Column>,
        schema: SchemaRef,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let rows = exec::SessionRows { by, gap: self.gap };
        Ok(Arc::new(KeyedExec::try_new(input, rows, schema)?))
    }
}

/// The function.
#[derive(Debug)]
pub(in crate::operators) struct Session;

static SIGNATURE: Signature = Signature {
    name: "session",
    syntax: "SESSION(t, ts, gap [, key => [k]] [, nulls => 'skip'])",
    sentence: "Each row with its session: the rows of its key that follow one another by at most the gap. The window \
        begins with the first of them and ends a gap after the last.",
    source: "Flink's and Spark's session windows",
    example: "SELECT window_start, count(*) FROM SESSION((SELECT TIMESTAMP '2026-01-01 10:07:00' AS ts), ts, \
        INTERVAL '5 minutes') GROUP BY window_start; -- 2026-01-01T10:07:00, 1",
    parameters: &[
        TS,
        Parameter {
            name: GAP,
            meaning: "how long after a row its session stays open",
            binding: Binding::Required,
        },
        KEY,
        NULLS,
    ],
};

impl RelationFunction for Session {
    fn signature(&self) -> &'static Signature {
        &SIGNATURE
    }

    fn plan(&self, mut call: Call<'_>) -> Result<LogicalPlan> {
        let (column, time) = arguments::time(&mut call)?;
        let gap = arguments::length(&mut call, GAP, &time, false)?;
        let keys = call.columns(KEY.name)?;
        let skip = arguments::skips_nulls(&mut call)?;
        let input = arguments::input(call, &column, skip, &[WINDOW_START, WINDOW_END])?;
        let by = ByTime {
            column,
            keys,
            order: Vec::new(),
            time,
        };
        KeyedNode::plan(input, by, Sessions { gap })
    }
}
