//! Memory that DataFusion's operators take without counting it, counted.
//!
//! `WindowAggExec` keeps its whole input, puts it together into one batch and only then computes. So
//! what flows into it is counted as it passes, twice, until its stream is dropped. A scan of files holds
//! what it has fetched and not yet decoded, and a batch or two: it cannot do with less, so these are
//! counted and not refused, and the other operators have so much less.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{RecordBatchStream, SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::windows::WindowAggExec;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{Stream, StreamExt};

/// The input, and what it is put together into; a batch that is taken, and the next one.
const COPIES: usize = 2;

/// The plan with the input of every window that keeps it, and the output of every scan of files, counted.
///
/// # Errors
/// DataFusion's own, if an operator cannot be rebuilt.
pub(super) fn counted(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    plan.transform_up(|plan| {
        if is_file_scan(plan.as_ref()) {
            return Ok(Transformed::yes(Arc::new(CountedExec::new(plan, Kept::Passing))));
        }
        if !plan.is::<WindowAggExec>() {
            return Ok(Transformed::no(plan));
        }
        let inputs = plan.children().into_iter();
        let counted = inputs.map(|input| Arc::new(CountedExec::new(Arc::clone(input), Kept::ToTheEnd)) as _);
        let counted = counted.collect();
        let window = plan.replace_children(
            counted,
            ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute),
        )?;
        Ok(Transformed::yes(window))
    })
    .data()
}

fn is_file_scan(plan: &dyn ExecutionPlan) -> bool {
    let source = plan.downcast_ref::<DataSourceExec>();
    source.is_some_and(|source| source.data_source().is::<FileScanConfig>())
}

/// What of the batches that pass is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// All, by the operator above.
    ToTheEnd,
    /// The last, by the scan below.
    Passing,
}

/// Physical operator: passes its input through, and counts what is held of it. Keeps order and
/// partitioning; above what is kept to the end it fails when the limit is reached, since nothing can be
/// spilled.
#[derive(Debug)]
pub(super) struct CountedExec {
    input: Arc<dyn ExecutionPlan>,
    kept: Kept,
}

impl CountedExec {
    fn new(input: Arc<dyn ExecutionPlan>, kept: Kept) -> Self {
        Self { input, kept }
    }
}

impl DisplayAs for CountedExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CountedExec")
    }
}

impl ExecutionPlan for CountedExec {
    fn name(&self) -> &'static str {
        "CountedExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
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
        Ok(Arc::new(Self::new(children.swap_remove(0), self.kept)))
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
        let name = match self.kept {
            Kept::ToTheEnd => "WindowAggExec",
            Kept::Passing => "FileScan",
        };
        let consumer = MemoryConsumer::new(format!("{name}[{partition}]"));
        let reservation = consumer.register(context.memory_pool());
        let input = self.input.execute(partition, context)?;
        Ok(match self.kept {
            Kept::ToTheEnd => Box::pin(CountedStream { input, reservation }),
            Kept::Passing => Box::pin(PassingStream {
                input,
                reservation,
                scan: Arc::clone(&self.input),
                partition,
                read: 0,
                fetched: 0,
            }),
        })
    }
}

/// The batches of one partition of a scan.
struct PassingStream {
    input: SendableRecordBatchStream,
    reservation: MemoryReservation,
    scan: Arc<dyn ExecutionPlan>,
    partition: usize,
    /// Bytes read from files until the last batch.
    read: usize,
    /// Bytes that were read at one time last: a row group's.
    fetched: usize,
}

impl PassingStream {
    /// Bytes read from files so far.
    fn read_so_far(&self) -> usize {
        let metrics = self.scan.metrics().unwrap_or_default();
        let own = metrics.iter().filter(|metric| {
            metric.partition() == Some(self.partition) && metric.value().name() == "bytes_scanned"
        });
        own.map(|metric| metric.value().as_usize()).sum()
    }
}

impl Stream for PassingStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.input.poll_next_unpin(context);
        match &polled {
            Poll::Ready(Some(Ok(batch))) => {
                let read = self.read_so_far();
                if read > self.read {
                    self.fetched = read - self.read;
                    self.read = read;
                }
                let held = self.fetched + batch.get_array_memory_size() * COPIES;
                self.reservation.resize(held);
            }
            Poll::Ready(_) => {
                self.reservation.free();
            }
            Poll::Pending => {}
        }
        polled
    }
}

impl RecordBatchStream for PassingStream {
    fn schema(&self) -> SchemaRef {
        self.input.schema()
    }
}

struct CountedStream {
    input: SendableRecordBatchStream,
    reservation: MemoryReservation,
}

impl Stream for CountedStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.input.poll_next_unpin(context);
        if let Poll::Ready(Some(Ok(batch))) = &polled
            && let Err(error) = self.reservation.try_grow(batch.get_array_memory_size() * COPIES)
        {
            return Poll::Ready(Some(Err(error)));
        }
        polled
    }
}

impl RecordBatchStream for CountedStream {
    fn schema(&self) -> SchemaRef {
        self.input.schema()
    }
}
