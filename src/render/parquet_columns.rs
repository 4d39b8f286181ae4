//! The columns of a Parquet file's row groups, encoded side by side.
//!
//! Numbering the values of a column for its dictionary takes longer than most queries take to make them, so
//! that one thread that encodes all columns is what a large result waits for. Small results are encoded
//! where they come: a row group goes to threads of its own once it has [`ROWS_ALONE`] rows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use arrow::array::RecordBatch;
use arrow::datatypes::{FieldRef, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, ArrowWriterOptions, compute_leaves,
};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;

/// From so many rows on threads are worth their while.
const ROWS_ALONE: usize = 64 * 1024;
/// More threads than this wait for rows.
const THREADS_AT_MOST: usize = 4;
/// Batches that wait for a thread.
const BATCHES_WAITING: usize = 2;

/// Writes a file into memory.
pub(super) struct ColumnsWriter {
    file: SerializedFileWriter<Vec<u8>>,
    factory: ArrowRowGroupWriterFactory,
    schema: SchemaRef,
    rows_at_most: usize,
    group: Option<Group>,
    groups: usize,
}

/// The row group that is being written.
struct Group {
    rows: usize,
    encoding: Encoding,
}

enum Encoding {
    Here(Columns),
    Apart(Vec<Encoder>),
}

impl ColumnsWriter {
    /// A writer of batches of `schema`.
    pub(super) fn try_new(schema: &SchemaRef, properties: WriterProperties) -> Result<Self> {
        let rows_at_most = properties.max_row_group_row_count().unwrap_or(usize::MAX);
        let options = ArrowWriterOptions::new().with_properties(properties);
        let writer = ArrowWriter::try_new_with_options(Vec::new(), Arc::clone(schema), options)?;
        let (file, factory) = writer.into_serialized_writer()?;
        Ok(Self {
            file,
            factory,
            schema: Arc::clone(schema),
            rows_at_most,
            group: None,
            groups: 0,
        })
    }

