//! The t-digest: quantiles of many numbers from a few, as a value that can be stored and merged.

use std::f64::consts::PI;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array, ListArray, StructArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, Fields, Float64Type, Int64Type};
use datafusion::common::Result;

use super::failure::{internal, wrong_type};

/// Bounds the number of centroids: the rank of an answer in the middle is wrong by about one part
/// in as many, at the ends by far less.
const COMPRESSION: f64 = 200.0;
/// Up to so many values nothing is merged, and the answer is exact.
const EXACT: usize = 128;
/// Centroids and new values held before they are merged.
const MOST: usize = 1024;

/// Some neighbouring values: their mean and their number.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Centroid {
    mean: f64,
    weight: f64,
}

/// A sketch of a set of numbers (Dunning and Ertl 2019, merging, scale function k1). NaNs are
/// counted apart and rank above all numbers.
#[derive(Debug, Clone, Default)]
pub(super) struct Digest {
    centroids: Vec<Centroid>,
    count: i64,
    nans: i64,
    least: Option<f64>,
    greatest: Option<f64>,
}

impl Digest {
    /// Takes a number in.
    pub(super) fn add(&mut self, value: f64) {
        if value.is_nan() {
            self.nans += 1;
            return;
        }
        self.count += 1;
        self.bounds(value, value);
        self.push(Centroid {
            mean: value,
            weight: 1.0,
        });
    }

    /// Takes another sketch in.
    pub(super) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.nans += other.nans;
        if let (Some(least), Some(greatest)) = (other.least, other.greatest) {
            self.bounds(least, greatest);
        }
        for centroid in &other.centroids {
            self.push(*centroid);
        }
    }

    /// Whether nothing was taken in.
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0 && self.nans == 0
    }

    /// Bytes held beside the value itself.
    pub(super) fn heap_size(&self) -> usize {
        self.centroids.capacity() * size_of::<Centroid>()
    }

    fn bounds(&mut self, least: f64, greatest: f64) {
        self.least = Some(self.least.map_or(least, |held| held.min(least)));
        self.greatest = Some(self.greatest.map_or(greatest, |held| held.max(greatest)));
    }

    fn push(&mut self, centroid: Centroid) {
        self.centroids.push(centroid);
        if self.centroids.len() > MOST {
            self.compress();
        }
    }

    /// Sorts the centroids, and merges neighbours as far as the scale function lets them grow.
    fn compress(&mut self) {
        self.centroids
            .sort_unstable_by(|a, b| a.mean.total_cmp(&b.mean).then(a.weight.total_cmp(&b.weight)));
        if self.centroids.len() <= EXACT {
            return;
        }
        // Not the count: in the midst of a merge not all of it is here.
        let total: f64 = self.centroids.iter().map(|centroid| centroid.weight).sum();
        let scale = |before: f64| COMPRESSION / (2.0 * PI) * (2.0 * (before / total).min(1.0) - 1.0).asin();
        let mut merged: Vec<Centroid> = Vec::with_capacity(EXACT);
        let (mut before, mut start) = (0.0, scale(0.0));
        for centroid in self.centroids.drain(..) {
            let fits = scale(before + centroid.weight) - start <= 1.0;
            match merged.last_mut().filter(|last| fits && last.joins(centroid)) {
                Some(last) => last.join(centroid),
                None => {
                    start = scale(before);
                    merged.push(centroid);
                }
            }
            before += centroid.weight;
        }
        self.centroids = merged;
    }

    /// The quantile of type 7 at `q` in 0..=1, as if a centroid's values all lay around its middle.
    pub(super) fn quantile(&mut self, q: f64) -> Option<f64> {
        if self.is_empty() {
            return None;
        }
        let rank = q * (self.count + self.nans - 1) as f64;
        let (Some(least), Some(greatest)) = (self.least, self.greatest) else {
            return Some(f64::NAN);
        };
        if rank > (self.count - 1) as f64 {
            return Some(f64::NAN);
        }
        self.compress();
        let (mut from, mut before) = ((0.0, least), 0.0);
        for centroid in &self.centroids {
            let middle = before + (centroid.weight - 1.0) / 2.0;
            if rank <= middle {
                return Some(between(from, (middle, centroid.mean), rank));
            }
            from = (middle, centroid.mean);
            before += centroid.weight;
        }
        Some(between(from, ((self.count - 1) as f64, greatest), rank))
    }
}

impl Centroid {
    /// An infinity has no mean with anything but itself.
    fn joins(&self, other: Self) -> bool {
        self.mean == other.mean || (self.mean.is_finite() && other.mean.is_finite())
    }

