//! The physical operator: a kernel over the stream of a partition.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, OrderingRequirements, PhysicalExpr};
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
use futures::{StreamExt, TryStreamExt, stream};

use super::arrange::{self, arranged};
use super::{Arrangement, Kernel, Operation};
use crate::operators::input::{
    NULLS_LAST, apply_columns, nulls_last_requirement, only, sorted_by, sorting_requirement, together,
};

/// An operation over its input.
#[derive(Debug)]
pub(in crate::operators::window) struct KeyedExec<O> {
    input: Arc<dyn ExecutionPlan>,
    operation: O,
    arrangement: Arrangement,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl<O: Operation> KeyedExec<O> {
    /// The operation over `input`, whose rows come in whatever way they do. Columns of `schema` are what
    /// the kernel gives back.
    pub(in crate::operators::window) fn try_new(
        input: Arc<dyn ExecutionPlan>,
        operation: O,
        schema: SchemaRef,
    ) -> Result<Self> {
        let hashable = !O::BY_KEY || arrange::applies(&input.schema(), operation.keys());
        let arrangement = if in_order(&input, &operation)? {
            let partitions = input.output_partitioning();
            let keys = together(operation.keys());
            let apart = partitions.satisfaction(&keys, input.equivalence_properties(), false);
            match partitions.partition_count() > 1 && apart.is_satisfied() {
                true => Arrangement::Sorted,
                false => Arrangement::Merged,
            }
        } else if operation.order().is_some() && hashable {
            Arrangement::Hashed
        } else {
            Arrangement::Sorted
        };
        Self::arranged(input, operation, arrangement, schema)
    }

    fn arranged(
        input: Arc<dyn ExecutionPlan>,
        operation: O,
        arrangement: Arrangement,
        schema: SchemaRef,
    ) -> Result<Self> {
        // What was planned to be sorted for another operator below needs no hashing.
        let arrangement = match arrangement {
            Arrangement::Hashed if in_order(&input, &operation)? => Arrangement::Sorted,
            other => other,
        };
        let known = match arrangement {
            Arrangement::Hashed if O::BY_KEY => EquivalenceProperties::new(Arc::clone(&schema)),
            _ => operation.equivalences(&input, &schema)?,
        };
        let emission = match arrangement {
            Arrangement::Hashed => EmissionType::Final,
            Arrangement::Merged | Arrangement::Sorted => EmissionType::Incremental,
        };
        let properties = PlanProperties::new(
            known,
            operation.partitioning(&input),
            emission,
            input.boundedness(),
        );
        Ok(Self {
            input,
            operation,
            arrangement,
            schema,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }

    /// The input's rows in the operation's order.
    fn rows(&self, partition: usize, context: &Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, Arc::clone(context))?;
        match (self.arrangement, self.operation.order()) {
            (Arrangement::Hashed, Some(order)) => {
                let elapsed = BaselineMetrics::new(&self.metrics, partition)
                    .elapsed_compute()
                    .clone();
                let keys = if O::BY_KEY { self.operation.keys() } else { &[] };
                arranged(input, keys, order, partition, context, elapsed)
            }
            _ => Ok(input),
        }
    }
}

/// Whether each partition of the input is in the operation's order.
fn in_order<O: Operation>(input: &Arc<dyn ExecutionPlan>, operation: &O) -> Result<bool> {
    let sorted = sorted_by(input, &operation.sort_columns())?;
    Ok(sorted.is_some_and(|options| options == NULLS_LAST || !O::NULLS_LAST))
}

impl<O: Operation> DisplayAs for KeyedExec<O> {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match format {
            DisplayFormatType::Default | DisplayFormatType::Verbose => {
                write!(f, "{}: {}", O::NAME, self.operation.describe())?;
                match self.arrangement {
                    Arrangement::Merged => f.write_str(", input=in order"),
                    Arrangement::Hashed if O::BY_KEY => f.write_str(", input=arranged by key"),
                    Arrangement::Hashed => f.write_str(", input=arranged"),
                    Arrangement::Sorted => Ok(()),
                }
            }
            DisplayFormatType::TreeRender => f.write_str(&self.operation.describe_briefly()),
        }
    }
}

impl<O: Operation> ExecutionPlan for KeyedExec<O> {
    fn name(&self) -> &'static str {
        O::NAME
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        let distribution = match self.arrangement {
            Arrangement::Merged => Distribution::SinglePartition,
            Arrangement::Hashed | Arrangement::Sorted => together(self.operation.keys()),
        };
        InputDistributionRequirements::new(vec![distribution])
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        let columns = self.operation.sort_columns();
        vec![match self.arrangement {
            Arrangement::Hashed => None,
            Arrangement::Merged | Arrangement::Sorted if O::NULLS_LAST => nulls_last_requirement(&columns),
            Arrangement::Merged | Arrangement::Sorted => sorting_requirement(&columns),
        }]
    }

    /// Where rows come out as they came in, the order that they have is known by it; but the optimizer takes this for
    /// leave to sort below it by what is asked for above, even if only the first column is the same.
    fn maintains_input_order(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        apply_columns(self.operation.keys(), f)?;
        apply_columns(&self.operation.sort_columns(), f)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self::arranged(
            only(children)?,
            self.operation.clone(),
            self.arrangement,
            Arc::clone(&self.schema),
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
        let input = self.rows(partition, &context)?;
        let rows_at_once = self
            .operation
            .rows_at_once(context.session_config().batch_size())
            .max(1);
        let input = input.map_ok(move |batch| {
            let rows = batch.num_rows();
            let slices = (0..rows).step_by(rows_at_once.min(rows.max(1)));
            stream::iter(slices.map(move |first| {
                Ok::<_, DataFusionError>(batch.slice(first, rows_at_once.min(rows - first)))
            }))
        });
        let work = Work {
            kernel: self.operation.kernel(&self.schema, &context)?,
            metrics: BaselineMetrics::new(&self.metrics, partition),
            reservation: MemoryConsumer::new(format!("{}[{partition}]", O::NAME))
                .register(context.memory_pool()),
        };
        let input = input.try_flatten().boxed();
        let batches = stream::try_unfold(Some((input, work)), |state| async move {
            let Some((mut input, mut work)) = state else {
                return Ok::<_, DataFusionError>(None);
            };
            match input.next().await {
                Some(batch) => {
                    let complete = work.push(&batch?)?;
                    Ok(Some((complete, Some((input, work)))))
                }
                None => Ok(Some((work.finish()?, None))),
            }
        });
        let batches = batches.map_ok(|complete| stream::iter(complete.into_iter().map(Ok)));
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            batches.try_flatten().boxed(),
        )))
    }
}

struct Work {
    kernel: Box<dyn Kernel>,
    metrics: BaselineMetrics,
    reservation: MemoryReservation,
}

impl Work {
    fn push(&mut self, batch: &RecordBatch) -> Result<Vec<RecordBatch>> {
        let elapsed = self.metrics.elapsed_compute().clone();
        let _timer = elapsed.timer();
        let complete = self.kernel.push(batch)?;
        self.reservation.try_resize(self.kernel.size())?;
        Ok(self.counted(complete))
    }

    fn finish(&mut self) -> Result<Vec<RecordBatch>> {
        let elapsed = self.metrics.elapsed_compute().clone();
        let _timer = elapsed.timer();
        let complete = self.kernel.finish()?;
        self.reservation.free();
        Ok(self.counted(complete))
    }

    fn counted(&self, batches: Vec<RecordBatch>) -> Vec<RecordBatch> {
        let counted = batches.into_iter();
        counted.map(|batch| batch.record_output(&self.metrics)).collect()
    }
}
