//! Arrow IPC, as a file or as a stream.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::writer::{FileWriter, StreamWriter};

use super::output::Output;
use super::renderer::ResultWriter;
use super::stored_type::Stored;
use crate::error::{Code, Error, Result};

/// Writes one result. Its parts are made in memory and handed on batch by batch: the output's errors
/// then stay the output's.
pub(super) struct ArrowWriter {
    to_file: bool,
    open: Option<(Stored, Ipc)>,
}

enum Ipc {
    File(FileWriter<Vec<u8>>),
    Stream(StreamWriter<Vec<u8>>),
}

impl ArrowWriter {
    pub(super) fn new(to_file: bool) -> Self {
        Self { to_file, open: None }
    }
}

impl Ipc {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        match self {
            Self::File(writer) => writer.write(batch),
            Self::Stream(writer) => writer.write(batch),
        }
    }

    fn finish(&mut self) -> Result<(), ArrowError> {
        match self {
            Self::File(writer) => writer.finish(),
            Self::Stream(writer) => writer.finish(),
        }
    }

    /// The writer counts what it has written, so that the bytes can be taken away from under it.
    fn hand_on(&mut self, out: &mut Output) -> Result<()> {
        let bytes = match self {
            Self::File(writer) => writer.get_mut(),
            Self::Stream(writer) => writer.get_mut(),
        };
        out.write_bytes(bytes)?;
        bytes.clear();
        Ok(())
    }
}

impl ResultWriter for ArrowWriter {
    fn begin(&mut self, schema: &SchemaRef, out: &mut Output) -> Result<()> {
        let stored = Stored::for_arrow(schema);
        let bytes = Vec::new();
        let ipc = match self.to_file {
            true => FileWriter::try_new(bytes, stored.schema()).map(Ipc::File),
            false => StreamWriter::try_new(bytes, stored.schema()).map(Ipc::Stream),
        };
        let (_, ipc) = self.open.insert((stored, ipc.map_err(refused)?));
        ipc.hand_on(out)
    }

    fn batch(&mut self, batch: &RecordBatch, out: &mut Output) -> Result<()> {
        let Some((stored, ipc)) = &mut self.open else {
            return Ok(());
        };
        ipc.write(&stored.convert(batch)?).map_err(refused)?;
        ipc.hand_on(out)
    }

    fn end(&mut self, _rows: u64, out: &mut Output) -> Result<()> {
        let Some((_, mut ipc)) = self.open.take() else {
            return Ok(());
        };
        ipc.finish().map_err(refused)?;
        ipc.hand_on(out)
    }
}

fn refused(error: ArrowError) -> Error {
    Error::new(
        Code::Unsupported,
        format!("the result cannot be written as arrow: {error}"),
    )
    .with_source(error)
}
