//! Physical operators: which rows of a table's files a statement takes away, and the rows that stay.
//!
//! [`MarkExec`]: input is the table's columns, then what becomes of each row ([`Action`] as UInt8), its
//! file and its row; it marks the rows that are replaced or deleted, and passes the new ones on, the
//! table's columns alone. A row that is marked twice is an error. [`KeepExec`]: input is the table's
//! columns, file and row; passes on what is not marked. Order and partitioning stay; no memory but a
//! bit for each row of the files that are touched.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{AsArray, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Int64Type, Schema, SchemaRef, UInt8Type, UInt32Type};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{
    ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
};
use futures::StreamExt;
use parking_lot::Mutex;

use super::snapshot::Snapshot;
use crate::error::{Code, Error};
use crate::table::rows::shown;

/// What becomes of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Action {
    /// It is new.
    Insert = 1,
    /// It takes the place of the one at its position.
    Update = 2,
    /// The one at its position goes.
    Delete = 3,
}

/// The rows of a snapshot's files that are taken away, and how many rows had which fate.
#[derive(Debug, Default)]
pub struct Marks {
    files: Mutex<BTreeMap<u32, Bits>>,
    inserted: AtomicU64,
    updated: AtomicU64,
    deleted: AtomicU64,
}

/// A set of small numbers.
#[derive(Debug, Default)]
struct Bits {
    words: Vec<u64>,
    count: u64,
}

impl Bits {
    /// Says whether it was new.
    fn insert(&mut self, bit: usize) -> bool {
        let (word, mask) = (bit / 64, 1 << (bit % 64));
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        let new = self.words[word] & mask == 0;
        self.words[word] |= mask;
        self.count += u64::from(new);
        new
    }

    fn contains(&self, bit: usize) -> bool {
        self.words
            .get(bit / 64)
            .is_some_and(|word| word & (1 << (bit % 64)) != 0)
    }
}

impl Marks {
    /// New rows, replaced rows, deleted rows.
    pub fn counts(&self) -> (u64, u64, u64) {
        let count = |n: &AtomicU64| n.load(Ordering::Relaxed);
        (count(&self.inserted), count(&self.updated), count(&self.deleted))
    }

    /// The positions of the files that lose rows.
    pub fn touched(&self) -> Vec<u32> {
        self.files.lock().keys().copied().collect()
    }

    /// Of those the ones that keep some, as far as the log knows.
    pub fn remaining(&self, snapshot: &Snapshot) -> Vec<u32> {
        let files = self.files.lock();
        let keeps = |(file, bits): &(&u32, &Bits)| {
            let known = snapshot.files().get(**file as usize);
            known
                .and_then(|file| file.rows())
                .is_none_or(|rows| bits.count < rows)
        };
        files.iter().filter(keeps).map(|(file, _)| *file).collect()
    }

