//! The record of one statement: what it is, how far it is, what it used, how it ended.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use datafusion::physical_plan::ExecutionPlan;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::Queries;
use super::stop::Stop;
use super::told::Told;
use super::totals::{ProgressSnapshot, Readings, Totals};
use crate::engine::memory::{LakeMemory, StatementPool};
use crate::error::{Error, Kind};
use crate::planner::Cancellation;

/// Of a longer statement the record keeps this many characters.
const KEPT_CHARACTERS: usize = 1000;

/// What a statement is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryState {
    /// It is being parsed and planned.
    Planning,
    /// It waits until fewer statements run.
    Queued,
    /// It computes, or its reader has not taken all rows.
    Running,
    /// It ended, and gave all it had to give.
    Finished,
    /// It ended with an error.
    Failed,
    /// It was stopped before its end.
    Cancelled,
}

impl QueryState {
    /// The state in a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planning => "planning",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// A statement's record. Clones are the same record; it can be asked while the statement runs and
/// after.
#[derive(Clone)]
pub struct Record(Arc<Inner>);

struct Inner {
    id: String,
    session: String,
    sql: String,
    started_at: DateTime<Utc>,
    begun: Instant,
    memory: Arc<StatementPool>,
    stopped: watch::Sender<Option<Stop>>,
    live: Mutex<Live>,
}

struct Live {
    state: QueryState,
    plan: Option<Arc<dyn ExecutionPlan>>,
    cancellation: Option<Cancellation>,
    /// Of the plans that have ended.
    past: Readings,
    furthest: f64,
    /// Memory that is held elsewhere, where the statement runs: now, and at most.
    elsewhere: Option<(u64, u64)>,
    rows_out: u64,
    queued: Duration,
    queued_since: Option<Instant>,
    retries: u32,
    notes: Vec<String>,
    elapsed: Option<Duration>,
    error: Option<(&'static str, String)>,
}

/// A record as it is at one moment.
#[derive(Debug, Clone)]
pub(in crate::engine) struct Summary {
    pub id: String,
    pub session: String,
    pub sql: String,
    pub started_at: DateTime<Utc>,
    pub state: QueryState,
    pub totals: Totals,
    pub fraction: Option<f64>,
    pub notes: String,
    pub error: Option<(&'static str, String)>,
}

impl Summary {
    /// Tells the log of a statement that has ended: neither its text nor an error's, which may have values in
    /// them.
    pub(super) fn log(&self) {
        tracing::info!(
            query = self.id,
            session = self.session,
            state = self.state.as_str(),
            error = self.error.as_ref().map(|(code, _)| *code),
            rows = self.totals.rows_out,
            rows_read = self.totals.rows_read,
            bytes_read = self.totals.bytes_read,
            spilled_bytes = self.totals.spilled_bytes,
            peak_memory_bytes = self.totals.peak_memory_bytes,
            queued_milliseconds = self.totals.queued.as_secs_f64() * 1000.0,
            milliseconds = self.totals.elapsed.as_secs_f64() * 1000.0,
            "statement"
        );
    }
}

impl Record {
    pub(super) fn new(id: String, session: &str, sql: &str, memory: &Arc<LakeMemory>) -> Self {
        Self(Arc::new(Inner {
            memory: Arc::new(StatementPool::new(Arc::clone(memory), &id)),
            id,
            session: session.to_owned(),
            sql: shortened(sql),
            started_at: Utc::now(),
            begun: Instant::now(),
            stopped: watch::Sender::new(None),
            live: Mutex::new(Live {
                state: QueryState::Planning,
                plan: None,
                cancellation: None,
                past: Readings::default(),
                furthest: 0.0,
                elsewhere: None,
                rows_out: 0,
                queued: Duration::ZERO,
                queued_since: None,
                retries: 0,
                notes: Vec::new(),
                elapsed: None,
                error: None,
            }),
        }))
    }

    /// What `KILL QUERY` takes, and the column `id` of `system.queries` shows.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// The id of its session.
    pub fn session(&self) -> &str {
        &self.0.session
    }

    /// What the statement is doing.
    pub fn state(&self) -> QueryState {
        self.0.live.lock().state
    }

    /// What the statement has used so far.
    pub fn totals(&self) -> Totals {
        self.0.totals(&self.0.live.lock()).0
    }