    fn join(&mut self, other: Self) {
        self.weight += other.weight;
        if self.mean != other.mean {
            let share = other.weight / self.weight;
            self.mean = self.mean * (1.0 - share) + other.mean * share;
        }
    }
}

fn between((x0, y0): (f64, f64), (x1, y1): (f64, f64), x: f64) -> f64 {
    if x >= x1 || y0 == y1 {
        return y1;
    }
    let share = (x - x0) / (x1 - x0);
    if share <= 0.0 {
        y0
    } else {
        y0 * (1.0 - share) + y1 * share
    }
}

fn fields() -> Fields {
    let list = DataType::new_list(DataType::Float64, true);
    let columns = [
        ("count", DataType::Int64),
        ("nans", DataType::Int64),
        ("min", DataType::Float64),
        ("max", DataType::Float64),
        ("means", list.clone()),
        ("weights", list),
    ];
    columns
        .map(|(name, data_type)| Field::new(name, data_type, true))
        .into_iter()
        .collect()
}

/// The type of a sketch as a value.
pub(super) fn sketch_type() -> DataType {
    DataType::Struct(fields())
}

/// [`sketch_type`] if a value of type `found` is a sketch, whatever a file format made of its fields.
pub(super) fn expect_sketch(function: &str, found: &DataType) -> Result<DataType> {
    let wanted = fields();
    let is_sketch = match found {
        DataType::Null => true,
        DataType::Struct(found) => found.iter().map(|f| f.name()).eq(wanted.iter().map(|f| f.name())),
        _ => false,
    };
    if is_sketch {
        return Ok(DataType::Struct(wanted));
    }
    Err(wrong_type(
        function,
        "sketch",
        "a sketch that quantile_sketch made",
        found,
    ))
}

/// Sketches as a column; an empty one is NULL.
pub(super) fn to_array(digests: &mut [Digest]) -> Result<ArrayRef> {
    digests.iter_mut().for_each(Digest::compress);
    let lengths = digests.iter().map(|digest| digest.centroids.len());
    let offsets = OffsetBuffer::from_lengths(lengths);
    let list = |of: fn(&Centroid) -> f64| -> Result<ArrayRef> {
        let values = digests.iter().flat_map(|digest| &digest.centroids).map(of);
        let field = Arc::new(Field::new_list_field(DataType::Float64, true));
        let values = Arc::new(Float64Array::from_iter_values(values));
        Ok(Arc::new(ListArray::try_new(
            field,
            offsets.clone(),
            values,
            None,
        )?))
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(
            digests.iter().map(|digest| digest.count),
        )),
        Arc::new(Int64Array::from_iter_values(
            digests.iter().map(|digest| digest.nans),
        )),
        Arc::new(
            digests
                .iter()
                .map(|digest| digest.least)
                .collect::<Float64Array>(),
        ),
        Arc::new(
            digests
                .iter()
                .map(|digest| digest.greatest)
                .collect::<Float64Array>(),
        ),
        list(|centroid| centroid.mean)?,
        list(|centroid| centroid.weight)?,
    ];
    let held: NullBuffer = digests.iter().map(|digest| !digest.is_empty()).collect();
    Ok(Arc::new(StructArray::try_new(fields(), columns, Some(held))?))
}

/// A column of sketches.
#[derive(Debug)]
pub(super) struct Sketches<'a> {
    structs: &'a StructArray,
}

impl<'a> Sketches<'a> {
    /// Reads a column of [`sketch_type`].
    pub(super) fn new(array: &'a ArrayRef) -> Result<Self> {
        let structs = array
            .as_struct_opt()
            .filter(|structs| *structs.fields() == fields());
        let structs = structs.ok_or_else(|| internal("quantile_sketch", "a sketch of another type"))?;
        Ok(Self { structs })
    }

    /// The sketch of a row, unless it is NULL or broken.
    pub(super) fn get(&self, row: usize) -> Option<Digest> {
        if self.structs.is_null(row) {
            return None;
        }
        let integer = |i: usize| self.structs.column(i).as_primitive::<Int64Type>().value(row);
        let double = |i: usize| {
            let column = self.structs.column(i).as_primitive::<Float64Type>();
            column.is_valid(row).then(|| column.value(row))
        };
        let list = |i: usize| self.structs.column(i).as_list::<i32>().value(row);
        let (means, weights) = (list(4), list(5));
        let (means, weights) = (
            means.as_primitive::<Float64Type>(),
            weights.as_primitive::<Float64Type>(),
        );
        let centroids = means.values().iter().zip(weights.values());
        Some(Digest {
            centroids: centroids
                .map(|(&mean, &weight)| Centroid { mean, weight })
                .collect(),
            count: integer(0),
            nans: integer(1),
            least: double(2),
            greatest: double(3),
        })
    }
}
