//! What the numbers of a partition say, and what becomes of a number under it.
//!
//! Sums keep what rounding takes away, and everything else is exact, so that the order of the rows does not
//! matter.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, Float64Array};
use arrow::buffer::{BooleanBuffer, NullBuffer};

/// Makes a normal distribution's MAD its standard deviation (Iglewicz and Hoaglin).
const MAD_FACTOR: f64 = 0.6745;
/// Makes a normal distribution's mean absolute deviation its standard deviation.
const MEAN_DEVIATION_FACTOR: f64 = 1.2533;

/// What a function has to know of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistic {
    /// Its number, mean and spread.
    Moments,
    /// Its values, in any order.
    Values,
}

/// A function that computes with numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Numeric {
    /// The mean in the place of NULL.
    FillMean,
    /// The median in the place of NULL.
    FillMedian,
    /// The standard score.
    Zscore {
        /// What of the number of values is taken away before the squares are divided by it.
        less: f64,
    },
    /// The modified standard score.
    MadZscore,
    /// Whether a value lies beyond the fences.
    IqrOutlier {
        /// The fences' distance.
        k: f64,
    },
    /// The value within the fences.
    CapIqr {
        /// The fences' distance.
        k: f64,
    },
    /// The value within two quantiles.
    Winsorize {
        /// The lower one.
        lo: f64,
        /// The upper one.
        hi: f64,
    },
}

/// What is known of a partition; it means what the function wants it to.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Measures {
    /// Whether the partition has values.
    known: bool,
    /// A centre, or a lower bound.
    a: f64,
    /// A spread, or an upper bound.
    b: f64,
    /// What a distance is multiplied by.
    factor: f64,
}

impl Numeric {
    /// What it has to know.
    pub fn statistic(self) -> Statistic {
        match self {
            Self::FillMean | Self::Zscore { .. } => Statistic::Moments,
            _ => Statistic::Values,
        }
    }

    /// Whether it has to know the sum of the squared distances from the mean.
    pub fn needs_squares(self) -> bool {
        matches!(self, Self::Zscore { .. })
    }

    /// What it knows of a partition with these moments; `squares` are of the distances from the mean.
    pub fn of_moments(self, moments: &Moments, squares: Sum) -> Measures {
        let mean = moments.mean();
        let freedom = moments.count as f64
            - if let Self::Zscore { less } = self {
                less
            } else {
                0.0
            };
        let spread = if moments.all_equal() || freedom <= 0.0 {
            0.0
        } else {
            (squares.value() / freedom).sqrt()
        };
        Measures {
            known: moments.count > 0,
            a: mean,
            b: spread,
            factor: 1.0,
        }
    }

    /// What it knows of a partition with these values, which it reorders.
    pub fn of_values(self, values: &mut [f64]) -> Measures {
        if values.is_empty() {
            return Measures::default();
        }
        let (a, b, factor) = match self {
            Self::FillMedian => (quantile(values, 0.5), 0.0, 1.0),
            Self::MadZscore => mad(values),
            Self::IqrOutlier { k } | Self::CapIqr { k } => {
                let (q1, q3) = quantiles(values, 0.25, 0.75);
                let reach = if q1 == q3 { 0.0 } else { k * (q3 - q1) };
                (q1 - reach, q3 + reach, 1.0)
            }
            Self::Winsorize { lo, hi } => {
                let (lo, hi) = quantiles(values, lo, hi);
                (lo, hi, 1.0)
            }
            Self::FillMean | Self::Zscore { .. } => (f64::NAN, f64::NAN, 1.0),
        };
        Measures {
            known: true,
            a,
            b,
            factor,
        }
    }