    /// How far the statement is; `None` once it has ended.
    pub fn progress(&self) -> Option<ProgressSnapshot> {
        let mut live = self.0.live.lock();
        if live.elapsed.is_some() {
            return None;
        }
        let (totals, readings) = self.0.totals(&live);
        let fraction = live.advance(&readings);
        Some(ProgressSnapshot {
            rows: totals.rows_read,
            bytes: totals.bytes_read,
            files: readings.files_done,
            files_total: readings.files_named,
            spilled_bytes: totals.spilled_bytes,
            memory_bytes: live.elsewhere.map_or(self.0.memory.held() as u64, |(now, _)| now),
            elapsed: totals.elapsed,
            is_queued: live.state == QueryState::Queued,
            fraction,
        })
    }

    /// What a front end in another process is told.
    pub(super) fn told(&self) -> Told {
        let mut live = self.0.live.lock();
        let (totals, readings) = self.0.totals(&live);
        Told {
            memory_bytes: self.0.memory.held() as u64,
            peak_memory_bytes: totals.peak_memory_bytes,
            is_queued: live.state == QueryState::Queued,
            fraction: live.advance(&readings),
            ..Told::new(&readings)
        }
    }

    /// Takes over what is told of a statement that runs in another process.
    pub fn hear(&self, told: &Told) {
        let mut live = self.0.live.lock();
        live.past = told.readings();
        live.elsewhere = Some((told.memory_bytes, told.peak_memory_bytes));
        if live.elapsed.is_none() {
            live.state = match told.is_queued {
                true => QueryState::Queued,
                false => QueryState::Running,
            };
        }
    }

    pub(super) fn summary(&self) -> Summary {
        let mut live = self.0.live.lock();
        let (totals, readings) = self.0.totals(&live);
        let fraction = match live.state {
            QueryState::Finished => Some(1.0),
            _ => live.advance(&readings),
        };
        Summary {
            id: self.0.id.clone(),
            session: self.0.session.clone(),
            sql: self.0.sql.clone(),
            started_at: self.0.started_at,
            state: live.state,
            totals,
            fraction,
            notes: live.notes.join("; "),
            error: live.error.clone(),
        }
    }

    /// The memory of this statement's operators.
    pub(in crate::engine) fn memory(&self) -> &Arc<StatementPool> {
        &self.0.memory
    }

    /// A plan begins; what an earlier one read is added to.
    pub(in crate::engine) fn run(&self, plan: &Arc<dyn ExecutionPlan>, cancellation: &Cancellation) {
        let mut live = self.0.live.lock();
        live.retire();
        if live.elapsed.is_none() {
            live.state = QueryState::Running;
            live.plan = Some(Arc::clone(plan));
            live.cancellation = Some(cancellation.clone());
        }
        drop(live);
        if self.stopped().is_some() {
            cancellation.cancel();
        }
    }

    /// The statement is run again, and why.
    pub(in crate::engine) fn run_again(&self, why: impl Into<String>) {
        let mut live = self.0.live.lock();
        live.retries += 1;
        live.notes.push(why.into());
    }

    pub(in crate::engine) fn queue(&self) {
        let mut live = self.0.live.lock();
        if live.elapsed.is_none() {
            live.state = QueryState::Queued;
            live.queued_since = Some(Instant::now());
        }
    }

    pub(in crate::engine) fn admit(&self) {
        let mut live = self.0.live.lock();
        if let Some(since) = live.queued_since.take() {
            live.queued += since.elapsed();
            live.state = QueryState::Running;
        }
    }

    pub(in crate::engine) fn count_out(&self, rows: u64) {
        self.0.live.lock().rows_out += rows;
    }

    /// Stops the statement, as `KILL QUERY` does.
    pub fn cancel(&self) {
        self.stop(Stop::Killed);
    }

    /// Stops the statement, wherever it is. The first reason stands.
    pub(in crate::engine) fn stop(&self, stop: Stop) {
        self.0.stopped.send_if_modified(|stopped| {
            let is_first = stopped.is_none();
            stopped.get_or_insert(stop);
            is_first
        });
        let mut live = self.0.live.lock();
        if live.elapsed.is_none() {
            live.state = QueryState::Cancelled;
        }
        if let Some(cancellation) = &live.cancellation {
            cancellation.cancel();
        }
    }

