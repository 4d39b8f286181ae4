//! Who calls: from a request's headers to a session of its own.
//!
//! A session is found by the token that the server gave (`authorization: Bearer`, or the cookie), never
//! by anything that two clients could share. A client that keeps neither has one for as long as its
//! connection lasts. Tokens are kept as digests, and end when they are not used.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tonic::Status;
use tonic::codegen::http::HeaderMap;
use tonic::metadata::MetadataMap;
use uuid::Uuid;

use super::credentials::{Credentials, cookie};
use super::link::Link;
use super::users::{Admitted, Gatekeeper};
use crate::engine::{Lake, Origin, Principal, Role, Roles, Session};

/// The cookie that stands for a session.
pub(super) const COOKIE: &str = "weir_session";

/// How many sessions may be open.
const SESSIONS_AT_MOST: usize = 1000;

/// Of so many the one that was not used for longest makes place for a new one, if it was not used for so long:
/// clients that are gone without a word would else keep others out until their sessions end.
const KEPT_AT_LEAST: Duration = Duration::from_secs(60);

type Digested = [u8; 32];

/// A client's session.
#[derive(Debug)]
pub(super) struct Client {
    pub session: Session,
    pub user: String,
    admitted: Admitted,
    /// Held while a statement is planned, or carried out: a session's statements follow one another.
    pub gate: tokio::sync::Mutex<()>,
    number: u64,
    tokens: Mutex<Vec<Digested>>,
    used: Mutex<Instant>,
    /// Streams that are being read.
    busy: AtomicUsize,
    /// The connection that it ends with, as long as the client has not shown that it keeps a token.
    link: Mutex<Option<u64>>,
}

impl Client {
    fn touch(&self) {
        *self.used.lock() = Instant::now();
    }

    /// Keeps the session from ending while what is returned lives.
    pub(super) fn busy(self: &Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Ordering::Relaxed);
        Busy(Arc::clone(self))
    }
}

/// A session that is in use.
pub(super) struct Busy(Arc<Client>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
        self.0.touch();
    }
}

/// The open sessions.
#[derive(Debug)]
pub(super) struct Sessions {
    lake: Lake,
    gatekeeper: Gatekeeper,
    may_name_files: bool,
    idle: Duration,
    next: AtomicU64,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    by_token: HashMap<Digested, Arc<Client>>,
    /// By connection and user, for clients that keep no token.
    by_link: HashMap<(u64, String), Arc<Client>>,
}

/// A caller, and the token that it should be told.
#[derive(Debug)]
pub(super) struct Caller {
    pub client: Arc<Client>,
    pub new_token: Option<String>,
}

impl Sessions {
    pub(super) fn new(lake: Lake, gatekeeper: Gatekeeper, may_name_files: bool, idle: Duration) -> Self {
        Self {
            lake,
            gatekeeper,
            may_name_files,
            idle,
            next: AtomicU64::new(1),
            open: Mutex::default(),
        }
    }

    pub(super) fn lake(&self) -> &Lake {
        &self.lake
    }

    /// How many are open.
    pub(super) fn count(&self) -> usize {
        let open = self.open.lock();
        let tokens: std::collections::HashSet<u64> = open.by_token.values().map(|c| c.number).collect();
        let links = open.by_link.values().filter(|c| !tokens.contains(&c.number));
        tokens.len() + links.count()
    }

    /// Whether a call is one of somebody who has a session already, by its headers or its connection.
    pub(super) fn knows(&self, headers: &HeaderMap, link: Option<&Link>) -> bool {
        if self.gatekeeper.is_open() {
            return true;
        }
        let headers = MetadataMap::from_headers(headers.clone());
        let bearer = match Credentials::of(&headers) {
            Ok(Some(Credentials::Bearer(token))) => Some(token),
            _ => None,
        };
        let mut tokens = bearer.into_iter().chain(cookie(&headers, COOKIE));
        let open = self.open.lock();
        let of_link = |link: &Link| open.by_link.keys().any(|(number, _)| *number == link.number());
        tokens.any(|token| open.by_token.contains_key(&digest(&token))) || link.is_some_and(of_link)
    }

