//! A load's plan, for EXPLAIN.

use std::sync::Arc;

use arrow::buffer::BooleanBuffer;
use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};

use super::{Held, Input, Passage, flag_name};
use crate::error::Result;
use crate::operators::validate::{
    BoundRule, FillExec, Filled, Marked, ShownExec, Spool, SpoolExec, Step, Tally,
};
use crate::table::managed::{MarkExec, Marks, Outcome, WriteExec};

impl Passage<'_> {
    /// How the rows of `input` would be let through and written, for EXPLAIN: nothing is run.
    pub(crate) async fn explained(
        &self,
        input: &LogicalPlan,
        held: Held,
        marks: Option<&Arc<Marks>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let translated = |e| self.translated(e);
        let input = self.named(input, marks.is_some()).map_err(translated)?;
        let rows = self.session.physical(self.state, self.piece, &input.plan).await?;
        let of_sets = self.rules.iter().enumerate().filter(|(_, rule)| rule.is_of_set());
        let marked: Vec<Marked> = of_sets
            .map(|(i, _)| Marked {
                name: flag_name('m', i),
                rows: BooleanBuffer::new_unset(0),
            })
            .collect();
        let is_of_rows = self.rules.iter().all(BoundRule::is_of_row);
        let decided = match is_of_rows {
            true => None,
            false => {
                let known = StatisticsContext::new().compute(rows.as_ref(), &StatisticsArgs::new());
                let expected = known.map_err(translated)?.num_rows;
                Some(Arc::new(Spool::planned(rows.schema(), expected)))
            }
        };
        let from = match &decided {
            None => input.plan.clone(),
            Some(spool) => self
                .spooled(Arc::clone(spool), marked.clone())
                .map_err(translated)?,
        };
        let (plan, gate) = self.gate(from, &input, &marked).map_err(translated)?;
        let mut physical = self
            .session
            .physical(self.state, self.piece, &self.naming(plan))
            .await?;
        if let Some(spool) = &decided {
            let mut steps: Vec<Arc<dyn ExecutionPlan>> =
                vec![Arc::new(FillExec::new(rows, Filled::default()))];
            steps.extend(self.steps(spool, &input, held).await?);
            physical = above(physical, &steps).map_err(translated)?;
        }
        let tally = Arc::new(Tally::new(gate.rules.len()));
        let passing = self.through(physical, &Arc::new(gate), tally, Arc::new(self.quarantine()?))?;
        let passing: Arc<dyn ExecutionPlan> = match marks {
            Some(marks) => Arc::new(MarkExec::mark(passing, Arc::clone(marks))),
            None => passing,
        };
        let write = WriteExec::new(passing, self.table.layouts()?, Outcome::default());
        Ok(Arc::new(write.map_err(translated)?))
    }

    /// The rules that need all rows, and their queries.
    async fn steps(
        &self,
        spool: &Arc<Spool>,
        input: &Input,
        held: Held,
    ) -> Result<Vec<Arc<dyn ExecutionPlan>>> {
        let mut steps: Vec<Arc<dyn ExecutionPlan>> = Vec::new();
        for rule in self.rules.iter().filter(|rule| !rule.is_of_row()) {
            let queries = match rule.is_of_set() {
                true => self.queries(rule, spool, input, held),
                false => self.query_at_once(rule, spool, input, held),
            };
            let (screened, compared) = queries.map_err(|e| self.translated(e))?;
            let mut queries: Vec<Arc<dyn ExecutionPlan>> = Vec::new();
            if !screened.is_empty() {
                queries.push(self.step(Step::Screen, &screened).await?);
            }
            for plan in &compared {
                queries.push(self.session.physical(self.state, self.piece, plan).await?);
            }
            let said = format!("{}: {}", rule.rule.name, rule.rule.expectation);
            steps.push(Arc::new(ShownExec::new(
                Step::Rule(said),
                queries,
                Arc::clone(spool.schema()),
            )));
        }
        Ok(steps)
    }

    async fn step(&self, step: Step, plans: &[LogicalPlan]) -> Result<Arc<dyn ExecutionPlan>> {
        let mut queries = Vec::with_capacity(plans.len());
        for plan in plans {
            queries.push(self.session.physical(self.state, self.piece, plan).await?);
        }
        let schema = queries
            .first()
            .map(|query| query.schema())
            .unwrap_or_else(|| self.table.schema());
        Ok(Arc::new(ShownExec::new(step, queries, schema)))
    }
}

/// `plan` with the steps below the rows that they decide.
fn above(
    plan: Arc<dyn ExecutionPlan>,
    steps: &[Arc<dyn ExecutionPlan>],
) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
    plan.transform_up(|node| {
        Ok(match node.is::<SpoolExec>() {
            true => {
                Transformed::yes(Arc::new(ShownExec::new(Step::Decide, steps.to_vec(), node.schema())) as _)
            }
            false => Transformed::no(node),
        })
    })
    .data()
}
