//! The threads that compute.
//!
//! A plan computes for long without a pause. On the threads of whoever asked for it, timers, signals
//! and other requests would wait for it; so plans run on threads of the lake's own.

use std::num::NonZeroUsize;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use crate::error::{Error, Result};

/// Expressions nest as deep as a statement is long. The memory is taken only when it is needed.
const STACK_BYTES: usize = 64 << 20;

/// A pool of threads. Dropped, it stops taking work, and waits for none.
#[derive(Debug)]
pub(super) struct Workers {
    runtime: Option<Runtime>,
}

impl Workers {
    /// A pool of that many threads; `None` is one a core.
    pub(super) fn new(threads: Option<NonZeroUsize>) -> Result<Self> {
        let mut builder = Builder::new_multi_thread();
        if let Some(threads) = threads {
            builder.worker_threads(threads.get());
        }
        let runtime = builder
            .thread_name("weir-worker")
            .thread_stack_size(STACK_BYTES)
            .enable_all()
            .build()
            .map_err(|e| Error::io("threads", "start", e))?;
        Ok(Self {
            runtime: Some(runtime),
        })
    }

    /// Runs `work` on the pool. `None` once the pool is being dropped.
    pub(super) fn spawn<F>(&self, work: F) -> Option<JoinHandle<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.runtime.as_ref().map(|runtime| runtime.spawn(work))
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
