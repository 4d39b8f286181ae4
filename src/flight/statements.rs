//! Statements on their way: results that wait for DoGet, those that are being read, and prepared ones.
//!
//! Each is known by a random handle, belongs to a user, and ends: a result that nobody fetches after a
//! while, a prepared statement with its session.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parking_lot::Mutex;
use prost::bytes::Bytes;
use tonic::Status;
use uuid::Uuid;

use super::sessions::Client;
use crate::engine::{Prepared, Record, Rows};

/// How many results of one session may wait, and how many statements it may have prepared.
const TICKETS_AT_MOST: usize = 256;
const PREPARED_AT_MOST: usize = 1024;

/// A result that has been planned and not been fetched.
pub(super) struct Waiting {
    pub rows: Rows,
    /// The columns as they were told.
    pub schema: SchemaRef,
    pub record: Record,
    pub client: Arc<Client>,
}

enum Ticket {
    Waiting { waiting: Box<Waiting>, until: Instant },
    Running { record: Record, session: Weak<Client> },
}

struct Owned {
    user: String,
    session: String,
    ticket: Ticket,
}

/// A prepared statement.
pub(super) struct Statement {
    pub sql: String,
    pub told: Prepared,
    pub schema: Option<SchemaRef>,
    /// The values that were bound last: a set of them a row.
    pub bound: Mutex<Option<Vec<RecordBatch>>>,
    user: String,
    session: String,
}

/// The statements of a server.
pub(super) struct Statements {
    /// How long a result waits to be fetched.
    fetched_within: Duration,
    tickets: Mutex<HashMap<Bytes, Owned>>,
    prepared: Mutex<HashMap<Bytes, Arc<Statement>>>,
}

/// What became of a wish to cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cancelled {
    Yes,
    /// It is not known: it has ended, or was never there.
    Unknown,
}

impl Statements {
    pub(super) fn new(fetched_within: Duration) -> Self {
        Self {
            fetched_within,
            tickets: Mutex::default(),
            prepared: Mutex::default(),
        }
    }

    /// Until when a result waits that is offered, or renewed, now.
    pub(super) fn until(&self) -> SystemTime {
        let now = SystemTime::now();
        now.checked_add(self.fetched_within).unwrap_or(now)
    }

