//! Why a statement was stopped from outside.

use std::sync::Arc;
use std::time::Duration;

use crate::definition::duration_text;
use crate::error::{Code, Error};

/// Why a statement was stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine) enum Stop {
    /// By `KILL QUERY`.
    Killed,
    /// It ran for longer than this.
    TimedOut(Duration),
    /// Nobody took its rows for longer than this.
    Idle(Duration),
    /// A spill file could not be written: the code, why, and the way out.
    CannotSpill(Code, Arc<str>, Arc<str>),
}

impl Stop {
    /// What its reader is told.
    pub(in crate::engine) fn error(self) -> Error {
        match self {
            Self::Killed => Error::new(Code::Cancelled, "the statement was stopped by KILL QUERY"),
            Self::TimedOut(limit) => Error::new(
                Code::Timeout,
                format!("the statement took longer than {}", duration_text(limit)),
            )
            .with_hint("--timeout or SET weir.statement_timeout gives it more time; 0 is no limit"),
            Self::Idle(limit) => Error::new(
                Code::Timeout,
                format!(
                    "nobody took the statement's rows for longer than {}",
                    duration_text(limit)
                ),
            )
            .with_hint("SET weir.idle_timeout gives its reader more time; 0 is no limit"),
            Self::CannotSpill(code, message, hint) => {
                Error::new(code, &*message).with_hint_if((!hint.is_empty()).then(|| hint.to_string()))
            }
        }
    }
}
