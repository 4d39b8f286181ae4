//! `sketch_quantile`: a quantile read from a sketch.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;

use super::digest::{Sketches, expect_sketch};
use super::documentation::Described;
use super::failure::{invalid_argument, wrong_type};
use super::scalar::{Argument, ScalarFunction, Shell, expect_arguments};

/// The functions of this file.
pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![Shell::udf(SketchQuantile)]
}

const NAME: &str = "sketch_quantile";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct SketchQuantile;

const DESCRIBED: Described = Described {
    section: "Math Functions",
    sentence: "The quantile at q of the numbers that a sketch stands for, interpolated as type 7 does; exact up \
        to 128 numbers. NULL if an argument is NULL; NaN where q falls among NaNs.",
    source: "Dunning and Ertl (2019); Hyndman and Fan (1996) for type 7",
    syntax: "sketch_quantile(sketch, q)",
    example: "SELECT sketch_quantile(quantile_sketch(x), 0.75) FROM (VALUES (1), (2), (4)) t(x); -- 3.0",
    arguments: &[
        (
            "sketch",
            "a sketch that quantile_sketch or quantile_sketch_merge made",
        ),
        ("q", "a number from 0 to 1"),
    ],
};

impl ScalarFunction for SketchQuantile {
    fn name(&self) -> &'static str {
        NAME
    }

    fn described(&self) -> Described {
        DESCRIBED
    }

    fn coerce(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        expect_arguments(self, types, &[2])?;
        let sketch = expect_sketch(NAME, &types[0])?;
        if !types[1].is_numeric() && !types[1].is_null() {
            return Err(wrong_type(NAME, "q", "a number", &types[1]));
        }
        Ok(vec![sketch, DataType::Float64])
    }

    fn return_type(&self, _types: &[DataType]) -> DataType {
        DataType::Float64
    }

    fn call(&self, arguments: &[Argument], rows: usize) -> Result<ArrayRef> {
        let sketches = Sketches::new(&arguments[0].values)?;
        let ranks = arguments[1].values.as_primitive::<Float64Type>();
        let quantile = |row: usize| {
            let at = arguments[1].at(row);
            if ranks.is_null(at) {
                return Ok(None);
            }
            let q = ranks.value(at);
            if !(0.0..=1.0).contains(&q) {
                return Err(invalid_argument(
                    NAME,
                    "q",
                    format!("must be from 0 to 1, not {q}"),
                ));
            }
            let digest = sketches.get(arguments[0].at(row));
            Ok(digest.and_then(|mut digest| digest.quantile(q)))
        };
        let results = (0..rows).map(quantile).collect::<Result<Float64Array>>()?;
        Ok(Arc::new(results))
    }
}
