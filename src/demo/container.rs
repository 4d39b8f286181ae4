//! An Avro object container file with a fixed sync marker.
//!
//! `arrow-avro`'s own format draws the marker at random, which would make every sample different; the
//! specification only asks that it be unlikely inside the data. The rest is as the specification
//! says: <https://avro.apache.org/docs/1.11.1/specification/#object-container-files>.

use std::io::Write;
use std::path::PathBuf;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use arrow_avro::compression::CompressionCodec;
use arrow_avro::errors::AvroError;
use arrow_avro::schema::AvroSchema;
use arrow_avro::writer::format::AvroFormat;
use arrow_avro::writer::{Writer, WriterBuilder};

use super::files::{NewFile, failure};
use crate::error::Result;

/// An Avro file, compressed with deflate, which every reader of Avro has.
pub(super) struct AvroFile {
    path: PathBuf,
    writer: Writer<NewFile, Container>,
}

impl AvroFile {
    pub(super) fn create(path: PathBuf, schema: &Schema) -> Result<Self> {
        let file = NewFile::create(path.clone())?;
        let writer = WriterBuilder::new(schema.clone())
            .with_compression(Some(CompressionCodec::Deflate))
            .build(file)
            .map_err(|error| failure(&path, &error))?;
        Ok(Self { path, writer })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer
            .write(batch)
            .map_err(|error| failure(&self.path, &error))
    }

    pub(super) fn publish(mut self) -> Result<()> {
        self.writer
            .finish()
            .map_err(|error| failure(&self.path, &error))?;
        self.writer.into_inner().publish()
    }
}

/// The marker between blocks: sixteen bytes without a meaning.
const SYNC_MARKER: [u8; 16] = [
    0x9e, 0x37, 0x79, 0xb9, 0x7f, 0x4a, 0x7c, 0x15, 0xf3, 0x9c, 0xc0, 0x60, 0x5c, 0xed, 0xc8, 0x34,
];

#[derive(Debug, Default)]
struct Container;

impl AvroFormat for Container {
    const NEEDS_PREFIX: bool = false;

    fn start_stream<W: Write>(
        &mut self,
        writer: &mut W,
        schema: &Schema,
        compression: Option<CompressionCodec>,
    ) -> Result<(), AvroError> {
        let codec: &[u8] = match compression {
            None => b"null",
            Some(CompressionCodec::Deflate) => b"deflate",
            Some(other) => return Err(AvroError::InvalidArgument(format!("{other:?} in a sample file"))),
        };
        let schema = AvroSchema::try_from(schema)?;
        let mut header = b"Obj\x01".to_vec();
        push_long(&mut header, 2);
        for text in [
            b"avro.schema",
            schema.json_string.as_bytes(),
            b"avro.codec",
            codec,
        ] {
            push_long(&mut header, text.len() as i64);
            header.extend_from_slice(text);
        }
        push_long(&mut header, 0);
        header.extend_from_slice(&SYNC_MARKER);
        writer
            .write_all(&header)
            .map_err(|error| AvroError::IoError("header".to_owned(), error))
    }

    fn sync_marker(&self) -> Option<&[u8; 16]> {
        Some(&SYNC_MARKER)
    }
}

/// Appends a number as Avro writes it: zigzag, seven bits a byte, the lowest first.
fn push_long(bytes: &mut Vec<u8>, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest > 0x7f {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}