    /// Adds rows.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut rest = batch.clone();
        while rest.num_rows() > 0 {
            let mut group = match self.group.take() {
                Some(group) => group,
                None => self.begin()?,
            };
            let rows = rest.num_rows().min(self.rows_at_most - group.rows);
            group.write(&rest.slice(0, rows))?;
            rest = rest.slice(rows, rest.num_rows() - rows);
            let full = group.rows >= self.rows_at_most;
            self.group = Some(group);
            if full {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn begin(&mut self) -> Result<Group> {
        let mut writers = self.factory.create_column_writers(self.groups)?.into_iter();
        let descriptor = self.file.schema_descr();
        let mut leaves = (0..descriptor.num_columns())
            .map(|leaf| descriptor.get_column_root_idx(leaf))
            .peekable();
        let columns = self.schema.fields().iter().enumerate().map(|(at, field)| {
            let count = std::iter::from_fn(|| leaves.next_if_eq(&at)).count();
            Column {
                at,
                field: Arc::clone(field),
                leaves: writers.by_ref().take(count).collect(),
            }
        });
        Ok(Group {
            rows: 0,
            encoding: Encoding::Here(Columns(columns.collect())),
        })
    }

    /// About how many bytes the rows of the last row group take.
    pub(super) fn in_progress_size(&self) -> usize {
        match self.group.as_ref().map(|group| &group.encoding) {
            None => 0,
            Some(Encoding::Here(columns)) => columns.size(),
            Some(Encoding::Apart(encoders)) => encoders.iter().map(Encoder::size).sum(),
        }
    }

    /// Ends the row group.
    pub(super) fn flush(&mut self) -> Result<()> {
        let Some(group) = self.group.take() else {
            return Ok(());
        };
        let chunks = group.close()?;
        let mut writer = self.file.next_row_group()?;
        for chunk in chunks {
            chunk.append_to_row_group(&mut writer)?;
        }
        writer.close()?;
        self.groups += 1;
        Ok(())
    }

    /// What was written and not taken yet. The writer counts its bytes itself, so that they can be taken
    /// away from under it.
    pub(super) fn bytes(&mut self) -> &mut Vec<u8> {
        self.file.inner_mut()
    }

    /// Ends the file. Returns the bytes that were not taken.
    pub(super) fn finish(mut self) -> Result<Vec<u8>> {
        self.flush()?;
        self.file.into_inner()
    }
}

impl Group {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.rows += batch.num_rows();
        if let Encoding::Here(columns) = &mut self.encoding {
            columns.write(batch)?;
            let threads = thread::available_parallelism()
                .map_or(1, usize::from)
                .min(THREADS_AT_MOST);
            let threads = threads.min(columns.0.len());
            if self.rows >= ROWS_ALONE && threads > 1 {
                let columns = std::mem::take(&mut columns.0);
                self.encoding = Encoding::Apart(apart(columns, threads)?);
            }
            return Ok(());
        }
        let Encoding::Apart(encoders) = &mut self.encoding else {
            return Ok(());
        };
        for i in 0..encoders.len() {
            if !encoders[i].send(batch) {
                // It ended early, which only a failure makes it do.
                return Err(encoders.swap_remove(i).failure());
            }
        }
        Ok(())
    }

    /// The chunks of the columns, in their order.
    fn close(self) -> Result<Vec<ArrowColumnChunk>> {
        let mut chunks = match self.encoding {
            Encoding::Here(columns) => columns.close()?,
            Encoding::Apart(encoders) => {
                let closed = encoders
                    .into_iter()
                    .map(Encoder::close)
                    .collect::<Result<Vec<_>>>()?;
                closed.into_iter().flatten().collect()
            }
        };
        chunks.sort_by_key(|chunk: &Chunk| chunk.at);
        Ok(chunks.into_iter().flat_map(|chunk| chunk.leaves).collect())
    }
}

/// A column of the schema.
struct Column {
    at: usize,
    field: FieldRef,
    leaves: Vec<ArrowColumnWriter>,
}

/// A column's chunks.
struct Chunk {
    at: usize,
    leaves: Vec<ArrowColumnChunk>,
}

struct Columns(Vec<Column>);

impl Columns {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        for column in &mut self.0 {
            let leaves = compute_leaves(&column.field, batch.column(column.at))?;
            for (leaf, writer) in leaves.iter().zip(&mut column.leaves) {
                writer.write(leaf)?;
            }
        }
        Ok(())
    }

    fn size(&self) -> usize {
        let leaves = self.0.iter().flat_map(|column| &column.leaves);
        leaves.map(ArrowColumnWriter::get_estimated_total_bytes).sum()
    }

    fn close(self) -> Result<Vec<Chunk>> {
        let closed = self.0.into_iter().map(|column| {
            let leaves = column.leaves.into_iter().map(ArrowColumnWriter::close);
            Ok(Chunk {
                at: column.at,
                leaves: leaves.collect::<Result<_>>()?,
            })
        });
        closed.collect()
    }
}

/// A thread with some of the columns.
struct Encoder {
    batches: SyncSender<RecordBatch>,
    size: Arc<AtomicUsize>,
    thread: JoinHandle<Result<Vec<Chunk>>>,
}

/// Each of `threads` has every so manyth column.
fn apart(columns: Vec<Column>, threads: usize) -> Result<Vec<Encoder>> {
    let mut shares: Vec<Vec<Column>> = (0..threads).map(|_| Vec::new()).collect();
    for (i, column) in columns.into_iter().enumerate() {
        shares[i % threads].push(column);
    }
    shares
        .into_iter()
        .map(|share| Encoder::start(Columns(share)))
        .collect()
}

impl Encoder {
    fn start(columns: Columns) -> Result<Self> {
        let (batches, waiting) = sync_channel(BATCHES_WAITING);
        let size = Arc::new(AtomicUsize::new(columns.size()));
        let told = Arc::clone(&size);
        let thread = thread::Builder::new().name("weir-parquet".to_owned());
        let thread = thread.spawn(move || encode(columns, &waiting, &told))?;
        Ok(Self {
            batches,
            size,
            thread,
        })
    }

    /// Whether it still takes rows.
    fn send(&self, batch: &RecordBatch) -> bool {
        self.batches.send(batch.clone()).is_ok()
    }

