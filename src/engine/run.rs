//! A plan, run to its end on the lake's workers, its rows given as they are asked for.
//!
//! The one place where a query's plan is run again: after a passing fault of storage, a few times with a
//! growing pause; when a hash join found no memory, once with joins that spill; and when what spills found
//! too little memory to begin with, once in smaller batches. Only a statement that has delivered nothing is
//! run again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use datafusion::common::config::ConfigNonZeroUsize;
use datafusion::execution::{SessionState, TaskContext};
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::joins::{HashJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::future::BoxFuture;
use futures::{Stream, StreamExt, stream};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle};

use super::limits::{Limits, some};
use super::outcome::Rows;
use super::queries::{Record, Stop};
use super::session::Session;
use super::{accounted, conversion, culprit};
use crate::error::{Code, Error, Result};
use crate::planner::cancellable;
use crate::syntax::Piece;

/// How many batches a plan may be ahead of its reader.
const BATCHES_AHEAD: usize = 2;

/// How often a statement is run again after a fault that may pass, and how long it waits before the
/// first time. Each pause is four times the last.
const AGAIN_AT_MOST: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// How many rows a batch has, and how many partitions there are, when memory is too short for the usual
/// ones: first these, then those.
const SMALL_STEPS: [(usize, usize); 2] = [(1024, 2), (128, 1)];

/// Makes a statement's plan anew, for a state that may differ from the first.
pub(super) type Replan =
    Arc<dyn Fn(SessionState) -> BoxFuture<'static, Result<Arc<dyn ExecutionPlan>>> + Send + Sync>;

/// A plan to run.
pub(super) struct Work {
    pub session: Session,
    pub state: SessionState,
    pub piece: Piece,
    pub plan: Arc<dyn ExecutionPlan>,
    /// How the plan is made again, if it can be.
    pub again: Option<Replan>,
    /// Whether it waits while too many others compute.
    pub needs_place: bool,
}

impl Work {
    /// Starts the plan; for a session that begins on demand, when its first row is asked for. Dropped
    /// early, its rows stop it.
    pub(super) fn start(self) -> Rows {
        let schema = self.plan.schema();
        let rows = match self.session.begins_on_demand() {
            true => stream::once(async move { self.running() })
                .flat_map(Running::into_rows)
                .boxed(),
            false => self.running().into_rows().boxed(),
        };
        Rows::new(schema, rows)
    }

    fn running(self) -> Running {
        let record = self.session.record().cloned();
        let workers = Arc::clone(self.session.lake().workers());
        let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
        let stopped = record.clone();
        let work = async move {
            tokio::select! {
                biased;
                () = until_stopped(stopped.as_ref()) => {}
                () = self.run(sender) => {}
            }
        };
        Running {
            record,
            receiver,
            task: workers.spawn(work),
        }
    }

    async fn run(mut self, sender: mpsc::Sender<Result<RecordBatch>>) {
        let record = self.session.record().cloned();
        let _place = match &record {
            Some(record) if self.needs_place => match self.session.lake().admission().place(record).await {
                Ok(place) => Some(place),
                Err(error) => return send(&sender, Err(error)).await,
            },
            _ => None,
        };
        let mut attempts = Attempts::default();
        loop {
            let Err(failure) = self.attempt(&sender).await else {
                return;
            };
            if let Err(error) = self.prepare_again(failure, &mut attempts).await {
                return send(&sender, Err(error)).await;
            }
        }
    }

    /// Runs the plan once.
    async fn attempt(&self, sender: &mpsc::Sender<Result<RecordBatch>>) -> Result<(), Failure> {
        let mut has_delivered = false;
        let failure = |error, has_delivered| Failure { error, has_delivered };
        let plan = accounted::windows(Arc::clone(&self.plan)).and_then(cancellable);
        let (plan, cancellation) = plan.map_err(|e| failure(self.translated(e, None), false))?;
        let _cancel_at_end = CancelAtEnd(cancellation.clone());
        if let Some(record) = self.session.record() {
            record.run(&plan, &cancellation);
        }
        let mut rows = self
            .context()
            .and_then(|context| execute_stream(Arc::clone(&plan), context))
            .map_err(|e| failure(self.translated(e, Some(plan.as_ref())), false))?;
        let idle = some(Limits::of(self.state.config()).idle_timeout);
        while let Some(batch) = rows.next().await {
            let batch = batch.map_err(|e| failure(self.translated(e, Some(plan.as_ref())), has_delivered))?;
            has_delivered = true;
            let sent = sender.send(Ok(batch));
            let sent = match idle {
                Some(idle) => match tokio::time::timeout(idle, sent).await {
                    Ok(sent) => sent,
                    Err(_) => {
                        if let Some(record) = self.session.record() {
                            record.stop(Stop::Idle(idle));
                        }
                        return Ok(());
                    }
                },
                None => sent.await,
            };
            if sent.is_err() {
                // Nobody to tell is nobody who waits.
                return Ok(());
            }
        }
        Ok(())
    }

