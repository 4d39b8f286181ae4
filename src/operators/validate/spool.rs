//! Rows that are read once and needed several times: kept as they came, in memory as far as it goes and
//! on the disk beyond that.
//!
//! [`FillExec`] runs a plan into a [`Spool`], each of its partitions into one of its own; [`SpoolTable`]
//! reads it, any number of times, each row with its number ([`NUMBER`]) and with what has been found
//! out of it meanwhile ([`Marked`]): a bit a row. Batches in memory are passed on as they are. Memory: the
//! batches, counted; where the limit is reached, those of a partition are written out, compressed.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, UInt64Array};
use arrow::buffer::{BooleanBuffer, MutableBuffer};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::util::bit_util;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, Statistics};
use datafusion::datasource::TableType;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryReservation};
use datafusion::execution::spill_file::SpillFile;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{
    Boundedness, ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions,
};
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, MetricsSet, SpillMetrics};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning, PlanProperties,
    SpillManager,
};
use futures::{StreamExt, TryStreamExt, stream};
use parking_lot::Mutex;

use crate::error::{Code, Error};

/// The number of a row, from 0 (UInt64).
pub const NUMBER: &str = "__weir_number";

/// One part of this of a statement's memory is for rows that are kept; the rest is for what reads them.
const HELD_SHARE: usize = 3;

/// Rows, kept.
#[derive(Debug)]
pub struct Spool {
    schema: SchemaRef,
    parts: Vec<Part>,
    /// About how many rows there would be, of one that is only planned with.
    expected: Precision<usize>,
}

#[derive(Debug)]
struct Part {
    /// The number of its first row.
    first: u64,
    chunks: Vec<Chunk>,
    manager: SpillManager,
    /// What the batches in memory hold.
    _memory: MemoryReservation,
}

#[derive(Clone)]
enum Chunk {
    Held(Vec<RecordBatch>),
    Spilled(Arc<dyn SpillFile>),
}

impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held(batches) => write!(f, "Held({})", batches.len()),
            Self::Spilled(_) => f.write_str("Spilled"),
        }
    }
}

/// Where a plan's rows are left.
#[derive(Debug, Clone, Default)]
pub struct Filled(Arc<Mutex<Option<Spool>>>);

impl Filled {
    /// The rows, once the operator has ended.
    ///
    /// # Errors
    /// [`Code::Internal`] if it has not.
    pub fn take(&self) -> crate::error::Result<Spool> {
        let spool = self.0.lock().take();
        spool.ok_or_else(|| Error::new(Code::Internal, "rows were kept without an end"))
    }
}

/// A bit a row.
#[derive(Debug, Clone)]
pub struct Bits {
    bits: Vec<u64>,
    rows: usize,
}

impl Bits {
    /// No row.
    pub fn new(rows: u64) -> Self {
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        Self {
            bits: vec![0; rows.div_ceil(64)],
            rows,
        }
    }

    /// Adds a row.
    pub fn set(&mut self, row: u64) {
        if let Some(word) = usize::try_from(row / 64).ok().and_then(|i| self.bits.get_mut(i)) {
            *word |= 1 << (row % 64);
        }
    }

    /// Whether the row is in it.
    pub fn contains(&self, row: u64) -> bool {
        let word = usize::try_from(row / 64).ok().and_then(|i| self.bits.get(i));
        word.is_some_and(|word| word & (1 << (row % 64)) != 0)
    }

    /// How many rows are in it.
    pub fn count(&self) -> u64 {
        self.bits.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// As Arrow has it.
    pub fn into_buffer(self) -> BooleanBuffer {
        let mut buffer = MutableBuffer::new(bit_util::ceil(self.rows, 8));
        for word in &self.bits {
            buffer.extend_from_slice(&word.to_le_bytes());
        }
        BooleanBuffer::new(buffer.into(), 0, self.rows)
    }
}

/// A Boolean column beside the rows.
#[derive(Debug, Clone)]
pub struct Marked {
    /// Its name.
    pub name: String,
    /// The rows of which it is true.
    pub rows: BooleanBuffer,
}

impl Spool {
    /// One to plan with: nothing is kept, and about so many rows would be.
    pub fn planned(schema: SchemaRef, expected: Precision<usize>) -> Self {
        Self {
            schema,
            parts: Vec::new(),
            expected: expected.to_inexact(),
        }
    }

    /// How many rows there are.
    pub fn rows(&self) -> u64 {
        self.parts.last().map_or(0, |part| part.first)
    }

