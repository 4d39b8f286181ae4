//! `quantile_sketch`, `quantile_sketch_merge`: the t-digest as an aggregate.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::Result;
use datafusion::logical_expr::AggregateUDF;

use super::shell::{expect_arguments, number};
use super::{AggregateFunction, Call, GroupStates, Rows, Shell};
use crate::functions::digest::{Digest, Sketches, expect_sketch, sketch_type, to_array};
use crate::functions::documentation::Described;

/// The functions of this file.
pub(super) fn functions() -> Vec<AggregateUDF> {
    [Sketch::Make, Sketch::Merge].map(Shell::udaf).into()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Sketch {
    Make,
    Merge,
}

const SOURCE: &str =
    "Dunning and Ertl (2019), the merging t-digest with scale function k1 and compression 200";

const QUANTILE_SKETCH: Described = Described {
    section: "Approximate Functions",
    sentence: "A sketch of a column from which sketch_quantile reads any quantile: a struct that can be stored \
        and merged. Exact up to 128 values; beyond, its last digits depend on how the rows were divided. NULL \
        over no rows; NULLs are ignored, NaNs rank above all numbers.",
    source: SOURCE,
    syntax: "quantile_sketch(x)",
    example: "SELECT sketch_quantile(quantile_sketch(x), 0.5) FROM (VALUES (1), (2), (4)) t(x); -- 2.0",
    arguments: &[("x", "a number")],
};

const QUANTILE_SKETCH_MERGE: Described = Described {
    section: "Approximate Functions",
    sentence: "The sketch of all rows from the sketches of parts of them. NULL over no rows; NULLs are ignored.",
    source: SOURCE,
    syntax: "quantile_sketch_merge(sketch)",
    example: "SELECT sketch_quantile(quantile_sketch_merge(s), 0.5) FROM (SELECT quantile_sketch(x) AS s FROM \
        (VALUES (1), (2), (4)) t(x) GROUP BY x); -- 2.0",
    arguments: &[("sketch", "a sketch that quantile_sketch made")],
};

impl AggregateFunction for Sketch {
    fn name(&self) -> &'static str {
        match self {
            Self::Make => "quantile_sketch",
            Self::Merge => "quantile_sketch_merge",
        }
    }

    fn described(&self) -> Described {
        match self {
            Self::Make => QUANTILE_SKETCH,
            Self::Merge => QUANTILE_SKETCH_MERGE,
        }
    }

    fn coerce(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        expect_arguments(self.name(), self.described().syntax, types, 1)?;
        Ok(vec![match self {
            Self::Make => number(self.name(), "x", &types[0])?,
            Self::Merge => expect_sketch(self.name(), &types[0])?,
        }])
    }

    fn return_type(&self, _types: &[DataType]) -> DataType {
        sketch_type()
    }

    fn state_types(&self, _types: &[DataType]) -> Vec<(&'static str, DataType)> {
        vec![("sketch", sketch_type())]
    }

    fn states(&self, _call: &Call<'_>) -> Result<Box<dyn GroupStates>> {
        Ok(Box::new(SketchStates {
            sketch: *self,
            groups: Vec::new(),
        }))
    }
}

#[derive(Debug)]
struct SketchStates {
    sketch: Sketch,
    groups: Vec<Digest>,
}

impl GroupStates for SketchStates {
    fn len(&self) -> usize {
        self.groups.len()
    }

    fn resize(&mut self, groups: usize) {
        let groups = groups.max(self.groups.len());
        self.groups.resize_with(groups, Digest::default);
    }

    fn update(&mut self, columns: &[ArrayRef], rows: Rows<'_>) -> Result<()> {
        if self.sketch == Sketch::Merge {
            return self.merge(columns, rows);
        }
        let column = columns[0].as_primitive::<Float64Type>();
        let values = column.values();
        rows.each(column.nulls(), |row, group| self.groups[group].add(values[row]));
        Ok(())
    }

    fn merge(&mut self, states: &[ArrayRef], rows: Rows<'_>) -> Result<()> {
        let sketches = Sketches::new(&states[0])?;
        rows.each(states[0].nulls(), |row, group| {
            if let Some(digest) = sketches.get(row) {
                self.groups[group].merge(&digest);
            }
        });
        Ok(())
    }

    fn finish(&mut self, groups: usize) -> Result<ArrayRef> {
        to_array(&mut self.groups[..groups])
    }

    fn state(&mut self, groups: usize) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.finish(groups)?])
    }

    fn forget(&mut self, groups: usize) -> Result<()> {
        self.groups.drain(..groups);
        Ok(())
    }

    fn fresh(&self) -> Result<Box<dyn GroupStates>> {
        Ok(Box::new(Self {
            sketch: self.sketch,
            groups: Vec::new(),
        }))
    }

    fn size(&self) -> usize {
        let held: usize = self.groups.iter().map(Digest::heap_size).sum();
        self.groups.capacity() * size_of::<Digest>() + held
    }
}
