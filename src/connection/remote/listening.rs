//! How far a statement is that a server runs, as far as the server tells.
//!
//! A server of this program is asked again and again while the statement runs, and once when it has ended. Any
//! other says that it knows no such action, and is not asked again.

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use tokio::task::JoinHandle;

use super::call::Calls;
use crate::engine::{Body, Record, Rows};

/// How often a server is asked.
const EVERY: Duration = Duration::from_millis(200);

/// How long the end of a statement waits for its last figures.
const LAST_AT_MOST: Duration = Duration::from_millis(500);

/// Asks until it is dropped.
pub(super) struct Listening {
    calls: Arc<Calls>,
    record: Record,
    task: JoinHandle<()>,
}

impl Listening {
    pub(super) fn start(calls: Arc<Calls>, record: Record) -> Self {
        let (asked, hearing) = (Arc::clone(&calls), record.clone());
        let task = tokio::spawn(async move {
            while asked.tells() {
                tokio::time::sleep(EVERY).await;
                hear(&asked, &hearing).await;
            }
        });
        Self { calls, record, task }
    }

    /// The same body; when it has ended, what its statement used is known.
    pub(super) async fn until_end_of(self, body: Body) -> Body {
        match body {
            Body::Done(done) => {
                self.hear_last().await;
                Body::Done(done)
            }
            Body::Rows(rows) => {
                let schema = rows.schema();
                let last = stream::once(async move { self.hear_last().await });
                let last = last.filter_map(|()| std::future::ready(None));
                Body::Rows(Rows::new(schema, rows.chain(last).boxed()))
            }
        }
    }

    async fn hear_last(&self) {
        self.task.abort();
        if self.calls.tells() {
            // Figures that come too late are not worth the wait.
            drop(tokio::time::timeout(LAST_AT_MOST, hear(&self.calls, &self.record)).await);
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn hear(calls: &Calls, record: &Record) {
    if let Some(told) = calls.told().await {
        record.hear(&told);
    }
}
