//! `damerau_levenshtein`, `jaro`, `jaro_winkler`: how alike two texts are.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array};
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;

use super::documentation::Described;
use super::scalar::{Argument, ScalarFunction, Shell, expect_arguments, text_type};

/// The functions of this file.
pub(super) fn functions() -> Vec<ScalarUDF> {
    [Measure::DamerauLevenshtein, Measure::Jaro, Measure::JaroWinkler]
        .map(Shell::udf)
        .into()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Measure {
    DamerauLevenshtein,
    Jaro,
    JaroWinkler,
}

const TEXTS: &[(&str, &str)] = &[("a", "text"), ("b", "text to compare it with")];

const DAMERAU_LEVENSHTEIN: Described = Described {
    section: "String Functions",
    sentence: "The fewest insertions, deletions, replacements and transpositions of neighbours that make b of \
        a, in characters; a pair may be edited again after it was transposed.",
    source: "Damerau (1964), Levenshtein (1966), without the restriction of optimal string alignment; DuckDB \
        `damerau_levenshtein`",
    syntax: "damerau_levenshtein(a, b)",
    example: "SELECT damerau_levenshtein('ca', 'abc'); -- 2",
    arguments: TEXTS,
};

const JARO: Described = Described {
    section: "String Functions",
    sentence: "The Jaro similarity of two texts, from 0 (nothing in common) to 1 (equal; two empty texts are).",
    source: "Jaro (1989); DuckDB `jaro_similarity`, which gives 0 for two empty texts",
    syntax: "jaro(a, b)",
    example: "SELECT jaro('martha', 'marhta'); -- 0.9444444444444445",
    arguments: TEXTS,
};

const JARO_WINKLER: Described = Described {
    section: "String Functions",
    sentence: "The Jaro similarity, raised by a tenth of what is missing for each of the first four characters \
        that agree, from 0 to 1.",
    source: "Winkler (1990); DuckDB `jaro_winkler_similarity`, which gives 0 for two empty texts",
    syntax: "jaro_winkler(a, b)",
    example: "SELECT jaro_winkler('martha', 'marhta'); -- 0.9611111111111111",
    arguments: TEXTS,
};

impl ScalarFunction for Measure {
    fn name(&self) -> &'static str {
        match self {
            Self::DamerauLevenshtein => "damerau_levenshtein",
            Self::Jaro => "jaro",
            Self::JaroWinkler => "jaro_winkler",
        }
    }

    fn aliases(&self) -> &'static [&'static str] {
        match self {
            Self::DamerauLevenshtein => &[],
            Self::Jaro => &["jaro_similarity"],
            Self::JaroWinkler => &["jaro_winkler_similarity"],
        }
    }

    fn described(&self) -> Described {
        match self {
            Self::DamerauLevenshtein => DAMERAU_LEVENSHTEIN,
            Self::Jaro => JARO,
            Self::JaroWinkler => JARO_WINKLER,
        }
    }

    fn coerce(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        expect_arguments(self, types, &[2])?;
        Ok(vec![
            text_type(self.name(), "a", &types[0])?,
            text_type(self.name(), "b", &types[1])?,
        ])
    }

    fn return_type(&self, _types: &[DataType]) -> DataType {
        match self {
            Self::DamerauLevenshtein => DataType::Int64,
            Self::Jaro | Self::JaroWinkler => DataType::Float64,
        }
    }

    fn call(&self, arguments: &[Argument], rows: usize) -> Result<ArrayRef> {
        let (a, b) = (arguments[0].text(self.name())?, arguments[1].text(self.name())?);
        let pairs = (0..rows).map(|row| a.get(row).zip(b.get(row)));
        let alike = match self {
            Self::DamerauLevenshtein => {
                let distances = pairs.map(|pair| pair.map(|(a, b)| strsim::damerau_levenshtein(a, b) as i64));
                return Ok(Arc::new(distances.collect::<Int64Array>()));
            }
            Self::Jaro => strsim::jaro,
            Self::JaroWinkler => strsim::jaro_winkler,
        };
        let similarities = pairs.map(|pair| pair.map(|(a, b)| alike(a, b)));
        Ok(Arc::new(similarities.collect::<Float64Array>()))
    }
}
