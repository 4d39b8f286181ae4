//! What a scan has fetched of a file and not decoded yet, counted as memory of its statement.
//!
//! A Parquet reader fetches the chunks of a row group whole, and holds them until the last row of it is
//! decoded. They are counted without asking: what a scan needs it needs, and operators that can spill
//! make room. All scans of a statement count as no more than a part of its limit, or nobody could work
//! beside a chunk that is large.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation};
use futures::FutureExt;
use futures::future::BoxFuture;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::Result;
use parquet::file::metadata::ParquetMetaData;

/// What a statement's scans hold counts as at most one part of this of its limit.
const PART: usize = 16;

/// The memory of the statement that a session plans, as an extension of its settings.
pub struct StatementMemory {
    pool: Arc<dyn MemoryPool>,
    counted: AtomicUsize,
}

impl StatementMemory {
    /// Of the statement whose operators share `pool`.
    pub fn new(pool: Arc<dyn MemoryPool>) -> Self {
        Self {
            pool,
            counted: AtomicUsize::new(0),
        }
    }

    /// How many of `bytes` are counted now.
    fn count(&self, bytes: usize) -> usize {
        let at_most = match self.pool.memory_limit() {
            MemoryLimit::Finite(limit) => limit / PART,
            MemoryLimit::Infinite | MemoryLimit::Unknown => usize::MAX,
        };
        let before = self.counted.load(Ordering::Relaxed);
        let counted = bytes.min(at_most.saturating_sub(before));
        self.counted.fetch_add(counted, Ordering::Relaxed);
        counted
    }
}

impl fmt::Debug for StatementMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatementMemory")
            .field("counted", &self.counted)
            .finish_non_exhaustive()
    }
}

/// A reader whose bytes are counted while they are held.
pub(super) struct Counted {
    inner: Box<dyn AsyncFileReader + Send>,
    memory: Arc<StatementMemory>,
    consumer: MemoryReservation,
}

impl Counted {
    pub(super) fn new(inner: Box<dyn AsyncFileReader + Send>, memory: Arc<StatementMemory>) -> Self {
        let consumer = MemoryConsumer::new("ParquetScan").register(&memory.pool);
        Self {
            inner,
            memory,
            consumer,
        }
    }
}

/// Memory of bytes that are held.
struct Hold {
    memory: Arc<StatementMemory>,
    reservation: MemoryReservation,
}

impl Hold {
    fn of(bytes: usize, memory: &Arc<StatementMemory>, consumer: &MemoryReservation) -> Arc<Self> {
        let reservation = consumer.new_empty();
        reservation.grow(memory.count(bytes));
        Arc::new(Self {
            memory: Arc::clone(memory),
            reservation,
        })
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.memory
            .counted
            .fetch_sub(self.reservation.size(), Ordering::Relaxed);
    }
}

impl AsyncFileReader for Counted {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes>> {
        async move {
            let bytes = self.inner.get_bytes(range).await?;
            let hold = Hold::of(bytes.len(), &self.memory, &self.consumer);
            Ok(held(bytes, hold))
        }
        .boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, Result<Vec<Bytes>>> {
        async move {
            let all = self.inner.get_byte_ranges(ranges).await?;
            let hold = Hold::of(all.iter().map(Bytes::len).sum(), &self.memory, &self.consumer);
            Ok(all
                .into_iter()
                .map(|bytes| held(bytes, Arc::clone(&hold)))
                .collect())
        }
        .boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>>> {
        self.inner.get_metadata(options)
    }
}

/// The same bytes, their memory given back with the last of them.
fn held(bytes: Bytes, hold: Arc<Hold>) -> Bytes {
    Bytes::from_owner(Held { bytes, _hold: hold })
}

struct Held {
    bytes: Bytes,
    _hold: Arc<Hold>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
