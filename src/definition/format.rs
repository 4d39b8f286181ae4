//! File formats of external tables and how their files are written down.

use std::fmt;
use std::str::FromStr;

use crate::error::{Code, Error, Result, did_you_mean};

/// The format of a table's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Apache Parquet.
    Parquet,
    /// Values separated by a delimiter, a record a line.
    Csv,
    /// JSON, an object a line.
    Json,
    /// Avro object container files.
    Avro,
    /// Arrow IPC files or streams.
    Arrow,
}

impl Format {
    /// Every format.
    pub const ALL: &[Self] = &[Self::Parquet, Self::Csv, Self::Json, Self::Avro, Self::Arrow];

    /// Its name in definitions and, in any case, in `STORED AS`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Avro => "avro",
            Self::Arrow => "arrow",
        }
    }

    /// What the names of its files end in, before the ending of a compression.
    fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Parquet => &["parquet", "parq", "pq"],
            Self::Csv => &["csv", "tsv", "psv", "txt", "dat"],
            Self::Json => &["json", "jsonl", "ndjson"],
            Self::Avro => &["avro"],
            Self::Arrow => &["arrow", "arrows", "feather", "ipc"],
        }
    }

    /// Whether a file of this name, found in a table's folder, is one of the table's: by its ending, or
    /// because it has none. Others (`README.md`) lie there for other reasons.
    pub fn has_name(self, name: &str) -> bool {
        let plain = Compression::without_ending(name);
        match plain.rsplit_once('.') {
            None => true,
            Some((_, ending)) => self.endings().contains(&ending.to_lowercase().as_str()),
        }
    }

    /// The format that a file's name says it has.
    pub fn of_name(name: &str) -> Option<Self> {
        let (_, ending) = Compression::without_ending(name).rsplit_once('.')?;
        let ending = ending.to_lowercase();
        let mut formats = Self::ALL.iter().copied();
        formats.find(|format| format.endings().contains(&ending.as_str()))
    }

    /// The options that its files can be described with.
    pub fn options(self) -> &'static [&'static str] {
        match self {
            Self::Parquet | Self::Avro | Self::Arrow => &[],
            Self::Csv => &[
                "has_header",
                "delimiter",
                "quote",
                "escape",
                "comment",
                "null_regex",
                "compression",
            ],
            Self::Json => &["compression"],
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let name = text.to_lowercase();
        let known = Self::ALL.iter().copied().find(|format| format.name() == name);
        match (known, name.as_str()) {
            (Some(format), _) => Ok(format),
            (None, "ndjson" | "jsonl") => Ok(Self::Json),
            (None, "ipc" | "feather") => Ok(Self::Arrow),
            _ => {
                let names = Self::ALL.iter().map(|format| format.name());
                let hint = did_you_mean(text, names)
                    .unwrap_or_else(|| "the formats are parquet, csv, json, avro and arrow".to_owned());
                Err(Error::new(Code::InvalidValue, format!("there is no format '{text}'")).with_hint(hint))
            }
        }
    }
}

/// What a table is made of: a zone's default, or what a definition says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableFormat {
    /// Parquet files under a Delta log: a managed table.
    Delta,
    /// Files alone: an external table.
    Files(Format),
}

impl TableFormat {
    /// Its name in definitions.
    pub fn name(self) -> &'static str {
        match self {
            Self::Delta => "delta",
            Self::Files(format) => format.name(),
        }
    }
}

impl FromStr for TableFormat {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.eq_ignore_ascii_case("delta") {
            return Ok(Self::Delta);
        }
        let known = text.parse().map(Self::Files);
        known.map_err(|error: Error| {
            let hint = did_you_mean(text, ["delta", "parquet", "csv", "json", "avro"]);
            let hint =
                hint.unwrap_or_else(|| "the formats are delta, parquet, csv, json and avro".to_owned());
            error.with_hint(hint)
        })
    }
}

