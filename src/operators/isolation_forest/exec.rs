//! The physical operator: fits once, then scores as rows come.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Float64Array, RecordBatch};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{Float64Type, SchemaRef};
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::{
    ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions,
};
use datafusion::physical_plan::metrics::{
    BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, RecordOutput,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
};
use futures::{StreamExt, TryStreamExt, future, stream};

use super::Spec;
use super::kernel::{self, Forest};
use super::sample::{Pool, usable};
use crate::error::{Code, Error};
use crate::operators::input::{passed_equivalences, widened};
use crate::operators::once::{Once, Outcome, joined};

/// How many distinct rows are drawn from, unless a tree draws more.
const POOL: usize = 32_768;

/// Each row with its score.
#[derive(Debug)]
pub(super) struct ForestExec {
    input: Arc<dyn ExecutionPlan>,
    fitted: Arc<dyn ExecutionPlan>,
    features: Vec<Arc<dyn PhysicalExpr>>,
    spec: Spec,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
    once: Once<Fitted>,
}

/// The forest, and what it holds.
struct Fitted {
    forest: Forest,
    _reservation: MemoryReservation,
}

impl ForestExec {
    pub(super) fn new(
        input: Arc<dyn ExecutionPlan>,
        fitted: Arc<dyn ExecutionPlan>,
        features: Vec<Arc<dyn PhysicalExpr>>,
        spec: Spec,
        schema: SchemaRef,
    ) -> Result<Self> {
        let properties = PlanProperties::new(
            passed_equivalences(&input, &schema)?,
            input.output_partitioning().clone(),
            EmissionType::Incremental,
            input.boundedness(),
        );
        Ok(Self {
            input,
            fitted,
            features,
            spec,
            schema,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
            once: Once::default(),
        })
    }

    fn forest(&self, context: &Arc<TaskContext>) -> Outcome<Fitted> {
        let partitions = self.input.output_partitioning().partition_count();
        self.once.get(partitions, || {
            let fit = Fit {
                input: Arc::clone(&self.fitted),
                spec: self.spec,
                context: Arc::clone(context),
            };
            fit.run()
        })
    }
}

impl DisplayAs for ForestExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let features: Vec<String> = self.features.iter().map(ToString::to_string).collect();
        let features = features.join(", ");
        let Spec { trees, sample, .. } = self.spec;
        match format {
            DisplayFormatType::Default | DisplayFormatType::Verbose => {
                write!(
                    f,
                    "ForestExec: columns=[{features}], trees={trees}, sample={sample}"
                )
            }
            DisplayFormatType::TreeRender => write!(f, "trees={trees}"),
        }
    }
}

impl ExecutionPlan for ForestExec {
    fn name(&self) -> &'static str {
        "ForestExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input, &self.fitted]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true, false]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        for feature in &self.features {
            if f(feature)? == TreeNodeRecursion::Stop {
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
        match <[Arc<dyn ExecutionPlan>; 2]>::try_from(children) {
            Ok([input, fitted]) => Ok(Arc::new(Self::new(
                input,
                fitted,
                self.features.clone(),
                self.spec,
                Arc::clone(&self.schema),
            )?)),
            Err(_) => Err(Error::new(Code::Internal, "a forest has two inputs").into()),
        }
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
        let fitted = self.forest(&context);
        let input = self.input.execute(partition, context)?;
        let scoring = Scoring {
            features: self.features.clone(),
            schema: Arc::clone(&self.schema),
            metrics: BaselineMetrics::new(&self.metrics, partition),
        };
        let batches = stream::once(async move {
            let fitted = fitted.await.map_err(DataFusionError::Shared)?;
            Ok::<_, DataFusionError>(input.map(move |batch| scoring.scored(&batch?, &fitted.forest)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            batches.try_flatten().boxed(),
        )))
    }
}

struct Scoring {
    features: Vec<Arc<dyn PhysicalExpr>>,
    schema: SchemaRef,
    metrics: BaselineMetrics,
}

impl Scoring {
    fn scored(&self, batch: &RecordBatch, forest: &Forest) -> Result<RecordBatch> {
        let _timer = self.metrics.elapsed_compute().timer();
        let rows = batch.num_rows();
        let features = self
            .features
            .iter()
            .map(|feature| feature.evaluate(batch)?.into_array(rows));
        let features = features.collect::<Result<Vec<_>>>()?;
        let columns = numbers(&features)?;
        let scores = forest.scores(&columns);
        let threshold = forest.threshold();
        let flags: BooleanBuffer = scores.iter().map(|score| *score > threshold).collect();
        let usable = usable(&columns, rows);
        let added: [ArrayRef; 2] = [
            Arc::new(Float64Array::new(scores.into(), usable.clone())),
            Arc::new(BooleanArray::new(flags, usable)),
        ];
        Ok(widened(&self.schema, batch, added)?.record_output(&self.metrics))
    }
}

fn numbers(columns: &[ArrayRef]) -> Result<Vec<&Float64Array>> {
    let numbers = columns
        .iter()
        .map(|column| column.as_primitive_opt::<Float64Type>());
    let numbers: Option<Vec<_>> = numbers.collect();
    numbers.ok_or_else(|| Error::new(Code::Internal, "a forest of what are no numbers").into())
}

/// The way from the rows to the forest.
struct Fit {
    /// The columns that rows are told apart by.
    input: Arc<dyn ExecutionPlan>,
    spec: Spec,
    context: Arc<TaskContext>,
}

impl Fit {
    async fn run(self) -> Result<Fitted> {
        let partitions = self.input.output_partitioning().partition_count();
        let pools = (0..partitions).map(|partition| self.pool(partition));
        let pools = pools.collect::<Result<Vec<_>>>()?;
        let pools = future::try_join_all(pools.into_iter().map(joined)).await?;
        let mut pools = pools.into_iter();
        let Some((mut pool, reservation)) = pools.next() else {
            return Err(Error::new(Code::Internal, "a forest over no partitions").into());
        };
        for (other, _reservation) in pools {
            pool.merge(&other);
            reservation.try_resize(pool.size())?;
        }
        let points = Arc::new(pool.points());
        let workers = self.context.session_config().target_partitions().max(1);
        let spec = self.spec;
        let share = spec.trees.div_ceil(workers);
        let tasks = (0..spec.trees).step_by(share).map(|start| {
            let (points, range) = (Arc::clone(&points), start..(start + share).min(spec.trees));
            joined(SpawnedTask::spawn(async move {
                Ok(kernel::trees(&points, spec, range))
            }))
        });
        let trees = future::try_join_all(tasks.collect::<Vec<_>>()).await?;
        let forest = Forest::new(trees.into_iter().flatten().collect(), &points, spec);
        reservation.try_resize(forest.size())?;
        Ok(Fitted {
            forest,
            _reservation: reservation,
        })
    }

    fn pool(&self, partition: usize) -> Result<SpawnedTask<Result<(Pool, MemoryReservation)>>> {
        let mut input = self.input.execute(partition, Arc::clone(&self.context))?;
        let width = self.input.schema().fields().len();
        let most = POOL.max(self.spec.sample.saturating_mul(4));
        let mut pool = Pool::new(width, most, self.spec.seed);
        let reservation =
            MemoryConsumer::new(format!("ForestExec[{partition}]")).register(self.context.memory_pool());
        Ok(SpawnedTask::spawn(async move {
            while let Some(batch) = input.next().await {
                let batch = batch?;
                pool.add(&numbers(batch.columns())?);
                reservation.try_resize(pool.size())?;
            }
            Ok((pool, reservation))
        }))
    }
}
