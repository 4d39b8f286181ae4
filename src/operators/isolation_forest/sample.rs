//! A sample of points that does not depend on the order in which they come, nor on how they are split.
//!
//! Of the distinct points those are kept whose hashes under the seed are least, with how often each occurs. A
//! point that is let go of never comes back, since what is kept only becomes less; so the counts are exact, and
//! samples of parts can be merged (bottom-k sampling, Cohen and Kaplan 2007).

use std::collections::BinaryHeap;
use std::collections::hash_map::Entry;

use arrow::array::{Array, Float64Array};
use arrow::buffer::NullBuffer;

/// Points and how often each occurs.
#[derive(Debug)]
pub(super) struct Pool {
    width: usize,
    most: usize,
    /// By hash: the place of the point, and its count.
    known: std::collections::HashMap<u64, (usize, u64)>,
    hashes: BinaryHeap<u64>,
    /// Point by point.
    values: Vec<f64>,
    seed: u64,
}

/// What is drawn from.
#[derive(Debug)]
pub(super) struct Points {
    pub(super) width: usize,
    /// Point by point.
    pub(super) values: Vec<f64>,
    /// How many rows there are up to and with each point.
    pub(super) ends: Vec<u64>,
}

impl Pool {
    /// Keeps at most `most` points of `width` numbers.
    pub(super) fn new(width: usize, most: usize, seed: i64) -> Self {
        Self {
            width,
            most,
            known: std::collections::HashMap::new(),
            hashes: BinaryHeap::new(),
            values: Vec::new(),
            seed: mixed(seed as u64),
        }
    }

    /// Takes rows in, a column a number.
    pub(super) fn add(&mut self, columns: &[&Float64Array]) {
        let rows = columns.first().map_or(0, |column| column.len());
        let mut hashes = vec![self.seed; rows];
        for column in columns {
            for (hash, value) in hashes.iter_mut().zip(column.values()) {
                // 0 and -0 are one number.
                *hash = mixed(*hash ^ (value + 0.0).to_bits());
            }
        }
        let usable = usable(columns, rows);
        for (row, hash) in hashes.into_iter().enumerate() {
            if self.wants(hash) && usable.as_ref().is_none_or(|usable| usable.is_valid(row)) {
                self.keep(hash, 1, columns.iter().map(|column| column.value(row)));
            }
        }
    }

    /// Takes another sample in.
    pub(super) fn merge(&mut self, other: &Self) {
        for (hash, (place, count)) in &other.known {
            if self.wants(*hash) {
                let values = &other.values[place * self.width..(place + 1) * self.width];
                self.keep(*hash, *count, values.iter().copied());
            }
        }
    }

    fn wants(&self, hash: u64) -> bool {
        self.known.len() < self.most || self.hashes.peek().is_some_and(|greatest| hash <= *greatest)
    }

    fn keep(&mut self, hash: u64, count: u64, values: impl Iterator<Item = f64>) {
        let next = self.known.len();
        match self.known.entry(hash) {
            Entry::Occupied(mut known) => known.get_mut().1 += count,
            Entry::Vacant(free) if next < self.most => {
                free.insert((next, count));
                self.hashes.push(hash);
                self.values.extend(values);
            }
            Entry::Vacant(free) => {
                let Some(greatest) = self.hashes.pop() else {
                    return;
                };
                self.hashes.push(hash);
                free.insert((0, count));
                let Some((place, _)) = self.known.remove(&greatest) else {
                    return;
                };
                if let Some(known) = self.known.get_mut(&hash) {
                    known.0 = place;
                }
                let slots = &mut self.values[place * self.width..(place + 1) * self.width];
                slots
                    .iter_mut()
                    .zip(values)
                    .for_each(|(slot, value)| *slot = value);
            }
        }
    }

    /// The points, in an order that depends on them alone.
    pub(super) fn points(&self) -> Points {
        let mut known: Vec<(u64, (usize, u64))> = self.known.iter().map(|(hash, of)| (*hash, *of)).collect();
        known.sort_unstable();
        let mut values = Vec::with_capacity(self.values.len());
        let (mut ends, mut end) = (Vec::with_capacity(known.len()), 0);
        for (_, (place, count)) in known {
            values.extend_from_slice(&self.values[place * self.width..(place + 1) * self.width]);
            end += count;
            ends.push(end);
        }
        Points {
            width: self.width,
            values,
            ends,
        }
    }

    /// Bytes held.
    pub(super) fn size(&self) -> usize {
        let entry = size_of::<u64>() * 4 + 1;
        self.known.capacity() * entry
            + self.hashes.capacity() * size_of::<u64>()
            + self.values.capacity() * size_of::<f64>()
    }
}

impl Points {
    /// How many rows there are.
    pub(super) fn rows(&self) -> u64 {
        self.ends.last().copied().unwrap_or(0)
    }

    /// The point of a row.
    pub(super) fn of_row(&self, row: u64) -> usize {
        self.ends.partition_point(|end| *end <= row)
    }

    /// The numbers of a point.
    pub(super) fn point(&self, place: usize) -> &[f64] {
        &self.values[place * self.width..(place + 1) * self.width]
    }
}

/// Which rows are points: those whose numbers are all there and finite. None if all are.
pub(super) fn usable(columns: &[&Float64Array], rows: usize) -> Option<NullBuffer> {
    columns.iter().fold(None, |usable, column| {
        let finite = match column.values().iter().all(|value| value.is_finite()) {
            true => None,
            false => Some(
                column
                    .values()
                    .iter()
                    .map(|value| value.is_finite())
                    .collect::<NullBuffer>(),
            ),
        };
        debug_assert_eq!(column.len(), rows);
        let usable = NullBuffer::union(usable.as_ref(), column.nulls());
        NullBuffer::union(usable.as_ref(), finite.as_ref())
    })
}

/// Every bit of the result depends on every bit of `x` (SplitMix64's finalizer).
fn mixed(x: u64) -> u64 {
    let x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
