//! The list of formats, and their names.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use crate::error::{Code, Error, did_you_mean};

/// How a result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// A box for a person: names and types in its head, numbers to the right, the number of rows
    /// under it. The first thousand rows decide how wide a column is; one that needs more later is
    /// wider from there on.
    Table,
    /// A line a value, a block a row, for a person and wide rows.
    Expanded,
    /// RFC 4180 with a header, lines ending in LF. NULL is an empty field and the empty text is `""`.
    /// In a result of one column NULL is therefore an empty line, which many readers skip: where NULLs
    /// matter, another column or another format keeps them.
    Csv,
    /// PostgreSQL's COPY text with a header: `\t`, `\n`, `\\`, and `\N` for NULL. It has no spelling
    /// for the empty text but nothing, so that in a result of one column it is an empty line.
    Tsv,
    /// An array of objects, an object a line.
    Json,
    /// An object a line.
    Ndjson,
    /// A pipe table of GitHub's Markdown.
    Markdown,
    /// A `<table>`, without a page around it.
    Html,
    /// `INSERT INTO … VALUES …;`, a thousand rows a statement.
    Insert,
    /// A Parquet file, compressed by Zstandard; one result. What Parquet has no type for is stored as
    /// the nearest type that loses nothing, in the end as text.
    Parquet,
    /// Bars for each column of numbers, or a sparkline where there are many rows along an axis.
    Chart,
    /// Arrow IPC; one result. The file format if the output is a file, the stream format otherwise.
    /// Dictionaries are unpacked, because a file may hold one a column only.
    Arrow,
}

impl Format {
    /// Every format, in the order that help lists them.
    pub const ALL: &[Self] = &[
        Self::Table,
        Self::Expanded,
        Self::Csv,
        Self::Tsv,
        Self::Json,
        Self::Ndjson,
        Self::Markdown,
        Self::Html,
        Self::Insert,
        Self::Chart,
        Self::Parquet,
        Self::Arrow,
    ];

    /// The name that a user types.
    pub fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Expanded => "expanded",
            Self::Chart => "chart",
            Self::Csv => "csv",
            Self::Tsv => "tsv",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
            Self::Markdown => "markdown",
            Self::Html => "html",
            Self::Insert => "insert",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
        }
    }

    /// The usual end of a file's name, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Table | Self::Expanded | Self::Chart => "txt",
            Self::Markdown => "md",
            Self::Insert => "sql",
            named => named.name(),
        }
    }

    /// The format that a file's name says, in any case; none for one that could hold several.
    pub fn of_file(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_lowercase();
        match extension.as_str() {
            "txt" => None,
            "jsonl" => Some(Self::Ndjson),
            "htm" => Some(Self::Html),
            _ => Self::ALL.iter().copied().find(|f| f.extension() == extension),
        }
    }

    /// Whether the output is not text, so that it does not belong on a terminal.
    pub fn is_binary(self) -> bool {
        matches!(self, Self::Parquet | Self::Arrow)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// By name, in any case.
impl FromStr for Format {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let found = Self::ALL.iter().find(|f| f.name().eq_ignore_ascii_case(name));
        found.copied().ok_or_else(|| unknown(name))
    }
}

fn unknown(name: &str) -> Error {
    let names: Vec<_> = Format::ALL.iter().map(|format| format.name()).collect();
    let hint = did_you_mean(name, &names).unwrap_or_else(|| format!("one of {}", names.join(", ")));
    Error::new(Code::InvalidValue, format!("unknown format '{name}'")).with_hint(hint)
}
