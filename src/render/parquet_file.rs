//! A Parquet file.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::output::Output;
use super::parquet_columns::ColumnsWriter;
use super::renderer::ResultWriter;
use super::stored_type::Stored;
use crate::error::{Code, Error, Result};

/// A row group is written when it has about this size, so that memory is bounded.
const ROW_GROUP_BYTES: usize = 64 * 1024 * 1024;

/// Writes one file. Its parts are made in memory and handed on row group by row group: the output's
/// errors then stay the output's.
#[derive(Default)]
pub(super) struct ParquetWriter {
    open: Option<(Stored, ColumnsWriter)>,
}

impl ResultWriter for ParquetWriter {
    fn begin(&mut self, schema: &SchemaRef, _out: &mut Output) -> Result<()> {
        if schema.fields().is_empty() {
            let message = "a result without columns cannot be written as parquet";
            return Err(Error::new(Code::InvalidValue, message));
        }
        let stored = Stored::for_parquet(schema);
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by(concat!("weir ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let writer = ColumnsWriter::try_new(stored.schema(), properties);
        self.open = Some((stored, writer.map_err(refused)?));
        Ok(())
    }

    fn batch(&mut self, batch: &RecordBatch, out: &mut Output) -> Result<()> {
        let Some((stored, writer)) = &mut self.open else {
            return Ok(());
        };
        writer.write(&stored.convert(batch)?).map_err(refused)?;
        if writer.in_progress_size() >= ROW_GROUP_BYTES {
            writer.flush().map_err(refused)?;
        }
        hand_on(writer.bytes(), out)
    }

    fn end(&mut self, _rows: u64, out: &mut Output) -> Result<()> {
        match self.open.take() {
            Some((_, writer)) => hand_on(&mut writer.finish().map_err(refused)?, out),
            None => Ok(()),
        }
    }
}

fn hand_on(bytes: &mut Vec<u8>, out: &mut Output) -> Result<()> {
    if !bytes.is_empty() {
        out.write_bytes(bytes)?;
        bytes.clear();
    }
    Ok(())
}

fn refused(error: ParquetError) -> Error {
    Error::new(
        Code::Unsupported,
        format!("the result cannot be written as parquet: {error}"),
    )
    .with_source(error)
}
