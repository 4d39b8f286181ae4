//! `weir serve`: the lake over Flight SQL, until it is told to stop.

use std::io::Write;
use std::path::Path;

use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::fmt;

use super::said;
use crate::engine::{Lake, LakeOptions};
use crate::error::{Code, Error, Result};
use crate::flight::{ServeOptions, Server};

/// Serves the lake until SIGTERM or Ctrl-C.
pub(super) async fn run(lake: &Path, options: ServeOptions, lake_options: LakeOptions) -> Result<(), Code> {
    let heard = |kind| signal(kind).map_err(|e| said(Error::io("signals", "listen for", e)));
    let (mut terminate, mut interrupt) = (heard(SignalKind::terminate())?, heard(SignalKind::interrupt())?);
    let log = fmt()
        .json()
        .with_span_list(false)
        .with_writer(std::io::stderr)
        .with_max_level(tracing::Level::INFO);
    log.init();
    let lake = Lake::open(lake, lake_options).await.map_err(said)?;
    let mut server = Server::start(lake, options).await.map_err(said)?;
    let mut lines = format!("listening on {}\n", server.url());
    if let Some(url) = server.metrics_url() {
        lines += &format!("metrics on {url}\n");
    }
    let mut stdout = std::io::stdout();
    let told = stdout.write_all(lines.as_bytes()).and_then(|()| stdout.flush());
    told.map_err(|e| said(Error::io("stdout", "write", e)))?;
    tokio::select! {
        _ = terminate.recv() => server.stop().await,
        _ = interrupt.recv() => server.stop().await,
        () = server.ended() => return Err(said(Error::new(Code::Internal, "the server has ended by itself"))),
    }
    Ok(())
}