    /// The statement's own memory, the lake's caches and spill files; no functions, which a plan has in it and
    /// which are hundreds to copy for every statement.
    fn context(&self) -> datafusion::error::Result<Arc<TaskContext>> {
        let context = TaskContext::new(
            None,
            self.session.id().to_owned(),
            self.state.config().clone(),
            HashMap::default(),
            HashMap::default(),
            HashMap::default(),
            HashMap::default(),
            Arc::clone(self.state.runtime_env()),
        );
        let Some(record) = self.session.record() else {
            return Ok(Arc::new(context));
        };
        let mut runtime = self.session.lake().runtime().as_ref().clone();
        runtime.memory_pool = Arc::clone(record.memory()) as _;
        runtime.disk_manager = Arc::new(self.session.lake().spill().of_statement(record.clone())?);
        Ok(Arc::new(context.with_runtime(Arc::new(runtime))))
    }

    fn translated(
        &self,
        error: datafusion::error::DataFusionError,
        plan: Option<&dyn ExecutionPlan>,
    ) -> Error {
        let error = self.session.translated(error, &self.piece);
        let in_a_file = error.code() == Code::CorruptFile && error.hint().is_none();
        let culprit = plan.filter(|_| in_a_file).and_then(culprit::hint);
        let error = error.with_hint_if_none(culprit);
        match plan {
            Some(plan) => conversion::explained(error, plan),
            None => error,
        }
    }

    /// Makes the plan anew if that may help.
    ///
    /// # Errors
    /// The failure itself, if it may not.
    async fn prepare_again(&mut self, failure: Failure, attempts: &mut Attempts) -> Result<()> {
        let Failure { error, has_delivered } = failure;
        let Some(again) = self.again.clone().filter(|_| !has_delivered) else {
            return Err(error);
        };
        let why = if attempts.may_spill_joins(&error, self.plan.as_ref()) {
            spill_joins(&mut self.state);
            "a hash join found no memory: run again with sort-merge joins".to_owned()
        } else if let Some(steps) = attempts.smaller_steps(&error, self.plan.as_ref(), &self.state) {
            take_small_steps(&mut self.state, steps);
            "what spills found no memory to begin with: run again in smaller batches".to_owned()
        } else if let Some(pause) = attempts.pause_after(&error) {
            tokio::time::sleep(pause).await;
            format!("run again after: {}", error.message())
        } else {
            return Err(error);
        };
        if let Some(record) = self.session.record() {
            record.run_again(why);
        }
        let schema = self.plan.schema();
        match again(self.state.clone()).await {
            Ok(plan) if plan.schema().fields() == schema.fields() => self.plan = plan,
            // The reader has been told the columns: other ones cannot follow.
            Ok(_) => return Err(error),
            Err(planning) => return Err(planning),
        }
        Ok(())
    }
}

async fn send(sender: &mpsc::Sender<Result<RecordBatch>>, item: Result<RecordBatch>) {
    // Nobody to tell is nobody who waits.
    drop(sender.send(item).await);
}

async fn until_stopped(record: Option<&Record>) {
    match record {
        Some(record) => drop(record.until_stopped().await),
        None => std::future::pending().await,
    }
}

/// Why one run of a plan ended, and whether its reader has rows of it.
struct Failure {
    error: Error,
    has_delivered: bool,
}

/// What has been tried.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    again: u32,
    has_spilled_joins: bool,
    /// How many of the [`SMALL_STEPS`] have been tried, or were no smaller than the usual ones.
    small_steps: usize,
}

impl Attempts {
    /// How long to wait before the statement is run again; `None` if that would not help.
    pub(super) fn pause_after(&mut self, error: &Error) -> Option<Duration> {
        match error.code().may_pass() {
            true => self.pause_before_next(),
            false => None,
        }
    }

    /// How long to wait before the statement is run again; `None` if it has been often enough.
    pub(super) fn pause_before_next(&mut self) -> Option<Duration> {
        if self.again >= AGAIN_AT_MOST {
            return None;
        }
        let pause = FIRST_PAUSE * 4_u32.pow(self.again);
        self.again += 1;
        Some(pause)
    }

