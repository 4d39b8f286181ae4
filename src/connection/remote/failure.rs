//! What a server says went wrong, as an error of this program.

use tonic::{Code as Grpc, Status};

use crate::connection::ERROR_HEADER;
use crate::error::{Code, Error};

/// The error of a status: the server's own, where it tells it whole.
pub(super) fn error(status: &Status) -> Error {
    let whole = status.metadata().get_bin(ERROR_HEADER);
    let whole = whole.and_then(|value| value.to_bytes().ok());
    if let Some(error) = whole.and_then(|bytes| Error::from_json(&bytes)) {
        return error;
    }
    let message = match status.message() {
        "" => format!("the server says: {}", status.code().description()),
        message => message.to_owned(),
    };
    // What the transport itself met carries its cause; a server's status has none.
    match std::error::Error::source(status) {
        Some(_) => Error::new(Code::Connection, format!("the connection broke: {message}"))
            .with_hint("grpc+tls:// speaks to a server with TLS, grpc:// to one without"),
        None => Error::new(code(status.code()), message),
    }
}

/// The error of a stream of batches.
pub(super) fn of_flight(failure: arrow_flight::error::FlightError) -> Error {
    match failure {
        arrow_flight::error::FlightError::Tonic(status) => error(&status),
        other => unreadable(other),
    }
}

/// An answer that is not what the protocol says.
pub(super) fn unreadable(what: impl std::fmt::Display) -> Error {
    Error::new(
        Code::Connection,
        format!("the server's answer cannot be read: {what}"),
    )
}

/// Nobody answers.
pub(super) fn unreachable(server: impl std::fmt::Display, cause: tonic::transport::Error) -> Error {
    let mut why = cause.to_string();
    let mut next = std::error::Error::source(&cause);
    while let Some(inner) = next {
        why = inner.to_string();
        next = inner.source();
    }
    Error::new(Code::Connection, format!("cannot connect to '{server}': {why}")).with_source(cause)
}

fn code(status: Grpc) -> Code {
    match status {
        Grpc::InvalidArgument | Grpc::FailedPrecondition | Grpc::OutOfRange => Code::InvalidStatement,
        Grpc::NotFound => Code::UndefinedTable,
        Grpc::AlreadyExists => Code::DuplicateTable,
        Grpc::PermissionDenied => Code::NoRight,
        Grpc::Unauthenticated => Code::NotAuthenticated,
        Grpc::ResourceExhausted => Code::OutOfMemory,
        Grpc::DeadlineExceeded => Code::Timeout,
        Grpc::Cancelled => Code::Cancelled,
        Grpc::Unavailable => Code::Connection,
        Grpc::Unimplemented => Code::Unsupported,
        Grpc::Aborted => Code::Conflict,
        Grpc::Ok | Grpc::Unknown | Grpc::Internal | Grpc::DataLoss => Code::Internal,
    }
}
