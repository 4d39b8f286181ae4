//! A connection, how it begins, and when it ends.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tonic::Extensions;
use tonic::transport::server::{Connected, TlsConnectInfo};

/// What is known of a request's connection. Dropped with its last clone, it says that it has ended.
#[derive(Clone)]
pub(super) struct Link(Arc<Inner>);

struct Inner {
    number: u64,
    peer: SocketAddr,
    ended: Box<dyn Fn(u64) + Send + Sync>,
}

impl Link {
    pub(super) fn new(number: u64, peer: SocketAddr, ended: impl Fn(u64) + Send + Sync + 'static) -> Self {
        let ended = Box::new(ended);
        Self(Arc::new(Inner { number, peer, ended }))
    }

    /// The connection of a request.
    pub(super) fn of(extensions: &Extensions) -> Option<Self> {
        let plain = extensions.get::<Self>().cloned();
        plain.or_else(|| Some(extensions.get::<TlsConnectInfo<Self>>()?.get_ref().clone()))
    }

    pub(super) fn number(&self) -> u64 {
        self.0.number
    }

    pub(super) fn peer(&self) -> SocketAddr {
        self.0.peer
    }

    /// What failed attempts are counted by.
    pub(super) fn source(&self) -> IpAddr {
        self.0.peer.ip()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        (self.ended)(self.number);
    }
}

/// With what every client that speaks TLS begins: a record of a handshake.
const TLS_HANDSHAKE: u8 = 22;

/// A connection's bytes, with what is known of it.
pub(super) struct Linked {
    stream: TcpStream,
    link: Link,
    /// Whether its first byte has to be looked at.
    expects_tls: bool,
}

impl Linked {
    pub(super) fn new(stream: TcpStream, link: Link, expects_tls: bool) -> Self {
        Self {
            stream,
            link,
            expects_tls,
        }
    }
}

impl Connected for Linked {
    type ConnectInfo = Link;

    fn connect_info(&self) -> Link {
        self.link.clone()
    }
}

impl AsyncRead for Linked {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if self.expects_tls
            && let Some(first) = buffer.filled().get(before)
        {
            self.expects_tls = false;
            if *first != TLS_HANDSHAKE {
                // What follows refuses it: this is no greeting.
                tracing::warn!(peer = %self.link.peer(), "a client without TLS was refused");
            }
        }
        read
    }
}

impl AsyncWrite for Linked {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
