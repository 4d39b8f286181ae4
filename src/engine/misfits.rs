//! What does not fit the lake's dialect, said as people would: rows of VALUES, functions of other engines.

use crate::error::{Code, Error};

/// Whether a table function of other engines reads files by this name.
pub(super) fn reads_files(name: &str) -> bool {
    let name = name.to_lowercase();
    name.starts_with("read_") || name.ends_with("_scan") || name == "glob" || name == "file"
}

/// The error that the planner's `inconsistent data length across values list: got 1 values in row 0 but
/// expected 4` stands for; `None` for other messages.
pub(super) fn rows_of_values(message: &str) -> Option<Error> {
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
