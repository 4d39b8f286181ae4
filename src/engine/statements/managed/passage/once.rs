//! Rules about all rows of a load at once, or about the table as it would be after it.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, col};

use super::{Held, Input, Passage, column};
use crate::definition::RuleOutcome;
use crate::engine::rules::once::AtOnce;
use crate::error::Result;
use crate::operators::validate::{Bits, BoundRule, Expected, Marked, Spool};

impl Passage<'_> {
    /// What the rules about all rows at once find.
    pub(super) async fn table_outcomes(
        &self,
        spool: &Arc<Spool>,
        input: &Input,
        held: Held,
        rejected: Option<&Bits>,
    ) -> Result<Vec<RuleOutcome>> {
        let at_once = self.at_once();
        let mut outcomes = Vec::new();
        for over_table in [false, true] {
            let rules = self.rules.iter().filter(|rule| rule.is_of_table());
            let rules: Vec<&BoundRule> = rules.filter(|rule| rule.is_over_table() == over_table).collect();
            if rules.is_empty() {
                continue;
            }
            let rows = match over_table {
                true => self.after_load(spool, input, held, rejected),
                false => self.new_rows(spool, input, Vec::new()),
            };
            let rows = rows.map_err(|e| self.translated(e))?;
            outcomes.extend(at_once.aggregates(&rules, rows.clone()).await?);
            for rule in rules {
                if !matches!(rule.expected, Expected::Aggregate { .. }) {
                    outcomes.push(at_once.outcome(rule, rows.clone()).await?);
                }
            }
        }
        Ok(outcomes)
    }

    /// The query behind a rule about all rows at once; none is screened.
    pub(super) fn query_at_once(
        &self,
        rule: &BoundRule,
        spool: &Arc<Spool>,
        input: &Input,
        held: Held,
    ) -> Result<(Vec<LogicalPlan>, Vec<LogicalPlan>), DataFusionError> {
        let rows = match rule.is_over_table() {
            true => self.after_load(spool, input, held, None)?,
            false => self.new_rows(spool, input, Vec::new())?,
        };
        let plan = self.at_once().plan(rule, rows)?;
        Ok((Vec::new(), plan.into_iter().collect()))
    }

    fn at_once(&self) -> AtOnce<'_> {
        AtOnce {
            session: self.session,
            state: self.state,
            piece: self.piece,
            schema: self.table.schema(),
        }
    }

    /// The table as it would be after the load.
    fn after_load(
        &self,
        spool: &Arc<Spool>,
        input: &Input,
        held: Held,
        rejected: Option<&Bits>,
    ) -> Result<LogicalPlan, DataFusionError> {
        let schema = self.table.schema();
        let names = || {
            schema
                .fields()
                .iter()
                .map(|field| column(field.name()))
                .collect::<Vec<_>>()
        };
        let marked = rejected.map(|bits| Marked {
            name: "__weir_rejected".to_owned(),
            rows: bits.clone().into_buffer(),
        });
        let mut new = LogicalPlanBuilder::from(self.new_rows(spool, input, marked.into_iter().collect())?);
        if rejected.is_some() {
            new = new.filter(col("__weir_rejected").is_false())?;
        }
        let new = new.project(names())?;
        match self.held(spool, input, held, rejected)? {
            None => new.build(),
            Some(held) => {
                let held = LogicalPlanBuilder::from(held).project(names())?.build()?;
                new.union(held)?.build()
            }
        }
    }
}
