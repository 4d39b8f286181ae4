//! How many rows break a rule of keys. Those that have to be unique are screened first: hashes tell most
//! of them apart, and only the others are counted.

use std::sync::Arc;

use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::logical_expr::LogicalPlan;
use futures::TryStreamExt;

use super::check::Check;
use crate::error::Result;
use crate::operators::judge::{broken_keys, present_keys};
use crate::operators::validate::{BoundRule, Expected, Screen, Screened};

impl Check<'_> {
    /// How many of `rows`, plain, break the rule.
    pub(super) async fn broken_keys(&self, rule: &BoundRule, rows: &LogicalPlan) -> Result<u64> {
        let screened = match &rule.expected {
            Expected::Unique { .. } => self.screened(rule, rows).await?.map(Arc::new),
            _ => None,
        };
        if screened.as_ref().is_some_and(|screened| screened.count() == 0) {
            return Ok(0);
        }
        let plan = broken_keys(rows, rule, screened.as_ref()).map_err(|e| self.translated(e))?;
        match plan {
            Some(plan) => self.number(plan).await,
            None => Ok(0),
        }
    }

    /// The keys of `rows`; nothing if memory does not suffice: then all are counted, which spills.
    async fn screened(&self, rule: &BoundRule, rows: &LogicalPlan) -> Result<Option<Screened>> {
        let keys = present_keys(rows, rule).map_err(|e| self.translated(e))?;
        let pool = &self.state.runtime_env().memory_pool;
        let mut screen = Screen::new(MemoryConsumer::new("keys of a check").register(pool));
        let plan = self.session.physical(self.state, self.piece, &keys).await?;
        let mut batches = self.session.stream(self.state, self.piece, plan)?;
        while let Some(batch) = batches.try_next().await? {
            let pushed = screen.push(batch.columns(), batch.num_rows(), None);
            if pushed.is_err() {
                return Ok(None);
            }
        }
        Ok(screen.close().ok())
    }
}
