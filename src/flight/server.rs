//! Listening, and stopping.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic::transport::server::{Router, TcpIncoming};
use tonic::transport::{Certificate, Identity, ServerTlsConfig};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use super::door::Door;
use super::link::{Link, Linked};
use super::metrics;
use super::observe::Observer;
use super::poll::Polls;
use super::reflection;
use super::service::Service;
use super::sessions::Sessions;
use super::statements::Statements;
use super::users::{Gatekeeper, UserFile, users_file};
use crate::connection::choose_cryptography;
use crate::engine::Lake;
use crate::error::{Code, Error, Result};

/// What may be under way to a client that has not said that it got more.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;

/// How often a silent connection is asked whether it is alive.
const KEEPALIVE: Duration = Duration::from_secs(30);

const HEADER_BYTES: u32 = 64 << 10;

/// How a lake is served.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Where; port 0 is any that is free.
    pub bind: SocketAddr,
    /// Where metrics are served over HTTP, if anywhere.
    pub metrics: Option<SocketAddr>,
    /// Certificates, for TLS.
    pub tls: Option<Tls>,
    /// Listen beyond this machine without users or without TLS.
    pub insecure: bool,
    /// Whether statements may name files, and places outside of the lake.
    pub may_name_files: bool,
    /// How long a session may be without a call.
    pub idle: Duration,
    /// How long a result waits to be fetched.
    pub fetched_within: Duration,
    /// How long statements may still run after the server was told to stop.
    pub drain: Duration,
}

impl Default for ServeOptions {
    /// Port 50051 of this machine, without TLS; sessions end after half an hour.
    fn default() -> Self {
        Self {
            bind: SocketAddr::from(([127, 0, 0, 1], 50051)),
            metrics: None,
            tls: None,
            insecure: false,
            may_name_files: false,
            idle: Duration::from_secs(30 * 60),
            fetched_within: Duration::from_secs(300),
            drain: Duration::from_secs(30),
        }
    }
}

/// The files of TLS, in PEM.
#[derive(Debug, Clone)]
pub struct Tls {
    /// The server's certificate, and those that vouch for it.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Who vouches for clients: without a certificate of theirs, none is let in.
    pub client_ca: Option<PathBuf>,
}

/// A server that listens.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    metrics: Option<SocketAddr>,
    is_tls: bool,
    drain: Duration,
    sessions: Arc<Sessions>,
    statements: Arc<Statements>,
    polls: Arc<Polls>,
    health: HealthReporter,
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<(), tonic::transport::Error>>,
    sweeper: JoinHandle<()>,
}

impl std::fmt::Debug for Statements {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Statements").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Polls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Polls").finish_non_exhaustive()
    }
}

