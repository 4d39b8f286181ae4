//! The threads that plan and compute.
//!
//! A plan computes for long without a pause. On the threads of whoever asked for it, timers, signals
//! and other requests would wait for it; so plans run on threads of the lake's own. Planning has
//! others: it waits for no computation, and reads footers and folders on no front end's thread.

use std::num::NonZeroUsize;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinError, JoinHandle};

use crate::error::{Error, Result};

/// Expressions nest as deep as a statement is long. The memory is taken only when it is needed.
const STACK_BYTES: usize = 64 << 20;

/// A planner walks an expression more often than an operator does, with larger frames.
const PLANNING_STACK_BYTES: usize = 512 << 20;
const PLANNING_THREADS: usize = 2;

/// Two pools of threads. Dropped, they stop taking work, and wait for none.
#[derive(Debug)]
pub(super) struct Workers {
    computing: Option<Runtime>,
    planning: Option<Runtime>,
}

impl Workers {
    /// That many threads that compute; `None` is one a core.
    pub(super) fn new(threads: Option<NonZeroUsize>) -> Result<Self> {
        let mut computing = Builder::new_multi_thread();
        if let Some(threads) = threads {
            computing.worker_threads(threads.get());
        }
        computing
            .thread_name("weir-worker")
            .thread_stack_size(STACK_BYTES);
        let mut planning = Builder::new_multi_thread();
        planning
            .worker_threads(PLANNING_THREADS)
            .thread_name("weir-planner")
            .thread_stack_size(PLANNING_STACK_BYTES);
        let build = |builder: &mut Builder| {
            let built = builder.enable_all().build();
            built.map_err(|e| Error::io("threads", "start", e))
        };
        Ok(Self {
            computing: Some(build(&mut computing)?),
            planning: Some(build(&mut planning)?),
        })
    }

    /// Computes. `None` once the pool is being dropped.
    pub(super) fn spawn<F>(&self, work: F) -> Option<JoinHandle<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.computing.as_ref().map(|runtime| runtime.spawn(work))
    }

    /// Plans. Dropped early, it stops. `None` once the pool is being dropped.
    pub(super) fn plan<F>(&self, work: F) -> Option<Planning<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let runtime = self.planning.as_ref()?;
        Some(Planning(runtime.spawn(work)))
    }

    /// Does `then` after a time, unless what is returned is dropped before.
    pub(super) fn after(&self, time: Duration, then: impl FnOnce() + Send + 'static) -> Option<Planning<()>> {
        self.plan(async move {
            tokio::time::sleep(time).await;
            then();
        })
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        let runtimes = [self.computing.take(), self.planning.take()];
        runtimes
            .into_iter()
            .flatten()
            .for_each(Runtime::shutdown_background);
    }
}

/// Work that ends when it is dropped.
#[derive(Debug)]
pub(super) struct Planning<T>(JoinHandle<T>);

impl<T> Future for Planning<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}

impl<T> Drop for Planning<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
