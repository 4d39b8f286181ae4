//! Partition columns: values ↔ the names of folders (`dt=2026-01-31`), as Hive spells them.
//!
//! NULL is `__HIVE_DEFAULT_PARTITION__`; a text that happens to read so is percent-encoded, as is
//! every character that a path or another reader could stumble over.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use crate::definition::Column;
use crate::error::{Code, Error, Result};
use crate::storage::DataFile;

const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

const ENCODED: &AsciiSet = &CONTROLS
    .add(b'/')
    .add(b'\\')
    .add(b':')
    .add(b'*')
    .add(b'?')
    .add(b'"')
    .add(b'\'')
    .add(b'<')
    .add(b'>')
    .add(b'|')
    .add(b'%')
    .add(b'#')
    .add(b'=')
    .add(b'{')
    .add(b'}')
    .add(b'[')
    .add(b']')
    .add(b'^')
    .add(b'~');

/// The folders of row `row` of `keys`, outermost first.
///
/// # Errors
/// [`Code::Unsupported`] for a type whose values have no text.
pub(in crate::table) fn partition_folders(
    names: &[String],
    keys: &[ArrayRef],
    row: usize,
) -> Result<PathBuf> {
    let mut folders = PathBuf::new();
    for (name, column) in names.iter().zip(keys) {
        let mut folder = format!("{}=", utf8_percent_encode(name, ENCODED));
        if column.is_null(row) {
            folder.push_str(NULL);
        } else {
            let text = text(column, row).map_err(|e| {
                Error::new(
                    Code::Unsupported,
                    format!("column '{name}' cannot be a partition: {e}"),
                )
            })?;
            match text.strip_prefix('_') {
                Some(rest) if text == NULL => write!(folder, "%5F{rest}"),
                _ => write!(folder, "{}", utf8_percent_encode(&text, ENCODED)),
            }
            .map_err(|e| Error::new(Code::Internal, e.to_string()))?;
        }
        folders.push(folder);
    }
    Ok(folders)
}

fn text(column: &ArrayRef, row: usize) -> Result<String, arrow::error::ArrowError> {
    let formatter = ArrayFormatter::try_new(column, &FormatOptions::default())?;
    formatter.value(row).try_to_string()
}

/// The partition columns' values, one row a file.
///
/// # Errors
/// [`Code::CorruptFile`] for a file that does not lie in folders of these names, or whose folders'
/// values are not of the columns' types.
pub(super) fn values(table: &str, columns: &[Column], files: &[DataFile]) -> Result<Vec<ArrayRef>> {
    let column = |(level, column): (usize, &Column)| {
        let texts = files.iter().map(|file| folder_value(table, column, level, file));
        let texts: StringArray = texts.collect::<Result<_>>()?;
        typed(table, column, texts, files)
    };
    columns.iter().enumerate().map(column).collect()
}

fn folder_value(table: &str, column: &Column, level: usize, file: &DataFile) -> Result<Option<String>> {
    let folder = file.folders.get(level);
    folder
        .and_then(|folder| folder_text(column, folder))
        .ok_or_else(|| misplaced(table, column, file, "it lies in no such folder"))
}

/// What a folder's name says of its partition column, `None` inside for NULL; nothing if it is no folder
/// of that column.
pub(super) fn folder_text(column: &Column, folder: &str) -> Option<Option<String>> {
    let (name, value) = folder.split_once('=')?;
    if decoded(name).as_deref() != Some(column.name_in_files()) {
        return None;
    }
    match value {
        NULL => Some(None),
        value => decoded(value).map(Some),
    }
}

fn decoded(text: &str) -> Option<String> {
    let text = percent_decode_str(text).decode_utf8().ok()?;
    Some(text.into_owned())
}

fn misplaced(table: &str, column: &Column, file: &DataFile, why: &str) -> Error {
    Error::new(
        Code::CorruptFile,
        format!(
            "file '/{}' of table '{table}' has no value for partition column '{}': {why}",
            file.meta.location, column.name
        ),
    )
    .with_hint(format!(
        "files of this table lie in folders named '{}=…'",
        column.name_in_files()
    ))
}

fn typed(table: &str, column: &Column, texts: StringArray, files: &[DataFile]) -> Result<ArrayRef> {
    let texts: ArrayRef = Arc::new(texts);
    let options = |safe| CastOptions {
        safe,
        ..CastOptions::default()
    };
    if let Ok(values) = cast_with_options(&texts, &column.data_type, &options(false)) {
        return Ok(values);
    }
    let culprit = cast_with_options(&texts, &column.data_type, &options(true))
        .ok()
        .and_then(|values| {
            let mut rows = 0..values.len();
            rows.find(|row| values.is_null(*row) && !texts.is_null(*row))
        });
    Err(match culprit {
        Some(row) => {
            let why = format!(
                "the folder's value is not a {}",
                crate::definition::type_text(&column.data_type)
            );
            misplaced(table, column, &files[row], &why)
        }
        None => Error::new(
            Code::Unsupported,
            format!(
                "column '{}' of table '{table}' has a type that partitions cannot have",
                column.name
            ),
        ),
    })
}

#[cfg(test)]
mod tests;
