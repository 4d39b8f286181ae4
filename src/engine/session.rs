//! One user's view of a lake, and the one door for SQL.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::{StreamExt, stream};
use parking_lot::RwLock;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle};

use super::lake::Lake;
use super::outcome::{Outcome, Outcomes, Rows};
use super::progress::Progress;
use super::safe;
use super::state::{SharedConfig, initial_config, session_state};
use super::statements;
use super::{culprit, failure};
use crate::error::{Code, Error, Result};
use crate::planner::{self, Cancellation, cancellable};
use crate::syntax::{Parameters, Piece, Script, Statement};

/// How many batches a plan may be ahead of its reader.
const BATCHES_AHEAD: usize = 2;

/// A session: settings, the current zone, and statements run one after the other. Clones are the
/// same session.
#[derive(Debug, Clone)]
pub struct Session {
    lake: Lake,
    config: SharedConfig,
    base: Arc<SessionState>,
    progress: Progress,
}

impl Session {
    pub(super) fn new(lake: Lake) -> Self {
        let config = Arc::new(RwLock::new(initial_config(&lake)));
        let base = Arc::new(session_state(&lake, &config, Vec::new()));
        Self {
            lake,
            config,
            base,
            progress: Progress::default(),
        }
    }

    /// Runs the statements of `sql`, each when its outcome is asked for.
    ///
    /// # Errors
    /// Each item of the stream is a statement's own outcome or error, with its place in `sql`.
    pub fn execute(&self, sql: &str, parameters: &Parameters) -> Outcomes {
        let session = self.clone();
        let parameters = Arc::new(parameters.clone());
        stream::iter(Script::new(sql).into_pieces())
            .then(move |piece| {
                let (session, parameters) = (session.clone(), Arc::clone(&parameters));
                async move { session.run(piece?, &parameters).await }
            })
            .boxed()
    }

    async fn run(&self, piece: Piece, parameters: &Parameters) -> Result<Outcome> {
        let statement = Statement::parse(&piece)?;
        let body = statements::execute(self, &piece, statement, parameters)
            .await
            .map_err(|error| self.placed(error, &piece))?;
        Ok(Outcome {
            sql: piece.sql().to_owned(),
            start: piece.start(),
            body,
        })
    }

    /// A handle to the running statement's progress.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// The lake.
    pub fn lake(&self) -> &Lake {
        &self.lake
    }

    /// The zone in which names without one are looked up.
    pub fn zone(&self) -> String {
        self.config.read().options().catalog.default_schema.clone()
    }

    pub(super) fn config(&self) -> &SharedConfig {
        &self.config
    }

    /// The state for one statement: the session's settings as they are now, and one `now()`.
    pub(super) fn state(&self) -> SessionState {
        let mut state = self.base.as_ref().clone();
        *state.config_mut() = self.config.read().clone();
        state.mark_start_execution();
        state
    }

    /// Plans what DataFusion's planner plans.
    pub(super) async fn plan(
        &self,
        state: &SessionState,
        piece: &Piece,
        parameters: &Parameters,
    ) -> Result<LogicalPlan> {
        planner::plan(state, piece, parameters)
            .await
            .map_err(|error| self.translated(error, piece))
    }

    /// Optimises a plan and makes it executable.
    pub(super) async fn physical(
        &self,
        state: &SessionState,
        piece: &Piece,
        plan: &LogicalPlan,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = state
            .create_physical_plan(plan)
            .await
            .map_err(|error| self.translated(error, piece))?;
        safe::check_files(state.config_options(), self.lake.catalog(), &plan)?;
        Ok(plan)
    }

    /// Starts a plan on the lake's workers; its rows come as they are asked for. Dropped early, they
    /// stop it.
    pub(super) fn stream(
        &self,
        state: &SessionState,
        piece: &Piece,
        plan: Arc<dyn ExecutionPlan>,
    ) -> Result<Rows> {
        let schema = plan.schema();
        let (plan, cancellation) = cancellable(plan).map_err(|error| self.translated(error, piece))?;
        self.progress.begin(Arc::clone(&plan));
        let running_plan = Arc::clone(&plan);
        let (session, piece) = (self.clone(), piece.clone());
        let context = state.task_ctx();
        let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
        let work = async move {
            let translated = |error| {
                let error = session.translated(error, &piece);
                let in_a_file = error.code() == Code::CorruptFile && error.hint().is_none();
                error.with_hint_if(in_a_file.then(|| culprit::hint(plan.as_ref())).flatten())
            };
            let mut rows = match execute_stream(Arc::clone(&plan), context) {
                Ok(rows) => rows,
                // Nobody to tell is nobody who waits.
                Err(error) => return drop(sender.send(Err(translated(error))).await),
            };
            while let Some(batch) = rows.next().await {
                let batch = batch.map_err(translated);
                let failed = batch.is_err();
                if sender.send(batch).await.is_err() || failed {
                    break;
                }
            }
        };
        let running = Running {
            plan: running_plan,
            progress: self.progress.clone(),
            cancellation,
            receiver,
            task: self.lake.workers().spawn(work),
        };
        let rows = stream::unfold(running, |mut running| async move {
            let batch = running.next().await?;
            Some((batch, running))
        });
        Ok(Rows::new(schema, rows.boxed()))
    }

    pub(super) fn translated(&self, error: DataFusionError, piece: &Piece) -> Error {
        failure::translate(error, piece, self.lake.catalog(), &self.zone())
    }

    pub(super) fn translated_without_place(&self, error: DataFusionError) -> Error {
        failure::without_place(error)
    }

    /// An error of ours with a caret, if it names something that the statement names.
    fn placed(&self, error: Error, piece: &Piece) -> Error {
        self.translated(error.into(), piece)
    }
}

/// A plan that runs. Dropped, it stops.
struct Running {
    plan: Arc<dyn ExecutionPlan>,
    progress: Progress,
    cancellation: Cancellation,
    receiver: mpsc::Receiver<Result<RecordBatch>>,
    task: Option<JoinHandle<()>>,
}

impl Running {
    /// The next batch; an operator that panicked fails its own statement.
    async fn next(&mut self) -> Option<Result<RecordBatch>> {
        if let Some(batch) = self.receiver.recv().await {
            return Some(batch);
        }
        match self.task.take()?.await {
            Err(error) if error.is_panic() => Some(Err(panicked(error))),
            _ => None,
        }
    }
}

fn panicked(error: JoinError) -> Error {
    Error::new(Code::Internal, "an operator failed unexpectedly")
        .with_hint("this is a defect of the program; other statements are not affected")
        .with_source(error)
}

impl Drop for Running {
    fn drop(&mut self) {
        self.cancellation.cancel();
        if let Some(task) = &self.task {
            task.abort();
        }
        self.progress.end(&self.plan);
    }
}
