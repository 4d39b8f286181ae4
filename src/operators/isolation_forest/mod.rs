//! `ISOLATION_FOREST`: how easily each row is told apart from the others.
//!
//! A forest of random trees is fitted to a sample of the rows, and each row is scored by how deep the trees
//! have to go to isolate it (Liu, Ting and Zhou 2008): `anomaly_score` s = 2^(−E\[h\]/c(ψ)) lies between 0 and 1,
//! and `is_anomaly` says whether it is above a threshold: 0.5, or the score above which the share `contamination`
//! of the sampled rows lies. A split is at a random place between the least and the greatest value of a random
//! column that has two.
//!
//! A row with a NULL, a NaN or an infinity in one of the columns is not fitted to; its score and its mark are NULL.
//!
//! The sample is the same for a seed wherever the rows lie: those of the distinct rows whose hashes under the seed
//! are least, as often as they occur. Each tree draws from it without replacement.
//!
//! ```sql
//! SELECT * FROM ISOLATION_FOREST(processed.orders, columns => [amount, quantity], contamination => 0.02, seed => 42)
//! WHERE is_anomaly;
//! ```
//!
//! Input: rows in any order, read twice, once for the fit; a relation that answers differently each time (`random()`)
//! is fitted to other rows than are scored. Output: the rows in their order and places, widened. Memory: the sample
//! and the forest, counted.

mod exec;
mod kernel;
mod logical;
mod sample;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::common::Result;
use datafusion::logical_expr::{Extension, LogicalPlan};

pub(super) use logical::ForestNode;

use super::{Binding, Call, Parameter, RelationFunction, Signature};
use crate::definition::type_text;
use crate::error::Code;

const COLUMNS: &str = "columns";
const TREES: &str = "trees";
const SAMPLE: &str = "sample";
const CONTAMINATION: &str = "contamination";
const SEED: &str = "seed";

const SCORE: &str = "anomaly_score";
const FLAG: &str = "is_anomaly";

/// More trees or rows a tree than anybody needs.
const MOST_TREES: i64 = 10_000;
const MOST_SAMPLE: i64 = 1_000_000;

/// The function.
#[derive(Debug)]
pub(super) struct IsolationForest;

/// How a forest is made.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Spec {
    trees: usize,
    /// The rows that a tree draws.
    sample: usize,
    /// The share of rows that are marked; those above 0.5 without it.
    contamination: Option<f64>,
    seed: i64,
}

static SIGNATURE: Signature = Signature {
    name: "isolation_forest",
    syntax: "ISOLATION_FOREST(t, columns => [a, b] [, trees => 100] [, sample => 256] [, contamination => 0.02] \
        [, seed => 0])",
    sentence: "Each row with anomaly_score, from 0 to 1, and is_anomaly: how easily random trees tell it apart from the \
        others. Marked is what scores above 0.5, or the share of contamination that scores highest. NULL for a row \
        with a NULL, a NaN or an infinity in a column.",
    source: "Liu, Ting and Zhou, Isolation Forest (2008)",
    example: "SELECT x FROM ISOLATION_FOREST((SELECT column1 AS x FROM (VALUES (1), (2), (3), (2), (1), (3), (2), (99))), \
        columns => [x], contamination => 0.1) WHERE is_anomaly; -- 99",
    parameters: &[
        Parameter {
            name: COLUMNS,
            meaning: "the columns that rows are told apart by, numbers, as [a, b]",
            binding: Binding::Named,
        },
        Parameter {
            name: TREES,
            meaning: "how many trees the forest has; 100 if not given",
            binding: Binding::Named,
        },
        Parameter {
            name: SAMPLE,
            meaning: "how many rows a tree is fitted to; 256 if not given",
            binding: Binding::Named,
        },
        Parameter {
            name: CONTAMINATION,
            meaning: "the share of rows that are marked, above 0 and at most 0.5",
            binding: Binding::Named,
        },
        Parameter {
            name: SEED,
            meaning: "what chance is made of; 0 if not given",
            binding: Binding::Named,
        },
    ],
};

impl RelationFunction for IsolationForest {
    fn signature(&self) -> &'static Signature {
        &SIGNATURE
    }

    fn plan(&self, mut call: Call<'_>) -> Result<LogicalPlan> {
        let columns = call.columns(COLUMNS)?;
        if columns.is_empty() {
            let hint = format!("call it as {}", SIGNATURE.syntax);
            return Err(call.refuse_with(Code::InvalidValue, COLUMNS, "is missing", Some(&hint)));
        }
        for column in &columns {
            let found = call.type_of(column)?;
            if !found.is_numeric() {
                let problem = format!(
                    "names '{}', which is no number but {}",
                    column.name,
                    type_text(&found)
                );
                return Err(call.refuse(Code::DatatypeMismatch, COLUMNS, problem));
            }
        }
        let spec = Spec {
            trees: count(&mut call, TREES, MOST_TREES)?.unwrap_or(100),
            sample: count(&mut call, SAMPLE, MOST_SAMPLE)?.unwrap_or(256),
            contamination: contamination(&mut call)?,
            seed: call.integer(SEED)?.unwrap_or(0),
        };
        for name in [SCORE, FLAG] {
            if !call
                .input()
                .schema()
                .columns_with_unqualified_name(name)
                .is_empty()
            {
                let problem = format!("belongs to a relation that has a column '{name}' already");
                return Err(call.refuse(Code::DuplicateColumn, COLUMNS, problem));
            }
        }
        let node = ForestNode::over(call.into_input(), columns, spec)?;
        Ok(LogicalPlan::Extension(Extension { node: Arc::new(node) }))
    }
}

fn count(call: &mut Call<'_>, argument: &str, most: i64) -> Result<Option<usize>> {
    match call.integer(argument)? {
        None => Ok(None),
        Some(count) if (1..=most).contains(&count) => Ok(usize::try_from(count).ok()),
        Some(_) => {
            let problem = format!("must lie between 1 and {most}");
            Err(call.refuse(Code::InvalidValue, argument, problem))
        }
    }
}

fn contamination(call: &mut Call<'_>) -> Result<Option<f64>> {
    use datafusion::common::ScalarValue;
    let Some(value) = call.constant(CONTAMINATION)? else {
        return Ok(None);
    };
    match value.cast_to(&DataType::Float64) {
        Ok(ScalarValue::Float64(Some(share))) if share > 0.0 && share <= 0.5 => Ok(Some(share)),
        _ => Err(call.refuse(
            Code::InvalidValue,
            CONTAMINATION,
            "must be a number above 0 and at most 0.5",
        )),
    }
}

fn added() -> [Field; 2] {
    [
        Field::new(SCORE, DataType::Float64, true),
        Field::new(FLAG, DataType::Boolean, true),
    ]
}