    fn size(&self) -> usize {
        self.size.load(Ordering::Relaxed)
    }

    fn close(self) -> Result<Vec<Chunk>> {
        drop(self.batches);
        match self.thread.join() {
            Ok(chunks) => chunks,
            Err(_) => Err(ParquetError::General(
                "a thread that encodes columns broke off".to_owned(),
            )),
        }
    }

    fn failure(self) -> ParquetError {
        match self.close() {
            Err(error) => error,
            Ok(_) => ParquetError::General("a thread that encodes columns ended early".to_owned()),
        }
    }
}

fn encode(mut columns: Columns, batches: &Receiver<RecordBatch>, size: &AtomicUsize) -> Result<Vec<Chunk>> {
    for batch in batches {
        columns.write(&batch)?;
        size.store(columns.size(), Ordering::Relaxed);
    }
    columns.close()
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int64Array, ListArray, StringArray, StructArray};
    use arrow::compute::concat_batches;
    use arrow::datatypes::{Int64Type, Schema};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    fn batch(from: i64, rows: i64) -> RecordBatch {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter(
            (from..from + rows).map(|n| (n % 7 != 0).then_some(n)),
        ));
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values(
            (from..from + rows).map(|n| format!("t{}", n % 100)),
        ));
        let lists =
            (from..from + rows).map(|n| (n % 5 != 0).then(|| (0..n % 4).map(Some).collect::<Vec<_>>()));
        let lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists));
        let both =
            StructArray::try_from(vec![("a", Arc::clone(&numbers)), ("b", Arc::clone(&texts))]).unwrap();
        RecordBatch::try_from_iter_with_nullable([
            ("number", numbers, true),
            ("both", Arc::new(both) as ArrayRef, true),
            ("list", lists, true),
            ("text", texts, true),
        ])
        .unwrap()
    }

    fn written(batches: &[RecordBatch], properties: WriterProperties) -> (Vec<u8>, usize) {
        let mut writer = ColumnsWriter::try_new(&batches[0].schema(), properties).unwrap();
        let mut bytes = Vec::new();
        let mut largest = 0;
        for batch in batches {
            writer.write(batch).unwrap();
            largest = largest.max(writer.in_progress_size());
            bytes.append(writer.bytes());
        }
        bytes.append(&mut writer.finish().unwrap());
        (bytes, largest)
    }

    fn read(bytes: Vec<u8>) -> (RecordBatch, usize) {
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes)).unwrap();
        let groups = reader.metadata().num_row_groups();
        let schema = Arc::clone(reader.schema());
        let batches: Vec<_> = reader.build().unwrap().map(|batch| batch.unwrap()).collect();
        (concat_batches(&schema, &batches).unwrap(), groups)
    }

    #[test]
    fn few_rows_and_many_come_back_as_they_were() {
        for rows in [3, 90_000, 250_000] {
            let batches: Vec<_> = (0..rows)
                .step_by(10_000)
                .map(|from| batch(from, 10_000.min(rows - from)))
                .collect();
            let (bytes, largest) = written(&batches, WriterProperties::default());
            assert!(largest > 0);
            let (found, groups) = read(bytes);
            assert_eq!(groups, 1);
            assert_eq!(found, concat_batches(&batches[0].schema(), &batches).unwrap());
        }
    }

    #[test]
    fn a_row_group_has_no_more_rows_than_it_may() {
        let properties = WriterProperties::builder()
            .set_max_row_group_row_count(Some(70_000))
            .build();
        let batches = [batch(0, 100_000), batch(100_000, 100_000)];
        let (found, groups) = read(written(&batches, properties).0);
        assert_eq!(groups, 3);
        assert_eq!(found, concat_batches(&batches[0].schema(), &batches).unwrap());
    }

    #[test]
    fn no_rows_are_a_file() {
        let schema = Arc::new(Schema::new(batch(0, 1).schema().fields().clone()));
        let bytes = ColumnsWriter::try_new(&schema, WriterProperties::default())
            .unwrap()
            .finish()
            .unwrap();
        assert_eq!(read(bytes).0.num_rows(), 0);
    }
}
