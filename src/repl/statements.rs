//! Running statements so that they can be left at any moment.
//!
//! A statement runs in a task of its own and sends what it gives; who no longer listens waits for
//! nothing, however long the statement computes between two looks at the world.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::StreamExt;
use parking_lot::Mutex;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;

use super::footer::Cost;
use super::interrupts::Interrupts;
use crate::engine::{Body, Done, Outcomes, Record};
use crate::error::{Code, Error, Result};

/// How many batches may wait to be shown.
const AHEAD: usize = 2;

/// What a running statement gives, one after the other.
pub(super) enum Event {
    /// It gives rows, of these columns.
    Columns(SchemaRef),
    /// Some of them.
    Rows(RecordBatch),
    /// It has been carried out and gives none.
    Done(Done),
    /// It failed.
    Failed(Error),
}

/// A statement that runs. Dropped, it stops.
pub(super) struct Running {
    events: Receiver<Event>,
    task: JoinHandle<Outcomes>,
    /// The statement's record, once it is known.
    record: Arc<Mutex<Option<Record>>>,
}

impl Running {
    /// Starts the next of `outcomes`.
    pub(super) fn start(outcomes: Outcomes) -> Self {
        let (sender, events) = channel(AHEAD);
        let record = Arc::default();
        Self {
            events,
            task: tokio::spawn(run(outcomes, sender, Arc::clone(&record))),
            record,
        }
    }

    /// What it gives next; `None` when it has ended.
    ///
    /// # Errors
    /// [`Code::Cancelled`] at Ctrl-C.
    pub(super) async fn next(&mut self, interrupts: &mut Interrupts) -> Result<Option<Event>> {
        tokio::select! {
            biased;
            () = interrupts.next() => Err(Error::new(Code::Cancelled, "cancelled")),
            event = self.events.recv() => Ok(event),
        }
    }

    /// What it has used so far, as far as that is known.
    pub(super) fn cost(&self) -> Option<Cost> {
        let totals = self.record.lock().as_ref()?.totals();
        Some(Cost {
            rows_read: totals.rows_read,
            bytes_read: totals.bytes_read,
            files_pruned: totals.files_pruned,
            spilled_bytes: totals.spilled_bytes,
            peak_memory_bytes: totals.peak_memory_bytes,
        })
    }

    /// Ends it, wherever it is, and gives back the outcomes that follow.
    ///
    /// # Errors
    /// [`Code::Cancelled`] at Ctrl-C, [`Code::Internal`] if the statement's task broke down.
    pub(super) async fn end(mut self, interrupts: &mut Interrupts) -> Result<Outcomes> {
        self.events.close();
        while self.events.try_recv().is_ok() {}
        tokio::select! {
            biased;
            () = interrupts.next() => Err(Error::new(Code::Cancelled, "cancelled")),
            ended = &mut self.task => ended.map_err(|error| {
                Error::new(Code::Internal, format!("the statement broke down: {error}")).with_source(error)
            }),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(mut outcomes: Outcomes, sender: Sender<Event>, record: Arc<Mutex<Option<Record>>>) -> Outcomes {
    let outcome = outcomes.next().await;
    if let Some(Ok(outcome)) = &outcome {
        *record.lock() = Some(outcome.record.clone());
    }
    let mut rows = match outcome.map(|outcome| outcome.map(|outcome| outcome.body)) {
        None => return outcomes,
        Some(Ok(Body::Rows(rows))) => rows,
        Some(Ok(Body::Done(done))) => return last(outcomes, &sender, Event::Done(done)).await,
        Some(Err(error)) => return last(outcomes, &sender, Event::Failed(error)).await,
    };
    // A closed channel means that the rest is not wanted.
    if sender.send(Event::Columns(rows.schema())).await.is_err() {
        return outcomes;
    }
    loop {
        let batch = tokio::select! {
            batch = rows.next() => batch,
            () = sender.closed() => None,
        };
        let event = match batch {
            None => return outcomes,
            Some(Ok(batch)) => Event::Rows(batch),
            Some(Err(error)) => return last(outcomes, &sender, Event::Failed(error)).await,
        };
        if sender.send(event).await.is_err() {
            return outcomes;
        }
    }
}

async fn last(outcomes: Outcomes, sender: &Sender<Event>, event: Event) -> Outcomes {
    // Nobody may listen any more.
    let _ = sender.send(event).await;
    outcomes
}
