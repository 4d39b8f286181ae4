//! The physical operator: merges two sorted streams.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array, new_null_array};
use arrow::compute::{interleave, take};
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{
    LexOrdering, LexRequirement, OrderingRequirements, PhysicalExpr, PhysicalSortExpr,
};
use datafusion::physical_plan::execution_plan::{
    ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions,
};
use datafusion::physical_plan::metrics::{
    BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, RecordOutput,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, ExecutionPlanProperties,
    InputDistributionRequirements, PlanProperties,
};
use futures::{StreamExt, stream};

use super::Match;
use super::kernel::{Encoded, Encoder, Matches, Merge, ORDER, Progress, RightBatch};
use crate::error::{Code, Error};
use crate::operators::input::{passed_equivalences, sliced_size};

/// What is compared of one side's rows.
#[derive(Debug, Clone)]
pub(super) struct Side {
    pub(super) keys: Vec<Arc<dyn PhysicalExpr>>,
    pub(super) time: Arc<dyn PhysicalExpr>,
}

impl Side {
    fn ordering(&self) -> Option<OrderingRequirements> {
        let all = self.keys.iter().chain([&self.time]);
        let sorted = all.map(|expr| PhysicalSortExpr::new(Arc::clone(expr), ORDER));
        let ordering = LexOrdering::new(sorted).map(LexRequirement::from);
        OrderingRequirements::new_alternatives(ordering, false)
    }

    /// The values of a batch's rows.
    fn values(&self, batch: &RecordBatch) -> Result<(Vec<ArrayRef>, ArrayRef)> {
        let rows = batch.num_rows();
        let value = |expr: &Arc<dyn PhysicalExpr>| expr.evaluate(batch)?.into_array(rows);
        let keys = self.keys.iter().map(value).collect::<Result<_>>()?;
        Ok((keys, value(&self.time)?))
    }
}

/// Each left row with the nearest right one.
#[derive(Debug)]
pub(super) struct AsofExec {
    left: Arc<dyn ExecutionPlan>,
    right: Arc<dyn ExecutionPlan>,
    sides: [Side; 2],
    on: Match,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl AsofExec {
    pub(super) fn new(
        left: Arc<dyn ExecutionPlan>,
        right: Arc<dyn ExecutionPlan>,
        sides: [Side; 2],
        on: Match,
        schema: SchemaRef,
    ) -> Result<Self> {
        let properties = PlanProperties::new(
            passed_equivalences(&left, &schema)?,
            left.output_partitioning().clone(),
            EmissionType::Incremental,
            left.boundedness(),
        );
        Ok(Self {
            left,
            right,
            sides,
            on,
            schema,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }

    fn encoder(&self) -> Result<Encoder> {
        let schema = self.left.schema();
        let [left, _] = &self.sides;
        let types = left.keys.iter().map(|key| key.data_type(&schema));
        let types: Vec<_> = types.collect::<Result<_>>()?;
        Encoder::new(&types, self.on.null_safe.clone(), &left.time.data_type(&schema)?)
    }

    /// The right side's columns in the order in which they decide between rows of one time: the place first, if
    /// there is one, and it is not shown.
    fn order_columns(&self) -> Vec<usize> {
        let (shown, all) = (self.right_width(), self.right.schema().fields().len());
        (shown..all).chain(0..shown).collect()
    }

    fn right_width(&self) -> usize {
        self.schema.fields().len() - self.left.schema().fields().len()
    }
}

impl DisplayAs for AsofExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [left, right] = &self.sides;
        let equal = left
            .keys
            .iter()
            .zip(&right.keys)
            .map(|(left, right)| format!("{left} = {right}"));
        let compared = format!("{} {} {}", left.time, self.on.comparison.sign(), right.time);
        let on: Vec<String> = equal.chain([compared]).collect();
        match format {
            DisplayFormatType::Default | DisplayFormatType::Verbose => {
                let kind = if self.on.is_left { "Left" } else { "Inner" };
                write!(f, "AsofExec: join_type={kind}, on=[{}]", on.join(", "))
            }
            DisplayFormatType::TreeRender => write!(f, "on=[{}]", on.join(", ")),
        }
    }
}

impl ExecutionPlan for AsofExec {
    fn name(&self) -> &'static str {
        "AsofExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.left, &self.right]
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        let [left, right] = &self.sides;
        if left.keys.is_empty() {
            let single = vec![Distribution::SinglePartition; 2];
            return InputDistributionRequirements::new(single);
        }
        InputDistributionRequirements::co_partitioned(vec![
            Distribution::KeyPartitioned(left.keys.clone()),
            Distribution::KeyPartitioned(right.keys.clone()),
        ])
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        self.sides.iter().map(Side::ordering).collect()
    }

