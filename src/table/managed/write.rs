//! Physical operator: rows → new files of a managed table, not yet in its log.
//!
//! Input: the table's columns in the log's order, by position; any partitioning, each partition is
//! written by a task of its own. Output: one row, `count` (UInt64), the rows written. The files' log
//! entries are left in the [`Staged`] handle; unless they are taken from it and committed, the files
//! go when it goes. If the input fails, or the stream is dropped, nothing is left.
//!
//! Where the table is sorted, each partition of the input is sorted first, within the memory limit.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{
    Boundedness, ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions,
};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use deltalake_core::kernel::Add;
use parking_lot::Mutex;

use super::files::{Layouts, entry_of};
use super::log::LOG_FOLDER;
use crate::error::{Code, Error};
use crate::storage::{AtWork, Staging};
use crate::table::writing::Writing;

/// What was written and is in no log yet. Dropped, it takes the files with it.
#[derive(Debug, Default)]
pub struct Staged {
    folder: PathBuf,
    entries: Vec<Add>,
    /// Until it is committed, others see that somebody is at work.
    at_work: Option<AtWork>,
    /// How many rows the files have.
    pub rows: u64,
    /// How many bytes they have.
    pub bytes: u64,
}

impl Staged {
    /// The entries, for a commit that is being tried: call [`Staged::keep`] once it is made.
    pub(super) fn entries(&self) -> &[Add] {
        &self.entries
    }

    /// The files' paths from the table's folder.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.path.as_str())
    }

    /// How many files there are.
    pub fn files(&self) -> usize {
        self.entries.len()
    }

    /// The files are a table's now.
    pub fn keep(mut self) {
        self.entries.clear();
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // A commit that failed may have been made all the same, as when its folder could not be synced.
        let Some(first) = self
            .entries
            .first()
            .filter(|first| !may_be_named(&self.folder, &first.path))
        else {
            return;
        };
        for entry in std::iter::once(first).chain(&self.entries[1..]) {
            // Nothing names the file: what cannot be removed is in nobody's way, and swept later.
            let _ = std::fs::remove_file(self.folder.join(&entry.path));
        }
    }
}

/// Whether an entry of the log names the file (or load), or might.
pub(super) fn may_be_named(folder: &Path, path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let log = folder.join(LOG_FOLDER);
    let entries = match std::fs::read_dir(&log) {
        Err(e) => return e.kind() != std::io::ErrorKind::NotFound,
        Ok(entries) => entries,
    };
    let mut entries = entries.map(|entry| entry.and_then(|entry| std::fs::read_to_string(entry.path())));
    entries.any(|text| match text {
        Ok(text) => text.contains(name),
        // A checkpoint is no text; an entry that came before any of them would have to be gone.
        Err(e) => e.kind() != std::io::ErrorKind::InvalidData,
    })
}

/// Where an operator leaves what it wrote.
#[derive(Debug, Clone, Default)]
pub struct Outcome(Arc<Mutex<Option<Staged>>>);

impl Outcome {
    /// What was written, once the operator has ended.
    ///
    /// # Errors
    /// [`Code::Internal`] if it has not.
    pub fn take(&self) -> crate::error::Result<Staged> {
        let staged = self.0.lock().take();
        staged.ok_or_else(|| Error::new(Code::Internal, "a write ended without a result"))
    }
}

/// Writes its input as files.
#[derive(Debug)]
pub struct WriteExec {
    input: Arc<dyn ExecutionPlan>,
    layouts: Arc<Layouts>,
    outcome: Outcome,
    properties: Arc<PlanProperties>,
}

impl WriteExec {
    /// Writes `input`'s rows as files of a table that is laid out so.
    ///
    /// # Errors
    /// DataFusion's own, if the rows cannot be sorted as the table is.
    pub fn new(input: Arc<dyn ExecutionPlan>, layouts: Arc<Layouts>, outcome: Outcome) -> Result<Self> {
        let input = match layouts
            .shape
            .sort_order(&input.schema(), !layouts.shape.sorted_by.is_empty())
        {
            Some(order) => Arc::new(SortExec::new(order, input).with_preserve_partitioning(true)) as _,
            None => input,
        };
        Ok(Self::over(input, layouts, outcome))
    }

    fn over(input: Arc<dyn ExecutionPlan>, layouts: Arc<Layouts>, outcome: Outcome) -> Self {
        let count = Schema::new(vec![Field::new("count", DataType::UInt64, false)]);
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::new(count)),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        Self {
            input,
            layouts,
            outcome,
            properties: Arc::new(properties),
        }
    }
}

async fn run(writing: Writing, layouts: Arc<Layouts>, outcome: Outcome) -> Result<RecordBatch> {
    let (files, staging) = writing.complete().await?;
    let publish = SpawnedTask::spawn_blocking(move || -> crate::error::Result<Staged> {
        let mut staged = Staged::default();
        staged.folder.clone_from(&layouts.folder);
        for file in &files {
            staged.rows += file.rows();
            staged.bytes += file.bytes;
            staged.entries.push(entry_of(file, &layouts)?);
        }
        staged.at_work = Some(staging.publish()?);
        Ok(staged)
    });
    let joined = |e| DataFusionError::External(Box::new(e));
    let staged = publish.join_unwind().await.map_err(joined)??;
    let count = UInt64Array::from(vec![staged.rows]);
    *outcome.0.lock() = Some(staged);
    Ok(RecordBatch::try_from_iter([("count", Arc::new(count) as _)])?)
}

impl DisplayAs for WriteExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "WriteExec: format=delta, partition_columns={}",
            self.layouts.shape.layout.partition_columns.len()
        )
    }
}

impl ExecutionPlan for WriteExec {
    fn name(&self) -> &'static str {
        "WriteExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        // Writing is as much work as reading; but a small input is not worth several files.
        vec![false]
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
        Ok(Arc::new(Self::over(
            input,
            Arc::clone(&self.layouts),
            self.outcome.clone(),
        )))
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

    fn execute(&self, _: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let staging = Staging::new(&self.layouts.folder)?;
        let writing = Writing::begin(&self.input, &self.layouts.shape, staging, &context)?;
        let result = run(writing, Arc::clone(&self.layouts), self.outcome.clone());
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(self.properties.equivalence_properties().schema()),
            futures::stream::once(result),
        )))
    }
}
