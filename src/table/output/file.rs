//! One file of any format that can be written.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::writer::FileWriter as IpcWriter;
use arrow::json::LineDelimitedWriter;
use flate2::write::GzEncoder;
use parquet::arrow::ArrowWriter;

use super::OutputFormat;
use super::text::TextWriter;
use crate::definition::{Compression, Format};
use crate::error::{Code, Error, Result, without_layers};
use crate::table::writer::{properties, write_error};

/// What an open Parquet file may hold in memory before a row group is written out.
const BUFFERED_BYTES: usize = 64 << 20;

/// A file being written.
pub(super) struct FileWriter<W: Write + Send> {
    path: PathBuf,
    kind: Kind<W>,
}

enum Kind<W: Write + Send> {
    Parquet(Box<ArrowWriter<W>>),
    Arrow(Box<IpcWriter<BufWriter<W>>>),
    Json(Box<LineDelimitedWriter<Compressed<W>>>),
    Text(Box<TextWriter<Compressed<W>>>),
}

/// Bytes, compressed as they are written.
pub(super) enum Compressed<W: Write> {
    Plain(BufWriter<W>),
    Gzip(Box<GzEncoder<BufWriter<W>>>),
}

impl FileWriter<File> {
    pub(super) fn new(file: File, path: &Path, format: &OutputFormat, schema: &SchemaRef) -> Result<Self> {
        let path = path.to_owned();
        let kind = match format.format {
            Format::Parquet => {
                let writer = ArrowWriter::try_new(file, SchemaRef::clone(schema), Some(properties().build()));
                Kind::Parquet(Box::new(writer.map_err(|e| write_error(&path, e))?))
            }
            Format::Arrow => {
                let writer = IpcWriter::try_new(BufWriter::new(file), schema);
                Kind::Arrow(Box::new(writer.map_err(|e| failed(&path, e))?))
            }
            Format::Json => Kind::Json(Box::new(LineDelimitedWriter::new(compressed(
                file,
                format.compression,
            )?))),
            Format::Csv => {
                let bytes = compressed(file, format.compression)?;
                let writer = TextWriter::new(bytes, &format.text, schema)?;
                Kind::Text(Box::new(writer.map_err(|e| Error::io(&path, "write", e))?))
            }
            Format::Avro => {
                return Err(Error::new(Code::Unsupported, "avro files cannot be written")
                    .with_hint("parquet, csv, json and arrow files can"));
            }
        };
        Ok(Self { path, kind })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let path = &self.path;
        match &mut self.kind {
            Kind::Parquet(writer) => {
                writer.write(batch).map_err(|e| write_error(path, e))?;
                if writer.memory_size() > BUFFERED_BYTES {
                    writer.flush().map_err(|e| write_error(path, e))?;
                }
                Ok(())
            }
            Kind::Arrow(writer) => writer.write(batch).map_err(|e| failed(path, e)),
            Kind::Json(writer) => writer.write(batch).map_err(|e| failed(path, e)),
            Kind::Text(writer) => writer.write(batch).map_err(|e| match e {
                ArrowError::IoError(_, e) => Error::io(path, "write", e),
                e => failed(path, e),
            }),
        }
    }

    /// What it holds in memory that [`FileWriter::flush`] would write.
    pub(super) fn buffered_bytes(&self) -> usize {
        match &self.kind {
            Kind::Parquet(writer) => writer.memory_size(),
            _ => 0,
        }
    }

    /// Writes what is held in memory; whether there was anything.
    pub(super) fn flush(&mut self) -> Result<bool> {
        match &mut self.kind {
            Kind::Parquet(writer) if writer.in_progress_rows() > 0 => {
                writer.flush().map_err(|e| write_error(&self.path, e))?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Completes the file, which is not on the disk before it is synced.
    pub(super) fn finish(self) -> Result<()> {
        let path = &self.path;
        let io = |e| Error::io(path, "write", e);
        let whole = |bytes: BufWriter<File>| bytes.into_inner().map_err(|e| io(e.into_error()));
        match self.kind {
            Kind::Parquet(writer) => writer.into_inner().map_err(|e| write_error(path, e))?,
            Kind::Arrow(writer) => whole(writer.into_inner().map_err(|e| failed(path, e))?)?,
            Kind::Json(mut writer) => {
                writer.finish().map_err(|e| failed(path, e))?;
                whole(writer.into_inner().finish().map_err(io)?)?
            }
            Kind::Text(writer) => whole(writer.into_inner().finish().map_err(io)?)?,
        };
        Ok(())
    }
}

fn compressed(file: File, compression: Compression) -> Result<Compressed<File>> {
    let bytes = BufWriter::new(file);
    match compression {
        Compression::None => Ok(Compressed::Plain(bytes)),
        Compression::Gzip => Ok(Compressed::Gzip(Box::new(GzEncoder::new(
            bytes,
            flate2::Compression::default(),
        )))),
        _ => Err(Error::new(
            Code::Unsupported,
            "texts can be written plain or compressed with gzip",
        )
        .with_hint("end the name in '.gz', or in nothing of the kind")),
    }
}

impl<W: Write> Compressed<W> {
    fn finish(self) -> std::io::Result<BufWriter<W>> {
        match self {
            Self::Plain(bytes) => Ok(bytes),
            Self::Gzip(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Write for Compressed<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Self::Plain(inner) => inner.write(bytes),
            Self::Gzip(inner) => inner.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Self::Plain(inner) => inner.flush(),
            Self::Gzip(inner) => inner.flush(),
        }
    }
}

fn failed(path: &Path, error: ArrowError) -> Error {
    match error {
        ArrowError::IoError(_, e) => Error::io(path, "write", e),
        ArrowError::NotYetImplemented(why)
        | ArrowError::InvalidArgumentError(why)
        | ArrowError::JsonError(why) => Error::new(
            Code::Unsupported,
            format!("'{}' cannot hold this: {why}", path.display()),
        ),
        error => {
            let why = without_layers(&error.to_string());
            Error::new(Code::Io, format!("cannot write '{}': {why}", path.display())).with_source(error)
        }
    }
}
