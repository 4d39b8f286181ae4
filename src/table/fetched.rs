//! What a scan has fetched of a file and not decoded yet, counted as memory of its statement.
//!
//! A Parquet reader fetches the chunks of a row group whole, and holds them until the last row of it is
//! decoded. They are counted without asking: what a scan needs it needs, and operators that can spill
//! make room. Of a chunk that is large beside the limit only a part is counted, or nobody could work.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation};
use futures::FutureExt;
use futures::future::BoxFuture;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::Result;
use parquet::file::metadata::ParquetMetaData;

/// One fetch counts as at most one part of this of the limit.
const PART: usize = 8;

/// The memory of the statement that a session plans, as an extension of its settings.
#[derive(Clone)]
pub struct StatementMemory(pub Arc<dyn MemoryPool>);

impl fmt::Debug for StatementMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatementMemory").finish_non_exhaustive()
    }
}

/// A reader whose bytes are counted while they are held.
pub(super) struct Counted {
    inner: Box<dyn AsyncFileReader + Send>,
    memory: MemoryReservation,
    at_most: usize,
}

impl Counted {
    pub(super) fn new(inner: Box<dyn AsyncFileReader + Send>, memory: &StatementMemory) -> Self {
        let at_most = match memory.0.memory_limit() {
            MemoryLimit::Finite(limit) => limit / PART,
            MemoryLimit::Infinite | MemoryLimit::Unknown => usize::MAX,
        };
        Self {
            inner,
            memory: MemoryConsumer::new("ParquetScan").register(&memory.0),
            at_most,
        }
    }
}

impl AsyncFileReader for Counted {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes>> {
        async move {
            let bytes = self.inner.get_bytes(range).await?;
            let memory = self.memory.new_empty();
            memory.grow(bytes.len().min(self.at_most));
            Ok(held(bytes, Arc::new(memory)))
        }
        .boxed()
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, Result<Vec<Bytes>>> {
        async move {
            let all = self.inner.get_byte_ranges(ranges).await?;
            let memory = self.memory.new_empty();
            memory.grow(all.iter().map(Bytes::len).sum::<usize>().min(self.at_most));
            let memory = Arc::new(memory);
            Ok(all
                .into_iter()
                .map(|bytes| held(bytes, Arc::clone(&memory)))
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
fn held(bytes: Bytes, memory: Arc<MemoryReservation>) -> Bytes {
    Bytes::from_owner(Held {
        bytes,
        _memory: memory,
    })
}

struct Held {
    bytes: Bytes,
    _memory: Arc<MemoryReservation>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
