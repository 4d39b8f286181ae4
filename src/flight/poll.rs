//! PollFlightInfo: what takes long goes on between the calls that ask about it.
//!
//! A statement is complete when its flight info is there: of a query when it is planned, because its rows
//! come as they are computed; of everything else when it has been carried out. One that is not complete soon
//! is asked about again by a descriptor of its own, belongs to its user, and is stopped when nobody asks for
//! a while, its session ends, or it is cancelled. Progress is not told: a session's statements wait for one
//! another, and how long is not known.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use arrow_flight::sql::Any;
use arrow_flight::{FlightDescriptor, FlightInfo, PollInfo};
use parking_lot::Mutex;
use prost::Message;
use prost::bytes::Bytes;
use tokio::task::JoinHandle;
use tonic::Status;
use tracing::Instrument;
use uuid::Uuid;

use super::service::Service;
use super::sessions::Client;

/// How long a call waits for a statement to be complete.
const WAITS: Duration = Duration::from_millis(500);

/// How long a statement goes on without anybody who asks about it.
const ASKED_WITHIN: Duration = Duration::from_secs(300);

/// How many statements of one session may be asked about at one time.
const POLLED_AT_MOST: usize = 64;

const TYPE: &str = "type.googleapis.com/weir.PolledStatement";

/// The statements that are asked about.
#[derive(Default)]
pub(super) struct Polls(Mutex<HashMap<Bytes, Polled>>);

/// A statement that is not complete; dropped, it stops.
struct Polled {
    client: Arc<Client>,
    descriptor: FlightDescriptor,
    task: JoinHandle<Result<FlightInfo, Status>>,
    until: Instant,
}

impl Drop for Polled {
    fn drop(&mut self) {
        // Of one that has ended this does nothing.
        self.task.abort();
    }
}

/// A statement that a call waits for. Also if its client gives that up it can be asked about again.
struct Held<'a> {
    polls: &'a Polls,
    handle: Bytes,
    polled: Option<Polled>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some(mut polled) = self.polled.take() {
            polled.until = Instant::now() + ASKED_WITHIN;
            self.polls.0.lock().insert(self.handle.clone(), polled);
        }
    }
}

impl Polls {
    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.0.lock().len()
    }

    /// Begins a statement, or asks about one that was begun.
    ///
    /// # Errors
    /// The statement's; not found if there is none, or it is another user's.
    pub(super) async fn poll(
        &self,
        service: &Service,
        client: &Arc<Client>,
        descriptor: FlightDescriptor,
    ) -> Result<PollInfo, Status> {
        let mut held = match handle(&descriptor.cmd) {
            Some(handle) => self.hold(handle, client)?,
            None => self.begin(service, client, descriptor)?,
        };
        let Some(polled) = &mut held.polled else {
            return Err(gone());
        };
        match tokio::time::timeout(WAITS, &mut polled.task).await {
            Ok(ended) => {
                held.polled = None;
                let info = ended.map_err(|e| match e.is_cancelled() {
                    true => Status::cancelled("the statement was cancelled"),
                    false => Status::internal("the statement has failed"),
                });
                Ok(until(PollInfo::new().with_info(info??)))
            }
            Err(_) => {
                let again = command(&held.handle);
                let info = FlightInfo::new()
                    .with_descriptor(polled.descriptor.clone())
                    .with_ordered(true)
                    .with_app_metadata(again.clone());
                let info = PollInfo::new().with_info(info);
                Ok(until(info.with_descriptor(FlightDescriptor::new_cmd(again))))
            }
        }
    }

    fn begin(
        &self,
        service: &Service,
        client: &Arc<Client>,
        descriptor: FlightDescriptor,
    ) -> Result<Held<'_>, Status> {
        let of_session = {
            let polls = self.0.lock();
            let mine = polls
                .values()
                .filter(|polled| Arc::ptr_eq(&polled.client, client));
            mine.count()
        };
        if of_session >= POLLED_AT_MOST {
            let message = format!("{POLLED_AT_MOST} statements of this session are not complete");
            return Err(Status::resource_exhausted(message));
        }
        let work = {
            let (service, client, descriptor) = (service.clone(), Arc::clone(client), descriptor.clone());
            // Between two calls the session is in use.
            let busy = client.busy();
            async move {
                let _busy = busy;
                service.info(&client, descriptor).await
            }
        };
        Ok(Held {
            polls: self,
            handle: Bytes::copy_from_slice(Uuid::new_v4().as_bytes()),
            polled: Some(Polled {
                client: Arc::clone(client),
                descriptor,
                task: tokio::spawn(work.in_current_span()),
                until: Instant::now() + ASKED_WITHIN,
            }),
        })
    }

    fn hold(&self, handle: Bytes, client: &Client) -> Result<Held<'_>, Status> {
        let mut polls = self.0.lock();
        let is_own = polls
            .get(&handle)
            .is_some_and(|polled| polled.client.user == client.user);
        let polled = if is_own { polls.remove(&handle) } else { None };
        Ok(Held {
            polls: self,
            handle,
            polled: Some(polled.ok_or_else(gone)?),
        })
    }

    /// Stops the statement that `bytes` ask about. Says whether there was one.
    pub(super) fn cancel(&self, bytes: &Bytes, user: &str) -> bool {
        let mut polls = self.0.lock();
        let handle =
            handle(bytes).filter(|handle| polls.get(handle).is_some_and(|polled| polled.client.user == user));
        handle.is_some_and(|handle| polls.remove(&handle).is_some())
    }

    /// Stops the statements of a session.
    pub(super) fn end_session(&self, session: &str) {
        self.0
            .lock()
            .retain(|_, polled| polled.client.session.id() != session);
    }

    /// Stops the statements that nobody has asked about for long, and those of sessions that have ended.
    pub(super) fn sweep(&self, is_open: impl Fn(&str) -> bool) {
        let now = Instant::now();
        self.0
            .lock()
            .retain(|_, polled| polled.until >= now && is_open(polled.client.session.id()));
    }
}

fn until(info: PollInfo) -> PollInfo {
    let now = SystemTime::now();
    info.with_expiration_time(now.checked_add(ASKED_WITHIN).unwrap_or(now).into())
}

fn gone() -> Status {
    Status::not_found("there is no such statement: it is complete and was told so, or was stopped")
}

/// What asks about a statement again.
fn command(handle: &Bytes) -> Bytes {
    let any = Any {
        type_url: TYPE.to_owned(),
        value: handle.clone(),
    };
    any.encode_to_vec().into()
}

fn handle(command: &Bytes) -> Option<Bytes> {
    let any = Any::decode(command.clone()).ok()?;
    (any.type_url == TYPE).then_some(any.value)
}