    /// The columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }
}

/// Runs its input into a spool.
#[derive(Debug)]
pub struct FillExec {
    input: Arc<dyn ExecutionPlan>,
    filled: Filled,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl FillExec {
    /// Keeps the rows of `input`.
    pub fn new(input: Arc<dyn ExecutionPlan>, filled: Filled) -> Self {
        let count = Schema::new(vec![Field::new("count", DataType::UInt64, false)]);
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::new(count)),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        Self {
            input,
            filled,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }
}

/// Keeps one partition's rows; the number of its rows comes with it.
async fn keep(
    mut input: SendableRecordBatchStream,
    manager: SpillManager,
    memory: MemoryReservation,
    budget: usize,
) -> Result<(Part, u64)> {
    let (mut chunks, mut held, mut rows) = (Vec::new(), Vec::new(), 0_u64);
    while let Some(batch) = input.try_next().await? {
        if batch.num_rows() == 0 {
            continue;
        }
        rows += batch.num_rows() as u64;
        let bytes = batch.get_array_memory_size();
        if memory.size() + bytes > budget || memory.try_grow(bytes).is_err() {
            held.push(batch);
            let all = std::mem::take(&mut held);
            let writer = manager.clone();
            let write = move || writer.spill_record_batch_and_finish(&all, "rows at a gate");
            let file = SpawnedTask::spawn_blocking(write).join_unwind().await;
            chunks.extend(
                file.map_err(|e| DataFusionError::External(Box::new(e)))??
                    .map(Chunk::Spilled),
            );
            memory.free();
        } else {
            held.push(batch);
        }
    }
    if !held.is_empty() {
        chunks.push(Chunk::Held(held));
    }
    let part = Part {
        first: 0,
        chunks,
        manager,
        _memory: memory,
    };
    Ok((part, rows))
}

impl DisplayAs for FillExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FillExec")
    }
}

impl ExecutionPlan for FillExec {
    fn name(&self) -> &'static str {
        "FillExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
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
        Ok(Arc::new(Self::new(children.swap_remove(0), self.filled.clone())))
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
        let partitions = self.input.output_partitioning().partition_count();
        let compression = context.session_config().options().execution.spill_compression;
        let schema = self.input.schema();
        let budget = match context.memory_pool().memory_limit() {
            MemoryLimit::Finite(limit) => limit / HELD_SHARE / partitions.max(1),
            _ => usize::MAX,
        };
        let task = |number: usize| {
            let metrics = SpillMetrics::new(&self.metrics, number);
            let manager = SpillManager::new(context.runtime_env(), metrics, Arc::clone(&schema))
                .with_compression_type(compression);
            let memory = MemoryConsumer::new(format!("FillExec[{number}]"))
                .with_can_spill(true)
                .register(context.memory_pool());
            let input = self.input.execute(number, Arc::clone(&context))?;
            Ok(SpawnedTask::spawn(keep(input, manager, memory, budget)))
        };
        let tasks: Vec<_> = (0..partitions).map(task).collect::<Result<_>>()?;
        let filled = self.filled.clone();
        let run = async move {
            let (mut parts, mut first) = (Vec::new(), 0_u64);
            for task in tasks {
                let joined = task.join_unwind().await;
                let (mut part, rows) = joined.map_err(|e| DataFusionError::External(Box::new(e)))??;
                part.first = first;
                first += rows;
                parts.push(part);
            }
            // A last part without rows, whose number is how many rows there are.
            if let Some(last) = parts.last() {
                let end = Part {
                    first,
                    chunks: Vec::new(),
                    manager: last.manager.clone(),
                    _memory: last._memory.new_empty(),
                };
                parts.push(end);
            }
            *filled.0.lock() = Some(Spool {
                schema,
                parts,
                expected: Precision::Absent,
            });
            let count: ArrayRef = Arc::new(UInt64Array::from(vec![first]));
            Ok(RecordBatch::try_from_iter([("count", count)])?)
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(self.properties.equivalence_properties().schema()),
            stream::once(run),
        )))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

/// A spool as a table: its columns, [`NUMBER`], and what is marked.
#[derive(Debug)]
pub struct SpoolTable {
    spool: Arc<Spool>,
    marked: Vec<Marked>,
    schema: SchemaRef,
}

