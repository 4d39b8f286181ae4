//! One user's view of a lake, and the one door for SQL.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::concat_batches;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionConfig;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use parking_lot::RwLock;

use super::admission::is_metadata;
use super::checks;
use super::failure;
use super::few_rows;
use super::lake::Lake;
use super::limits::{Limits, some};
use super::outcome::{Body, Outcome, Outcomes, Rows};
use super::pins::Pins;
use super::prepared_statements::PreparedStatements;
use super::progress::Progress;
use super::queries::{Record, Stop, Told};
use super::recorded::recorded;
use super::rights::{self, FirstLimits, Principal};
use super::run::{Attempts, Replan, Work, panicked};
use super::sessions::{Origin, Presence, Sessions};
use super::state::{SharedConfig, fit_sorts, follow_settings, initial_config, session_state};
use super::statements;
use crate::error::{Code, Error, Result};
use crate::planner::{self, Answers, Question};
use crate::syntax::{Parameters, Piece, Script, Statement};
use crate::table::StatementMemory;

/// A session: settings, the current zone, and statements run one after the other. Clones are the
/// same session.
#[derive(Debug, Clone)]
pub struct Session {
    lake: Lake,
    config: SharedConfig,
    base: Beginning,
    progress: Progress,
    id: Arc<str>,
    prepared: PreparedStatements,
    /// Whether its statements are shown in `system.queries`.
    is_shown: bool,
    /// Whether a query waits for its first reader: a client elsewhere may never come back for its rows.
    begins_on_demand: bool,
    presence: Arc<Presence>,
    /// The statement that this is handed to.
    record: Option<Record>,
}

/// Makes the state that each statement begins with. That it is a closure hides the state's type, in which all
/// of DataFusion's plans lie: of every future that holds a session the compiler proves that it may change
/// threads, and going through those types each time takes it minutes.
#[derive(Clone)]
struct Beginning(Arc<dyn Fn() -> SessionState + Send + Sync>);

impl Beginning {
    fn new(state: SessionState) -> Self {
        Self(Arc::new(move || state.clone()))
    }
}

impl fmt::Debug for Beginning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Beginning")
    }
}

impl Session {
    pub(super) fn new(lake: Lake, principal: Principal, origin: Origin) -> Self {
        let id = lake.queries().session_id();
        let begins_on_demand = origin.address.is_some();
        let presence = lake.sessions().enter(&id, &principal.user, origin);
        let config = begun(&lake, Arc::new(principal));
        let config = Arc::new(RwLock::new(config));
        let base = Beginning::new(session_state(&lake, &config, Vec::new()));
        Self {
            lake,
            config,
            base,
            progress: Progress::default(),
            id: id.into(),
            presence,
            prepared: PreparedStatements::default(),
            is_shown: true,
            begins_on_demand,
            record: None,
        }
    }

