//! Errors that functions raise: each names the function, and the argument that is wrong.

use arrow::datatypes::DataType;
use datafusion::error::DataFusionError;

use crate::definition::type_text;
use crate::error::{Code, Error};

/// The value of `argument` is one that `function` cannot take.
pub(super) fn invalid_argument(function: &str, argument: &str, problem: impl AsRef<str>) -> DataFusionError {
    let message = format!("{function}: argument '{argument}' {}", problem.as_ref());
    Error::new(Code::InvalidValue, message).into()
}

/// The type of `argument` is one that `function` cannot take.
pub(super) fn wrong_type(function: &str, argument: &str, wanted: &str, found: &DataType) -> DataFusionError {
    let message = format!(
        "{function}: argument '{argument}' must be {wanted}, not {}",
        type_text(found)
    );
    Error::new(Code::DatatypeMismatch, message).into()
}

/// `function` was called with `found` arguments.
pub(super) fn wrong_count(function: &str, syntax: &str, found: usize) -> DataFusionError {
    let message = format!("{function} does not take {found} arguments");
    Error::new(Code::UndefinedFunction, message)
        .with_hint(format!("call it as {syntax}"))
        .into()
}

/// A defect of this module.
pub(super) fn internal(function: &str, problem: &str) -> DataFusionError {
    Error::new(Code::Internal, format!("{function}: {problem}")).into()
}