    fn may_spill_joins(&mut self, error: &Error, plan: &dyn ExecutionPlan) -> bool {
        let may = error.code() == Code::OutOfMemory && !self.has_spilled_joins && has_hash_join(plan);
        self.has_spilled_joins |= may;
        may
    }

    /// The next smaller batches and fewer partitions, if an operator that spills would find memory for them.
    fn smaller_steps(
        &mut self,
        error: &Error,
        plan: &dyn ExecutionPlan,
        state: &SessionState,
    ) -> Option<(usize, usize)> {
        if error.code() != Code::OutOfMemory || !spills(plan) {
            return None;
        }
        let usual = (state.config().batch_size(), state.config().target_partitions());
        let is_smaller = |step: &(usize, usize)| step.0 < usual.0 || step.1 < usual.1;
        let left = &SMALL_STEPS[self.small_steps..];
        let next = left.iter().position(is_smaller);
        self.small_steps += next.map_or(left.len(), |next| next + 1);
        next.map(|next| left[next])
    }
}

fn has_hash_join(plan: &dyn ExecutionPlan) -> bool {
    plan.is::<HashJoinExec>() || plan.children().iter().any(|child| has_hash_join(child.as_ref()))
}

/// Whether some operator spills, and so makes do with less memory if its batches are smaller.
fn spills(plan: &dyn ExecutionPlan) -> bool {
    plan.is::<SortExec>()
        || plan.is::<AggregateExec>()
        || plan.is::<SortMergeJoinExec>()
        || plan.children().iter().any(|child| spills(child.as_ref()))
}

/// Every operator that spills needs some batches in memory: of small ones, few partitions need little.
fn take_small_steps(state: &mut SessionState, (rows, partitions): (usize, usize)) {
    let options = state.config_mut().options_mut();
    // With one partition the planner would go back to hash joins.
    let partitions = if options.optimizer.prefer_hash_join {
        partitions
    } else {
        2
    };
    let execution = &mut options.execution;
    if let Ok(rows) = ConfigNonZeroUsize::try_new(rows.min(execution.batch_size.get())) {
        execution.batch_size = rows;
    }
    execution.target_partitions = execution.target_partitions.min(partitions);
}

/// Joins sort and merge, which can spill. The planner does that for several partitions alone.
fn spill_joins(state: &mut SessionState) {
    let options = state.config_mut().options_mut();
    options.optimizer.prefer_hash_join = false;
    options.execution.target_partitions = options.execution.target_partitions.max(2);
}

struct CancelAtEnd(crate::planner::Cancellation);

impl Drop for CancelAtEnd {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// A plan that runs. Dropped, it stops.
struct Running {
    record: Option<Record>,
    receiver: mpsc::Receiver<Result<RecordBatch>>,
    task: Option<JoinHandle<()>>,
}

impl Running {
    fn into_rows(self) -> impl Stream<Item = Result<RecordBatch>> {
        stream::unfold(self, |mut running| async move {
            let batch = running.next().await?;
            Some((batch, running))
        })
    }

    /// The next batch; an operator that panicked fails its own statement.
    async fn next(&mut self) -> Option<Result<RecordBatch>> {
        if let Some(batch) = self.receiver.recv().await {
            return Some(batch);
        }
        let ended = self.task.take()?.await;
        match (ended, self.record.as_ref().and_then(Record::stopped)) {
            (Err(error), _) if error.is_panic() => Some(Err(panicked(error))),
            (_, Some(stop)) => Some(Err(stop.error())),
            _ => None,
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(record) = &self.record {
            record.give_up();
        }
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// What is said of a task that panicked.
pub(super) fn panicked(error: JoinError) -> Error {
    Error::new(Code::Internal, "an operator failed unexpectedly")
        .with_hint("this is a defect of the program; other statements are not affected")
        .with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_tried_again_three_times_with_longer_pauses() {
        let mut attempts = Attempts::default();
        let passing = Error::new(Code::Io, "the store does not answer");
        let pauses: Vec<_> = (0..5).map(|_| attempts.pause_after(&passing)).collect();
        let milliseconds = pauses.iter().map(|pause| pause.map(|p| p.as_millis()));
        assert_eq!(
            milliseconds.collect::<Vec<_>>(),
            [Some(50), Some(200), Some(800), None, None]
        );
        let lasting = Error::new(Code::UndefinedTable, "no such table");
        assert_eq!(Attempts::default().pause_after(&lasting), None);
    }
}
