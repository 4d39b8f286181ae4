//! The lake's memory: one limit, shared by caches and statements.
//!
//! What statements' operators hold is counted here, each under its statement and its own name. A
//! statement may always have its equal share of the whole, as far as the others leave it; beyond
//! that it may borrow as long as it holds no more than it leaves. Batches on their way from one
//! operator to the next are not counted: a plan has few of them at a time.

mod machine;
mod pool;

pub(super) use machine::default_limit;
pub(super) use pool::{OUT_OF_MEMORY, StatementPool};

use parking_lot::Mutex;

/// What the caches together may take of the limit: a part of this, and never more than
/// [`CACHES_AT_MOST`].
const CACHES_PART: u64 = 16;
const CACHES_AT_MOST: u64 = 128 << 20;

/// A statement that is alone leaves one part of this for the next one to begin with.
const NEWCOMERS_PART: usize = 8;

/// The memory of one opened lake.
#[derive(Debug)]
pub(super) struct LakeMemory {
    limit: u64,
    statements_limit: usize,
    use_of: Mutex<Use>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Use {
    /// Bytes held by all statements.
    held: usize,
    /// Statements that hold some.
    holders: usize,
}

/// How the caches share their part, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CacheLimits {
    /// Footers of Parquet files.
    pub footers: usize,
    /// Statistics of files.
    pub statistics: usize,
}

impl LakeMemory {
    /// The memory of a lake that may use `limit` bytes.
    pub(super) fn new(limit: u64) -> Self {
        let statements = limit - caches(limit);
        Self {
            limit,
            statements_limit: usize::try_from(statements).unwrap_or(usize::MAX),
            use_of: Mutex::default(),
        }
    }

    /// What caches and statements may hold, in bytes.
    pub(super) fn limit(&self) -> u64 {
        self.limit
    }

    /// What all statements hold, in bytes.
    pub(super) fn held(&self) -> usize {
        self.in_use().held
    }

    /// What statements share, in bytes.
    pub(super) fn statements_limit(&self) -> usize {
        self.statements_limit
    }

    pub(super) fn cache_limits(&self) -> CacheLimits {
        let all = usize::try_from(caches(self.limit)).unwrap_or(usize::MAX);
        CacheLimits {
            footers: all / 4 * 3,
            statistics: all / 4,
        }
    }

    /// How many statements hold memory, and how much all hold.
    fn in_use(&self) -> Use {
        *self.use_of.lock()
    }

    /// What a statement that holds `held` bytes may hold at most, as things are.
    fn allowance(&self, use_of: Use, held: usize) -> usize {
        let others = use_of.holders - usize::from(held > 0);
        let free = self.statements_limit.saturating_sub(use_of.held);
        let allowed = match others {
            0 => self.statements_limit - self.statements_limit / NEWCOMERS_PART,
            others => (self.statements_limit / (others + 1)).max(held.saturating_add(free) / 2),
        };
        allowed.min(held.saturating_add(free))
    }

    fn add(&self, held_before: usize, additional: usize) {
        let mut use_of = self.use_of.lock();
        use_of.add(held_before, additional);
    }

    fn remove(&self, held_after: usize, bytes: usize) {
        let mut use_of = self.use_of.lock();
        use_of.held = use_of.held.saturating_sub(bytes);
        use_of.holders -= usize::from(bytes > 0 && held_after == 0);
    }
}

impl Use {
    fn add(&mut self, held_before: usize, additional: usize) {
        self.held += additional;
        self.holders += usize::from(additional > 0 && held_before == 0);
    }
}

fn caches(limit: u64) -> u64 {
    (limit / CACHES_PART).min(CACHES_AT_MOST)
}

#[cfg(test)]
mod tests;
