//! `DEDUP`: the latest row of each key.
//!
//! Of the rows of a key the one that comes last by `order_by` stays: NULL before all values, a NaN above all
//! numbers. Rows that `order_by` does not tell apart are told apart by their other columns, in the relation's
//! order, so that the answer does not depend on where the rows lie; types that have no order are left out of
//! that. NULL is a key like any other.
//!
//! ```sql
//! SELECT * FROM DEDUP(raw.users, key => [user_id], order_by => updated_at);
//! ```
//!
//! Input: the rows of a key in one partition, sorted by key and `order_by`; a table that is sorted so already is
//! not sorted again. Output: in the same order. Memory: a batch, and the rows of one key that `order_by` does not
//! tell apart in it; the sort spills.

mod exec;
mod kernel;
mod logical;

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::logical_expr::{Expr, Extension, LogicalPlan};

pub(super) use logical::DedupNode;

use super::{Binding, Call, Parameter, RelationFunction, Signature};
use crate::error::Code;

const KEY: &str = "key";
const ORDER_BY: &str = "order_by";

/// The function.
#[derive(Debug)]
pub(super) struct Dedup;

static SIGNATURE: Signature = Signature {
    name: "dedup",
    syntax: "DEDUP(t, key => [k], order_by => [c])",
    sentence: "Of the rows of each key the last by order_by, NULL before all values; rows that it does not tell apart \
        are told apart by their other columns.",
    source: "SQL's `row_number() OVER (PARTITION BY k ORDER BY c DESC) = 1`, under a total order",
    example: "SELECT id, v FROM DEDUP((SELECT column1 AS id, column2 AS ts, column3 AS v FROM (VALUES (1, 1, 'old'), \
        (1, 2, 'new'))), key => [id], order_by => ts); -- 1, new",
    parameters: &[
        Parameter {
            name: KEY,
            meaning: "the columns that name what a row is about, as [a, b]",
            binding: Binding::Named,
        },
        Parameter {
            name: ORDER_BY,
            meaning: "the columns by which the last row stays, as [a, b]",
            binding: Binding::Named,
        },
    ],
};

impl RelationFunction for Dedup {
    fn signature(&self) -> &'static Signature {
        &SIGNATURE
    }

    fn plan(&self, mut call: Call<'_>) -> Result<LogicalPlan> {
        let mut columns = |argument| -> Result<Vec<Expr>> {
            let columns = call.columns(argument)?;
            match columns.is_empty() {
                false => Ok(columns.into_iter().map(Expr::Column).collect()),
                true => {
                    let hint = format!(
                        "call it as {}; whole rows are told apart by SELECT DISTINCT",
                        SIGNATURE.syntax
                    );
                    Err(call.refuse_with(Code::InvalidValue, argument, "is missing", Some(&hint)))
                }
            }
        };
        let keys = columns(KEY)?;
        let mut order = columns(ORDER_BY)?;
        // A column of the key has nothing to order.
        order.retain(|column| !keys.contains(column));
        let node = DedupNode::new(call.into_input(), keys, order);
        Ok(LogicalPlan::Extension(Extension { node: Arc::new(node) }))
    }
}
