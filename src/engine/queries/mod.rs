//! What the lake runs and has run: a record a statement.
//!
//! Owns the running statements' records, a bounded history of those that ended, and stopping one by
//! its id. What a statement has read, kept and spilled is taken from the metrics that its plan keeps
//! anyway, when somebody asks.

mod record;
mod stop;
mod table;
mod told;
mod totals;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::Utc;
use parking_lot::Mutex;

pub(super) use record::{Begun, Summary};
pub use record::{QueryState, Record};
pub(super) use stop::Stop;
pub use told::Told;
pub use totals::{ProgressSnapshot, Totals};

use super::memory::LakeMemory;
use crate::error::{Code, Error, Result, did_you_mean};

/// How many statements that ended are remembered.
const HISTORY: usize = 500;

/// The statements of one opened lake.
#[derive(Debug)]
pub(super) struct Queries {
    /// Tells this opening's ids from those of another process or an earlier one.
    prefix: String,
    next_query: AtomicU64,
    next_session: AtomicU64,
    finished: AtomicU64,
    failed: AtomicU64,
    cancelled: AtomicU64,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    running: BTreeMap<u64, Record>,
    ended: VecDeque<Summary>,
}

impl Queries {
    pub(super) fn new() -> Self {
        let seed = Utc::now().timestamp_millis().unsigned_abs() ^ (u64::from(std::process::id()) << 20);
        Self {
            prefix: format!("{:06x}", seed & 0xff_ffff),
            next_query: AtomicU64::new(1),
            next_session: AtomicU64::new(1),
            finished: AtomicU64::default(),
            failed: AtomicU64::default(),
            cancelled: AtomicU64::default(),
            known: Mutex::default(),
        }
    }

    /// An id for a new session.
    pub(super) fn session_id(&self) -> String {
        let number = self.next_session.fetch_add(1, Ordering::Relaxed);
        format!("{}-s{number}", self.prefix)
    }

    /// Begins the record of a statement; dropped, what is returned ends it. One that is not shown is in
    /// neither table nor history.
    pub(super) fn begin(
        self: &Arc<Self>,
        session: &str,
        sql: &str,
        memory: &Arc<LakeMemory>,
        is_shown: bool,
    ) -> Begun {
        let number = self.next_query.fetch_add(1, Ordering::Relaxed);
        let id = format!("{}-{number}", self.prefix);
        let record = Record::new(id, session, sql, memory);
        if is_shown {
            self.known.lock().running.insert(number, record.clone());
        }
        Begun::new(record, number, is_shown.then(|| Arc::clone(self)))
    }

    /// How many statements have ended so.
    pub(super) fn ended(&self, state: QueryState) -> u64 {
        self.ended_as(state)
            .map_or(0, |count| count.load(Ordering::Relaxed))
    }

    fn ended_as(&self, state: QueryState) -> Option<&AtomicU64> {
        match state {
            QueryState::Finished => Some(&self.finished),
            QueryState::Failed => Some(&self.failed),
            QueryState::Cancelled => Some(&self.cancelled),
            QueryState::Planning | QueryState::Queued | QueryState::Running => None,
        }
    }

    fn end(&self, number: u64, summary: Summary) {
        if let Some(count) = self.ended_as(summary.state) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        summary.log();
        let mut known = self.known.lock();
        known.running.remove(&number);
        if known.ended.len() == HISTORY {
            known.ended.pop_front();
        }
        known.ended.push_back(summary);
    }

    /// Stops the running statement of that id.
    ///
    /// # Errors
    /// [`Code::UndefinedQuery`].
    pub(super) fn kill(&self, id: &str) -> Result<()> {
        self.kill_of(id, None)
    }

    /// The same, of the statements of these sessions.
    pub(super) fn kill_of(&self, id: &str, sessions: Option<&[String]>) -> Result<()> {
        let known = self.known.lock();
        let is_seen = |session: &str| sessions.is_none_or(|all| all.iter().any(|one| one == session));
        let mut running = known.running.values().filter(|record| is_seen(record.session()));
        if let Some(record) = running.find(|record| record.id() == id) {
            record.stop(Stop::Killed);
            return Ok(());
        }
        let mut ended = known.ended.iter().filter(|summary| is_seen(&summary.session));
        let has_ended = ended.any(|summary| summary.id == id);
        let hint = if has_ended {
            Some("it has ended already".to_owned())
        } else {
            let running = known.running.values().filter(|record| is_seen(record.session()));
            did_you_mean(id, running.map(Record::id))
        };
        let hint = hint.unwrap_or_else(|| "SELECT id, sql FROM system.queries lists them".to_owned());
        let message = format!("there is no running statement '{id}'");
        Err(Error::new(Code::UndefinedQuery, message).with_hint(hint))
    }

    /// What the last of a session's statements to begin tells of itself: one that runs, or else one that ended.
    pub(super) fn told_of(&self, session: &str) -> Option<Told> {
        let known = self.known.lock();
        let mut running = known.running.values().rev();
        let running = running.find(|record| record.session() == session);
        running.map(Record::told).or_else(|| {
            let mut ended = known.ended.iter().rev();
            ended
                .find(|summary| summary.session == session)
                .map(Told::of_ended)
        })
    }

    /// Every statement known, the oldest first.
    pub(super) fn summaries(&self) -> Vec<Summary> {
        let known = self.known.lock();
        let running = known.running.values().map(Record::summary);
        known.ended.iter().cloned().chain(running).collect()
    }
}