    /// The results for `values`; row i is of partition `groups[i]`, all are of the first if there are no groups.
    pub fn apply(self, values: &Float64Array, groups: Option<&[u32]>, measures: &[Measures]) -> ArrayRef {
        match self {
            Self::FillMean | Self::FillMedian => Arc::new(filled(values, groups, measures)),
            Self::Zscore { .. } | Self::MadZscore => Arc::new(mapped(values, groups, measures, |x, of| {
                // A spread of 0 belongs to values that are all the centre; a NaN stays one.
                if of.b == 0.0 {
                    if x.is_nan() { x } else { 0.0 }
                } else {
                    of.factor * (x - of.a) / of.b
                }
            })),
            Self::CapIqr { .. } | Self::Winsorize { .. } => {
                Arc::new(mapped(values, groups, measures, |x, of| {
                    if rank(&x, &of.a).is_lt() {
                        of.a
                    } else if rank(&x, &of.b).is_gt() {
                        of.b
                    } else {
                        x
                    }
                }))
            }
            Self::IqrOutlier { .. } => {
                let beyond = |(row, x): (usize, &f64)| {
                    let of = &measures[group(groups, row)];
                    rank(x, &of.a).is_lt() || rank(x, &of.b).is_gt()
                };
                let beyond: BooleanBuffer = values.values().iter().enumerate().map(beyond).collect();
                Arc::new(BooleanArray::new(beyond, values.nulls().cloned()))
            }
        }
    }
}

fn group(groups: Option<&[u32]>, row: usize) -> usize {
    groups.map_or(0, |groups| groups[row] as usize)
}

fn mapped(
    values: &Float64Array,
    groups: Option<&[u32]>,
    measures: &[Measures],
    map: impl Fn(f64, &Measures) -> f64,
) -> Float64Array {
    let numbers = values.values().iter();
    let results: Vec<f64> = match groups {
        Some(groups) => numbers
            .zip(groups)
            .map(|(x, group)| map(*x, &measures[*group as usize]))
            .collect(),
        None => measures
            .first()
            .map_or_else(Vec::new, |of| numbers.map(|x| map(*x, of)).collect()),
    };
    Float64Array::new(results.into(), values.nulls().cloned())
}

fn filled(values: &Float64Array, groups: Option<&[u32]>, measures: &[Measures]) -> Float64Array {
    let Some(nulls) = values.nulls().filter(|nulls| nulls.null_count() > 0) else {
        return values.clone();
    };
    let mut results = values.values().to_vec();
    let mut unknown = false;
    for row in (!nulls.inner()).set_indices() {
        let of = &measures[group(groups, row)];
        results[row] = of.a;
        unknown |= !of.known;
    }
    let nulls = unknown.then(|| -> NullBuffer {
        let known = |row: usize| nulls.is_valid(row) || measures[group(groups, row)].known;
        (0..values.len()).map(known).collect()
    });
    Float64Array::new(results.into(), nulls)
}

/// A sum that keeps what rounding takes away, so that it does not depend on the order of what is added.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sum {
    high: f64,
    low: f64,
}

impl Sum {
    /// Adds a number (Knuth's exact sum of two).
    #[inline]
    fn add(&mut self, x: f64) {
        let sum = self.high + x;
        let part = sum - self.high;
        self.low += (self.high - (sum - part)) + (x - part);
        self.high = sum;
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: Self) {
        self.add(other.high);
        self.low += other.low;
    }

    fn value(self) -> f64 {
        // An infinite sum has lost nothing.
        if self.high.is_finite() {
            self.high + self.low
        } else {
            self.high
        }
    }

    /// Adds the squared distances of values from the means of their partitions.
    pub fn add_squares(
        sums: &mut [Self],
        moments: &[Moments],
        values: &Float64Array,
        groups: Option<&[u32]>,
    ) {
        let means: Vec<f64> = moments.iter().map(Moments::mean).collect();
        each(values, groups, |x, group| {
            let distance = x - means[group];
            sums[group].add(distance * distance);
        });
    }
}

/// Number, sum and bounds of a partition's values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    count: u64,
    sum: Sum,
    least: f64,
    greatest: f64,
}

impl Default for Moments {
    fn default() -> Self {
        Self {
            count: 0,
            sum: Sum::default(),
            least: f64::INFINITY,
            greatest: f64::NEG_INFINITY,
        }
    }
}

