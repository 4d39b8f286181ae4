//! `skewness`, `kurtosis`, `kurtosis_pop`: the shape of a distribution from its central moments.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::Result;
use datafusion::logical_expr::AggregateUDF;

use super::shell::{expect_arguments, number};
use super::{AggregateFunction, Call, GroupStates, Rows, Shell};
use crate::functions::documentation::Described;

/// The functions of this file.
pub(super) fn functions() -> Vec<AggregateUDF> {
    [Shape::Skewness, Shape::Kurtosis, Shape::KurtosisPop]
        .map(Shell::udaf)
        .into()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Shape {
    Skewness,
    Kurtosis,
    KurtosisPop,
}

impl AggregateFunction for Shape {
    fn name(&self) -> &'static str {
        match self {
            Self::Skewness => "skewness",
            Self::Kurtosis => "kurtosis",
            Self::KurtosisPop => "kurtosis_pop",
        }
    }

    fn described(&self) -> Described {
        match self {
            Self::Skewness => SKEWNESS,
            Self::Kurtosis => KURTOSIS,
            Self::KurtosisPop => KURTOSIS_POP,
        }
    }

    fn coerce(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        expect_arguments(self.name(), self.described().syntax, types, 1)?;
        Ok(vec![number(self.name(), "x", &types[0])?])
    }

    fn return_type(&self, _types: &[DataType]) -> DataType {
        DataType::Float64
    }

    fn state_types(&self, _types: &[DataType]) -> Vec<(&'static str, DataType)> {
        let count = ("count", DataType::Int64);
        let moments = ["mean", "m2", "m3", "m4"].map(|name| (name, DataType::Float64));
        std::iter::once(count).chain(moments).collect()
    }

    fn states(&self, _call: &Call<'_>) -> Result<Box<dyn GroupStates>> {
        Ok(Box::new(MomentStates {
            shape: *self,
            groups: Vec::new(),
        }))
    }
}

const SKEWNESS: Described = Described {
    section: "Statistical Functions",
    sentence: "The sample skewness, adjusted for its bias (Fisher–Pearson, G1). NULL for fewer than three \
        values or if all are equal; NaN if a value is NaN or infinite. NULLs are ignored.",
    source: "Joanes and Gill (1998), G1; DuckDB `skewness`; moments merged as in Pébay (2008)",
    syntax: "skewness(x)",
    example: "SELECT skewness(x) FROM (VALUES (2), (3), (3)) t(x); -- -1.7320508",
    arguments: &[("x", "a number")],
};

const KURTOSIS: Described = Described {
    section: "Statistical Functions",
    sentence: "The sample excess kurtosis, adjusted for its bias (G2); 0 for a normal distribution. NULL for \
        fewer than four values or if all are equal; NaN if a value is NaN or infinite. NULLs are ignored.",
    source: "Joanes and Gill (1998), G2; DuckDB `kurtosis`; moments merged as in Pébay (2008)",
    syntax: "kurtosis(x)",
    example: "SELECT kurtosis(x) FROM (VALUES (1), (2), (3), (4)) t(x); -- -1.2",
    arguments: &[("x", "a number")],
};

const KURTOSIS_POP: Described = Described {
    section: "Statistical Functions",
    sentence: "The excess kurtosis of a whole population, without correction (g2). NULL for fewer than two \
        values or if all are equal; NaN if a value is NaN or infinite. NULLs are ignored.",
    source: "Joanes and Gill (1998), g2; DuckDB `kurtosis_pop`; moments merged as in Pébay (2008)",
    syntax: "kurtosis_pop(x)",
    example: "SELECT kurtosis_pop(x) FROM (VALUES (1), (2), (3), (4)) t(x); -- -1.36",
    arguments: &[("x", "a number")],
};

/// Sums of powers of the deviations from the mean.
#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    count: i64,
    mean: f64,
    m2: f64,
    m3: f64,
    m4: f64,
}

impl Moments {
    fn add(&mut self, value: f64) {
        let before = self.count as f64;
        self.count += 1;
        let n = self.count as f64;
        let delta = value - self.mean;
        let step = delta / n;
        let square = step * step;
        let term = delta * step * before;
        self.mean += step;
        self.m4 += term * square * (n * n - 3.0 * n + 3.0) + 6.0 * square * self.m2 - 4.0 * step * self.m3;
        self.m3 += term * step * (n - 2.0) - 3.0 * step * self.m2;
        self.m2 += term;
    }

    fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = *other;
            return;
        }
        let (a, b) = (self.count as f64, other.count as f64);
        let n = a + b;
        let delta = other.mean - self.mean;
        let step = delta / n;
        let product = delta * step * a * b;
        let m4 = product * step * step * (a * a - a * b + b * b)
            + 6.0 * step * step * (a * a * other.m2 + b * b * self.m2)
            + 4.0 * step * (a * other.m3 - b * self.m3);
        let m3 = product * step * (a - b) + 3.0 * step * (a * other.m2 - b * self.m2);
        self.m4 += other.m4 + m4;
        self.m3 += other.m3 + m3;
        self.m2 += other.m2 + product;
        self.mean += step * b;
        self.count += other.count;
    }

    /// `None` where the shape does not exist.
    fn shape(&self, shape: Shape) -> Option<f64> {
        let least = match shape {
            Shape::Skewness => 3,
            Shape::Kurtosis => 4,
            Shape::KurtosisPop => 2,
        };
        if self.count < least || self.m2 <= 0.0 {
            return None;
        }
        let n = self.count as f64;
        let excess = n * (self.m4 / self.m2) / self.m2 - 3.0;
        let result = match shape {
            Shape::Skewness => {
                let population = n.sqrt() * (self.m3 / self.m2) / self.m2.sqrt();
                population * (n * (n - 1.0)).sqrt() / (n - 2.0)
            }
            Shape::Kurtosis => (n - 1.0) / ((n - 2.0) * (n - 3.0)) * ((n + 1.0) * excess + 6.0),
            Shape::KurtosisPop => excess,
        };
        Some(if result.is_finite() { result } else { f64::NAN })
    }
}

#[derive(Debug)]
struct MomentStates {
    shape: Shape,
    groups: Vec<Moments>,
}

impl MomentStates {
    fn column(&self, groups: usize, of: impl Fn(&Moments) -> f64) -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(
            self.groups[..groups].iter().map(of),
        ))
    }
}

impl GroupStates for MomentStates {
    fn is_of_one_size(&self) -> bool {
        true
    }

    fn len(&self) -> usize {
        self.groups.len()
    }

    fn resize(&mut self, groups: usize) {
        let groups = groups.max(self.groups.len());
        self.groups.resize(groups, Moments::default());
    }

    fn update(&mut self, columns: &[ArrayRef], rows: Rows<'_>) -> Result<()> {
        let column = columns[0].as_primitive::<Float64Type>();
        let values = column.values();
        rows.each(column.nulls(), |row, group| self.groups[group].add(values[row]));
        Ok(())
    }

    fn merge(&mut self, states: &[ArrayRef], rows: Rows<'_>) -> Result<()> {
        let counts = states[0].as_primitive::<Int64Type>();
        let [mean, m2, m3, m4] = [1, 2, 3, 4].map(|i| states[i].as_primitive::<Float64Type>().values());
        rows.each(counts.nulls(), |row, group| {
            self.groups[group].merge(&Moments {
                count: counts.value(row),
                mean: mean[row],
                m2: m2[row],
                m3: m3[row],
                m4: m4[row],
            });
        });
        Ok(())
    }

    fn finish(&mut self, groups: usize) -> Result<ArrayRef> {
        let moments = self.groups[..groups].iter();
        let results: Float64Array = moments.map(|moments| moments.shape(self.shape)).collect();
        Ok(Arc::new(results))
    }

    fn state(&mut self, groups: usize) -> Result<Vec<ArrayRef>> {
        let counts = self.groups[..groups].iter().map(|moments| moments.count);
        Ok(vec![
            Arc::new(Int64Array::from_iter_values(counts)),
            self.column(groups, |moments| moments.mean),
            self.column(groups, |moments| moments.m2),
            self.column(groups, |moments| moments.m3),
            self.column(groups, |moments| moments.m4),
        ])
    }

    fn forget(&mut self, groups: usize) -> Result<()> {
        self.groups.drain(..groups);
        Ok(())
    }

    fn fresh(&self) -> Result<Box<dyn GroupStates>> {
        Ok(Box::new(Self {
            shape: self.shape,
            groups: Vec::new(),
        }))
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.groups.capacity() * size_of::<Moments>()
    }
}
