//! `summarize`, which `SUMMARIZE t` is spelled out as: a row a column of the relation, saying what is in it.
//!
//! All of it is one aggregation without groups over the relation, read once, and a node that turns its
//! one row on its side ([`TransposeNode`]). What a query does not ask of the summary is not aggregated:
//! `SELECT column_name, max FROM (SUMMARIZE t)` computes maxima alone.
//!
//! Columns and their meaning are DuckDB's: minimum, maximum, mean and quantiles are texts, so that one
//! column holds those of every type. `approx_unique` is a HyperLogLog's estimate, the quantiles are a
//! t-digest's (exact up to 128 values). What a type has no answer for is NULL: a mean of texts, a
//! maximum of maps. Memory: a sketch a column.

mod exec;
mod logical;
mod measures;

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::logical_expr::{Extension, LogicalPlan};

pub(in crate::operators) use logical::TransposeNode;

use super::{Call, RelationFunction, Signature};

/// The function.
#[derive(Debug)]
pub(super) struct Summarize;

static SIGNATURE: Signature = Signature {
    name: "summarize",
    syntax: "summarize(t)",
    sentence: "A row a column of the relation: type, least and greatest value, about how many different ones, mean, \
        standard deviation, quartiles, number of rows and percentage of NULLs.",
    source: "DuckDB's SUMMARIZE, which can be written too: SUMMARIZE t",
    example: "SELECT column_name, min, max FROM summarize((SELECT 1 AS x)); -- x, 1, 1",
    parameters: &[],
};

impl RelationFunction for Summarize {
    fn signature(&self) -> &'static Signature {
        &SIGNATURE
    }

    fn plan(&self, call: Call<'_>) -> Result<LogicalPlan> {
        let input = call.into_input();
        let columns = measures::columns(&input);
        let node = TransposeNode::new(measures::measured(input)?, columns)?;
        Ok(LogicalPlan::Extension(Extension { node: Arc::new(node) }))
    }
}
