//! The logical node.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use datafusion::common::{DFSchema, DFSchemaRef, JoinType, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore, build_join_schema};
use datafusion::physical_plan::ExecutionPlan;

use super::Comparison;
use super::exec::{AsofExec, Side};
use crate::error::{Code, Error};
use crate::operators::node::{PhysicalJoin, Planning};
use crate::operators::window::PositionExec;

/// What rows must have in common, and which of several is the match. Pairs are of one type each.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Match {
    /// Keys that are equal: the left one, the right one.
    pub keys: Vec<(Expr, Expr)>,
    /// Which keys take NULL for equal to NULL.
    pub null_safe: Vec<bool>,
    /// The times.
    pub times: (Expr, Expr),
    /// How they compare.
    pub comparison: Comparison,
    /// Whether left rows without a match are kept.
    pub is_left: bool,
}

/// Each row of the left input with the nearest one of the right.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AsofNode {
    left: LogicalPlan,
    right: LogicalPlan,
    on: Match,
    schema: DFSchemaRef,
}

impl AsofNode {
    /// Joins `left` and `right`.
    ///
    /// # Errors
    /// DataFusion's own, for two columns of one name and table.
    pub fn new(left: LogicalPlan, right: LogicalPlan, on: Match) -> Result<Self> {
        let kind = match on.is_left {
            true => JoinType::Left,
            false => JoinType::Inner,
        };
        let schema = build_join_schema(left.schema(), right.schema(), &kind)?;
        Ok(Self {
            left,
            right,
            on,
            schema: Arc::new(schema),
        })
    }
}

impl PartialOrd for AsofNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl UserDefinedLogicalNodeCore for AsofNode {
    fn name(&self) -> &str {
        "AsofJoin"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.left, &self.right]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    /// The left keys and time, then the right ones.
    fn expressions(&self) -> Vec<Expr> {
        let (left, right): (Vec<&Expr>, Vec<&Expr>) = self.on.keys.iter().map(|(l, r)| (l, r)).unzip();
        let (left_time, right_time) = &self.on.times;
        let left = left.into_iter().chain([left_time]);
        left.chain(right).chain([right_time]).cloned().collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.on.is_left { "Left" } else { "Inner" };
        write!(f, "{kind} Asof Join: ")?;
        for (left, right) in &self.on.keys {
            write!(f, "{left} = {right}, ")?;
        }
        let (left, right) = &self.on.times;
        write!(f, "{left} {} {right}", self.on.comparison.sign())
    }

    fn with_exprs_and_inputs(&self, exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let wrong = || Error::new(Code::Internal, "an ASOF join was given other inputs");
        let [left, right] = <[LogicalPlan; 2]>::try_from(inputs).map_err(|_| wrong())?;
        let mut lefts = exprs;
        let mut rights = lefts.split_off(lefts.len() / 2);
        let (Some(left_time), Some(right_time)) = (lefts.pop(), rights.pop()) else {
            return Err(wrong().into());
        };
        let on = Match {
            keys: lefts.into_iter().zip(rights).collect(),
            times: (left_time, right_time),
            ..self.on.clone()
        };
        Self::new(left, right, on)
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let width = self.left.schema().fields().len();
        let (left, right): (Vec<usize>, Vec<usize>) = output_columns.iter().partition(|i| **i < width);
        let right = right.into_iter().map(|i| i - width).collect();
        let (left_time, right_time) = &self.on.times;
        let lefts = self.on.keys.iter().map(|(left, _)| left).chain([left_time]);
        let rights = self.on.keys.iter().map(|(_, right)| right).chain([right_time]);
        Some(vec![
            needed(self.left.schema(), left, lefts)?,
            needed(self.right.schema(), right, rights)?,
        ])
    }
}

/// The positions `columns` and of those that `exprs` read.
fn needed<'a>(
    schema: &DFSchema,
    columns: Vec<usize>,
    exprs: impl Iterator<Item = &'a Expr>,
) -> Option<Vec<usize>> {
    let mut needed = columns;
    for column in exprs.flat_map(Expr::column_refs) {
        needed.push(schema.maybe_index_of_column(column)?);
    }
    needed.sort_unstable();
    needed.dedup();
    Some(needed)
}

impl PhysicalJoin for AsofNode {
    fn physical(
        &self,
        planning: &Planning<'_>,
        left: Arc<dyn ExecutionPlan>,
        right: Arc<dyn ExecutionPlan>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let side = |exprs: Vec<&Expr>, time: &Expr, schema: &DFSchema| -> Result<Side> {
            let keys = exprs.into_iter().map(|expr| planning.expression(expr, schema));
            Ok(Side {
                keys: keys.collect::<Result<_>>()?,
                time: planning.expression(time, schema)?,
            })
        };
        let (lefts, rights) = self.on.keys.iter().map(|(l, r)| (l, r)).unzip();
        let (left_time, right_time) = &self.on.times;
        let sides = [
            side(lefts, left_time, self.left.schema())?,
            side(rights, right_time, self.right.schema())?,
        ];
        // A row's place decides between rows of one time, where it has one.
        let right: Arc<dyn ExecutionPlan> = match PositionExec::applies(&right) {
            true => Arc::new(PositionExec::new(right)),
            false => right,
        };
        let schema = Arc::clone(self.schema.inner());
        Ok(Arc::new(AsofExec::new(
            left,
            right,
            sides,
            self.on.clone(),
            schema,
        )?))
    }
}
