//! Which rows are kept.

use std::hash::{BuildHasher, RandomState};

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::datatypes::{DataType, Int64Type, UInt32Type};
use arrow::row::{RowConverter, SortField};
use datafusion::common::Result;

use super::{BLOCK, Draw, Unit};

/// Numbers that look random: SplitMix64 (Steele, Lea & Flood 2014).
#[derive(Debug)]
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed(self.0)
    }
}

/// A number of which every bit depends on every bit of `x`.
fn mixed(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

/// Draws from one stream of rows.
#[derive(Debug)]
pub(super) struct Sampler {
    draw: Draw,
    numbers: Numbers,
    /// Rows to come of the block that was begun, and whether it is kept.
    begun: (u64, bool),
    rows: Option<RowConverter>,
}

impl Sampler {
    pub(super) fn new(draw: Draw) -> Self {
        Self {
            draw,
            numbers: Numbers(RandomState::new().hash_one(0_u64)),
            begun: (0, false),
            rows: None,
        }
    }

    /// Which of the next `rows` rows are kept; `places` tell them from others.
    pub(super) fn keep(&mut self, rows: usize, places: &[ArrayRef]) -> Result<BooleanArray> {
        match self.draw.seed {
            Some(seed) => self.keep_by_place(seed, places),
            None => Ok((0..rows).map(|_| Some(self.keep_next())).collect()),
        }
    }

    fn keep_next(&mut self) -> bool {
        if self.draw.unit == Unit::Rows {
            let number = self.numbers.next();
            return self.is_kept(number);
        }
        if self.begun.0 == 0 {
            let number = self.numbers.next();
            self.begun = (BLOCK, self.is_kept(number));
        }
        self.begun.0 -= 1;
        self.begun.1
    }

    fn keep_by_place(&mut self, seed: u64, places: &[ArrayRef]) -> Result<BooleanArray> {
        let seed = mixed(seed.wrapping_add(0x9E37_79B9_7F4A_7C15));
        if let [files, rows] = places
            && files.data_type() == &DataType::UInt32
            && rows.data_type() == &DataType::Int64
        {
            let files = files.as_primitive::<UInt32Type>().values();
            let rows = rows.as_primitive::<Int64Type>().values();
            let unit = match self.draw.unit {
                Unit::Rows => 1,
                Unit::Blocks => BLOCK,
            };
            let kept = files.iter().zip(rows).map(|(file, row)| {
                let file = mixed(seed ^ u64::from(*file).wrapping_mul(0x9E37_79B9_7F4A_7C15));
                Some(self.is_kept(mixed(file ^ (row.unsigned_abs() / unit))))
            });
            return Ok(kept.collect());
        }
        let converter = match &mut self.rows {
            Some(converter) => converter,
            none => {
                let fields = places
                    .iter()
                    .map(|place| SortField::new(place.data_type().clone()));
                none.insert(RowConverter::new(fields.collect())?)
            }
        };
        let values = converter.convert_columns(places)?;
        let kept = values
            .iter()
            .map(|value| Some(self.is_kept(mixed(seed ^ hashed(value.as_ref())))));
        Ok(kept.collect())
    }

    fn is_kept(&self, number: u64) -> bool {
        // 53 bits, which a double holds exactly.
        ((number >> 11) as f64) < self.draw.share * (1_u64 << 53) as f64
    }
}

/// FNV-1a.
fn hashed(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, StringArray, UInt32Array};
    use proptest::prelude::*;

    use super::*;

    fn draw(unit: Unit, share: f64, seed: Option<u64>) -> Draw {
        Draw { unit, share, seed }
    }

    fn places(rows: std::ops::Range<i64>) -> Vec<ArrayRef> {
        let files = UInt32Array::from_iter_values(rows.clone().map(|_| 7));
        vec![Arc::new(files), Arc::new(Int64Array::from_iter_values(rows))]
    }

    fn kept(sampler: &mut Sampler, rows: std::ops::Range<i64>) -> Vec<bool> {
        let places = places(rows.clone());
        let kept = sampler.keep(rows.count(), &places).expect("keeps");
        kept.iter().map(|kept| kept == Some(true)).collect()
    }

    proptest! {
        #[test]
        fn what_is_kept_does_not_depend_on_batches(
            seed: u64, share in 0.0..=1.0_f64, cut in 0_i64..5000, blocks: bool,
        ) {
            let unit = if blocks { Unit::Blocks } else { Unit::Rows };
            let whole = kept(&mut Sampler::new(draw(unit, share, Some(seed))), 0..5000);
            let mut parts = Sampler::new(draw(unit, share, Some(seed)));
            let mut joined = kept(&mut parts, 0..cut);
            joined.extend(kept(&mut parts, cut..5000));
            prop_assert_eq!(whole, joined);
        }

        #[test]
        fn none_and_all_are_exact(seed: Option<u64>, blocks: bool) {
            let unit = if blocks { Unit::Blocks } else { Unit::Rows };
            prop_assert!(kept(&mut Sampler::new(draw(unit, 1.0, seed)), 0..3000).iter().all(|kept| *kept));
            prop_assert!(!kept(&mut Sampler::new(draw(unit, 0.0, seed)), 0..3000).iter().any(|kept| *kept));
        }

        #[test]
        fn blocks_are_whole(seed: Option<u64>, cut in 0_i64..4096) {
            let mut sampler = Sampler::new(draw(Unit::Blocks, 0.5, seed));
            let mut all = kept(&mut sampler, 0..cut);
            all.extend(kept(&mut sampler, cut..4096));
            for block in all.chunks(1024) {
                prop_assert!(block.iter().all(|kept| *kept == block[0]));
            }
        }

        #[test]
        fn the_share_is_kept(seed: Option<u64>, share in 0.05..0.95_f64) {
            let rows = 20_000;
            let found = kept(&mut Sampler::new(draw(Unit::Rows, share, seed)), 0..rows);
            let found = found.iter().filter(|kept| **kept).count() as f64;
            let deviation = (rows as f64 * share * (1.0 - share)).sqrt();
            // Six standard deviations: two runs in a thousand million.
            prop_assert!((found - rows as f64 * share).abs() < 6.0 * deviation);
        }
    }

    #[test]
    fn rows_without_a_file_are_told_apart_by_their_values() {
        let texts: ArrayRef = Arc::new((0..2000).map(|i| Some(i.to_string())).collect::<StringArray>());
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values((0..2000).map(|_| 1)));
        let mut sampler = Sampler::new(draw(Unit::Rows, 0.5, Some(42)));
        let one = sampler
            .keep(2000, &[Arc::clone(&texts), Arc::clone(&numbers)])
            .expect("keeps");
        let other = sampler.keep(2000, &[texts, numbers]).expect("keeps");
        assert_eq!(one, other);
        assert!((800..1200).contains(&one.true_count()));
    }
}