impl SpoolTable {
    /// The rows, and what is known of them.
    pub fn new(spool: Arc<Spool>, marked: Vec<Marked>) -> Self {
        let mut fields = spool.schema.fields().to_vec();
        fields.push(Arc::new(Field::new(NUMBER, DataType::UInt64, false)));
        let flags = marked
            .iter()
            .map(|marked| Arc::new(Field::new(&marked.name, DataType::Boolean, false)));
        fields.extend(flags);
        Self {
            spool,
            marked,
            schema: Arc::new(Schema::new(fields)),
        }
    }
}

#[async_trait]
impl TableProvider for SpoolTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        let projection = projection.cloned().unwrap_or(all);
        let schema = Arc::new(self.schema.project(&projection)?);
        let partitions = self.spool.parts.len().saturating_sub(1).max(1);
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Ok(Arc::new(SpoolExec {
            spool: Arc::clone(&self.spool),
            marked: self.marked.iter().map(|marked| marked.rows.clone()).collect(),
            projection: projection.into(),
            schema,
            properties: Arc::new(properties),
        }))
    }
}

/// Reads a spool.
#[derive(Debug)]
pub struct SpoolExec {
    spool: Arc<Spool>,
    marked: Arc<[BooleanBuffer]>,
    projection: Arc<[usize]>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
}

/// The columns that are read of `batch`, whose first row has the number `first`.
fn read(
    batch: &RecordBatch,
    first: u64,
    projection: &[usize],
    marked: &[BooleanBuffer],
    schema: &SchemaRef,
) -> Result<RecordBatch> {
    let (own, len) = (batch.num_columns(), batch.num_rows());
    let column = |position: &usize| -> ArrayRef {
        if *position < own {
            return Arc::clone(batch.column(*position));
        }
        match position.checked_sub(own + 1).and_then(|mark| marked.get(mark)) {
            None => Arc::new(UInt64Array::from_iter_values(first..first + len as u64)),
            Some(bits) => {
                let start = usize::try_from(first).unwrap_or(usize::MAX);
                Arc::new(BooleanArray::new(bits.slice(start, len), None))
            }
        }
    };
    let columns = projection.iter().map(column).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(len));
    Ok(RecordBatch::try_new_with_options(
        Arc::clone(schema),
        columns,
        &options,
    )?)
}

impl DisplayAs for SpoolExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.spool.parts.is_empty(), format) {
            (true, DisplayFormatType::TreeRender) => f.write_str("the rows that are kept"),
            (true, _) => f.write_str("SpoolExec"),
            (false, _) => write!(f, "SpoolExec: rows={}", self.spool.rows()),
        }
    }
}

impl ExecutionPlan for SpoolExec {
    fn name(&self) -> &'static str {
        "SpoolExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let (chunks, mut next, manager) = match self.spool.parts.get(partition) {
            Some(part) => (part.chunks.clone(), part.first, Some(part.manager.clone())),
            None => (Vec::new(), 0, None),
        };
        let batches = stream::iter(chunks).map(move |chunk| -> Result<SendableRecordBatchStream> {
            let Some(manager) = &manager else {
                return Err(Error::new(Code::Internal, "kept rows have no place").into());
            };
            Ok(match chunk {
                Chunk::Spilled(file) => manager.read_spill_as_stream(file, None)?,
                Chunk::Held(batches) => Box::pin(RecordBatchStreamAdapter::new(
                    Arc::clone(manager.schema()),
                    stream::iter(batches.into_iter().map(Ok)),
                )),
            })
        });
        let (projection, marked, schema) = (
            Arc::clone(&self.projection),
            Arc::clone(&self.marked),
            Arc::clone(&self.schema),
        );
        let rows = batches.try_flatten().map(move |batch| {
            let batch = batch?;
            let first = next;
            next += batch.num_rows() as u64;
            read(&batch, first, &projection, &marked, &schema)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            rows,
        )))
    }

    fn partition_statistics(&self, partition: Option<usize>) -> Result<Arc<Statistics>> {
        let mut statistics = Statistics::new_unknown(&self.schema);
        if self.spool.parts.is_empty() {
            statistics.num_rows = self.spool.expected;
            return Ok(Arc::new(statistics));
        }
        let rows = match partition {
            None => self.spool.rows(),
            Some(i) => {
                let at = |i: usize| self.spool.parts.get(i).map_or(0, |part| part.first);
                at(i + 1).saturating_sub(at(i))
            }
        };
        statistics.num_rows = Precision::Exact(usize::try_from(rows).unwrap_or(usize::MAX));
        Ok(Arc::new(statistics))
    }
}