impl Moments {
    /// Adds values to the moments of their partitions.
    pub fn add(moments: &mut [Self], values: &Float64Array, groups: Option<&[u32]>) {
        each(values, groups, |x, group| {
            let of = &mut moments[group];
            of.count += 1;
            of.sum.add(x);
            of.least = of.least.min(x);
            of.greatest = of.greatest.max(x);
        });
    }

    /// Adds another partition's.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum.merge(other.sum);
        self.least = self.least.min(other.least);
        self.greatest = self.greatest.max(other.greatest);
    }

    fn mean(&self) -> f64 {
        if self.all_equal() {
            return self.least;
        }
        self.sum.value() / self.count as f64
    }

    /// Whether all values are one number. A NaN, which is neither bound, is in the sum.
    fn all_equal(&self) -> bool {
        self.least == self.greatest && self.least.is_finite() && !self.sum.high.is_nan()
    }
}

/// Calls `visit(value, partition)` for each value that is not NULL.
fn each(values: &Float64Array, groups: Option<&[u32]>, mut visit: impl FnMut(f64, usize)) {
    let numbers = values.values();
    match (values.nulls().filter(|nulls| nulls.null_count() > 0), groups) {
        (None, None) => numbers.iter().for_each(|x| visit(*x, 0)),
        (None, Some(groups)) => numbers
            .iter()
            .zip(groups)
            .for_each(|(x, group)| visit(*x, *group as usize)),
        (Some(nulls), None) => nulls.valid_indices().for_each(|row| visit(numbers[row], 0)),
        (Some(nulls), Some(groups)) => nulls
            .valid_indices()
            .for_each(|row| visit(numbers[row], groups[row] as usize)),
    }
}

/// Centre, spread and factor of the modified standard score.
fn mad(values: &mut [f64]) -> (f64, f64, f64) {
    let center = quantile(values, 0.5);
    let mut distances: Vec<f64> = values.iter().map(|x| (x - center).abs()).collect();
    match quantile(&mut distances, 0.5) {
        0.0 => {
            // In one order, so that the sum rounds alike however the rows arrived.
            let mut sum = Sum::default();
            distances.sort_unstable_by(rank);
            distances.iter().for_each(|distance| sum.add(*distance));
            let mean = sum.value() / distances.len() as f64;
            (center, MEAN_DEVIATION_FACTOR * mean, 1.0)
        }
        mad => (center, mad, MAD_FACTOR),
    }
}

/// Two quantiles of type 7, `lo` not above `hi`.
fn quantiles(values: &mut [f64], lo: f64, hi: f64) -> (f64, f64) {
    let lower = quantile(values, lo);
    // What lies below the lower one is out of the way by now.
    let from = (lo * (values.len() - 1) as f64) as usize;
    let rest = &mut values[from..];
    let place = hi * (from + rest.len() - 1) as f64 - from as f64;
    (lower, at_rank(rest, place.max(0.0)))
}

/// The quantile of type 7 (Hyndman and Fan) of one or more values, which it reorders.
fn quantile(values: &mut [f64], q: f64) -> f64 {
    let place = q * (values.len() - 1) as f64;
    at_rank(values, place)
}

/// The value at a place between the first, 0, and the last.
fn at_rank(values: &mut [f64], place: f64) -> f64 {
    let below = (place as usize).min(values.len() - 1);
    let share = place - below as f64;
    let (_, &mut low, above) = values.select_nth_unstable_by(below, rank);
    if share <= 0.0 {
        return low;
    }
    let Some(high) = above.iter().copied().min_by(rank) else {
        return low;
    };
    if low == high {
        return low;
    }
    // As the distance of two large numbers may overflow, each is weighed alone then.
    match high - low {
        distance if distance.is_finite() => low + distance * share,
        _ => low * (1.0 - share) + high * share,
    }
}

/// Numbers in their order, 0 and -0 equal, every NaN above them.
fn rank(a: &f64, b: &f64) -> Ordering {
    a.partial_cmp(b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}
