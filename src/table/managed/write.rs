//! Physical operator: rows → new files of a managed table, not yet in its log.
//!
//! Input: the table's columns in the log's order, by position; any partitioning, each partition is
//! written by a task of its own. Output: one row, `count` (UInt64), the rows written. The files' log
//! entries are left in the [`Staged`] handle; unless they are taken from it and committed, the files
//! go when it goes. If the input fails, or the stream is dropped, nothing is left.
//!
//! Where the table is sorted, each task sorts its rows, within the memory limit. Where rows turn out to
//! belong to more partitions than files can be open, the rest of a task's rows is sorted by partition.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{EquivalenceProperties, LexOrdering, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::execution_plan::{
    Boundedness, ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions,
};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning, PlanProperties,
};
use deltalake_core::kernel::Add;
use futures::StreamExt;
use futures::future::try_join_all;
use parking_lot::Mutex;

use super::files::{Layouts, entry_of};
use super::log::LOG_FOLDER;
use super::rows::conform;
use crate::error::{Code, Error};
use crate::storage::{AtWork, Staging};
use crate::table::order;
use crate::table::writer::{OPEN_FILES, PartitionedWriter, WrittenFile};

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
        let input = match sort_order(&layouts, &input.schema(), !layouts.sorted_by.is_empty()) {
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

    /// Runs every input partition into files of its own.
    fn tasks(
        &self,
        staging: &Arc<Staging>,
        context: &Arc<TaskContext>,
    ) -> Result<Vec<SpawnedTask<Result<Vec<WrittenFile>>>>> {
        let partitions = 0..self.input.output_partitioning().partition_count();
        let task = |number: usize| {
            let input = self.input.execute(number, Arc::clone(context))?;
            let writing = Writing {
                layouts: Arc::clone(&self.layouts),
                staging: Arc::clone(staging),
                number,
                context: Arc::clone(context),
            };
            Ok(SpawnedTask::spawn(writing.run(input)))
        };
        partitions.map(task).collect()
    }
}

/// By partition, and by the table's own order if `whole`; nothing for a table that has neither.
fn sort_order(layouts: &Layouts, schema: &SchemaRef, whole: bool) -> Option<LexOrdering> {
    let sorted_by = layouts.sorted_by.iter().filter(|_| whole);
    let columns = layouts.layout.partition_columns.iter().chain(sorted_by);
    let columns = columns.map(|i| {
        let column = Arc::new(Column::new(schema.field(*i).name(), *i));
        PhysicalSortExpr::new(column, order::OPTIONS)
    });
    LexOrdering::new(columns)
}

/// One task's share.
struct Writing {
    layouts: Arc<Layouts>,
    staging: Arc<Staging>,
    number: usize,
    context: Arc<TaskContext>,
}

impl Writing {
    async fn run(self, mut input: SendableRecordBatchStream) -> Result<Vec<WrittenFile>> {
        let layouts = &self.layouts;
        let layout = layouts.layout.clone();
        let mut writer =
            PartitionedWriter::new(Arc::clone(&self.staging), self.number, &layouts.schema, layout)?;
        while let Some(batch) = input.next().await {
            let batch = batch?;
            if batch.num_rows() > 0 {
                writer.write(&conform(&layouts.schema, &batch)?)?;
            }
            if writer.open_files() >= OPEN_FILES && layouts.sorted_by.is_empty() {
                input = self.by_partition(input)?;
                break;
            }
        }
        while let Some(batch) = input.next().await {
            let batch = batch?;
            if batch.num_rows() > 0 {
                writer.write(&conform(&layouts.schema, &batch)?)?;
            }
        }
        Ok(writer.finish()?)
    }

    /// The rest of the rows, those of a partition together.
    fn by_partition(&self, input: SendableRecordBatchStream) -> Result<SendableRecordBatchStream> {
        let schema = input.schema();
        let Some(order) = sort_order(&self.layouts, &schema, true) else {
            return Ok(input);
        };
        let rest = Arc::new(super::rows::StreamExec::new(input));
        SortExec::new(order, rest).execute(0, Arc::clone(&self.context))
    }
}

async fn run(
    tasks: Vec<SpawnedTask<Result<Vec<WrittenFile>>>>,
    staging: Arc<Staging>,
    layouts: Arc<Layouts>,
    outcome: Outcome,
) -> Result<RecordBatch> {
    let joined = |e| DataFusionError::External(Box::new(e));
    let files = try_join_all(
        tasks
            .into_iter()
            .map(|task| async move { task.join_unwind().await.map_err(joined)? }),
    );
    let files: Vec<WrittenFile> = files.await?.into_iter().flatten().collect();
    let publish = SpawnedTask::spawn_blocking(move || -> crate::error::Result<Staged> {
        let mut staged = Staged::default();
        staged.folder.clone_from(&layouts.folder);
        for file in &files {
            staged.rows += file.metadata.file_metadata().num_rows().unsigned_abs();
            staged.bytes += file.bytes;
            staged.entries.push(entry_of(file, &layouts)?);
        }
        match Arc::try_unwrap(staging) {
            Ok(staging) => staged.at_work = Some(staging.publish()?),
            Err(_) => return Err(Error::new(Code::Internal, "a writer outlived its statement")),
        }
        Ok(staged)
    });
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
            self.layouts.layout.partition_columns.len()
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
        let staging = Arc::new(Staging::new(&self.layouts.folder)?);
        let tasks = self.tasks(&staging, &context)?;
        let result = run(tasks, staging, Arc::clone(&self.layouts), self.outcome.clone());
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(self.properties.equivalence_properties().schema()),
            futures::stream::once(result),
        )))
    }
}
