//! What passed a gate, in numbers. Shared by the gate's streams.

use std::sync::atomic::{AtomicU64, Ordering};

use super::kernel::Judged;

/// Counters; each row is counted once.
#[derive(Debug, Default)]
pub struct Tally {
    input: AtomicU64,
    quarantined: AtomicU64,
    dropped: AtomicU64,
    warned: AtomicU64,
    rules: Vec<(AtomicU64, AtomicU64)>,
}

/// The counters, read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// New rows.
    pub input: u64,
    /// Those kept aside.
    pub quarantined: u64,
    /// Those left out.
    pub dropped: u64,
    /// Those that passed and break a rule all the same.
    pub warned: u64,
    /// For each rule the rows that it applied to, and those that broke it.
    pub rules: Vec<(u64, u64)>,
}

impl Tally {
    /// Zero, for as many rules.
    pub fn new(rules: usize) -> Self {
        let rules = std::iter::repeat_with(Default::default).take(rules).collect();
        Self {
            rules,
            ..Self::default()
        }
    }

    /// Adds a batch.
    pub fn add(&self, judged: &Judged) {
        let bits = |bits: &Option<arrow::buffer::BooleanBuffer>| {
            bits.as_ref().map_or(0, |bits| bits.count_set_bits() as u64)
        };
        for (counter, n) in [
            (&self.input, judged.input),
            (&self.quarantined, bits(&judged.quarantined)),
            (&self.dropped, bits(&judged.dropped)),
            (&self.warned, bits(&judged.warned)),
        ] {
            counter.fetch_add(n, Ordering::Relaxed);
        }
        for ((rows, broken), (n, b)) in self.rules.iter().zip(judged.rows.iter().zip(&judged.broken)) {
            rows.fetch_add(*n, Ordering::Relaxed);
            broken.fetch_add(bits(b), Ordering::Relaxed);
        }
    }

    /// The counters as they are.
    pub fn counts(&self) -> Counts {
        let read = |n: &AtomicU64| n.load(Ordering::Relaxed);
        Counts {
            input: read(&self.input),
            quarantined: read(&self.quarantined),
            dropped: read(&self.dropped),
            warned: read(&self.warned),
            rules: self.rules.iter().map(|(n, v)| (read(n), read(v))).collect(),
        }
    }
}

impl Counts {
    /// The new rows that passed.
    pub fn accepted(&self) -> u64 {
        self.input - self.quarantined - self.dropped
    }
}