    /// Marks the rows of `batch` that go. `columns` are the table's, for an error.
    fn mark(&self, batch: &RecordBatch, columns: &SchemaRef) -> Result<()> {
        let first = columns.fields().len();
        let actions = batch.column(first).as_primitive::<UInt8Type>();
        let files = batch.column(first + 1).as_primitive::<UInt32Type>();
        let rows = batch.column(first + 2).as_primitive::<Int64Type>();
        let (mut inserted, mut updated, mut deleted) = (0, 0, 0);
        let mut marked = self.files.lock();
        for i in 0..batch.num_rows() {
            match actions.value(i) {
                action if action == Action::Insert as u8 => {
                    inserted += 1;
                    continue;
                }
                action if action == Action::Update as u8 => updated += 1,
                _ => deleted += 1,
            }
            let row = usize::try_from(rows.value(i)).unwrap_or_default();
            if !marked.entry(files.value(i)).or_default().insert(row) {
                let message = format!(
                    "a row of the target matches several rows of the source; one of them makes it {}",
                    shown(columns, batch, i)
                );
                return Err(Error::new(Code::SeveralMatches, message)
                    .with_hint("let the source have one row for each: group it, or keep one with QUALIFY")
                    .into());
            }
        }
        for (total, count) in [
            (&self.inserted, inserted),
            (&self.updated, updated),
            (&self.deleted, deleted),
        ] {
            total.fetch_add(count, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Marks, and gives the new rows.
    fn route(&self, batch: &RecordBatch, columns: &SchemaRef) -> Result<RecordBatch> {
        self.mark(batch, columns)?;
        let first = columns.fields().len();
        let actions = batch.column(first).as_primitive::<UInt8Type>();
        let new: BooleanArray = actions
            .iter()
            .map(|action| Some(action != Some(Action::Delete as u8)))
            .collect();
        of_columns(&filter_record_batch(batch, &new)?, columns)
    }

    /// The rows that are not marked.
    fn keep(&self, batch: &RecordBatch, columns: &SchemaRef) -> Result<RecordBatch> {
        let first = columns.fields().len();
        let files = batch.column(first).as_primitive::<UInt32Type>();
        let rows = batch.column(first + 1).as_primitive::<Int64Type>();
        let marked = self.files.lock();
        let stays = |(file, row): (Option<u32>, Option<i64>)| {
            let (file, row) = (file?, usize::try_from(row?).ok()?);
            Some(!marked.get(&file).is_some_and(|bits| bits.contains(row)))
        };
        let stays: BooleanArray = files.iter().zip(rows.iter()).map(stays).collect();
        of_columns(&filter_record_batch(batch, &stays)?, columns)
    }
}

/// The table's columns of a batch that has more.
fn of_columns(batch: &RecordBatch, columns: &SchemaRef) -> Result<RecordBatch> {
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let values = batch.columns()[..columns.fields().len()].to_vec();
    Ok(RecordBatch::try_new_with_options(
        Arc::clone(columns),
        values,
        &rows,
    )?)
}

/// Which of the two operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Mark,
    Keep,
}

/// Both operators: they differ in what they do with a batch.
#[derive(Debug)]
pub struct MarkExec {
    input: Arc<dyn ExecutionPlan>,
    marks: Arc<Marks>,
    side: Side,
    properties: Arc<PlanProperties>,
}

impl MarkExec {
    /// Marks the rows that `input` takes away, and passes its new rows on.
    pub fn mark(input: Arc<dyn ExecutionPlan>, marks: Arc<Marks>) -> Self {
        Self::new(input, marks, Side::Mark)
    }

    /// Passes the rows on that are not marked.
    pub fn keep(input: Arc<dyn ExecutionPlan>, marks: Arc<Marks>) -> Self {
        Self::new(input, marks, Side::Keep)
    }

    fn new(input: Arc<dyn ExecutionPlan>, marks: Arc<Marks>, side: Side) -> Self {
        let behind = if side == Side::Mark { 3 } else { 2 };
        let fields = input.schema().fields().clone();
        let columns = fields.len().saturating_sub(behind);
        let schema = Arc::new(Schema::new(fields[..columns].to_vec()));
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            input.output_partitioning().clone(),
            EmissionType::Incremental,
            input.boundedness(),
        );
        Self {
            input,
            marks,
            side,
            properties: Arc::new(properties),
        }
    }
}

impl DisplayAs for MarkExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.side {
            Side::Mark => f.write_str("MarkExec: files that lose rows are written again without them"),
            Side::Keep => f.write_str("KeepExec"),
        }
    }
}

impl ExecutionPlan for MarkExec {
    fn name(&self) -> &'static str {
        match self.side {
            Side::Mark => "MarkExec",
            Side::Keep => "KeepExec",
        }
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let input = children.swap_remove(0);
        Ok(Arc::new(Self::new(input, Arc::clone(&self.marks), self.side)))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(
            children,
            ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute),
        )
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        let columns = self.schema();
        let (marks, side, schema) = (Arc::clone(&self.marks), self.side, self.schema());
        let rows = input.map(move |batch| match side {
            Side::Mark => marks.route(&batch?, &columns),
            Side::Keep => marks.keep(&batch?, &columns),
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }
}