    /// How many results wait or are being read, and how many statements are prepared.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.tickets.lock().len(), self.prepared.lock().len())
    }

    /// Keeps a result until it is fetched.
    ///
    /// # Errors
    /// Resource exhausted if too many of the session wait.
    pub(super) fn offer(&self, waiting: Waiting) -> Result<Bytes, Status> {
        let handle = handle();
        let owned = Owned {
            user: waiting.client.user.clone(),
            session: waiting.client.session.id().to_owned(),
            ticket: Ticket::Waiting {
                until: Instant::now() + self.fetched_within,
                waiting: Box::new(waiting),
            },
        };
        let mut tickets = self.tickets.lock();
        let of_session = tickets.values().filter(|known| known.session == owned.session);
        if of_session.count() >= TICKETS_AT_MOST {
            let message = format!("{TICKETS_AT_MOST} results of this session wait to be fetched");
            return Err(Status::resource_exhausted(message));
        }
        tickets.insert(handle.clone(), owned);
        Ok(handle)
    }

    /// Takes a result, which then counts as running until what is returned with it is dropped.
    ///
    /// # Errors
    /// Not found if there is none of that handle, or it is another user's.
    pub(super) fn take(self: &Arc<Self>, handle: &Bytes, user: &str) -> Result<(Waiting, Reading), Status> {
        let mut tickets = self.tickets.lock();
        let gone = || Status::not_found("there is no such ticket: it was fetched already, or has expired");
        let owned = tickets.get_mut(handle).ok_or_else(gone)?;
        if owned.user != user {
            tracing::warn!(user, "another user's ticket was refused");
            return Err(gone());
        }
        let Ticket::Waiting { waiting, until } = &owned.ticket else {
            return Err(gone());
        };
        if *until < Instant::now() {
            tickets.remove(handle);
            return Err(gone());
        }
        let running = Ticket::Running {
            record: waiting.record.clone(),
            session: Arc::downgrade(&waiting.client),
        };
        let Ticket::Waiting { waiting, .. } = std::mem::replace(&mut owned.ticket, running) else {
            return Err(gone());
        };
        let reading = Reading {
            statements: Arc::clone(self),
            handle: handle.clone(),
        };
        Ok((*waiting, reading))
    }

    /// Lets a result wait for longer. Says until when.
    ///
    /// # Errors
    /// Not found if it does not wait.
    pub(super) fn renew(&self, handle: &Bytes, user: &str) -> Result<SystemTime, Status> {
        let mut tickets = self.tickets.lock();
        match tickets
            .get_mut(handle)
            .filter(|owned| owned.user == user)
            .map(|owned| &mut owned.ticket)
        {
            Some(Ticket::Waiting { until, .. }) => {
                *until = Instant::now() + self.fetched_within;
                Ok(self.until())
            }
            _ => Err(Status::not_found(
                "there is no such ticket: it was fetched already, or has expired",
            )),
        }
    }

    /// Stops a statement, whether it waits or runs.
    pub(super) fn cancel(&self, handle: &Bytes, user: &str) -> Cancelled {
        let mut tickets = self.tickets.lock();
        match tickets.get(handle) {
            Some(owned) if owned.user == user => {
                match &owned.ticket {
                    Ticket::Waiting { .. } => drop(tickets.remove(handle)),
                    Ticket::Running { record, .. } => record.cancel(),
                }
                Cancelled::Yes
            }
            _ => Cancelled::Unknown,
        }
    }

    /// Keeps a prepared statement.
    ///
    /// # Errors
    /// Resource exhausted if the session has too many.
    pub(super) fn prepare(
        &self,
        client: &Client,
        sql: String,
        told: Prepared,
        schema: Option<SchemaRef>,
    ) -> Result<Bytes, Status> {
        let statement = Statement {
            sql,
            told,
            schema,
            bound: Mutex::default(),
            user: client.user.clone(),
            session: client.session.id().to_owned(),
        };
        let mut prepared = self.prepared.lock();
        let of_session = prepared
            .values()
            .filter(|known| known.session == statement.session);
        if of_session.count() >= PREPARED_AT_MOST {
            let message = format!("{PREPARED_AT_MOST} statements of this session are prepared: close some");
            return Err(Status::resource_exhausted(message));
        }
        let handle = handle();
        prepared.insert(handle.clone(), Arc::new(statement));
        Ok(handle)
    }

    /// The prepared statement of that handle.
    ///
    /// # Errors
    /// Not found if there is none, or it is another user's.
    pub(super) fn prepared(&self, handle: &Bytes, user: &str) -> Result<Arc<Statement>, Status> {
        let found = self.prepared.lock().get(handle).cloned();
        if found.as_ref().is_some_and(|statement| statement.user != user) {
            tracing::warn!(user, "another user's prepared statement was refused");
        }
        found.filter(|statement| statement.user == user).ok_or_else(|| {
            Status::not_found("there is no such prepared statement: it was closed, or its session has ended")
        })
    }

    /// Forgets a prepared statement. One that is not there is closed already.
    pub(super) fn close(&self, handle: &Bytes, user: &str) {
        let mut prepared = self.prepared.lock();
        if prepared
            .get(handle)
            .is_some_and(|statement| statement.user == user)
        {
            prepared.remove(handle);
        }
    }

    /// Forgets what belongs to a session that has ended, and stops what is being read of it.
    pub(super) fn end_session(&self, session: &str) {
        self.tickets.lock().retain(|_, owned| {
            let stays = owned.session != session;
            if let (false, Ticket::Running { record, .. }) = (stays, &owned.ticket) {
                record.cancel();
            }
            stays
        });
        self.prepared
            .lock()
            .retain(|_, statement| statement.session != session);
    }

    /// Forgets the results that nobody has fetched in time, and ends what belongs to no session any more.
    pub(super) fn sweep(&self, is_open: impl Fn(&str) -> bool) {
        let now = Instant::now();
        self.tickets.lock().retain(|_, owned| match &owned.ticket {
            Ticket::Waiting { until, .. } => *until >= now && is_open(&owned.session),
            Ticket::Running { session, record } => {
                if !is_open(&owned.session) {
                    record.cancel();
                }
                session.strong_count() > 0
            }
        });
        self.prepared
            .lock()
            .retain(|_, statement| is_open(&statement.session));
    }

    /// Stops everything that runs.
    pub(super) fn cancel_all(&self) {
        for owned in self.tickets.lock().values() {
            if let Ticket::Running { record, .. } = &owned.ticket {
                record.cancel();
            }
        }
    }

    /// How many results are being read.
    pub(super) fn running(&self) -> usize {
        let tickets = self.tickets.lock();
        let running = tickets
            .values()
            .filter(|owned| matches!(owned.ticket, Ticket::Running { .. }));
        running.count()
    }
}

/// A result that is being read.
pub(super) struct Reading {
    statements: Arc<Statements>,
    handle: Bytes,
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.statements.tickets.lock().remove(&self.handle);
    }
}

/// 122 random bits.
fn handle() -> Bytes {
    Bytes::copy_from_slice(Uuid::new_v4().as_bytes())
}
