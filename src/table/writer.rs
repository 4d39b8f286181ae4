//! Record batches → Parquet files, one folder a partition, in bounded memory.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{DataType, Float32Type, Float64Type, SchemaRef};
use arrow::row::{RowConverter, SortField};
use datafusion::common::ScalarValue;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};

use super::encoding;
use super::external::partition_folders;
use crate::error::{Code, Error, Result};
use crate::storage::{StagedFile, Staging};

/// What the open files of one writer may hold in memory before the largest writes a row group out.
pub(super) const BUFFERED_BYTES: usize = 128 << 20;
/// How many files one writer has open at a time. The one that was written last gives way: rows of so many
/// partitions come partition by partition, and what was open before may be continued.
pub(super) const OPEN_FILES: usize = 128;

/// How files are laid out.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// The positions of the columns that are in the files, in their order.
    pub file_columns: Vec<usize>,
    /// The positions of the columns that are in the folders' names, outermost first.
    pub partition_columns: Vec<usize>,
    /// How the files are encoded, as far as the rows have no say in it.
    pub properties: WriterProperties,
    /// A file that has grown beyond this is finished and another begun.
    pub file_bytes: usize,
}

/// A file as it was written.
#[derive(Debug)]
pub(super) struct WrittenFile {
    /// Its path in the table's folder.
    pub path: PathBuf,
    /// The partition columns' values.
    pub partition: Vec<ScalarValue>,
    /// Its size.
    pub bytes: u64,
    /// Its footer.
    pub metadata: ParquetMetaData,
    /// For each column whether one of its values is NaN, which the footer's ranges leave out.
    pub has_nan: Vec<bool>,
}

impl WrittenFile {
    /// How many rows it has.
    pub(super) fn rows(&self) -> u64 {
        self.metadata.file_metadata().num_rows().unsigned_abs()
    }
}

/// Writes the batches of one stream. Several may share a [`Staging`]; each has its own files.
pub(super) struct PartitionedWriter {
    staging: Arc<Staging>,
    /// Tells the writers of one staging apart.
    number: usize,
    layout: Layout,
    file_schema: SchemaRef,
    partition_names: Vec<String>,
    rows: RowConverter,
    open: HashMap<Box<[u8]>, OpenFile>,
    finished: Vec<WrittenFile>,
    files: usize,
    writes: u64,
}

struct OpenFile {
    writer: ArrowWriter<StagedFile>,
    path: PathBuf,
    partition: Vec<ScalarValue>,
    has_nan: Vec<bool>,
    last_write: u64,
}

impl PartitionedWriter {
    /// A writer of batches of `schema`.
    pub(super) fn new(
        staging: Arc<Staging>,
        number: usize,
        schema: &SchemaRef,
        layout: Layout,
    ) -> Result<Self> {
        let fields = layout.partition_columns.iter().map(|i| schema.field(*i));
        Ok(Self {
            staging,
            number,
            file_schema: Arc::new(schema.project(&layout.file_columns).map_err(defect)?),
            partition_names: fields.clone().map(|field| field.name().clone()).collect(),
            rows: RowConverter::new(
                fields
                    .map(|field| SortField::new(field.data_type().clone()))
                    .collect(),
            )
            .map_err(defect)?,
            layout,
            open: HashMap::new(),
            finished: Vec::new(),
            files: 0,
            writes: 0,
        })
    }