    /// Why it was stopped, if it was.
    pub(in crate::engine) fn stopped(&self) -> Option<Stop> {
        self.0.stopped.borrow().clone()
    }

    /// Waits until it is stopped; for ever, if nobody does.
    pub(in crate::engine) async fn until_stopped(&self) -> Stop {
        let mut stopped = self.0.stopped.subscribe();
        let stop = stopped
            .wait_for(Option::is_some)
            .await
            .ok()
            .and_then(|stop| stop.clone());
        match stop {
            Some(stop) => stop,
            None => std::future::pending().await,
        }
    }

    /// What the statement's reader is told: of a statement that was stopped, why.
    pub(in crate::engine) fn reason(&self, error: Error) -> Error {
        self.stopped().map_or(error, Stop::error)
    }

    /// Its reader has gone: what it still computes stops.
    pub(in crate::engine) fn give_up(&self) {
        if let Some(cancellation) = &self.0.live.lock().cancellation {
            cancellation.cancel();
        }
    }

    fn end(&self, state: QueryState, error: Option<&Error>) {
        let mut live = self.0.live.lock();
        live.state = state;
        live.error = error.map(|error| (error.code().as_str(), shortened(error.message())));
        live.retire();
        if let Some(since) = live.queued_since.take() {
            live.queued += since.elapsed();
        }
        live.elapsed = Some(self.0.begun.elapsed());
    }
}

impl Inner {
    fn totals(&self, live: &Live) -> (Totals, Readings) {
        let mut readings = live.past;
        if let Some(plan) = &live.plan {
            readings.add_plan(plan.as_ref());
        }
        let waiting = live.queued_since.map_or(Duration::ZERO, |since| since.elapsed());
        let totals = Totals {
            rows_read: readings.rows,
            bytes_read: readings.bytes,
            rows_out: live.rows_out,
            files_opened: readings.files_opened,
            files_pruned: readings.files_pruned,
            row_groups_read: readings.row_groups_read,
            row_groups_pruned: readings.row_groups_pruned,
            spilled_bytes: readings.spilled_bytes,
            peak_memory_bytes: live.elsewhere.map_or(self.memory.peak() as u64, |(_, peak)| peak),
            elapsed: live.elapsed.unwrap_or_else(|| self.begun.elapsed()),
            queued: live.queued + waiting,
            retries: live.retries,
        };
        (totals, readings)
    }
}

impl Live {
    /// Lets go of the plan, and keeps what it said.
    fn retire(&mut self) {
        self.cancellation = None;
        if let Some(plan) = self.plan.take() {
            self.past.add_plan(plan.as_ref());
        }
    }

    /// The part done, which a later plan of the same statement does not take back.
    fn advance(&mut self, readings: &Readings) -> Option<f64> {
        if readings.known > 0.0 {
            self.furthest = self.furthest.max((readings.done / readings.known).min(1.0));
            return Some(self.furthest);
        }
        None
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("id", &self.0.id)
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

/// A long text's beginning, and how long it is.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(KEPT_CHARACTERS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{} … ({} characters)", &text[..end], text.chars().count()),
    }
}

/// A statement that has begun. Dropped before it is said how it ended, it was cancelled.
#[derive(Debug)]
pub(in crate::engine) struct Begun {
    record: Record,
    number: u64,
    /// Where it is shown.
    queries: Option<Arc<Queries>>,
    has_ended: bool,
}

impl Begun {
    pub(super) fn new(record: Record, number: u64, queries: Option<Arc<Queries>>) -> Self {
        Self {
            record,
            number,
            queries,
            has_ended: false,
        }
    }

    pub(in crate::engine) fn record(&self) -> &Record {
        &self.record
    }

    pub(in crate::engine) fn finish(&mut self) {
        self.end(QueryState::Finished, None);
    }

    pub(in crate::engine) fn fail(&mut self, error: &Error) {
        let state = match error.kind() {
            Kind::Cancelled => QueryState::Cancelled,
            _ => QueryState::Failed,
        };
        self.end(state, Some(error));
    }

    fn end(&mut self, state: QueryState, error: Option<&Error>) {
        if std::mem::replace(&mut self.has_ended, true) {
            return;
        }
        self.record.end(state, error);
        if let Some(queries) = &self.queries {
            queries.end(self.number, self.record.summary());
        }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.end(QueryState::Cancelled, None);
    }
}
