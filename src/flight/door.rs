//! The way in: what comes from those who have not been let in yet is small.
//!
//! A message is read whole before it is looked at, and so before anybody is asked who they are. Rows to ingest come
//! in large messages; a greeting, or a wish without a token, does not.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use arrow_flight::flight_service_server::FlightServiceServer;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service as Layer, http};
use tonic::server::NamedService;

use super::link::Link;
use super::service::Service;
use super::sessions::Sessions;

/// How large a message may be: of somebody who has a session, and of anybody.
const KNOWN_BYTES: usize = 128 << 20;
const STRANGERS_BYTES: usize = 1 << 20;

/// The service, behind its door.
#[derive(Clone)]
pub(super) struct Door {
    known: FlightServiceServer<Service>,
    stranger: FlightServiceServer<Service>,
    sessions: Arc<Sessions>,
}

impl Door {
    pub(super) fn new(service: &Service) -> Self {
        let limited = |bytes| {
            FlightServiceServer::new(service.clone())
                .max_decoding_message_size(bytes)
                .max_encoding_message_size(usize::MAX)
        };
        Self {
            known: limited(KNOWN_BYTES),
            stranger: limited(STRANGERS_BYTES),
            sessions: Arc::clone(&service.sessions),
        }
    }
}

impl NamedService for Door {
    const NAME: &'static str = <FlightServiceServer<Service> as NamedService>::NAME;
}

impl Layer<http::Request<Body>> for Door {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let link = Link::of(request.extensions());
        match self.sessions.knows(request.headers(), link.as_ref()) {
            true => self.known.call(request),
            false => self.stranger.call(request),
        }
    }
}
