//! `product`, `geometric_mean`, `weighted_avg`: what two running totals give.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int64Array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::Result;
use datafusion::logical_expr::AggregateUDF;

use super::shell::{expect_arguments, number};
use super::{AggregateFunction, Call, GroupStates, Rows, Shell};
use crate::functions::documentation::Described;

/// The functions of this file.
pub(super) fn functions() -> Vec<AggregateUDF> {
    [Mean::Product, Mean::Geometric, Mean::Weighted]
        .map(Shell::udaf)
        .into()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Mean {
    Product,
    Geometric,
    Weighted,
}

impl AggregateFunction for Mean {
    fn name(&self) -> &'static str {
        match self {
            Self::Product => "product",
            Self::Geometric => "geometric_mean",
            Self::Weighted => "weighted_avg",
        }
    }

    fn aliases(&self) -> &'static [&'static str] {
        match self {
            Self::Product => &[],
            Self::Geometric => &["geomean"],
            Self::Weighted => &["wavg"],
        }
    }

    fn described(&self) -> Described {
        match self {
            Self::Product => PRODUCT,
            Self::Geometric => GEOMETRIC_MEAN,
            Self::Weighted => WEIGHTED_AVG,
        }
    }

    fn coerce(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let names: &[&str] = if *self == Self::Weighted {
            &["x", "w"]
        } else {
            &["x"]
        };
        expect_arguments(self.name(), self.described().syntax, types, names.len())?;
        let pairs = names.iter().zip(types);
        pairs
            .map(|(argument, found)| number(self.name(), argument, found))
            .collect()
    }

    fn return_type(&self, _types: &[DataType]) -> DataType {
        DataType::Float64
    }

    fn state_types(&self, _types: &[DataType]) -> Vec<(&'static str, DataType)> {
        let first = match self {
            Self::Product => "product",
            Self::Geometric => "logarithms",
            Self::Weighted => "weighted",
        };
        let mut columns = vec![("count", DataType::Int64), (first, DataType::Float64)];
        if *self == Self::Weighted {
            columns.push(("weights", DataType::Float64));
        }
        columns
    }

    fn states(&self, _call: &Call<'_>) -> Result<Box<dyn GroupStates>> {
        Ok(Box::new(MeanStates {
            mean: *self,
            groups: Vec::new(),
        }))
    }
}

const PRODUCT: Described = Described {
    section: "General Functions",
    sentence: "The product of all values as DOUBLE; NULL over no rows. NULLs are ignored, NaN gives NaN, and \
        what is too large is infinite.",
    source: "DuckDB `product`",
    syntax: "product(x)",
    example: "SELECT product(x) FROM (VALUES (2), (3), (4)) t(x); -- 24.0",
    arguments: &[("x", "a number")],
};

const GEOMETRIC_MEAN: Described = Described {
    section: "Statistical Functions",
    sentence: "The n-th root of the product of n values, by the mean of their logarithms, so that it does not \
        overflow; NULL over no rows. A zero makes it 0, a negative value NaN. NULLs are ignored.",
    source: "DuckDB `geometric_mean`",
    syntax: "geometric_mean(x)",
    example: "SELECT geometric_mean(x) FROM (VALUES (1), (4)) t(x); -- 2.0",
    arguments: &[("x", "a number, not negative")],
};

const WEIGHTED_AVG: Described = Described {
    section: "General Functions",
    sentence: "The mean of x in which each row counts w times, Σ w·x / Σ w. Rows in which x or w is NULL are \
        ignored; NULL over no rows and where the weights add up to 0.",
    source: "the definition of the weighted arithmetic mean; DuckDB `weighted_avg`, which gives NaN for weights \
        that add up to 0",
    syntax: "weighted_avg(x, w)",
    example: "SELECT weighted_avg(x, w) FROM (VALUES (1, 1), (2, 3)) t(x, w); -- 1.75",
    arguments: &[("x", "a number"), ("w", "its weight, a number")],
};