/// How the bytes of a file are compressed as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, `.gz`.
    Gzip,
    /// zstandard, `.zst`.
    Zstd,
    /// bzip2, `.bz2`.
    Bzip2,
    /// xz, `.xz`.
    Xz,
}

impl Compression {
    /// A file's name without the ending that says how it is compressed.
    fn without_ending(name: &str) -> &str {
        match name.rsplit_once('.') {
            Some((rest, _)) if Self::of_file(name) != Self::None => rest,
            _ => name,
        }
    }

    /// What a file's name says of it.
    pub fn of_file(path: &str) -> Self {
        let ending = path.rsplit_once('.').map(|(_, ending)| ending.to_lowercase());
        match ending.as_deref() {
            Some("gz") => Self::Gzip,
            Some("zst") => Self::Zstd,
            Some("bz2") => Self::Bzip2,
            Some("xz") => Self::Xz,
            _ => Self::None,
        }
    }
}

/// How a text format is read, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextOptions {
    /// Whether the first line names the columns (csv).
    pub has_header: bool,
    /// Between values (csv).
    pub delimiter: u8,
    /// Around values (csv).
    pub quote: u8,
    /// Before a quote inside quotes, where it is not doubled (csv).
    pub escape: Option<u8>,
    /// Begins a line that is skipped (csv).
    pub comment: Option<u8>,
    /// Values that mean NULL (csv); an empty one does in any case.
    pub null_regex: Option<String>,
    /// Of whole files; none means that their names say it (`.gz`, `.zst`, …).
    pub compression: Option<Compression>,
}

impl Default for TextOptions {
    fn default() -> Self {
        Self {
            has_header: true,
            delimiter: b',',
            quote: b'"',
            escape: None,
            comment: None,
            null_regex: None,
            compression: None,
        }
    }
}

impl TextOptions {
    /// Takes one option of `format` over.
    ///
    /// # Errors
    /// [`Code::InvalidValue`] for a key that the format does not have or a value that the key cannot
    /// have.
    pub fn set(&mut self, format: Format, key: &str, value: &str) -> Result<()> {
        if !format.options().contains(&key) {
            let hint = did_you_mean(key, format.options()).unwrap_or_else(|| match format.options() {
                [] => format!("{format} files need no options"),
                known => format!("the options of {format} are {}", known.join(", ")),
            });
            return Err(
                Error::new(Code::InvalidValue, format!("{format} has no option '{key}'")).with_hint(hint),
            );
        }
        match key {
            "has_header" => self.has_header = boolean(key, value)?,
            "delimiter" => self.delimiter = byte(key, value)?,
            "quote" => self.quote = byte(key, value)?,
            "escape" => self.escape = Some(byte(key, value)?),
            "comment" => self.comment = Some(byte(key, value)?),
            "null_regex" => self.null_regex = Some(value.to_owned()),
            _ => self.compression = Some(compression(value)?),
        }
        Ok(())
    }
}

fn boolean(key: &str, value: &str) -> Result<bool> {
    match value.to_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(invalid(key, value, "true or false")),
    }
}

fn byte(key: &str, value: &str) -> Result<u8> {
    match value {
        "\\t" => Ok(b'\t'),
        _ => match value.as_bytes() {
            [byte] if byte.is_ascii() => Ok(*byte),
            _ => Err(invalid(key, value, "one ASCII character")),
        },
    }
}

fn compression(value: &str) -> Result<Compression> {
    Ok(match value.to_lowercase().as_str() {
        "none" | "uncompressed" => Compression::None,
        "gzip" | "gz" => Compression::Gzip,
        "zstd" | "zst" => Compression::Zstd,
        "bzip2" | "bz2" => Compression::Bzip2,
        "xz" => Compression::Xz,
        _ => return Err(invalid("compression", value, "none, gzip, zstd, bzip2 or xz")),
    })
}

fn invalid(key: &str, value: &str, possible: &str) -> Error {
    Error::new(Code::InvalidValue, format!("option '{key}' cannot be '{value}'"))
        .with_hint(format!("it is {possible}"))
}
