//! What the planner says, in words of its own, of values that do not fit: said as people would.

use crate::error::{Code, Error};

/// The error that the planner's `message`, its types already those of SQL, stands for; `None` for others.
pub(super) fn of_plan(message: &str) -> Option<Error> {
    arithmetic(message).or_else(|| rows_of_values(message))
}

/// Whether a table function of other engines reads files by this name.
pub(super) fn reads_files(name: &str) -> bool {
    let name = name.to_lowercase();
    name.starts_with("read_") || name.ends_with("_scan") || name == "glob" || name == "file"
}

/// `cannot coerce arithmetic expression BIGINT + VARCHAR to valid types`
fn arithmetic(message: &str) -> Option<Error> {
    let rest = message.strip_prefix("cannot coerce arithmetic expression ")?;
    let computed = rest.strip_suffix(" to valid types")?;
    let error = Error::new(Code::DatatypeMismatch, format!("cannot compute {computed}"));
    Some(error.with_hint("CAST(value AS type) makes one type of another"))
}

/// `inconsistent data length across values list: got 1 values in row 0 but expected 4`
fn rows_of_values(message: &str) -> Option<Error> {
    let rest = message.strip_prefix("inconsistent data length across values list: got ")?;
    let (has, rest) = rest.split_once(" values in row ")?;
    let (row, wanted) = rest.split_once(" but expected ")?;
    let row = row.parse::<usize>().ok()? + 1;
    let values = if has == "1" { "value" } else { "values" };
    Some(Error::new(
        Code::InvalidStatement,
        format!("row {row} of VALUES has {has} {values} where {wanted} belong"),
    ))
}
