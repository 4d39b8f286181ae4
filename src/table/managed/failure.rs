//! What is wrong with a log, said with the file that is wrong.

use std::path::{Path, PathBuf};

use deltalake_core::DeltaTableError;
use deltalake_core::kernel::transaction::{PROTOCOL, TransactionError};
use deltalake_core::table::state::DeltaTableState;

use super::log::LOG_FOLDER;
use crate::error::{Code, Error, Result, without_layers};

/// An error of the log of the table in `folder`.
pub(super) fn of_log(error: DeltaTableError, folder: &Path) -> Error {
    let log = folder.join(LOG_FOLDER);
    if !log.is_dir() {
        return Error::new(
            Code::UndefinedFile,
            format!("there is no log '{}'", log.display()),
        )
        .with_hint("the table's files are gone: put them back, or drop the table")
        .with_source(error);
    }
    if let Some(found) = culprit(&log) {
        return found.with_source(error);
    }
    let text = text(&error);
    let code = match &error {
        DeltaTableError::ObjectStore { source } => store_code(source),
        DeltaTableError::Transaction { source } => transaction_code(source),
        _ if is_protocol(&text) => Code::Unsupported,
        _ => Code::CorruptFile,
    };
    let error =
        Error::new(code, format!("cannot read the log '{}': {text}", log.display())).with_source(error);
    match code {
        Code::Unsupported => {
            error.with_hint("another program has given the table features that this one lacks")
        }
        _ => error,
    }
}

fn is_protocol(text: &str) -> bool {
    let text = text.to_lowercase();
    text.contains("unsupported") || text.contains("unknown feature") || text.contains("reader version")
}

/// A message of the log's library, as one of ours.
pub(super) fn text(error: &DeltaTableError) -> String {
    without_layers(&error.to_string())
}

/// A failure to write a log's entry.
pub(super) fn of_commit(error: TransactionError, entry: &Path) -> Error {
    let code = transaction_code(&error);
    let mut source: &dyn std::error::Error = &error;
    while let Some(inner) = source.source() {
        if let Some(ours) = inner.downcast_ref::<Error>() {
            return Error::new(ours.code(), ours.message()).with_hint_if(ours.hint().map(str::to_owned));
        }
        source = inner;
    }
    let message = format!("cannot write the log's entry '{}': {error}", entry.display());
    Error::new(code, message).with_source(error)
}

fn transaction_code(error: &TransactionError) -> Code {
    match error {
        TransactionError::ObjectStore { source } => store_code(source),
        TransactionError::UnsupportedTableFeatures(_) | TransactionError::TableFeaturesRequired(_) => {
            Code::Unsupported
        }
        TransactionError::DeltaTableAppendOnly => Code::ReadOnly,
        _ => Code::Io,
    }
}

fn store_code(error: &object_store::Error) -> Code {
    match error {
        object_store::Error::NotFound { .. } => Code::UndefinedFile,
        object_store::Error::PermissionDenied { .. } => Code::StorageRefused,
        _ => Code::Io,
    }
}

/// Refuses a table whose protocol is newer than this program.
pub(super) fn check_readable(state: &DeltaTableState, folder: &Path) -> Result<()> {
    PROTOCOL
        .can_read_from(state)
        .map_err(|e| newer(&e, folder, "read"))
}

/// What a column's metadata says that its values have to be checked or computed.
const COMPUTED: &[&str] = &[
    "delta.invariants",
    "delta.generationExpression",
    "delta.identity.",
];