impl Server {
    /// Begins to listen.
    ///
    /// # Errors
    /// [`Code::InvalidValue`] for an address beyond this machine without users and TLS; what is wrong
    /// with the users' file or the certificates; that the address cannot be listened on.
    pub async fn start(lake: Lake, options: ServeOptions) -> Result<Self> {
        let users = UserFile::new(users_file(lake.folder()));
        let has_users = !users.users()?.is_empty();
        check_exposure(&options, has_users)?;
        let failed = |e| Error::io(options.bind.to_string(), "listen on", e);
        let listener = TcpListener::bind(options.bind).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let gatekeeper = Gatekeeper::new(users, has_users);
        let sessions = Sessions::new(lake, gatekeeper, options.may_name_files, options.idle);
        let service = Service {
            sessions: Arc::new(sessions),
            statements: Arc::new(Statements::new(options.fetched_within)),
            polls: Arc::default(),
            observer: Arc::new(Observer::new()),
        };
        let (stop, stopped) = watch::channel(false);
        let metrics = match options.metrics {
            Some(address) => Some(metrics::serve(address, Arc::new(service.clone()), stopped.clone()).await?),
            None => None,
        };
        let (health, router) = router(&service, options.tls.as_ref())?;
        let incoming = incoming(listener, &service, options.tls.is_some());
        let until = async move {
            let mut stopped = stopped;
            // A sender that is gone has stopped too.
            drop(stopped.wait_for(|stopped| *stopped).await);
        };
        let task = tokio::spawn(router.serve_with_incoming_shutdown(incoming, until));
        Ok(Self {
            address,
            metrics,
            is_tls: options.tls.is_some(),
            drain: options.drain,
            sessions: Arc::clone(&service.sessions),
            statements: Arc::clone(&service.statements),
            polls: Arc::clone(&service.polls),
            health,
            stop,
            task,
            sweeper: tokio::spawn(sweep(service, options.idle.min(options.fetched_within))),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as a URL.
    pub fn url(&self) -> String {
        let scheme = if self.is_tls { "grpc+tls" } else { "grpc" };
        format!("{scheme}://{}", self.address)
    }

    /// Where metrics are, if they are served.
    pub fn metrics_url(&self) -> Option<String> {
        self.metrics.map(|address| format!("http://{address}/metrics"))
    }

    /// How many results wait to be fetched, are being read or are asked about, and how many statements are
    /// prepared.
    pub fn held(&self) -> (usize, usize) {
        let (results, prepared) = self.statements.counts();
        (results + self.polls.count(), prepared)
    }

    /// How many sessions are open.
    pub fn sessions(&self) -> usize {
        self.sessions.count()
    }

    /// How many results are being read.
    pub fn running(&self) -> usize {
        self.statements.running()
    }

    /// Takes no new calls, lets those that run end for a while, and then ends them.
    pub async fn stop(mut self) {
        self.health
            .set_service_status("", ServingStatus::NotServing)
            .await;
        self.stop.send_replace(true);
        tracing::info!(running = self.statements.running(), "draining");
        if tokio::time::timeout(self.drain, &mut self.task).await.is_err() {
            tracing::warn!(running = self.statements.running(), "statements are cancelled");
            self.statements.cancel_all();
            let soon = Duration::from_secs(2);
            if tokio::time::timeout(soon, &mut self.task).await.is_err() {
                self.task.abort();
            }
        }
        self.sweeper.abort();
    }

    /// Waits until it ends by itself.
    pub async fn ended(&mut self) {
        if let Ok(Err(error)) = (&mut self.task).await {
            tracing::error!(%error, "the server has ended");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
        self.sweeper.abort();
    }
}

/// # Errors
/// [`Code::InvalidValue`] if others than this machine could come in, and nobody would ask who they are.
fn check_exposure(options: &ServeOptions, has_users: bool) -> Result<()> {
    if options.insecure || options.bind.ip().is_loopback() || (has_users && options.tls.is_some()) {
        return Ok(());
    }
    let what = match (has_users, options.tls.is_some()) {
        (false, false) => "users and TLS",
        (false, true) => "users",
        _ => "TLS",
    };
    let message = format!(
        "{} is not this machine alone, and there are no {what}",
        options.bind
    );
    Err(Error::new(Code::InvalidValue, message).with_hint(
        "'weir user add' makes users, --tls-cert and --tls-key turn TLS on; --insecure does without",
    ))
}

fn router(service: &Service, tls: Option<&Tls>) -> Result<(HealthReporter, Router)> {
    let (health, health_service) = tonic_health::server::health_reporter();
    let descriptors = reflection::descriptors();
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(&descriptors)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .map_err(|e| Error::new(Code::Internal, format!("reflection: {e}")))?;
    let mut server = tonic::transport::Server::builder()
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_max_header_list_size(HEADER_BYTES);
    if let Some(tls) = tls {
        choose_cryptography();
        let wrong = |e: tonic::transport::Error| {
            let message = format!(
                "'{}' and '{}' are no certificate and key",
                tls.certificate.display(),
                tls.key.display()
            );
            Error::new(Code::InvalidValue, message).with_source(e)
        };
        server = server.tls_config(tls_config(tls)?).map_err(wrong)?;
    }
    let router = server
        .add_service(Door::new(service))
        .add_service(health_service)
        .add_service(reflection);
    Ok((health, router))
}

fn tls_config(tls: &Tls) -> Result<ServerTlsConfig> {
    let read = |path: &PathBuf| std::fs::read(path).map_err(|e| Error::io(path, "read", e));
    let identity = Identity::from_pem(read(&tls.certificate)?, read(&tls.key)?);
    let config = ServerTlsConfig::new().identity(identity);
    Ok(match &tls.client_ca {
        Some(ca) => config.client_ca_root(Certificate::from_pem(read(ca)?)),
        None => config,
    })
}

/// The connections as they come; a session that belongs to one alone ends with it, and what it holds.
fn incoming(
    listener: TcpListener,
    service: &Service,
    is_tls: bool,
) -> impl futures::Stream<Item = std::io::Result<Linked>> + use<> {
    let numbers = AtomicU64::new(1);
    // A connection that is never closed keeps none of these.
    let weak = (
        Arc::downgrade(&service.sessions),
        Arc::downgrade(&service.statements),
        Arc::downgrade(&service.polls),
    );
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    futures::StreamExt::map(incoming, move |stream| {
        let stream = stream?;
        let peer = stream.peer_addr()?;
        let (sessions, statements, polls) = weak.clone();
        let ended = move |number| {
            let Some(sessions) = sessions.upgrade() else {
                return;
            };
            for client in sessions.unlink(number) {
                let id = client.session.id();
                // None of these is there without the other: they end with the server.
                statements.upgrade().inspect(|all| all.end_session(id));
                polls.upgrade().inspect(|all| all.end_session(id));
            }
        };
        let link = Link::new(numbers.fetch_add(1, Ordering::Relaxed), peer, ended);
        Ok(Linked::new(stream, link, is_tls))
    })
}

/// Ends what nobody uses, soon after `shortest`, the shortest time that anything is kept.
async fn sweep(service: Service, shortest: Duration) {
    let every = (shortest / 4).clamp(Duration::from_millis(100), Duration::from_secs(30));
    loop {
        tokio::time::sleep(every).await;
        for client in service.sessions.sweep() {
            tracing::info!(session = client.session.id(), "a session was ended");
        }
        let is_open = |session: &str| service.sessions.is_open(session);
        service.statements.sweep(is_open);
        service.polls.sweep(is_open);
    }
}
