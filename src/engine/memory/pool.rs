//! The memory of one statement, as DataFusion's operators ask for it.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation};
use parking_lot::Mutex;

use super::LakeMemory;
use crate::definition::size_text;

/// An operator that can spill holds at most so many times what it leaves free for others of its kind. So
/// any number of them find room to begin.
const SPILLING_SHARE: usize = 8;

/// One part of this of a statement's memory is kept for operators that cannot make do with less.
const KEPT_FOR_OTHERS: usize = 5;

/// One part of this every operator may take to begin with, if it is there at all: one that has nothing
/// yet has nothing to spill.
const BEGINNING: usize = 8;

/// What sorts call the memory in which they merge what they have spilled. They take as much as they are
/// given, and merge fewer files at a time with less.
const MERGE: &str = "ExternalSorterMerge";

/// How many operators an error names.
const NAMED: usize = 3;

/// What every error of this pool begins with.
pub(in crate::engine) const OUT_OF_MEMORY: &str = "out of memory: ";

/// The memory of one statement.
#[derive(Debug)]
pub(in crate::engine) struct StatementPool {
    lake: Arc<LakeMemory>,
    id: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    limit: usize,
    held: usize,
    peak: usize,
    consumers: HashMap<usize, Consumer>,
}

#[derive(Debug)]
struct Consumer {
    name: String,
    held: usize,
}

impl StatementPool {
    pub(in crate::engine) fn new(lake: Arc<LakeMemory>, id: &str) -> Self {
        Self {
            lake,
            id: id.to_owned(),
            state: Mutex::new(State {
                limit: usize::MAX,
                held: 0,
                peak: 0,
                consumers: HashMap::new(),
            }),
        }
    }

    /// Gives the statement a limit of its own, in bytes.
    pub(in crate::engine) fn set_limit(&self, bytes: usize) {
        self.state.lock().limit = bytes;
    }

    /// Bytes held now.
    pub(in crate::engine) fn held(&self) -> usize {
        self.state.lock().held
    }

    /// The most bytes that were held at one time.
    pub(in crate::engine) fn peak(&self) -> usize {
        self.state.lock().peak
    }

    fn refusal(&self, state: &State, consumer: &MemoryConsumer, additional: usize) -> DataFusionError {
        let all = self.lake.in_use();
        let whose = if state.limit < self.lake.statements_limit() {
            format!("of its own limit of {}", size_text(state.limit as u64))
        } else {
            let others = all.held.saturating_sub(state.held);
            format!(
                "of the {} that statements share, others {}",
                size_text(self.lake.statements_limit() as u64),
                size_text(others as u64)
            )
        };
        DataFusionError::ResourcesExhausted(format!(
            "{OUT_OF_MEMORY}{} of statement {} asked for {} more; the statement holds {} {whose}{}",
            consumer.name(),
            self.id,
            size_text(additional as u64),
            size_text(state.held as u64),
            state.largest(),
        ))
    }
}

impl State {
    /// What one operator may hold at most, if all of them may hold `allowed`.
    fn share(&self, consumer: &MemoryConsumer, size: usize, allowed: usize) -> usize {
        let to_begin = allowed / BEGINNING;
        let reach = |allowed: usize| size.saturating_add(allowed.saturating_sub(self.held));
        if consumer.can_spill() || consumer.name().starts_with(MERGE) {
            let reach = reach(allowed - allowed / KEPT_FOR_OTHERS);
            let share = reach - reach / (SPILLING_SHARE + 1);
            share.max(to_begin.min(size.saturating_add(allowed.saturating_sub(self.held))))
        } else {
            reach(allowed)
        }
    }

    fn add(&mut self, id: usize, bytes: usize) {
        self.held += bytes;
        self.peak = self.peak.max(self.held);
        if let Some(consumer) = self.consumers.get_mut(&id) {
            consumer.held += bytes;
        }
    }

    /// `: HashJoinInput[0] 200.0 MB, GroupedHashAggregateStream[1] 20.0 MB`.
    fn largest(&self) -> String {
        let mut holders: Vec<_> = self.consumers.values().filter(|c| c.held > 0).collect();
        holders.sort_by(|a, b| b.held.cmp(&a.held).then_with(|| a.name.cmp(&b.name)));
        let named = holders.iter().take(NAMED);
        let named: Vec<_> = named
            .map(|c| format!("{} {}", c.name, size_text(c.held as u64)))
            .collect();
        match named.is_empty() {
            true => String::new(),
            false => format!(": {}", named.join(", ")),
        }
    }
}

impl MemoryPool for StatementPool {
    fn name(&self) -> &'static str {
        "statement"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        let name = consumer.name().to_owned();
        let known = Consumer { name, held: 0 };
        self.state.lock().consumers.insert(consumer.id(), known);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.state.lock().consumers.remove(&consumer.id());
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        let mut state = self.state.lock();
        self.lake.add(state.held, additional);
        state.add(reservation.consumer().id(), additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        let mut state = self.state.lock();
        state.held = state.held.saturating_sub(shrink);
        self.lake.remove(state.held, shrink);
        if let Some(consumer) = state.consumers.get_mut(&reservation.consumer().id()) {
            consumer.held = consumer.held.saturating_sub(shrink);
        }
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let consumer = reservation.consumer();
        let mut state = self.state.lock();
        {
            let mut use_of = self.lake.use_of.lock();
            let allowed = self.lake.allowance(*use_of, state.held).min(state.limit);
            let share = state.share(consumer, reservation.size(), allowed);
            if reservation.size().saturating_add(additional) <= share {
                use_of.add(state.held, additional);
                state.add(consumer.id(), additional);
                return Ok(());
            }
        }
        Err(self.refusal(&state, consumer, additional))
    }

    fn reserved(&self) -> usize {
        self.held()
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.state.lock().limit.min(self.lake.statements_limit()))
    }
}

impl fmt::Display for StatementPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "memory of statement {}", self.id)
    }
}

impl Drop for StatementPool {
    fn drop(&mut self) {
        let state = self.state.get_mut();
        if state.held > 0 {
            self.lake.remove(0, state.held);
        }
    }
}
