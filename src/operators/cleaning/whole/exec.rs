//! The physical operator: gathers, measures on every core, gives the rows back.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::coop::make_cooperative;
use datafusion::physical_plan::execution_plan::{
    ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions,
};
use datafusion::physical_plan::metrics::{
    BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, RecordOutput, Time,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
};
use futures::{StreamExt, TryStreamExt, future, stream};
use parking_lot::Mutex;

use super::Call;
use super::kernel::{self, Known, Numbering, Rows};
use crate::functions::{Measures, Moments, Numeric, Statistic, Sum, Work};
use crate::operators::input::{only, passed_equivalences, widened};
use crate::operators::once::{Once, Outcome, joined};

/// Each row with what its whole partition makes of it.
#[derive(Debug)]
pub(in crate::operators::cleaning) struct WholeExec {
    input: Arc<dyn ExecutionPlan>,
    keys: Vec<Arc<dyn PhysicalExpr>>,
    calls: Vec<Call>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
    once: Once<Measured>,
}

/// The rows of one part, and their memory.
type Part = (Arc<Vec<Rows>>, MemoryReservation);

/// All rows, and what is known of their partitions.
struct Measured {
    /// The rows of each of the input's partitions, until they are taken.
    parts: Mutex<Vec<Option<Part>>>,
    known: Vec<Known>,
    _reservation: MemoryReservation,
}

impl WholeExec {
    pub(in crate::operators::cleaning) fn new(
        input: Arc<dyn ExecutionPlan>,
        keys: Vec<Arc<dyn PhysicalExpr>>,
        calls: Vec<Call>,
        schema: SchemaRef,
    ) -> Result<Self> {
        let properties = PlanProperties::new(
            passed_equivalences(&input, &schema)?,
            input.output_partitioning().clone(),
            EmissionType::Final,
            input.boundedness(),
        );
        Ok(Self {
            input,
            keys,
            calls,
            schema,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
            once: Once::default(),
        })
    }

    /// The rows of all partitions, gathered and measured once for all who ask.
    fn measured(&self, context: &Arc<TaskContext>) -> Outcome<Measured> {
        let partitions = self.input.output_partitioning().partition_count();
        self.once.get(partitions, || {
            let gathering = Gathering {
                input: Arc::clone(&self.input),
                keys: self.keys.clone(),
                calls: self.calls.clone().into(),
                context: Arc::clone(context),
                time: BaselineMetrics::new(&self.metrics, 0).elapsed_compute().clone(),
            };
            gathering.run()
        })
    }
}

impl DisplayAs for WholeExec {
    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<String> = self.keys.iter().map(ToString::to_string).collect();
        let added = self
            .schema
            .fields()
            .iter()
            .skip(self.input.schema().fields().len());
        let added: Vec<&str> = added.map(|field| field.name().as_str()).collect();
        match format {
            DisplayFormatType::Default | DisplayFormatType::Verbose => {
                write!(
                    f,
                    "WholeExec: key=[{}], calls=[{}]",
                    keys.join(", "),
                    added.join(", ")
                )
            }
            DisplayFormatType::TreeRender => write!(f, "key=[{}]", keys.join(", ")),
        }
    }
}

