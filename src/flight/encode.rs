//! Batches → messages, each of a size that every client takes.
//!
//! Own beside arrow-flight's encoder, which lets each message's buffer grow from nothing: for a large result that
//! costs as much as copying it once more.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteContext, IpcWriteOptions};
use arrow_flight::FlightData;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use tonic::Status;

use super::wire::wire_batch;

/// How large a message's data may be. Clients in Go take 4 MiB at most, headers included.
const MESSAGE_BYTES: usize = 2 << 20;

/// The messages of a result: its schema first, also if there are no rows.
pub(super) fn encode(
    schema: SchemaRef,
    batches: impl Stream<Item = Result<RecordBatch, Status>> + Send + 'static,
) -> BoxStream<'static, Result<FlightData, Status>> {
    let mut encoder = Encoder::new(schema);
    let first = encoder.schema_message();
    let messages = batches.flat_map(move |batch| {
        let messages = batch.and_then(|batch| encoder.messages(&batch).map_err(defect));
        stream::iter(match messages {
            Ok(messages) => messages.into_iter().map(Ok).collect(),
            Err(status) => vec![Err(status)],
        })
    });
    stream::iter([Ok(first)]).chain(messages).boxed()
}

/// The state of one result's messages.
struct Encoder {
    schema: SchemaRef,
    generator: IpcDataGenerator,
    dictionaries: DictionaryTracker,
    options: IpcWriteOptions,
    context: IpcWriteContext,
}

impl Encoder {
    fn new(schema: SchemaRef) -> Self {
        let mut context = IpcWriteContext::default();
        // A message's buffer begins as large as the last one was.
        context.set_reserve_scratch(true);
        Self {
            schema,
            generator: IpcDataGenerator::default(),
            dictionaries: DictionaryTracker::new(false),
            options: IpcWriteOptions::default(),
            context,
        }
    }

    fn schema_message(&mut self) -> FlightData {
        let Self {
            generator,
            dictionaries,
            options,
            ..
        } = self;
        generator
            .schema_to_bytes_with_dictionary_tracker(&self.schema, dictionaries, options)
            .into()
    }

    /// The batch in its wire schema, in as many messages as it takes. Where a type keeps a dictionary, that goes
    /// before.
    fn messages(&mut self, batch: &RecordBatch) -> Result<Vec<FlightData>, ArrowError> {
        let mut messages = Vec::new();
        for part in split(wire_batch(batch, &self.schema)?) {
            let (dictionaries, data) =
                self.generator
                    .encode(&part, &mut self.dictionaries, &self.options, &mut self.context)?;
            messages.extend(dictionaries.into_iter().chain([data]).map(FlightData::from));
        }
        Ok(messages)
    }
}

/// The batch in parts that fit, of at least one row each.
fn split(batch: RecordBatch) -> Vec<RecordBatch> {
    let mut fitting = Vec::new();
    let mut left = vec![batch];
    while let Some(batch) = left.pop() {
        let rows = batch.num_rows();
        if rows <= 1 || bytes(&batch) <= MESSAGE_BYTES {
            fitting.push(batch);
            continue;
        }
        let half = rows / 2;
        left.push(batch.slice(half, rows - half));
        left.push(batch.slice(0, half));
    }
    fitting
}

/// What the rows of a batch take, without the rest of the buffers that they lie in.
fn bytes(batch: &RecordBatch) -> usize {
    batch.columns().iter().map(column_bytes).sum()
}

/// The same of a column. Of lists only the values in them count: a slice of a list has all its values' buffers.
fn column_bytes(column: &ArrayRef) -> usize {
    let nulls = column.nulls().map_or(0, |nulls| nulls.len().div_ceil(8));
    let within = |offsets: &[i32], values: &ArrayRef| {
        let (first, last) = (offsets.first().copied(), offsets.last().copied());
        let (first, last) = (first.unwrap_or(0) as usize, last.unwrap_or(0) as usize);
        size_of_val(offsets) + column_bytes(&values.slice(first, last - first))
    };
    nulls
        + match column.data_type() {
            DataType::List(_) => {
                let lists = column.as_list::<i32>();
                within(lists.value_offsets(), lists.values())
            }
            DataType::Map(_, _) => {
                let maps = column.as_map();
                within(maps.value_offsets(), &(Arc::new(maps.entries().clone()) as _))
            }
            DataType::FixedSizeList(_, _) => column_bytes(column.as_fixed_size_list().values()),
            DataType::Struct(_) => column.as_struct().columns().iter().map(column_bytes).sum(),
            _ => {
                let sliced = column.to_data().get_slice_memory_size();
                sliced.unwrap_or_else(|_| column.get_buffer_memory_size())
            }
        }
}

fn defect(error: ArrowError) -> Status {
    Status::internal(error.to_string())
}

#[cfg(test)]
mod tests {
    use arrow::array::{ListArray, StringArray};
    use arrow::datatypes::Int64Type;

    use super::*;

    #[test]
    fn parts_fit_and_keep_their_order() {
        let sizes = [1, 5 << 20, 10, 900_000, 900_000, 900_000];
        let texts: StringArray = sizes.iter().map(|size| Some("x".repeat(*size))).collect();
        let batch = RecordBatch::try_from_iter([("a", Arc::new(texts) as _)]).unwrap();
        let parts = split(batch.clone());
        assert!(
            parts
                .iter()
                .all(|part| part.num_rows() == 1 || bytes(part) <= MESSAGE_BYTES)
        );
        let whole = arrow::compute::concat_batches(&batch.schema(), &parts).unwrap();
        assert_eq!(whole, batch);
        assert_eq!(split(batch.slice(0, 0)).len(), 1);
    }

    #[test]
    fn lists_are_measured_by_the_values_in_them() {
        let lists = (0..8192).map(|i| Some((0..256).map(move |j| Some(i * j))));
        let lists = ListArray::from_iter_primitive::<Int64Type, _, _>(lists);
        let batch = RecordBatch::try_from_iter([("a", Arc::new(lists) as _)]).unwrap();
        let parts = split(batch.clone());
        assert!(parts.len() >= 8 && parts.len() <= 16, "{}", parts.len());
        let whole = arrow::compute::concat_batches(&batch.schema(), &parts).unwrap();
        assert_eq!(whole, batch);
    }
}
