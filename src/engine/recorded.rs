//! A statement's rows, counted in its record as its reader takes them.

use arrow::array::RecordBatch;
use futures::{StreamExt, stream};

use super::outcome::Rows;
use super::queries::Begun;
use super::workers::Planning;
use crate::error::Result;

/// Rows on their way to their reader.
struct Recorded {
    /// `None` once they have ended.
    rows: Option<Rows>,
    begun: Begun,
    _clock: Option<Planning<()>>,
}

/// The same rows. When they end, `begun` ends; until then `clock` goes on.
pub(super) fn recorded(rows: Rows, begun: Begun, clock: Option<Planning<()>>) -> Rows {
    let schema = rows.schema();
    let recorded = Recorded {
        rows: Some(rows),
        begun,
        _clock: clock,
    };
    let rows = stream::unfold(recorded, |mut recorded| async move {
        let batch = recorded.next().await?;
        Some((batch, recorded))
    });
    Rows::new(schema, rows.boxed())
}

impl Recorded {
    async fn next(&mut self) -> Option<Result<RecordBatch>> {
        let record = self.begun.record().clone();
        let rows = self.rows.as_mut()?;
        let next = tokio::select! {
            biased;
            stop = record.until_stopped() => Some(Err(stop.error())),
            next = rows.next() => next,
        };
        match next {
            Some(Ok(batch)) => {
                record.count_out(batch.num_rows() as u64);
                Some(Ok(batch))
            }
            Some(Err(error)) => {
                let error = record.reason(error);
                self.rows = None;
                self.begun.fail(&error);
                Some(Err(error))
            }
            None => {
                self.rows = None;
                self.begun.finish();
                None
            }
        }
    }
}
