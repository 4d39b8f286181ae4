//! Running statements so that they can be left at any moment.
//!
//! A statement runs on threads that run nothing else, and sends what it gives. So the meter moves and
//! Ctrl-C is heard while every one of them computes; and a statement that is left waits for nothing:
//! its threads are given up, to end when they next look at the world, and the next one has new ones.

use std::num::NonZeroUsize;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::StreamExt;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;

use super::interrupts::Interrupts;
use crate::engine::{Body, Done, Outcomes};
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

/// The threads that statements run on.
pub(super) struct Workers {
    count: Option<NonZeroUsize>,
    runtime: Option<Runtime>,
}

impl Workers {
    /// So many threads, by default one a core.
    pub(super) fn new(count: Option<NonZeroUsize>) -> Self {
        Self { count, runtime: None }
    }

    /// Starts the next of `outcomes`.
    ///
    /// # Errors
    /// What the operating system says about new threads.
    pub(super) fn start(&mut self, outcomes: Outcomes) -> Result<Running> {
        let runtime = match self.runtime.take() {
            Some(runtime) => runtime,
            None => self.build().map_err(|e| Error::io("threads", "start", e))?,
        };
        let (sender, events) = channel(AHEAD);
        let task = self.runtime.insert(runtime).spawn(run(outcomes, sender));
        Ok(Running { events, task })
    }

    fn build(&self) -> std::io::Result<Runtime> {
        let mut builder = Builder::new_multi_thread();
        if let Some(count) = self.count {
            builder.worker_threads(count.get());
        }
        builder.thread_name("statement").enable_all().build()
    }

    /// Gives the threads up.
    pub(super) fn abandon(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.abandon();
    }
}

/// A statement that runs. Dropped, it stops.
pub(super) struct Running {
    events: Receiver<Event>,
    task: JoinHandle<Outcomes>,
}

impl Running {
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

async fn run(mut outcomes: Outcomes, sender: Sender<Event>) -> Outcomes {
    let outcome = outcomes.next().await;
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
