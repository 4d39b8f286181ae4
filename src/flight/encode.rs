//! Batches → messages, each of a size that every client takes.

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use arrow_flight::FlightData;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
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
    let wire = SchemaRef::clone(&schema);
    let parts = batches.flat_map(move |batch| {
        let parts = batch.and_then(|batch| {
            let batch = wire_batch(&batch, &wire).map_err(|e| Status::internal(e.to_string()))?;
            Ok(split(batch))
        });
        match parts {
            Ok(parts) => stream::iter(parts.into_iter().map(Ok).collect::<Vec<_>>()),
            Err(status) => stream::iter(vec![Err(FlightError::from(status))]),
        }
    });
    let encoder = FlightDataEncoderBuilder::new()
        .with_schema(schema)
        // The parts have their size already; this one would cut by rows alone.
        .with_max_flight_data_size(usize::MAX);
    encoder.build(parts).map(|data| data.map_err(status)).boxed()
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
    let column = |column: &dyn Array| {
        let data = column.to_data();
        data.get_slice_memory_size()
            .unwrap_or_else(|_| column.get_buffer_memory_size())
    };
    batch.columns().iter().map(|c| column(c.as_ref())).sum()
}

fn status(error: FlightError) -> Status {
    match error {
        FlightError::Tonic(status) => *status,
        other => Status::internal(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::StringArray;

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
}
