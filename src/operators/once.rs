//! Work that is done once for all partitions of an operator's output.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use datafusion::common::runtime::SpawnedTask;
use datafusion::error::{DataFusionError, Result};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use parking_lot::Mutex;

/// What comes of it, for each who waits.
pub(super) type Outcome<T> = Shared<BoxFuture<'static, Result<Arc<T>, Arc<DataFusionError>>>>;

/// The work, from when the first partition asks for it until the last one has.
pub(super) struct Once<T>(Mutex<Begun<T>>);

struct Begun<T> {
    work: Option<Outcome<T>>,
    handed_out: usize,
}

impl<T> Default for Begun<T> {
    fn default() -> Self {
        Self {
            work: None,
            handed_out: 0,
        }
    }
}

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> fmt::Debug for Once<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").finish_non_exhaustive()
    }
}

impl<T: Send + Sync + 'static> Once<T> {
    /// The work, which whoever waits for it drives. Each of `partitions` asks for it once. When all have, it is let
    /// go of, so that it ends with those who wait and its result with those who use it.
    pub(super) fn get<F>(&self, partitions: usize, begin: impl FnOnce() -> F) -> Outcome<T>
    where
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let mut begun = self.0.lock();
        let work = begun.work.get_or_insert_with(|| {
            let work = begin();
            let work = async move { work.await.map(Arc::new).map_err(Arc::new) };
            work.boxed().shared()
        });
        let work = work.clone();
        begun.handed_out += 1;
        if begun.handed_out >= partitions {
            *begun = Begun::default();
        }
        work
    }
}

/// The result of a task of its own.
pub(super) async fn joined<T: 'static>(task: SpawnedTask<Result<T>>) -> Result<T> {
    task.join_unwind()
        .await
        .map_err(|error| DataFusionError::External(Box::new(error)))?
}