    /// The session of a call.
    ///
    /// # Errors
    /// Unauthenticated without a valid token or password, where one is needed.
    pub(super) async fn caller(&self, headers: &MetadataMap, link: &Link) -> Result<Caller, Status> {
        let credentials = Credentials::of(headers)?;
        if let Some(Credentials::Bearer(token)) = &credentials
            && let Some(client) = self.by_token(token)
        {
            return Ok(Caller {
                client,
                new_token: None,
            });
        }
        let by_cookie = cookie(headers, COOKIE).and_then(|token| self.by_token(&token));
        let user = match &credentials {
            Some(Credentials::Basic { user, password }) if !self.gatekeeper.is_open() => {
                Some(self.gatekeeper.check(user, password, link.source()).await?)
            }
            Some(Credentials::Bearer(_)) if !self.gatekeeper.is_open() => {
                return Err(self.gatekeeper.no_session(link.source()));
            }
            _ => None,
        };
        match (by_cookie, user) {
            (Some(client), None) => Ok(Caller {
                client,
                new_token: None,
            }),
            (Some(client), Some(user)) if client.admitted.is_same(&user) => Ok(Caller {
                client,
                new_token: None,
            }),
            (_, Some(user)) => self.of_link(user, headers, link),
            (None, None) => {
                let admitted = self.gatekeeper.anonymous()?;
                self.of_link(admitted, headers, link)
            }
        }
    }

    /// A new session, and its token.
    ///
    /// # Errors
    /// Unauthenticated without valid credentials, where they are needed.
    pub(super) async fn handshake(
        &self,
        credentials: Option<Credentials>,
        headers: &MetadataMap,
        link: &Link,
    ) -> Result<String, Status> {
        let admitted = match credentials {
            Some(Credentials::Bearer(token)) => match self.by_token(&token) {
                Some(_) => return Ok(token),
                None if self.gatekeeper.is_open() => self.gatekeeper.anonymous()?,
                None => return Err(self.gatekeeper.no_session(link.source())),
            },
            Some(Credentials::Basic { user, password }) if !self.gatekeeper.is_open() => {
                self.gatekeeper.check(&user, &password, link.source()).await?
            }
            _ => self.gatekeeper.anonymous()?,
        };
        let client = self.open(admitted, headers, link, None)?;
        Ok(self.issue(&client))
    }

    fn by_token(&self, token: &str) -> Option<Arc<Client>> {
        let client = self.open.lock().by_token.get(&digest(token)).cloned()?;
        if !self.gatekeeper.holds(&client.admitted) {
            // Its user is not what they were: the session is over.
            self.close(&client);
            return None;
        }
        client.touch();
        // Whoever shows a token keeps it: the session outlives the connection.
        *client.link.lock() = None;
        Some(client)
    }

    fn of_link(&self, admitted: Admitted, headers: &MetadataMap, link: &Link) -> Result<Caller, Status> {
        let key = (link.number(), admitted.principal.user.clone());
        let known = self.open.lock().by_link.get(&key).cloned();
        match known {
            Some(client) if client.admitted.is_same(&admitted) => {
                client.touch();
                return Ok(Caller {
                    client,
                    new_token: None,
                });
            }
            Some(client) => self.close(&client),
            None => {}
        }
        let client = self.open(admitted, headers, link, Some(link.number()))?;
        // Of several calls that come at once on a new connection, the first makes the session.
        let first = Arc::clone(
            self.open
                .lock()
                .by_link
                .entry(key)
                .or_insert_with(|| Arc::clone(&client)),
        );
        let new_token = (first.number == client.number).then(|| self.issue(&client));
        Ok(Caller {
            client: first,
            new_token,
        })
    }

