//! Errors as gRPC tells them.

use prost::bytes::Bytes;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code as Grpc, Status};

use crate::connection::ERROR_HEADER;
use crate::error::{Code, Error, Kind};

/// What of an error a header may take: larger ones end the connection in some clients.
const HEADER_BYTES: usize = 2 << 10;

/// The status of an error: its report as the message, and the whole error, for clients of our own, in a
/// header.
pub(super) fn status(error: &Error) -> Status {
    let mut metadata = MetadataMap::new();
    let whole = error.to_json();
    if whole.len() <= HEADER_BYTES {
        let value = MetadataValue::from_bytes(whole.as_bytes());
        metadata.insert_bin(ERROR_HEADER, value);
    }
    let mut report = error.report();
    if report.len() > HEADER_BYTES {
        let end = (0..=HEADER_BYTES).rev().find(|i| report.is_char_boundary(*i));
        report.truncate(end.unwrap_or_default());
        report.push('…');
    }
    Status::with_details_and_metadata(grpc_code(error.code()), report, Bytes::new(), metadata)
}

/// The same as a closure's last step.
pub(super) fn refused(error: Error) -> Status {
    status(&error)
}

/// What gRPC calls an error of this code.
fn grpc_code(code: Code) -> Grpc {
    match (code, code.kind()) {
        (Code::Unsupported, _) => Grpc::Unimplemented,
        (Code::TooManyStatements, _) => Grpc::Unavailable,
        (Code::DuplicateTable, _) => Grpc::AlreadyExists,
        (Code::NotAuthenticated, _) => Grpc::Unauthenticated,
        (_, Kind::User) => Grpc::InvalidArgument,
        (_, Kind::DataValidation) => Grpc::FailedPrecondition,
        (_, Kind::NotFound) => Grpc::NotFound,
        (_, Kind::Permission) => Grpc::PermissionDenied,
        (_, Kind::Conflict) => Grpc::Aborted,
        (_, Kind::ResourceExhausted) => Grpc::ResourceExhausted,
        (_, Kind::Timeout) => Grpc::DeadlineExceeded,
        (_, Kind::Unavailable) => Grpc::Unavailable,
        (_, Kind::Cancelled) => Grpc::Cancelled,
        (_, Kind::Internal) => Grpc::Internal,
    }
}

/// What does not decode, or contradicts the protocol.
pub(super) fn malformed(what: impl std::fmt::Display) -> Status {
    Status::invalid_argument(what.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_never_all_internal() {
        for (code, expected) in [
            (Code::Syntax, Grpc::InvalidArgument),
            (Code::UndefinedTable, Grpc::NotFound),
            (Code::OutOfMemory, Grpc::ResourceExhausted),
            (Code::Timeout, Grpc::DeadlineExceeded),
            (Code::TooManyStatements, Grpc::Unavailable),
            (Code::Cancelled, Grpc::Cancelled),
            (Code::NoRight, Grpc::PermissionDenied),
        ] {
            assert_eq!(grpc_code(code), expected, "{code}");
        }
    }

    #[test]
    fn a_long_report_is_cut_at_a_character() {
        let long = Error::new(Code::Syntax, "é".repeat(HEADER_BYTES));
        let status = status(&long);
        assert!(status.message().len() <= HEADER_BYTES + 4);
        assert!(status.metadata().get_bin(ERROR_HEADER).is_none());
    }
}
