//! The logical node.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use datafusion::common::{DFSchemaRef, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNodeCore};
use datafusion::physical_plan::ExecutionPlan;

use super::exec::SampleExec;
use super::{Draw, Unit};
use crate::operators::input::{needed_columns, one_input};
use crate::operators::node::{PhysicalNode, Planning};

/// Some of the input's rows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SampleNode {
    input: LogicalPlan,
    unit: Unit,
    /// The bits of the share, which can be compared.
    share: u64,
    seed: Option<u64>,
    places: Vec<Expr>,
}

impl SampleNode {
    /// Draws from `input`; `places` are columns that tell each of its rows from the others, which a draw with a
    /// seed needs: the number of a file (UInt32) and the position in it (Int64), or any others for [`Unit::Rows`].
    pub fn new(input: LogicalPlan, draw: Draw, places: Vec<Expr>) -> Self {
        Self {
            input,
            unit: draw.unit,
            share: draw.share.to_bits(),
            seed: draw.seed,
            places,
        }
    }

    fn draw(&self) -> Draw {
        Draw {
            unit: self.unit,
            share: f64::from_bits(self.share),
            seed: self.seed,
        }
    }
}

impl PartialOrd for SampleNode {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl UserDefinedLogicalNodeCore for SampleNode {
    fn name(&self) -> &str {
        "Sample"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        self.input.schema()
    }

    fn expressions(&self) -> Vec<Expr> {
        self.places.clone()
    }

    /// Where rows are drawn one by one, or by their places, a filter may come before or after.
    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        match (self.unit, self.seed) {
            (Unit::Blocks, None) => self
                .schema()
                .columns()
                .into_iter()
                .map(|column| column.name)
                .collect(),
            _ => HashSet::new(),
        }
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sample: {}", Shown(self.draw()))
    }

    fn with_exprs_and_inputs(&self, exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        Ok(Self::new(one_input(inputs)?, self.draw(), exprs))
    }

    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        needed_columns(self.input.schema(), output_columns, &self.places)
    }
}

impl PhysicalNode for SampleNode {
    fn physical(
        &self,
        planning: &Planning<'_>,
        input: Arc<dyn ExecutionPlan>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let places = planning.columns(&self.places, self.input.schema())?;
        Ok(Arc::new(SampleExec::new(input, self.draw(), places)?))
    }
}

/// A draw as plans show it.
pub(super) struct Shown(pub(super) Draw);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.0.unit {
            Unit::Rows => "rows",
            Unit::Blocks => "blocks",
        };
        write!(f, "{}% of {unit}", self.0.share * 100.0)?;
        match self.0.seed {
            Some(seed) => write!(f, ", seed={seed}"),
            None => Ok(()),
        }
    }
}