/// What is kept of a group.
#[derive(Debug, Clone, Copy)]
struct Totals {
    count: i64,
    /// The product, the sum of logarithms, or the weighted sum.
    total: f64,
    weights: f64,
}

#[derive(Debug)]
struct MeanStates {
    mean: Mean,
    groups: Vec<Totals>,
}

impl MeanStates {
    fn result(&self, totals: &Totals) -> Option<f64> {
        if totals.count == 0 {
            return None;
        }
        match self.mean {
            Mean::Product => Some(totals.total),
            Mean::Geometric => Some((totals.total / totals.count as f64).exp()),
            Mean::Weighted => (totals.weights != 0.0).then(|| totals.total / totals.weights),
        }
    }
}

impl GroupStates for MeanStates {
    fn is_of_one_size(&self) -> bool {
        true
    }

    fn len(&self) -> usize {
        self.groups.len()
    }

    fn resize(&mut self, groups: usize) {
        let empty = Totals {
            count: 0,
            total: if self.mean == Mean::Product { 1.0 } else { 0.0 },
            weights: 0.0,
        };
        let groups = groups.max(self.groups.len());
        self.groups.resize(groups, empty);
    }

    fn update(&mut self, columns: &[ArrayRef], rows: Rows<'_>) -> Result<()> {
        let column = columns[0].as_primitive::<Float64Type>();
        let (values, nulls) = (column.values(), column.nulls());
        match self.mean {
            Mean::Product => rows.each(nulls, |row, group| {
                let totals = &mut self.groups[group];
                totals.count += 1;
                totals.total *= values[row];
            }),
            Mean::Geometric => rows.each(nulls, |row, group| {
                let totals = &mut self.groups[group];
                totals.count += 1;
                totals.total += values[row].ln();
            }),
            Mean::Weighted => {
                let column = columns[1].as_primitive::<Float64Type>();
                let (weights, nulls) = (column.values(), NullBuffer::union(nulls, column.nulls()));
                rows.each(nulls.as_ref(), |row, group| {
                    let totals = &mut self.groups[group];
                    totals.count += 1;
                    totals.total += values[row] * weights[row];
                    totals.weights += weights[row];
                });
            }
        }
        Ok(())
    }

    fn merge(&mut self, states: &[ArrayRef], rows: Rows<'_>) -> Result<()> {
        let counts = states[0].as_primitive::<Int64Type>();
        let totals = states[1].as_primitive::<Float64Type>().values();
        let weights = states
            .get(2)
            .map(|weights| weights.as_primitive::<Float64Type>().values());
        let product = self.mean == Mean::Product;
        rows.each(counts.nulls(), |row, group| {
            let held = &mut self.groups[group];
            held.count += counts.value(row);
            held.weights += weights.map_or(0.0, |weights| weights[row]);
            if product {
                held.total *= totals[row];
            } else {
                held.total += totals[row];
            }
        });
        Ok(())
    }

    fn finish(&mut self, groups: usize) -> Result<ArrayRef> {
        let totals = self.groups[..groups].iter();
        let results: Float64Array = totals.map(|totals| self.result(totals)).collect();
        Ok(Arc::new(results))
    }

    fn state(&mut self, groups: usize) -> Result<Vec<ArrayRef>> {
        let groups = &self.groups[..groups];
        let column = |of: fn(&Totals) -> f64| -> ArrayRef {
            Arc::new(Float64Array::from_iter_values(groups.iter().map(of)))
        };
        let counts = groups.iter().map(|totals| totals.count);
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from_iter_values(counts)),
            column(|totals| totals.total),
        ];
        if self.mean == Mean::Weighted {
            columns.push(column(|totals| totals.weights));
        }
        Ok(columns)
    }

    fn forget(&mut self, groups: usize) -> Result<()> {
        self.groups.drain(..groups);
        Ok(())
    }

    fn fresh(&self) -> Result<Box<dyn GroupStates>> {
        Ok(Box::new(Self {
            mean: self.mean,
            groups: Vec::new(),
        }))
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.groups.capacity() * size_of::<Totals>()
    }
}