    /// The left rows come out as they came in, and the order that they have is known by it; but the optimizer takes
    /// this for leave to sort below it by what is asked for above, even if only the first column is the same.
    fn maintains_input_order(&self) -> Vec<bool> {
        vec![false, false]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        for expr in self
            .sides
            .iter()
            .flat_map(|side| side.keys.iter().chain([&side.time]))
        {
            if f(expr)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let wrong = |_| Error::new(Code::Internal, "an ASOF join was given other inputs");
        let [left, right] = <[Arc<dyn ExecutionPlan>; 2]>::try_from(children).map_err(wrong)?;
        let schema = Arc::clone(&self.schema);
        Ok(Arc::new(Self::new(
            left,
            right,
            self.sides.clone(),
            self.on.clone(),
            schema,
        )?))
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

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let work = Work {
            left: self.left.execute(partition, Arc::clone(&context))?,
            right: self.right.execute(partition, Arc::clone(&context))?,
            sides: self.sides.clone(),
            encoder: self.encoder()?,
            order_columns: self.order_columns(),
            output: Output {
                schema: Arc::clone(&self.schema),
                right_width: self.right_width(),
                is_left: self.on.is_left,
            },
            merge: Merge::new(self.on.comparison),
            open: None,
            metrics: BaselineMetrics::new(&self.metrics, partition),
            reservation: MemoryConsumer::new(format!("AsofExec[{partition}]"))
                .register(context.memory_pool()),
        };
        let batches = stream::try_unfold(work, |mut work| async move {
            Ok::<_, DataFusionError>(work.next().await?.map(|batch| (batch, work)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            self.schema(),
            batches.boxed(),
        )))
    }
}

struct Work {
    left: SendableRecordBatchStream,
    right: SendableRecordBatchStream,
    sides: [Side; 2],
    encoder: Encoder,
    order_columns: Vec<usize>,
    output: Output,
    merge: Merge,
    open: Option<LeftBatch>,
    metrics: BaselineMetrics,
    reservation: MemoryReservation,
}

/// The left batch whose rows are being matched.
struct LeftBatch {
    rows: RecordBatch,
    encoded: Encoded,
    /// How many rows have come out.
    done: usize,
    matches: Matches,
}

impl Work {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let Some(open) = &mut self.open else {
                match self.left.next().await {
                    Some(batch) => self.open = Some(self.opened(batch?)?),
                    None => {
                        self.reservation.free();
                        return Ok(None);
                    }
                }
                continue;
            };
            let elapsed = self.metrics.elapsed_compute().clone();
            let timer = elapsed.timer();
            let progress = self.merge.find(&open.encoded, open.done, &mut open.matches)?;
            if progress == Progress::NeedsRight {
                drop(timer);
                match self.right.next().await {
                    Some(batch) => self.take_right(batch?)?,
                    None => self.merge.end(),
                }
                continue;
            }
            let matches = std::mem::take(&mut open.matches);
            let left = open.rows.slice(open.done, matches.rows.len());
            open.done += matches.rows.len();
            if progress == Progress::Done {
                self.open = None;
            }
            let batch = self.output.batch(&left, &matches)?;
            if batch.num_rows() > 0 {
                return Ok(Some(batch.record_output(&self.metrics)));
            }
        }
    }

    fn opened(&self, rows: RecordBatch) -> Result<LeftBatch> {
        let (keys, time) = self.sides[0].values(&rows)?;
        Ok(LeftBatch {
            encoded: self.encoder.encode(&keys, &time)?,
            rows,
            done: 0,
            matches: Matches::default(),
        })
    }

    fn take_right(&mut self, rows: RecordBatch) -> Result<()> {
        let (keys, time) = self.sides[1].values(&rows)?;
        let encoded = self.encoder.encode(&keys, &time)?;
        self.merge
            .add(RightBatch::new(rows, encoded, self.order_columns.clone()));
        self.reservation.try_resize(self.size())
    }

    /// Bytes of the rows that are held.
    fn size(&self) -> usize {
        let matched = self.open.iter().flat_map(|open| &open.matches.batches);
        let mut held: Vec<_> = self.merge.held().chain(matched).collect();
        held.sort_by_key(|batch| Arc::as_ptr(batch));
        held.dedup_by(|one, other| Arc::ptr_eq(one, other));
        let left = self.open.iter().map(|open| sliced_size(open.rows.columns()));
        let right = held.iter().map(|batch| sliced_size(batch.rows.columns()));
        left.chain(right).sum()
    }
}

/// Makes the rows that come out.
struct Output {
    schema: SchemaRef,
    right_width: usize,
    is_left: bool,
}

impl Output {
    fn batch(&self, left: &RecordBatch, matches: &Matches) -> Result<RecordBatch> {
        let are_all = matches.rows.iter().all(Option::is_some);
        let mut columns: Vec<ArrayRef> = left.columns().to_vec();
        let mut rows = std::borrow::Cow::Borrowed(&matches.rows);
        if !self.is_left && !are_all {
            let found = matches
                .rows
                .iter()
                .zip(0_u32..)
                .filter(|(found, _)| found.is_some());
            let found: UInt32Array = found.map(|(_, row)| row).collect();
            for column in &mut columns {
                *column = take(column, &found, None)?;
            }
            rows.to_mut().retain(Option::is_some);
        }
        for i in 0..self.right_width {
            columns.push(self.right_column(i, matches, &rows, left.num_columns())?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        Ok(RecordBatch::try_new_with_options(
            Arc::clone(&self.schema),
            columns,
            &options,
        )?)
    }

    fn right_column(
        &self,
        i: usize,
        matches: &Matches,
        rows: &[Option<(usize, usize)>],
        offset: usize,
    ) -> Result<ArrayRef> {
        if let [only] = matches.batches.as_slice() {
            let places = rows
                .iter()
                .map(|found| found.and_then(|(_, row)| u32::try_from(row).ok()));
            let places: UInt32Array = places.collect();
            return Ok(take(only.rows.column(i), &places, None)?);
        }
        // Where there is no match, the one row of a NULL.
        let nothing = new_null_array(self.schema.field(offset + i).data_type(), 1);
        let arrays = matches.batches.iter().map(|batch| batch.rows.column(i).as_ref());
        let arrays: Vec<_> = arrays.chain([nothing.as_ref()]).collect();
        let none = (matches.batches.len(), 0);
        let places: Vec<_> = rows.iter().map(|found| found.unwrap_or(none)).collect();
        Ok(interleave(&arrays, &places)?)
    }
}
