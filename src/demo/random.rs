//! Random numbers that are the same on every machine: integers only, drawn from ChaCha8 by
//! fixed-point arithmetic of our own, so that no library's change of sampling and no machine's
//! floating point moves a byte of the sample.

use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// One table's stream of random numbers. Streams of one seed are independent, so that a table does
/// not change when another draws more.
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    pub(super) fn new(seed: u64, stream: u64) -> Self {
        let mut numbers = ChaCha8Rng::seed_from_u64(seed);
        numbers.set_stream(stream);
        Self(numbers)
    }

    pub(super) fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number in `0..n`; 0 if `n` is 0.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        scale(self.0.next_u64(), n)
    }

    /// A number in `low..high`.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below(high.abs_diff(low)) as i64
    }

    /// True in `percent` of a hundred cases.
    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of `items`, which are not empty.
    pub(super) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u64) as usize]
    }

    /// A place in `weights`, each as likely as its weight says.
    pub(super) fn weighted(&mut self, weights: &[u64]) -> usize {
        weighted(self.bits(), weights)
    }

    /// A number in `0..n` of which the small ones are the likelier: as habits are spread.
    pub(super) fn skewed(&mut self, n: u64) -> u64 {
        let r = self.bits() >> 32;
        scale(r * r, n)
    }

    /// A number in `0..n` of which the small ones are far the likeliest: as popularity is spread.
    pub(super) fn steep(&mut self, n: u64) -> u64 {
        let r = self.bits() >> 32;
        scale(((r * r) >> 32) * r, n)
    }

    /// Noise around 0 with the standard deviation `sigma`, near to normal and never beyond six of
    /// them: the sum of twelve even numbers (Irwin–Hall).
    pub(super) fn noise(&mut self, sigma: i64) -> i64 {
        let mut sum = -(6 << 16);
        for _ in 0..3 {
            let bits = self.bits();
            sum += (0..4).map(|i| ((bits >> (16 * i)) & 0xffff) as i64).sum::<i64>();
        }
        (sum * sigma) >> 16
    }
}

/// Plants something in exactly one of each `block` rows, at a place that chance decides: so that
/// even a small table gets its share.
pub(super) struct Every {
    block: u64,
    at: u64,
    chosen: u64,
}

impl Every {
    pub(super) fn new(block: u64) -> Self {
        Self {
            block,
            at: 0,
            chosen: 0,
        }
    }

    /// Whether this row is the one.
    pub(super) fn hit(&mut self, dice: &mut Dice) -> bool {
        if self.at == 0 {
            self.chosen = dice.below(self.block);
        }
        let hit = self.at == self.chosen;
        self.at = (self.at + 1) % self.block;
        hit
    }
}

/// The last few things that happened.
pub(super) struct Recent<T> {
    items: Vec<T>,
    capacity: usize,
    next: usize,
}

impl<T: Copy> Recent<T> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            items: Vec::with_capacity(capacity),
            capacity,
            next: 0,
        }
    }

    pub(super) fn push(&mut self, item: T) {
        if self.items.len() < self.capacity {
            self.items.push(item);
        } else {
            self.items[self.next] = item;
        }
        self.next = (self.next + 1) % self.capacity;
    }

    /// One of them, if any happened.
    pub(super) fn pick(&self, dice: &mut Dice) -> Option<T> {
        (!self.items.is_empty()).then(|| dice.pick(&self.items))
    }
}

/// `bits` as a number in `0..n`.
pub(super) fn scale(bits: u64, n: u64) -> u64 {
    ((u128::from(bits) * u128::from(n)) >> 64) as u64
}

/// The place in `weights` at which `bits` fall.
pub(super) fn weighted(bits: u64, weights: &[u64]) -> usize {
    let mut at = scale(bits, weights.iter().sum());
    for (i, weight) in weights.iter().enumerate() {
        if at < *weight {
            return i;
        }
        at -= weight;
    }
    0
}

/// A number that belongs to `key`: what is fixed about a thing without keeping it (SplitMix64).
pub(super) fn hash(key: u64) -> u64 {
    let mut x = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_is_hit_once() {
        let (mut dice, mut every) = (Dice::new(1, 0), Every::new(7));
        for _ in 0..50 {
            assert_eq!((0..7).filter(|_| every.hit(&mut dice)).count(), 1);
        }
    }

    #[test]
    fn noise_has_the_deviation_asked_for() {
        let mut dice = Dice::new(2, 0);
        let values: Vec<i64> = (0..20_000).map(|_| dice.noise(1000)).collect();
        let mean = values.iter().sum::<i64>() / 20_000;
        let variance = values.iter().map(|v| (v - mean).pow(2)).sum::<i64>() / 20_000;
        assert!(mean.abs() < 30, "{mean}");
        assert!((950_000..1_050_000).contains(&variance), "{variance}");
        assert!(values.iter().all(|v| v.abs() <= 6000));
    }

    #[test]
    fn numbers_stay_in_their_range() {
        let mut dice = Dice::new(3, 0);
        for n in [1, 2, 10, 1 << 40] {
            assert!((0..1000).all(|_| dice.below(n) < n && dice.skewed(n) < n && dice.steep(n) < n));
        }
        assert_eq!(dice.below(0), 0);
        assert!((0..1000).all(|_| (-5..5).contains(&dice.between(-5, 5))));
    }
}
