//! Metrics and health over HTTP, for Prometheus and load balancers.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::observe::Reading;
use super::service::Service;
use crate::error::{Error, Result};

const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Serves `/metrics` and `/health` at `address` until `stopped`. Returns where.
///
/// # Errors
/// If the address cannot be listened on.
pub(super) async fn serve(
    address: SocketAddr,
    service: Arc<Service>,
    mut stopped: watch::Receiver<bool>,
) -> Result<SocketAddr> {
    let failed = |e| Error::io(address.to_string(), "listen on", e);
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let metrics = move || {
        let text = service.observer.text(reading(&service));
        async move { ([(CONTENT_TYPE, TEXT)], text) }
    };
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/health", get(|| async { "serving\n" }));
    let until = async move {
        // A sender that is gone has stopped too.
        drop(stopped.wait_for(|stopped| *stopped).await);
    };
    tokio::spawn(async move {
        let served = axum::serve(listener, router).with_graceful_shutdown(until).await;
        if let Err(error) = served {
            tracing::error!(%error, "metrics are served no more");
        }
    });
    Ok(address)
}

fn reading(service: &Service) -> Reading {
    let usage = service.sessions.lake().usage();
    let (results, prepared) = service.statements.counts();
    Reading {
        sessions: service.sessions.count(),
        results: results + service.polls.count(),
        prepared,
        running: usage.running,
        waiting: usage.waiting,
        memory: usage.memory,
        memory_limit: usage.memory_limit,
        cache: usage.cache,
        ended: [usage.finished, usage.failed, usage.cancelled],
    }
}
