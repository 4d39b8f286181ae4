//! `predict_linear`, `logistic`: a linear model served as an expression. `dot_product` is DataFusion's own.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;

use super::documentation::Described;
use super::failure::{invalid_argument, wrong_type};
use super::scalar::{Argument, ScalarFunction, Shell, expect_arguments};

/// The functions of this file.
pub(super) fn functions() -> Vec<ScalarUDF> {
    [Model::PredictLinear, Model::Logistic].map(Shell::udf).into()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Model {
    PredictLinear,
    Logistic,
}

const PREDICT_LINEAR: Described = Described {
    section: "Array Functions",
    sentence: "The prediction of a linear model, the dot product of features and weights plus the bias; NULL if \
        an argument is NULL or a list contains NULL, as `dot_product` has it. Lists of different lengths are an \
        error.",
    source: "the definition of a linear model",
    syntax: "predict_linear(features, weights, bias)",
    example: "SELECT predict_linear([1, 2], [0.5, 0.25], 1); -- 2.0",
    arguments: &[
        ("features", "a list of numbers"),
        ("weights", "a list of as many numbers"),
        ("bias", "a number"),
    ],
};

const LOGISTIC: Described = Described {
    section: "Math Functions",
    sentence: "The logistic function 1 / (1 + e^-x), which makes a probability of a linear model's prediction.",
    source: "Verhulst (1845)",
    syntax: "logistic(x)",
    example: "SELECT logistic(0); -- 0.5",
    arguments: &[("x", "a number")],
};

impl ScalarFunction for Model {
    fn name(&self) -> &'static str {
        match self {
            Self::PredictLinear => "predict_linear",
            Self::Logistic => "logistic",
        }
    }

    fn aliases(&self) -> &'static [&'static str] {
        match self {
            Self::PredictLinear => &[],
            Self::Logistic => &["sigmoid"],
        }
    }

    fn described(&self) -> Described {
        match self {
            Self::PredictLinear => PREDICT_LINEAR,
            Self::Logistic => LOGISTIC,
        }
    }

    fn coerce(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let name = self.name();
        match self {
            Self::PredictLinear => {
                expect_arguments(self, types, &[3])?;
                Ok(vec![
                    list(name, "features", &types[0])?,
                    list(name, "weights", &types[1])?,
                    number(name, "bias", &types[2])?,
                ])
            }
            Self::Logistic => {
                expect_arguments(self, types, &[1])?;
                Ok(vec![number(name, "x", &types[0])?])
            }
        }
    }

    fn return_type(&self, _types: &[DataType]) -> DataType {
        DataType::Float64
    }

    fn call(&self, arguments: &[Argument], rows: usize) -> Result<ArrayRef> {
        if *self == Self::Logistic {
            let x = arguments[0].values.as_primitive::<Float64Type>();
            return Ok(Arc::new(x.unary::<_, Float64Type>(logistic)));
        }
        let (features, weights) = (Vectors::new(&arguments[0]), Vectors::new(&arguments[1]));
        let (bias, biases) = (&arguments[2], arguments[2].values.as_primitive::<Float64Type>());
        let results = (0..rows).map(|row| {
            let at = bias.at(row);
            match (features.get(row), weights.get(row), biases.is_valid(at)) {
                (Some(features), Some(weights), true) => {
                    Ok(Some(dot(self.name(), features, weights)? + biases.value(at)))
                }
                _ => Ok(None),
            }
        });
        Ok(Arc::new(results.collect::<Result<Float64Array>>()?))
    }
}

fn dot(function: &str, features: &[f64], weights: &[f64]) -> Result<f64> {
    if features.len() != weights.len() {
        let problem = format!(
            "has {} elements, but 'features' has {}",
            weights.len(),
            features.len()
        );
        return Err(invalid_argument(function, "weights", problem));
    }
    Ok(features.iter().zip(weights).map(|(x, w)| x * w).sum())
}

/// Lists of numbers, a row or one for all.
struct Vectors<'a> {
    argument: &'a Argument,
    values: &'a Float64Array,
    ends: &'a [i32],
}

impl<'a> Vectors<'a> {
    fn new(argument: &'a Argument) -> Self {
        let lists = argument.values.as_list::<i32>();
        Self {
            argument,
            values: lists.values().as_primitive(),
            ends: lists.value_offsets(),
        }
    }

    /// A row's list, unless it is or contains NULL.
    fn get(&self, row: usize) -> Option<&'a [f64]> {
        let row = self.argument.at(row);
        if self.argument.values.is_null(row) {
            return None;
        }
        let (start, end) = (self.ends[row] as usize, self.ends[row + 1] as usize);
        let nulls = self.values.nulls().filter(|nulls| nulls.null_count() > 0);
        let null = nulls.is_some_and(|nulls| (start..end).any(|i| nulls.is_null(i)));
        (!null).then(|| &self.values.values()[start..end])
    }
}

/// Computed from the side on which the exponential does not overflow.
fn logistic(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + (-x).exp())
    } else {
        let e = x.exp();
        e / (1.0 + e)
    }
}

fn number(function: &str, argument: &str, found: &DataType) -> Result<DataType> {
    if found.is_numeric() || found.is_null() {
        return Ok(DataType::Float64);
    }
    Err(wrong_type(function, argument, "a number", found))
}

fn list(function: &str, argument: &str, found: &DataType) -> Result<DataType> {
    let item = match found {
        DataType::Null => &DataType::Null,
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            item.data_type()
        }
        other => return Err(wrong_type(function, argument, "a list of numbers", other)),
    };
    if item.is_numeric() || item.is_null() {
        return Ok(DataType::new_list(DataType::Float64, true));
    }
    Err(wrong_type(function, argument, "a list of numbers", found))
}
