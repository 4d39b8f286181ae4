//! A load's plan, for EXPLAIN.

use std::sync::Arc;

use arrow::buffer::BooleanBuffer;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, lit};
use datafusion::physical_plan::ExecutionPlan;

use super::{Passage, column, flag_name};
use crate::error::Result;
use crate::operators::validate::{Marked, Tally};
use crate::table::managed::{Outcome, WriteExec};

impl Passage<'_> {
    /// How the rows of `input` would be let through and written, for EXPLAIN: nothing is run. Rules that
    /// need all rows stand in it as if they were decided already.
    pub(crate) async fn explained(&self, input: &LogicalPlan) -> Result<Arc<dyn ExecutionPlan>> {
        let translated = |e| self.translated(e);
        let input = self.named(input, false).map_err(translated)?;
        let of_sets = self.rules.iter().enumerate().filter(|(_, rule)| rule.is_of_set());
        let marked: Vec<Marked> = of_sets
            .map(|(i, _)| Marked {
                name: flag_name('m', i),
                rows: BooleanBuffer::new_unset(0),
            })
            .collect();
        let own = input
            .plan
            .schema()
            .fields()
            .iter()
            .map(|field| column(field.name()));
        let decided = marked.iter().map(|marked| lit(false).alias(&marked.name));
        let rows = LogicalPlanBuilder::from(input.plan.clone())
            .project(own.chain(decided))
            .and_then(LogicalPlanBuilder::build)
            .map_err(translated)?;
        let (plan, gate) = self.gate(rows, &input, &marked).map_err(translated)?;
        let physical = self.session.physical(self.state, self.piece, &plan).await?;
        let tally = Arc::new(Tally::new(gate.rules.len()));
        let passing = self.through(physical, &Arc::new(gate), tally, Arc::new(self.quarantine()?))?;
        let write = WriteExec::new(passing, self.table.layouts()?, Outcome::default());
        Ok(Arc::new(write.map_err(translated)?))
    }
}