    /// Writes a batch, each row into a file of its partition.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.write_up_to(batch, usize::MAX).map(drop)
    }

    /// The same, unless more files than can be open would have to be: then nothing is written, and the answer is
    /// no.
    pub(super) fn try_write(&mut self, batch: &RecordBatch) -> Result<bool> {
        self.write_up_to(batch, OPEN_FILES)
    }

    fn write_up_to(&mut self, batch: &RecordBatch, partitions: usize) -> Result<bool> {
        let values = batch.project(&self.layout.file_columns).map_err(defect)?;
        if self.layout.partition_columns.is_empty() {
            self.write_part(Box::default(), &[], 0, &values)?;
        } else {
            let keys = self
                .layout
                .partition_columns
                .iter()
                .map(|i| Arc::clone(batch.column(*i)));
            let keys: Vec<ArrayRef> = keys.collect();
            let parts = parts(&self.rows, &keys)?;
            let new = parts.iter().filter(|(key, _)| !self.open.contains_key(key));
            if new.count().saturating_add(self.open.len()) > partitions {
                return Ok(false);
            }
            for (key, indices) in parts {
                let first = indices.value(0) as usize;
                let part = if indices.len() == batch.num_rows() {
                    values.clone()
                } else {
                    take_record_batch(&values, &indices).map_err(defect)?
                };
                self.write_part(key, &keys, first, &part)?;
            }
        }
        self.bound_memory()?;
        Ok(true)
    }

    fn write_part(
        &mut self,
        key: Box<[u8]>,
        keys: &[ArrayRef],
        row: usize,
        part: &RecordBatch,
    ) -> Result<()> {
        self.writes += 1;
        if !self.open.contains_key(&key) {
            self.make_room()?;
            let folders = partition_folders(&self.partition_names, keys, row)?;
            let partition = keys.iter().map(|key| ScalarValue::try_from_array(key, row));
            let partition = partition
                .collect::<Result<_, _>>()
                .map_err(|e| Error::new(Code::Internal, e.strip_backtrace()))?;
            let file = self.create(folders, partition, part)?;
            self.open.insert(key.clone(), file);
        }
        let Some(file) = self.open.get_mut(&key) else {
            return Ok(());
        };
        file.last_write = self.writes;
        for (has_nan, column) in file.has_nan.iter_mut().zip(part.columns()) {
            *has_nan = *has_nan || contains_nan(column);
        }
        file.writer
            .write(part)
            .map_err(|e| write_error(&self.staging.target(&file.path), e))?;
        if file.writer.bytes_written() > self.layout.file_bytes {
            self.close(&key)?;
        }
        Ok(())
    }

    fn create(
        &mut self,
        folders: PathBuf,
        partition: Vec<ScalarValue>,
        first: &RecordBatch,
    ) -> Result<OpenFile> {
        let name = format!("{}-{}-{}.parquet", self.staging.id(), self.number, self.files);
        self.files += 1;
        let path = folders.join(name);
        let file = self.staging.create(&path)?;
        let properties = encoding::of_file(&self.layout.properties, first);
        let writer = ArrowWriter::try_new(file, Arc::clone(&self.file_schema), Some(properties))
            .map_err(|e| write_error(&self.staging.target(&path), e))?;
        Ok(OpenFile {
            writer,
            path,
            partition,
            has_nan: vec![false; self.file_schema.fields().len()],
            last_write: 0,
        })
    }

    fn make_room(&mut self) -> Result<()> {
        if self.open.len() < OPEN_FILES {
            return Ok(());
        }
        let newest = self.open.iter().max_by_key(|(_, file)| file.last_write);
        match newest.map(|(key, _)| key.clone()) {
            Some(key) => self.close(&key),
            None => Ok(()),
        }
    }

    fn bound_memory(&mut self) -> Result<()> {
        while self
            .open
            .values()
            .map(|file| file.writer.memory_size())
            .sum::<usize>()
            > BUFFERED_BYTES
        {
            let Some(largest) = self
                .open
                .values_mut()
                .max_by_key(|file| file.writer.memory_size())
            else {
                break;
            };
            if largest.writer.in_progress_rows() == 0 {
                break;
            }
            largest
                .writer
                .flush()
                .map_err(|e| write_error(&self.staging.target(&largest.path), e))?;
        }
        Ok(())
    }

    fn close(&mut self, key: &[u8]) -> Result<()> {
        let Some(file) = self.open.remove(key) else {
            return Ok(());
        };
        // The writer gives either the footer or the file back.
        let staged = file.writer.inner().handle()?;
        let metadata = file
            .writer
            .close()
            .map_err(|e| write_error(&self.staging.target(&file.path), e))?;
        let bytes = staged.finish()?;
        self.finished.push(WrittenFile {
            path: file.path,
            partition: file.partition,
            bytes,
            metadata,
            has_nan: file.has_nan,
        });
        Ok(())
    }

    /// Completes every file. They appear when the staging is published.
    pub(super) fn finish(mut self) -> Result<Vec<WrittenFile>> {
        let keys: Vec<_> = self.open.keys().cloned().collect();
        keys.iter().try_for_each(|key| self.close(key))?;
        Ok(self.finished)
    }
}

/// The rows of each partition, partitions in the order of their first row.
pub(super) fn parts(rows: &RowConverter, keys: &[ArrayRef]) -> Result<Vec<(Box<[u8]>, UInt32Array)>> {
    let rows = rows.convert_columns(keys).map_err(defect)?;
    let mut members: HashMap<_, Vec<u32>> = HashMap::new();
    for (row, i) in rows.iter().zip(0_u32..) {
        members.entry(row).or_default().push(i);
    }
    let mut parts: Vec<_> = members.into_iter().collect();
    parts.sort_unstable_by_key(|(_, indices)| indices.first().copied());
    let owned = |(row, indices): (arrow::row::Row<'_>, Vec<u32>)| (Box::from(row.as_ref()), indices.into());
    Ok(parts.into_iter().map(owned).collect())
}

fn contains_nan(column: &ArrayRef) -> bool {
    match column.data_type() {
        DataType::Float32 => {
            let values = column.as_primitive::<Float32Type>().values();
            values.iter().any(|value| value.is_nan())
        }
        DataType::Float64 => {
            let values = column.as_primitive::<Float64Type>().values();
            values.iter().any(|value| value.is_nan())
        }
        _ => false,
    }
}

/// What all our files have in common.
pub(super) fn properties() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_created_by(concat!("weir version ", env!("CARGO_PKG_VERSION")).to_owned())
}

pub(super) fn write_error(path: &std::path::Path, error: ParquetError) -> Error {
    match error {
        ParquetError::External(source) => match source.downcast::<std::io::Error>() {
            Ok(io) => Error::io(path, "write", *io),
            Err(source) => Error::new(Code::Io, format!("cannot write '{}': {source}", path.display())),
        },
        ParquetError::NYI(what) | ParquetError::ArrowError(what) => Error::new(
            Code::Unsupported,
            format!("parquet files cannot hold this: {what}"),
        ),
        other => {
            Error::new(Code::Io, format!("cannot write '{}': {other}", path.display())).with_source(other)
        }
    }
}

fn defect(error: arrow::error::ArrowError) -> Error {
    Error::new(
        Code::Internal,
        format!("cannot split a batch by partition: {error}"),
    )
    .with_source(error)
}
