//! `mad`: the median absolute deviation, exact.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::Result;
use datafusion::logical_expr::AggregateUDF;

use super::shell::{expect_arguments, number};
use super::value_counts::{list, offsets};
use super::{AggregateFunction, Call, GroupStates, Rows, Shell};
use crate::functions::documentation::Described;

/// The functions of this file.
pub(super) fn functions() -> Vec<AggregateUDF> {
    vec![Shell::udaf(Mad)]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Mad;

const MAD: Described = Described {
    section: "Statistical Functions",
    sentence: "The median of the absolute deviations from the median, both medians of type 7 (the mean of the \
        two middle values); exact, so it keeps every value. NULLs are ignored; a NaN ranks above all numbers, \
        and an infinite median makes the result NaN.",
    source: "Hampel (1974); Hyndman and Fan (1996) for type 7; DuckDB `mad`",
    syntax: "mad(x)",
    example: "SELECT mad(x) FROM (VALUES (1), (2), (3), (10)) t(x); -- 1.0",
    arguments: &[("x", "a number")],
};

impl AggregateFunction for Mad {
    fn name(&self) -> &'static str {
        "mad"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["median_absolute_deviation"]
    }

    fn described(&self) -> Described {
        MAD
    }

    fn coerce(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        expect_arguments(self.name(), MAD.syntax, types, 1)?;
        Ok(vec![number(self.name(), "x", &types[0])?])
    }

    fn return_type(&self, _types: &[DataType]) -> DataType {
        DataType::Float64
    }

    fn state_types(&self, _types: &[DataType]) -> Vec<(&'static str, DataType)> {
        vec![("values", DataType::new_list(DataType::Float64, true))]
    }

    fn states(&self, _call: &Call<'_>) -> Result<Box<dyn GroupStates>> {
        Ok(Box::new(Samples::default()))
    }
}

/// Every value of every group.
#[derive(Debug, Default)]
struct Samples(Vec<Vec<f64>>);

impl GroupStates for Samples {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn resize(&mut self, groups: usize) {
        let groups = groups.max(self.0.len());
        self.0.resize_with(groups, Vec::new);
    }

    fn update(&mut self, columns: &[ArrayRef], rows: Rows<'_>) -> Result<()> {
        let column = columns[0].as_primitive::<Float64Type>();
        let values = column.values();
        rows.each(column.nulls(), |row, group| self.0[group].push(values[row]));
        Ok(())
    }

    fn merge(&mut self, states: &[ArrayRef], rows: Rows<'_>) -> Result<()> {
        let lists = states[0].as_list::<i32>();
        let values = lists.values().as_primitive::<Float64Type>().values();
        let ends = lists.value_offsets();
        rows.each(lists.nulls(), |row, group| {
            let run = ends[row] as usize..ends[row + 1] as usize;
            self.0[group].extend_from_slice(&values[run]);
        });
        Ok(())
    }

    fn finish(&mut self, groups: usize) -> Result<ArrayRef> {
        let results: Float64Array = self.0[..groups].iter_mut().map(|values| mad(values)).collect();
        Ok(Arc::new(results))
    }

    fn state(&mut self, groups: usize) -> Result<Vec<ArrayRef>> {
        let samples = &self.0[..groups];
        let ends = samples.iter().scan(0, |end, values| {
            *end += values.len();
            Some(*end)
        });
        let ends = offsets(ends)?;
        let values = Float64Array::from_iter_values(samples.iter().flatten().copied());
        Ok(vec![list(ends, Arc::new(values))?])
    }

    fn forget(&mut self, groups: usize) -> Result<()> {
        self.0.drain(..groups);
        Ok(())
    }

    fn fresh(&self) -> Result<Box<dyn GroupStates>> {
        Ok(Box::new(Self::default()))
    }

    fn size(&self) -> usize {
        let values: usize = self.0.iter().map(Vec::capacity).sum();
        self.0.capacity() * size_of::<Vec<f64>>() + values * size_of::<f64>()
    }
}

/// Reorders the values.
fn mad(values: &mut [f64]) -> Option<f64> {
    let center = median(values)?;
    let mut deviations: Vec<f64> = values.iter().map(|value| (value - center).abs()).collect();
    median(&mut deviations)
}

/// The median of type 7, which reorders the values.
fn median(values: &mut [f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let middle = values.len() / 2;
    let odd = values.len() % 2 == 1;
    let (below, &mut upper, _) = values.select_nth_unstable_by(middle, rank);
    if odd {
        return Some(upper);
    }
    let lower = below.iter().copied().max_by(rank)?;
    // Halved first: the sum of two large numbers may overflow.
    Some(if lower == upper {
        upper
    } else {
        lower / 2.0 + upper / 2.0
    })
}

/// Numbers in their order, every NaN above them.
fn rank(a: &f64, b: &f64) -> std::cmp::Ordering {
    let (a_nan, b_nan) = (a.is_nan(), b.is_nan());
    a_nan.cmp(&b_nan).then_with(|| a.total_cmp(b))
}
