//! Statements that another process runs, with records of this one.

use std::sync::Arc;

use super::memory::LakeMemory;
use super::outcome::{Body, Outcome};
use super::progress::Progress;
use super::queries::{Queries, Record};
use super::recorded::recorded;
use crate::error::Result;
use crate::syntax::Piece;

/// Keeps the records of statements that are run elsewhere, so that a front end sees of them what it sees
/// of its own: how long they take, how many rows they gave, how they ended.
#[derive(Debug, Clone)]
pub struct Elsewhere {
    queries: Arc<Queries>,
    memory: Arc<LakeMemory>,
    progress: Progress,
}

impl Default for Elsewhere {
    fn default() -> Self {
        Self {
            queries: Arc::new(Queries::new()),
            // The memory that such a statement takes is not here.
            memory: Arc::new(LakeMemory::new(0)),
            progress: Progress::default(),
        }
    }
}

impl Elsewhere {
    /// A handle to the running statement's progress.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// The outcome of the statement `piece`, whose body `work` brings. What is heard of it meanwhile goes into
    /// its record.
    ///
    /// # Errors
    /// Those of `work`.
    pub async fn outcome<W>(&self, piece: &Piece, work: impl FnOnce(Record) -> W) -> Result<Outcome>
    where
        W: Future<Output = Result<Body>>,
    {
        let mut begun = self.queries.begin("", piece.sql(), &self.memory, true);
        let record = begun.record().clone();
        self.progress.watch(&record);
        let body = match work(record.clone()).await {
            Ok(Body::Rows(rows)) => Body::Rows(recorded(rows, begun, None)),
            Ok(Body::Done(done)) => {
                record.count_out(done.affected.unwrap_or_default());
                begun.finish();
                Body::Done(done)
            }
            Err(error) => {
                begun.fail(&error);
                return Err(error);
            }
        };
        Ok(Outcome {
            sql: piece.sql().to_owned(),
            start: piece.start(),
            body,
            record,
        })
    }
}