    /// What a view is planned in: settings and a state of its own.
    pub(super) fn within(lake: Lake, config: SharedConfig, state: SessionState) -> Self {
        Self {
            id: "view".into(),
            lake,
            config,
            base: Beginning::new(state),
            progress: Progress::default(),
            prepared: PreparedStatements::default(),
            is_shown: false,
            begins_on_demand: false,
            // Among no sessions: nobody sees it.
            presence: Arc::<Sessions>::default().enter("view", "", Origin::default()),
            record: None,
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
                async move { session.run(piece?, parameters).await }
            })
            .boxed()
    }

    async fn run(&self, piece: Piece, parameters: Arc<Parameters>) -> Result<Outcome> {
        if self.is_shown {
            self.pins().clear();
        }
        self.presence.begin();
        let limits = Limits::of(&self.config.read());
        let lake = &self.lake;
        let queries = lake.queries();
        let mut begun = queries.begin(&self.id, piece.sql(), lake.memory(), self.is_shown);
        let record = begun.record().clone();
        self.progress.watch(&record);
        if limits.statement_memory > 0 {
            let bytes = usize::try_from(limits.statement_memory).unwrap_or(usize::MAX);
            record.memory().set_limit(bytes);
        }
        let timed = record.clone();
        let clock = some(limits.statement_timeout).and_then(|limit| {
            let stop = move || timed.stop(Stop::TimedOut(limit));
            lake.workers().after(limit, stop)
        });
        let result = tokio::select! {
            biased;
            stop = record.until_stopped() => Err(stop.error()),
            result = self.body(&piece, parameters, &record) => result,
        };
        let body = match result {
            Ok(Body::Rows(rows)) => Body::Rows(recorded(rows, begun, clock)),
            Ok(Body::Done(done)) => {
                record.count_out(done.affected.unwrap_or_default());
                begun.finish();
                Body::Done(done)
            }
            Err(error) => {
                let error = record.reason(error);
                begun.fail(&error);
                return Err(error);
            }
        };
        Ok(Outcome {
            sql: piece.sql().to_owned(),
            start: piece.start(),
            body,
            record,
        })
    }

    /// The same session for what a front end asks for itself: not a statement of the user's.
    pub(crate) fn aside(&self) -> Self {
        Self {
            progress: Progress::default(),
            is_shown: false,
            ..self.clone()
        }
    }

    /// Carries the statement out on the lake's own threads.
    async fn body(&self, piece: &Piece, parameters: Arc<Parameters>, record: &Record) -> Result<Body> {
        let session = Self {
            record: Some(record.clone()),
            ..self.clone()
        };
        let text = piece.clone();
        let work = async move {
            let done = session.carry_out(&text, &parameters).await;
            done.map_err(|error| session.placed(error, &text))
        };
        let closed = || Error::new(Code::Cancelled, "the lake is being closed");
        match self.lake.workers().plan(work).ok_or_else(closed)?.await {
            Ok(result) => result,
            Err(error) if error.is_panic() => Err(panicked(error)),
            Err(_) => Err(closed()),
        }
    }

    /// Carries the statement out. One that another's change came in the way of has done nothing, and is
    /// carried out again, on what there is then.
    async fn carry_out(&self, piece: &Piece, parameters: &Parameters) -> Result<Body> {
        let mut statement = Statement::parse(piece)?;
        let mut attempts = Attempts::default();
        loop {
            let again = statement.may_conflict().then(|| statement.clone());
            let error = match statements::execute(self, piece, statement, parameters).await {
                Err(error) if error.code() == Code::Conflict => error,
                done => return done,
            };
            let (Some(again), Some(pause)) = (again, attempts.pause_before_next()) else {
                return Err(error);
            };
            if let Some(record) = &self.record {
                record.run_again(format!("run again after: {}", error.message()));
            }
            tokio::time::sleep(pause).await;
            self.pins().clear();
            statement = again;
        }
    }

    /// A handle to the running statement's progress.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    pub(super) fn begins_on_demand(&self) -> bool {
        self.begins_on_demand
    }

    /// For whom statements are run.
    pub fn principal(&self) -> Arc<Principal> {
        rights::principal(&self.config.read())
    }

    /// The same session with versions of tables of its own to see, for what is asked while a statement runs.
    pub(super) fn with_own_versions(&self) -> Self {
        let config = self.config.read().clone();
        let config = Pins::new_in(config);
        let config = Arc::new(RwLock::new(config));
        Self {
            base: Beginning::new(session_state(&self.lake, &config, Vec::new())),
            config,
            begins_on_demand: true,
            ..self.clone()
        }
    }

    /// The settings that this session began with.
    pub(super) fn first_config(&self) -> SessionConfig {
        begun(&self.lake, self.principal())
    }

    /// The lake.
    pub fn lake(&self) -> &Lake {
        &self.lake
    }

    /// The zone in which names without one are looked up.
    pub fn zone(&self) -> String {
        self.config.read().options().catalog.default_schema.clone()
    }

    /// The versions that the running statement sees.
    pub(super) fn pins(&self) -> Arc<Pins> {
        self.config.read().get_extension().unwrap_or_default()
    }

    /// The session's id, as `system.queries` shows it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What the session's last statement to begin tells of itself.
    pub fn figures(&self) -> Option<Told> {
        self.lake.queries().told_of(&self.id)
    }

    /// The record of the statement that this session was handed to.
    pub(super) fn record(&self) -> Option<&Record> {
        self.record.as_ref()
    }

    pub(super) fn prepared(&self) -> &PreparedStatements {
        &self.prepared
    }

    pub(super) fn config(&self) -> &SharedConfig {
        &self.config
    }

    /// The state for one statement: the session's settings as they are now, and one `now()`.
    pub(super) fn state(&self) -> SessionState {
        let mut state = (self.base.0)();
        *state.config_mut() = self.config.read().clone();
        let memory = self.lake.memory().statements_limit();
        let own = usize::try_from(Limits::of(state.config()).statement_memory).unwrap_or(usize::MAX);
        let memory = if own == 0 { memory } else { memory.min(own) };
        fit_sorts(state.config_mut(), memory);
        if let Some(record) = self.record() {
            let memory = StatementMemory::new(Arc::clone(record.memory()) as _);
            state.config_mut().set_extension(Arc::new(memory));
        }
        follow_settings(&mut state);
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
        let mut answers = Answers::default();
        loop {
            let error = match planner::plan_with(state, piece, parameters, &answers).await {
                Ok(plan) => {
                    let plan = checks::resolve(self, state, plan).await;
                    return plan.map_err(|error| self.placed(error, piece));
                }
                Err(error) => error,
            };
            match Question::of(&error) {
                Some(question) => answers.add(question, self.answer(state, piece, question).await?),
                None => return Err(self.translated(error, piece)),
            }
        }
    }

    /// The same of a statement whose columns must not depend on the data.
    pub(super) async fn plan_for_any_data(&self, state: &SessionState, piece: &Piece) -> Result<LogicalPlan> {
        let plan = planner::plan(state, piece, &Parameters::default())
            .await
            .map_err(|error| self.translated(error, piece))?;
        let plan = checks::resolve(self, state, plan).await;
        plan.map_err(|error| self.placed(error, piece))
    }

    /// The column that answers what a statement's planning asks.
    async fn answer(&self, state: &SessionState, piece: &Piece, question: &Question) -> Result<ArrayRef> {
        let plan = self.physical(state, piece, question.plan()).await?;
        let schema = plan.schema();
        let rows = self.stream(state, piece, plan)?;
        let batches: Vec<RecordBatch> = rows.try_collect().await?;
        let rows = concat_batches(&schema, &batches).map_err(|error| self.translated(error.into(), piece))?;
        let column = rows.columns().first().cloned();
        column.ok_or_else(|| Error::new(Code::Internal, "an answer without a column"))
    }

    /// Optimises a plan and makes it executable.
    pub(super) async fn physical(
        &self,
        state: &SessionState,
        piece: &Piece,
        plan: &LogicalPlan,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let plan = executable(state, plan).await;
        plan.map_err(|error| self.translated(error, piece))
    }

    /// Plans and runs a query, which may be planned anew and run again while it has delivered nothing.
    pub(super) async fn query(&self, piece: &Piece, parameters: &Parameters) -> Result<Rows> {
        let mut state = self.state();
        let mut attempts = Attempts::default();
        let (plan, is_metadata) = loop {
            let error = match self.planned(&mut state, piece, parameters).await {
                Ok(planned) => break planned,
                Err(error) => error,
            };
            match attempts.pause_after(&error) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(error),
            }
            if let Some(record) = &self.record {
                record.run_again(format!("planned again after: {}", error.message()));
            }
        };
        let (session, text, values) = (self.clone(), piece.clone(), parameters.clone());
        let again: Replan = Arc::new(move |mut state| {
            let (session, text, values) = (session.clone(), text.clone(), values.clone());
            session.pins().forget_files();
            async move { Ok(session.planned(&mut state, &text, &values).await?.0) }.boxed()
        });
        let work = Work {
            session: self.clone(),
            state,
            piece: piece.clone(),
            plan,
            again: Some(again),
            needs_place: !is_metadata,
        };
        Ok(work.start())
    }

    /// The physical plan, and whether it reads nothing but metadata.
    async fn planned(
        &self,
        state: &mut SessionState,
        piece: &Piece,
        parameters: &Parameters,
    ) -> Result<(Arc<dyn ExecutionPlan>, bool)> {
        let plan = self.plan(state, piece, parameters).await?;
        let is_metadata = is_metadata(&plan);
        let plan = executable_in(state, &plan).await;
        Ok((plan.map_err(|error| self.translated(error, piece))?, is_metadata))
    }

    /// Runs a plan on the lake's workers when its rows are asked for. Dropped early, they
    /// stop it.
    pub(super) fn stream(
        &self,
        state: &SessionState,
        piece: &Piece,
        plan: Arc<dyn ExecutionPlan>,
    ) -> Result<Rows> {
        let work = Work {
            session: self.clone(),
            state: state.clone(),
            piece: piece.clone(),
            plan,
            again: None,
            needs_place: true,
        };
        Ok(work.start())
    }

    /// Plans and starts a query of the engine's own, which may be planned anew and run again while it has
    /// delivered nothing.
    pub(super) async fn stream_again(
        &self,
        state: &SessionState,
        piece: &Piece,
        plan: &LogicalPlan,
    ) -> Result<Rows> {
        let physical = self.physical(state, piece, plan).await?;
        Ok(self.stream_shaped(state, piece, plan, physical, |plan| plan))
    }

    /// The same of a plan that is there as operators too, something put above it each time that it is made.
    pub(super) fn stream_shaped(
        &self,
        state: &SessionState,
        piece: &Piece,
        logical: &LogicalPlan,
        plan: Arc<dyn ExecutionPlan>,
        shaped: impl Fn(Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> + Send + Sync + 'static,
    ) -> Rows {
        let (session, text, logical) = (self.clone(), piece.clone(), logical.clone());
        let shaped = Arc::new(shaped);
        let plan = shaped(plan);
        let again: Replan = Arc::new(move |state| {
            let (session, text, logical) = (session.clone(), text.clone(), logical.clone());
            let shaped = Arc::clone(&shaped);
            session.pins().forget_files();
            async move { Ok(shaped(session.physical(&state, &text, &logical).await?)) }.boxed()
        });
        let work = Work {
            session: self.clone(),
            state: state.clone(),
            piece: piece.clone(),
            plan,
            again: Some(again),
            needs_place: true,
        };
        work.start()
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

/// The plan, optimised, as operators; as a future that hides its type.
fn executable<'a>(
    state: &'a SessionState,
    plan: &'a LogicalPlan,
) -> BoxFuture<'a, datafusion::error::Result<Arc<dyn ExecutionPlan>>> {
    async move {
        let plan = state.optimize(plan)?;
        if !few_rows::are_read(state, &plan) {
            return state.query_planner().create_physical_plan(&plan, state).await;
        }
        let mut state = state.clone();
        few_rows::take_one_thread(&mut state);
        state.query_planner().create_physical_plan(&plan, &state).await
    }
    .boxed()
}

/// The same where the state is the statement's own, and need not be copied.
fn executable_in<'a>(
    state: &'a mut SessionState,
    plan: &'a LogicalPlan,
) -> BoxFuture<'a, datafusion::error::Result<Arc<dyn ExecutionPlan>>> {
    async move {
        let plan = state.optimize(plan)?;
        if few_rows::are_read(state, &plan) {
            few_rows::take_one_thread(state);
        }
        state.query_planner().create_physical_plan(&plan, state).await
    }
    .boxed()
}

/// The settings with which a principal's session begins.
fn begun(lake: &Lake, principal: Arc<Principal>) -> SessionConfig {
    let limits = FirstLimits(lake.limits());
    let config = initial_config(lake).with_extension(principal);
    config.with_extension(Arc::new(limits))
}