    fn open(
        &self,
        admitted: Admitted,
        headers: &MetadataMap,
        link: &Link,
        bound_to: Option<u64>,
    ) -> Result<Arc<Client>, Status> {
        if self.count() >= SESSIONS_AT_MOST && !self.make_place() {
            let message = format!("{SESSIONS_AT_MOST} sessions are open already: close some, or wait");
            return Err(Status::resource_exhausted(message));
        }
        let agent = headers.get("user-agent").and_then(|value| value.to_str().ok());
        let origin = Origin {
            address: Some(link.peer().to_string()),
            client: agent.map(str::to_owned),
        };
        let principal = Principal {
            may_name_files: self.may_name_files,
            ..admitted.principal.clone()
        };
        Ok(Arc::new(Client {
            user: principal.user.clone(),
            session: self.lake.session_for(principal, origin),
            admitted,
            gate: tokio::sync::Mutex::default(),
            number: self.next.fetch_add(1, Ordering::Relaxed),
            tokens: Mutex::default(),
            used: Mutex::new(Instant::now()),
            busy: AtomicUsize::new(0),
            link: Mutex::new(bound_to),
        }))
    }

    /// Ends the session that nobody has used for longest, if it is that long. Says whether there was one.
    fn make_place(&self) -> bool {
        let oldest = {
            let open = self.open.lock();
            let all = open.by_token.values().chain(open.by_link.values());
            let idle = all.filter(|client| client.busy.load(Ordering::Relaxed) == 0);
            let oldest = idle.min_by_key(|client| *client.used.lock()).cloned();
            oldest.filter(|client| client.used.lock().elapsed() >= KEPT_AT_LEAST)
        };
        oldest.inspect(|client| self.close(client)).is_some()
    }

    fn issue(&self, client: &Arc<Client>) -> String {
        let token = random_token();
        let digest = digest(&token);
        client.tokens.lock().push(digest);
        self.open.lock().by_token.insert(digest, Arc::clone(client));
        token
    }

    /// Ends a session: its tokens are worth nothing from now on.
    pub(super) fn close(&self, client: &Client) {
        let mut open = self.open.lock();
        open.by_token.retain(|_, known| known.number != client.number);
        open.by_link.retain(|_, known| known.number != client.number);
    }

    /// A connection has ended, and with it the sessions of clients that keep no token. Returns those that
    /// ended.
    pub(super) fn unlink(&self, link: u64) -> Vec<Arc<Client>> {
        let mut open = self.open.lock();
        let mut ended: Vec<Arc<Client>> = Vec::new();
        open.by_link.retain(|(number, _), client| {
            let stays = *number != link;
            // One that has shown its token lives on by it.
            if !stays && client.link.lock().is_some() {
                ended.push(Arc::clone(client));
            }
            stays
        });
        open.by_token
            .retain(|_, client| *client.link.lock() != Some(link));
        ended
    }

    /// Whether the session of that id is open.
    pub(super) fn is_open(&self, id: &str) -> bool {
        let open = self.open.lock();
        let mut all = open.by_token.values().chain(open.by_link.values());
        all.any(|client| client.session.id() == id)
    }

    /// Ends the sessions that nobody uses, and those of users who are not what they were. Returns those
    /// that ended.
    pub(super) fn sweep(&self) -> Vec<Arc<Client>> {
        let is_over = |client: &Client| {
            let is_idle =
                client.busy.load(Ordering::Relaxed) == 0 && client.used.lock().elapsed() > self.idle;
            is_idle || !self.gatekeeper.holds(&client.admitted)
        };
        let ended: Vec<Arc<Client>> = {
            let open = self.open.lock();
            let all = open.by_token.values().chain(open.by_link.values());
            all.filter(|client| is_over(client)).cloned().collect()
        };
        for client in &ended {
            self.close(client);
        }
        ended
    }
}

fn digest(token: &str) -> Digested {
    Sha256::digest(token.as_bytes()).into()
}

/// 244 random bits, as a header takes them.
pub(super) fn random_token() -> String {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}

/// Whoever is at this machine, as long as there are no users.
pub(super) fn local_administrator() -> Principal {
    Principal {
        roles: Roles::everywhere(Role::Admin),
        ..Principal::default()
    }
}
