//! Operators whose input comes a key at a time, or in an order: what sessions, windows of rows, frames
//! that slide and panes have in common.
//!
//! An [`Operation`] says what it asks of its input and what it adds to it; its [`Kernel`] takes batches and
//! gives back those that are complete. [`KeyedExec`] is the operator: it asks for the rows of a key in
//! one place, in the order that the operation wants, and runs a kernel a partition, whose memory it
//! counts.
//!
//! Rows get into that order in one of three ways ([`Arrangement`]): an input that is in it already is
//! merged, and nothing is sorted; rows that only need to lie together by key, in the order of time, or by
//! the few values of one column, are arranged by hashing (`arrange`); else the planner sorts them.

mod arrange;
mod exec;
mod logical;

use std::fmt::Debug;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{EquivalenceProperties, Partitioning};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

pub(super) use exec::KeyedExec;
pub(super) use logical::{ByTime, KeyedNode, Rows};

use crate::operators::input::passed_equivalences;

/// What an operator does with rows that come a key at a time, or in an order.
pub(super) trait Operation: Debug + Clone + Send + Sync + 'static {
    /// The operator's name, as plans show it.
    const NAME: &'static str;

    /// Whether rows come a key at a time.
    const BY_KEY: bool;

    /// Whether it matters that rows whose order is NULL come behind those of their key that have one.
    const NULLS_LAST: bool = false;

    /// What plans show behind the name.
    fn describe(&self) -> String;

    /// The same on a line of a drawn plan.
    fn describe_briefly(&self) -> String {
        let keys: Vec<String> = self.keys().iter().map(ToString::to_string).collect();
        format!("key=[{}]", keys.join(", "))
    }

    /// Rows that are equal in these columns are in one partition.
    fn keys(&self) -> &[Column];

    /// What rows are sorted by: keys first, where they come a key at a time.
    fn sort_columns(&self) -> Vec<Column> {
        self.keys().iter().chain(self.order()).cloned().collect()
    }

    /// The column of moments, days or whole numbers that alone orders the rows: those of a key, where it
    /// does not matter in which order keys come, or all of them, where they do not come by key. Then
    /// there are far fewer values than rows.
    fn order(&self) -> Option<&Column> {
        None
    }

    /// What is known of the output's order; the input's, where its rows come out as they are, and widened.
    fn equivalences(
        &self,
        input: &Arc<dyn ExecutionPlan>,
        schema: &SchemaRef,
    ) -> Result<EquivalenceProperties> {
        passed_equivalences(input, schema)
    }

    /// How the output is partitioned.
    fn partitioning(&self, input: &Arc<dyn ExecutionPlan>) -> Partitioning {
        input.output_partitioning().clone()
    }

    /// How many rows the kernel takes at once, if batches come out of `batch_size` rows.
    fn rows_at_once(&self, _batch_size: usize) -> usize {
        usize::MAX
    }

    /// What computes a partition of it: batches come in as the input's, and go out as `schema`'s.
    fn kernel(&self, schema: &SchemaRef, context: &TaskContext) -> Result<Box<dyn Kernel>>;
}

/// Computes one partition of an operation.
pub(super) trait Kernel: Send {
    /// Takes a batch. Returns what is complete by then.
    fn push(&mut self, batch: &RecordBatch) -> Result<Vec<RecordBatch>>;

    /// What is left, when no row follows.
    fn finish(&mut self) -> Result<Vec<RecordBatch>>;

    /// Bytes held.
    fn size(&self) -> usize;
}

/// How rows get into the order that an operation wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arrangement {
    /// They are in it, those of a key in several partitions: these are merged into one.
    Merged,
    /// By the operator itself.
    Hashed,
    /// The planner sorts them, where they are not in it.
    Sorted,
}
