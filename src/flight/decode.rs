//! Messages → batches, from a client that is not trusted.

use std::panic::AssertUnwindSafe;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::{FlightData, FlightDescriptor};
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt, TryStreamExt};
use tonic::{Status, Streaming};

use super::status::malformed;

/// What a client puts: the descriptor of its first message, and the batches of all.
pub(super) struct Put {
    pub descriptor: FlightDescriptor,
    /// The columns, if the client told them.
    pub schema: Option<SchemaRef>,
    pub batches: BoxStream<'static, Result<RecordBatch, Status>>,
}

impl Put {
    /// Reads the first messages, up to the first batch.
    ///
    /// # Errors
    /// Invalid argument if there is none, or it has no descriptor, or cannot be read.
    pub(super) async fn begin(mut messages: Streaming<FlightData>) -> Result<Self, Status> {
        let first = messages
            .message()
            .await?
            .ok_or_else(|| malformed("nothing was put"))?;
        let descriptor = first.flight_descriptor.clone();
        let descriptor = descriptor.ok_or_else(|| malformed("the first message has no descriptor"))?;
        let messages = stream::iter([Ok(first)]).chain(messages);
        // Messages without a header, which some clients send first, carry no data.
        let messages = messages
            .try_filter(|message| std::future::ready(!message.data_header.is_empty()))
            .map_err(FlightError::from);
        let mut decoded = FlightRecordBatchStream::new_from_flight_data(messages);
        let first = match AssertUnwindSafe(decoded.next()).catch_unwind().await {
            Ok(first) => first.map(checked).transpose()?,
            Err(_) => return Err(unreadable()),
        };
        let schema = decoded.schema().cloned();
        // A message can be so wrong that the decoder does not say so, but panics.
        let rest = AssertUnwindSafe(decoded).catch_unwind().map(|batch| match batch {
            Ok(batch) => checked(batch),
            Err(_) => Err(unreadable()),
        });
        Ok(Self {
            descriptor,
            schema,
            batches: stream::iter(first.map(Ok)).chain(rest).boxed(),
        })
    }
}

fn checked(batch: Result<RecordBatch, FlightError>) -> Result<RecordBatch, Status> {
    batch.map_err(|error| match error {
        FlightError::Tonic(status) => *status,
        error => malformed(format!("the data cannot be read: {error}")),
    })
}

fn unreadable() -> Status {
    malformed("the data cannot be read")
}