/// Refuses to write a table whose protocol asks for more than this program does.
pub(super) fn check_writable(state: &DeltaTableState, folder: &Path) -> Result<()> {
    PROTOCOL
        .can_write_to(state)
        .map_err(|e| newer(&e, folder, "written"))?;
    // What the library below could do and our own writer does not.
    let configuration = state.metadata().configuration();
    let on = |key: &str| {
        configuration
            .get(key)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    };
    let lacking = ["delta.enableChangeDataFeed", "delta.enableRowTracking"];
    let mapped = configuration
        .get("delta.columnMapping.mode")
        .is_some_and(|mode| !mode.eq_ignore_ascii_case("none"));
    let found = lacking.into_iter().find(|key| on(key));
    let found = found.or(mapped.then_some("delta.columnMapping.mode"));
    let schema = state.snapshot().arrow_schema();
    let mut keys = schema.fields().iter().flat_map(|field| field.metadata().keys());
    let of_column = keys.find(|key| COMPUTED.iter().any(|prefix| key.starts_with(prefix)));
    let found = found.or(of_column.map(String::as_str));
    match found {
        None => Ok(()),
        Some(key) => Err(Error::new(
            Code::Unsupported,
            format!(
                "the table in '{}' has '{key}', with which it cannot be written",
                folder.display()
            ),
        )
        .with_hint("write it with the program that made it")),
    }
}

fn newer(error: &TransactionError, folder: &Path, what: &str) -> Error {
    let log = folder.join(LOG_FOLDER);
    Error::new(
        Code::Unsupported,
        format!("the table of log '{}' cannot be {what}: {error}", log.display()),
    )
    .with_hint("another program has given the table features that this one lacks")
}

/// Looks for the entry that is damaged, missing or closed to us.
fn culprit(log: &Path) -> Option<Error> {
    let listing = match std::fs::read_dir(log) {
        Ok(listing) => listing,
        Err(e) => return Some(Error::io(log, "list", e)),
    };
    let names = listing.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut entries = Vec::new();
    let mut checkpoints = Vec::new();
    for name in names {
        let Some(version) = name.get(..20).and_then(|digits| digits.parse::<u64>().ok()) else {
            continue;
        };
        match &name[20..] {
            ".json" => entries.push(version),
            rest if rest.starts_with(".checkpoint") && rest.ends_with(".parquet") => {
                checkpoints.push((version, log.join(&name)));
            }
            _ => {}
        }
    }
    entries.sort_unstable();
    checkpoints.sort();
    let from = checkpoints.last().map_or(0, |(version, _)| *version + 1);
    missing(log, &entries, from).or_else(|| {
        let broken = entries
            .iter()
            .map(|version| log.join(format!("{version:020}.json")));
        let broken = broken.filter_map(|path| broken_entry(&path)).next();
        broken.or_else(|| checkpoints.last().and_then(|(_, path)| broken_checkpoint(path)))
    })
}

fn missing(log: &Path, entries: &[u64], from: u64) -> Option<Error> {
    let needed: Vec<u64> = entries
        .iter()
        .copied()
        .filter(|version| *version >= from)
        .collect();
    let gap = needed
        .iter()
        .zip(from..)
        .find(|(version, expected)| **version != *expected)
        .map(|(_, expected)| expected);
    let gap = gap.or_else(|| (from == 0 && needed.is_empty()).then_some(0))?;
    let path = log.join(format!("{gap:020}.json"));
    Some(
        Error::new(
            Code::CorruptFile,
            format!("the log's entry '{}' is missing", path.display()),
        )
        .with_hint("put it back: without it nobody knows what the table holds"),
    )
}

fn broken_entry(path: &Path) -> Option<Error> {
    let content = match std::fs::read(path) {
        Ok(content) => content,
        Err(e) => return Some(Error::io(path, "read", e)),
    };
    let lines = content
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.trim_ascii().is_empty());
    let mut lines = lines.map(serde_json::from_slice::<serde_json::Value>);
    lines
        .find_map(std::result::Result::err)
        .map(|e| damaged(path, &e.to_string()))
}

fn broken_checkpoint(path: &PathBuf) -> Option<Error> {
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(e) => return Some(Error::io(path, "read", e)),
    };
    let read = parquet::file::metadata::ParquetMetaDataReader::new().parse_and_finish(&file);
    read.err().map(|e| damaged(path, &e.to_string()))
}

fn damaged(path: &Path, why: &str) -> Error {
    Error::new(
        Code::CorruptFile,
        format!("the log's file '{}' is damaged: {why}", path.display()),
    )
    .with_hint("put a sound copy in its place")
}