impl ExecutionPlan for WholeExec {
    fn name(&self) -> &'static str {
        "WholeExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        let arguments = self.calls.iter().map(|call| &call.argument);
        for expression in self.keys.iter().chain(arguments) {
            if f(expression)? == TreeNodeRecursion::Stop {
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
        Ok(Arc::new(Self::new(
            only(children)?,
            self.keys.clone(),
            self.calls.clone(),
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
        let measured = self.measured(&context);
        let schema = Arc::clone(&self.schema);
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let batches = stream::once(async move {
            let measured = measured.await.map_err(DataFusionError::Shared)?;
            let part = measured.parts.lock().get_mut(partition).and_then(Option::take);
            let (rows, reservation) = match part {
                Some((rows, reservation)) => (Arc::unwrap_or_clone(rows), Some(reservation)),
                None => (Vec::new(), None),
            };
            let widen = move |rows: Rows| {
                let _timer = metrics.elapsed_compute().timer();
                let results = measured
                    .known
                    .iter()
                    .enumerate()
                    .map(|(call, known)| known.apply(&rows, call));
                let batch = widened(&schema, &rows.batch, results.collect::<Result<Vec<_>>>()?)?;
                if let Some(reservation) = &reservation {
                    reservation.shrink(rows.size().min(reservation.size()));
                }
                Ok::<RecordBatch, DataFusionError>(batch.record_output(&metrics))
            };
            Ok::<_, DataFusionError>(stream::iter(rows.into_iter().map(widen)))
        });
        Ok(make_cooperative(Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            batches.try_flatten().boxed(),
        ))))
    }
}

/// The way from the input to what is known.
struct Gathering {
    input: Arc<dyn ExecutionPlan>,
    keys: Vec<Arc<dyn PhysicalExpr>>,
    calls: Arc<[Call]>,
    context: Arc<TaskContext>,
    time: Time,
}

/// The rows of one of the input's partitions, numbered on their own.
struct Gathered {
    rows: Vec<Rows>,
    numbering: Numbering,
    reservation: MemoryReservation,
}

impl Gathering {
    async fn run(self) -> Result<Measured> {
        let partitions = self.input.output_partitioning().partition_count();
        let gathering = (0..partitions).map(|partition| self.gather(partition));
        let gathering = gathering.collect::<Result<Vec<_>>>()?;
        let gathered = future::try_join_all(gathering.into_iter().map(joined)).await?;
        let (mut rows, mut numberings, mut reservations) = (Vec::new(), Vec::new(), Vec::new());
        for part in gathered {
            part.reservation
                .shrink(part.numbering.size().min(part.reservation.size()));
            rows.push(part.rows);
            numberings.push(part.numbering);
            reservations.push(part.reservation);
        }
        let mut numbering = Numbering::new(self.keys.clone(), &self.input.schema())?;
        let numbers = numbering.join(numberings)?;
        let parts = rows.into_iter().zip(numbers).map(|(mut rows, numbers)| {
            SpawnedTask::spawn(async move {
                if let Some(numbers) = numbers {
                    kernel::renumber(&mut rows, &numbers);
                }
                Ok(Arc::new(rows))
            })
        });
        let measuring = Measuring {
            parts: future::try_join_all(parts.map(joined)).await?,
            partitions: numbering.len(),
            workers: self.context.session_config().target_partitions(),
            reservation: self.reservation("measures"),
            known: Vec::with_capacity(self.calls.len()),
        };
        let Measuring {
            parts,
            known,
            reservation,
            ..
        } = measuring.run(&self.calls, &self.input).await?;
        let parts = parts.into_iter().zip(reservations).map(Some);
        Ok(Measured {
            parts: Mutex::new(parts.collect()),
            known,
            _reservation: reservation,
        })
    }

    fn reservation(&self, what: &str) -> MemoryReservation {
        MemoryConsumer::new(format!("WholeExec[{what}]")).register(self.context.memory_pool())
    }

    fn gather(&self, partition: usize) -> Result<SpawnedTask<Result<Gathered>>> {
        let mut input = self.input.execute(partition, Arc::clone(&self.context))?;
        let mut numbering = Numbering::new(self.keys.clone(), &self.input.schema())?;
        let reservation = self.reservation(&partition.to_string());
        let (calls, time) = (Arc::clone(&self.calls), self.time.clone());
        Ok(SpawnedTask::spawn(async move {
            let (mut rows, mut held) = (Vec::new(), 0);
            while let Some(batch) = input.next().await {
                let batch = batch?;
                let _timer = time.timer();
                let numbered = numbering.rows(batch, &calls)?;
                held += numbered.size();
                reservation.try_resize(held + numbering.size())?;
                rows.push(numbered);
            }
            Ok(Gathered {
                rows,
                numbering,
                reservation,
            })
        }))
    }
}

/// What is known so far.
struct Measuring {
    parts: Vec<Arc<Vec<Rows>>>,
    /// Those that functions look at.
    partitions: usize,
    workers: usize,
    reservation: MemoryReservation,
    known: Vec<Known>,
}

impl Measuring {
    async fn run(mut self, calls: &[Call], input: &Arc<dyn ExecutionPlan>) -> Result<Self> {
        for (place, call) in calls.iter().enumerate() {
            let known = match call.work {
                Work::FillMode => {
                    let data_type = call.argument.data_type(&input.schema())?;
                    self.modes(place, data_type).await?
                }
                Work::Numeric(numeric) => {
                    let measures = match numeric.statistic() {
                        Statistic::Moments => self.of_moments(place, numeric).await?,
                        Statistic::Values => self.of_values(place, numeric).await?,
                    };
                    Known::Numbers(numeric, measures)
                }
            };
            self.reservation.try_grow(known.size())?;
            self.known.push(known);
        }
        Ok(self)
    }

    async fn modes(&self, call: usize, data_type: DataType) -> Result<Known> {
        let (parts, partitions) = (self.parts.clone(), self.partitions);
        let reservation = self.reservation.new_empty();
        let modes = async move { Known::modes(&parts, call, &data_type, partitions, &reservation) };
        joined(SpawnedTask::spawn(modes)).await
    }

    async fn of_moments(&self, call: usize, numeric: Numeric) -> Result<Vec<Measures>> {
        let partitions = self.partitions;
        let moments = self
            .on_parts(move |rows| kernel::moments(rows, call, partitions))
            .await?;
        let mut moments = moments.into_iter();
        let mut all: Vec<Moments> = moments.next().unwrap_or_default();
        for others in moments {
            all.iter_mut()
                .zip(&others)
                .for_each(|(one, other)| one.merge(other));
        }
        let mut squares = vec![Sum::default(); all.len()];
        let all = Arc::new(all);
        if numeric.needs_squares() {
            let moments = Arc::clone(&all);
            let parts = self
                .on_parts(move |rows| kernel::squares(rows, call, &moments))
                .await?;
            for others in parts {
                squares
                    .iter_mut()
                    .zip(others)
                    .for_each(|(one, other)| one.merge(other));
            }
        }
        let measures = all.iter().zip(squares);
        Ok(measures
            .map(|(moments, squares)| numeric.of_moments(moments, squares))
            .collect())
    }

    async fn of_values(&self, call: usize, numeric: Numeric) -> Result<Vec<Measures>> {
        let partitions = self.partitions;
        let counts = self
            .on_parts(move |rows| Ok(kernel::counts(rows, call, partitions)))
            .await?;
        let mut counts = counts.into_iter();
        let mut all: Vec<usize> = counts.next().unwrap_or_default();
        for others in counts {
            all.iter_mut().zip(others).for_each(|(one, other)| *one += other);
        }
        // The values side by side, and a copy of those of the partition that is looked at.
        let reservation = self.reservation.new_empty();
        let most = all.iter().copied().max().unwrap_or(0);
        reservation.try_grow((all.iter().sum::<usize>() + self.workers * most) * size_of::<f64>())?;
        let counts = Arc::new(all);
        let tasks = kernel::shares(&counts, self.workers).into_iter().map(|range| {
            let (parts, counts) = (self.parts.clone(), Arc::clone(&counts));
            let measured = async move { kernel::measured(&parts, call, numeric, range, &counts) };
            joined(SpawnedTask::spawn(measured))
        });
        let measures = future::try_join_all(tasks.collect::<Vec<_>>()).await?;
        Ok(measures.into_iter().flatten().collect())
    }

    /// Does the same to each part, at once.
    async fn on_parts<T: Send + 'static>(
        &self,
        work: impl Fn(&[Rows]) -> Result<T> + Clone + Send + 'static,
    ) -> Result<Vec<T>> {
        let tasks = self.parts.iter().map(|part| {
            let (part, work) = (Arc::clone(part), work.clone());
            joined(SpawnedTask::spawn(async move { work(&part) }))
        });
        future::try_join_all(tasks.collect::<Vec<_>>()).await
    }
}
