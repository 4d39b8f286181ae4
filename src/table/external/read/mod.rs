//! The bytes of one file → batches of its table's columns. Parquet has DataFusion's own reader; here are
//! the formats that are read from their beginning to their end.
//!
//! Errors name the file, and the line where there are lines.

mod csv;
mod json;
mod recognised;
mod records;
mod rows;

use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use bytes::Bytes;
use datafusion::common::parsers::CompressionTypeVariant;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;

use crate::definition::{Column, Compression, ExternalTable, Format};
use crate::error::{Code, Error, Result};

pub(super) use recognised::{TELLING_BYTES, other_than};

/// How many rows of a text tell its columns' types.
const SAMPLED_ROWS: usize = 1000;

/// The batches of one file.
pub(super) type Batches = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

/// What is wanted of a file.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// The table, for errors.
    pub table: String,
    /// The file, for errors.
    pub file: String,
    /// All columns of the table's files.
    pub all_columns: Vec<Column>,
    /// Those of them that are wanted.
    pub columns: Vec<Column>,
    /// The same as fields: what the batches have.
    pub schema: SchemaRef,
    pub batch_rows: usize,
}

/// A file's bytes.
pub(super) enum Seekable {
    Local(File),
    Fetched(Cursor<Bytes>),
}

impl Read for Seekable {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Self::Local(file) => file.read(buffer),
            Self::Fetched(bytes) => bytes.read(buffer),
        }
    }
}

impl Seek for Seekable {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        match self {
            Self::Local(file) => file.seek(to),
            Self::Fetched(bytes) => bytes.seek(to),
        }
    }
}

/// A file as it is handed in: to be read once, or to be read at any place.
pub(super) enum Input {
    Once(Box<dyn Read + Send>),
    Anywhere(Seekable),
}

impl Input {
    fn once(self) -> Box<dyn Read + Send> {
        match self {
            Self::Once(read) => read,
            Self::Anywhere(seekable) => Box::new(seekable),
        }
    }

    fn anywhere(self) -> std::io::Result<Seekable> {
        match self {
            Self::Anywhere(seekable) => Ok(seekable),
            Self::Once(mut read) => {
                let mut bytes = Vec::new();
                read.read_to_end(&mut bytes)?;
                Ok(Seekable::Fetched(Cursor::new(bytes.into())))
            }
        }
    }

    /// The bytes without their compression.
    fn plain(self, compression: Compression) -> std::io::Result<Box<dyn Read + Send>> {
        let variant = match compression {
            Compression::None => return Ok(self.once()),
            Compression::Gzip => CompressionTypeVariant::GZIP,
            Compression::Zstd => CompressionTypeVariant::ZSTD,
            Compression::Bzip2 => CompressionTypeVariant::BZIP2,
            Compression::Xz => CompressionTypeVariant::XZ,
        };
        FileCompressionType::from(variant)
            .convert_read(self.once())
            .map_err(std::io::Error::other)
    }
}

/// Opens a file of `definition`'s format.
pub(super) fn open(definition: &ExternalTable, input: Input, wanted: Wanted) -> Result<Batches> {
    let plain = |input: Input| {
        let compression = compression(definition, &wanted.file);
        input.plain(compression).map_err(|e| read_error(&wanted, e))
    };
    match definition.format {
        Format::Csv => csv::open(plain(input)?, &definition.text, wanted),
        Format::Json => json::open(plain(input)?, wanted),
        Format::Avro => rows::avro(input.once(), wanted),
        Format::Arrow => {
            let input = input.anywhere().map_err(|e| read_error(&wanted, e))?;
            rows::arrow(input, wanted)
        }
        Format::Parquet => Err(Error::new(
            Code::Internal,
            "parquet files have a reader of their own",
        )),
    }
}

/// The columns of one file of `definition`'s format, or what is wrong with it.
pub(super) fn infer(definition: &ExternalTable, file: &str, input: Input) -> Result<Schema, String> {
    let plain = |input: Input| {
        let compression = compression(definition, file);
        input.plain(compression).map_err(|e| e.to_string())
    };
    match definition.format {
        Format::Csv => csv::infer(plain(input)?, &definition.text, SAMPLED_ROWS),
        Format::Json => json::infer(plain(input)?, SAMPLED_ROWS),
        Format::Avro => rows::infer_avro(input.once()),
        Format::Arrow => rows::infer_arrow(input.anywhere().map_err(|e| e.to_string())?),
        Format::Parquet => Err("parquet files have a reader of their own".to_owned()),
    }
}

/// As the definition says; if it does not, as the file's name says.
fn compression(definition: &ExternalTable, file: &str) -> Compression {
    let said = definition.text.compression;
    said.unwrap_or_else(|| Compression::of_file(file))
}

fn corrupt(wanted: &Wanted, why: &str) -> Error {
    Error::new(
        Code::CorruptFile,
        format!("cannot read '{}' of table '{}': {why}", wanted.file, wanted.table),
    )
}

fn read_error(wanted: &Wanted, error: std::io::Error) -> Error {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::UnexpectedEof | ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::Other => {
            corrupt(wanted, &error.to_string())
                .with_hint("the file is damaged, incomplete, or compressed in another way than its name says")
        }
        _ => Error::io(&wanted.file, "read", error),
    }
}
