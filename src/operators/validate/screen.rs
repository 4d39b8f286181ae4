//! Which rows may have a key that another row has too: told by hashes, before anything is compared.
//!
//! A hash that comes once is a key that comes once; only the few others need an exact look. Memory: 8
//! bytes a row for its hash, 8 for its number where it has one, and at most 8 bytes for its places; counted. Equal keys have equal
//! hashes as they have where rows are grouped and joined by them.

use arrow::array::{ArrayRef, UInt64Array};
use datafusion::common::hash_utils::{RandomState, create_hashes};
use datafusion::error::Result;
use datafusion::execution::memory_pool::MemoryReservation;

use super::spool::Bits;

/// How many places a row has in a table of hashes: fewer take more rows for suspects.
const PLACES: usize = 16;

/// Hashes of rows' keys.
#[derive(Debug)]
pub struct Screen {
    state: RandomState,
    memory: MemoryReservation,
    hashes: Vec<u64>,
    numbers: Vec<u64>,
}

/// Hashes of rows' keys, all of them, and which may come more than once.
#[derive(Debug)]
pub struct Screened {
    state: RandomState,
    _memory: MemoryReservation,
    hashes: Vec<u64>,
    numbers: Vec<u64>,
    seen: Places,
    twice: Places,
}

/// A bit for each remainder of a hash.
#[derive(Debug)]
struct Places {
    bits: Vec<u64>,
    mask: u64,
}

impl Places {
    fn new(rows: usize) -> Self {
        let bits = rows.saturating_mul(PLACES).next_power_of_two().max(64);
        Self {
            bits: vec![0; bits / 64],
            mask: bits as u64 - 1,
        }
    }

    fn at(&self, hash: u64) -> (usize, u64) {
        let place = hash & self.mask;
        (usize::try_from(place / 64).unwrap_or(0), 1 << (place % 64))
    }

    fn has(&self, hash: u64) -> bool {
        let (word, bit) = self.at(hash);
        self.bits[word] & bit != 0
    }

    /// Whether it was there already.
    fn insert(&mut self, hash: u64) -> bool {
        let (word, bit) = self.at(hash);
        let was_there = self.bits[word] & bit != 0;
        self.bits[word] |= bit;
        was_there
    }
}

fn hashes(state: &RandomState, keys: &[ArrayRef], rows: usize) -> Result<Vec<u64>> {
    let mut hashes = vec![0; rows];
    create_hashes(keys, state, &mut hashes)?;
    Ok(hashes)
}

impl Screen {
    /// No rows; `memory` is for those that come.
    pub fn new(memory: MemoryReservation) -> Self {
        Self {
            state: RandomState::default(),
            memory,
            hashes: Vec::new(),
            numbers: Vec::new(),
        }
    }

    /// Adds so many rows with these keys, no part of which is NULL; and their numbers, if
    /// [`Screened::suspects`] is to be asked.
    ///
    /// # Errors
    /// That the memory does not suffice.
    pub fn push(&mut self, keys: &[ArrayRef], rows: usize, numbers: Option<&UInt64Array>) -> Result<()> {
        if self.hashes.capacity() - self.hashes.len() < rows {
            let more = rows.max(self.hashes.capacity());
            let columns = if numbers.is_some() { 2 } else { 1 };
            self.memory.try_grow(more * columns * size_of::<u64>())?;
            self.hashes.reserve_exact(more);
            if numbers.is_some() {
                self.numbers.reserve_exact(more);
            }
        }
        self.hashes.extend(hashes(&self.state, keys, rows)?);
        if let Some(numbers) = numbers {
            self.numbers.extend_from_slice(numbers.values());
        }
        Ok(())
    }

    /// All rows are there.
    ///
    /// # Errors
    /// That the memory does not suffice.
    pub fn close(self) -> Result<Screened> {
        let rows = self.hashes.len();
        let bits = rows.saturating_mul(PLACES).next_power_of_two();
        self.memory.try_grow(2 * bits / 8)?;
        let (mut seen, mut twice) = (Places::new(rows), Places::new(rows));
        for hash in &self.hashes {
            if seen.insert(*hash) {
                twice.insert(*hash);
            }
        }
        Ok(Screened {
            state: self.state,
            _memory: self.memory,
            hashes: self.hashes,
            numbers: self.numbers,
            seen,
            twice,
        })
    }
}

impl Screened {
    /// Rows with these keys are held beside the others: whoever may have one of them is suspect too.
    ///
    /// # Errors
    /// DataFusion's own, for keys that have no hash.
    pub fn held(&mut self, keys: &[ArrayRef], rows: usize) -> Result<()> {
        for hash in hashes(&self.state, keys, rows)? {
            if self.seen.has(hash) {
                self.twice.insert(hash);
            }
        }
        Ok(())
    }

    /// The rows, of so many, that may have another's key.
    pub fn suspects(&self, rows: u64) -> Bits {
        let mut suspects = Bits::new(rows);
        for (hash, number) in self.hashes.iter().zip(&self.numbers) {
            if self.twice.has(*hash) {
                suspects.set(*number);
            }
        }
        suspects
    }

    /// Which of rows with these keys may have another's.
    ///
    /// # Errors
    /// DataFusion's own, for keys that have no hash.
    pub fn are_suspect(&self, keys: &[ArrayRef], rows: usize) -> Result<Vec<bool>> {
        let hashes = hashes(&self.state, keys, rows)?;
        Ok(hashes.into_iter().map(|hash| self.twice.has(hash)).collect())
    }

    /// How many rows are suspect.
    pub fn count(&self) -> usize {
        self.hashes.iter().filter(|hash| self.twice.has(**hash)).count()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray, UInt64Array};
    use datafusion::execution::memory_pool::{GreedyMemoryPool, MemoryConsumer, MemoryPool};

    use super::Screen;

    fn keys(range: std::ops::Range<i64>) -> Vec<ArrayRef> {
        let texts: StringArray = range.clone().map(|i| Some(format!("{}", i % 7))).collect();
        vec![Arc::new(Int64Array::from_iter_values(range)), Arc::new(texts)]
    }

    fn pool(bytes: usize) -> Arc<dyn MemoryPool> {
        Arc::new(GreedyMemoryPool::new(bytes))
    }

    #[test]
    fn whoever_has_anothers_key_is_suspect_and_few_others_are() {
        let pool = pool(10_000_000);
        let mut screen = Screen::new(MemoryConsumer::new("screen").register(&pool));
        let numbers = |range: std::ops::Range<u64>| UInt64Array::from_iter_values(range);
        screen
            .push(&keys(0..5000), 5000, Some(&numbers(0..5000)))
            .unwrap();
        screen
            .push(&keys(4990..10_000), 5010, Some(&numbers(5000..10_010)))
            .unwrap();
        let mut screened = screen.close().unwrap();
        screened.held(&keys(-5..5), 10).unwrap();
        let suspects = screened.suspects(10_010);
        for number in (0..5).chain(4990..5010) {
            assert!(suspects.contains(number), "{number}");
        }
        assert!(suspects.count() < 2000, "{}", suspects.count());
        assert_eq!(screened.count() as u64, suspects.count());
        assert!(screened.are_suspect(&keys(0..5), 5).unwrap().iter().all(|is| *is));
        assert!(pool.reserved() > 0);
        drop(screened);
        assert_eq!(pool.reserved(), 0);
    }

    #[test]
    fn too_little_memory_is_said() {
        let pool = pool(1000);
        let mut screen = Screen::new(MemoryConsumer::new("screen").register(&pool));
        assert!(screen.push(&keys(0..5000), 5000, None).is_err());
    }
}
