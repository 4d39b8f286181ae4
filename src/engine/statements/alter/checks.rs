//! `ADD CHECK` of a managed table, and `DROP CONSTRAINT` of one: entries of the table's log.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::datasource::provider_as_source;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, lit};

use super::Altering;
use crate::definition::{ManagedTable, TableKind};
use crate::engine::outcome::Done;
use crate::engine::rules::{Binding, made_check};
use crate::engine::statements::managed::number;
use crate::engine::tables::managed_table;
use crate::error::{Code, Error, Result};
use crate::syntax::Check;
use crate::table::ManagedTableProvider;
use crate::table::managed::LogCheck;

impl Altering<'_> {
    async fn provider(&self, table: &ManagedTable) -> Result<ManagedTableProvider> {
        let pins = self.session.pins();
        let (lake, zone) = (self.session.lake(), &self.target.zone);
        managed_table(lake, &pins, zone, &self.definition, table).await
    }

    /// The CHECK constraints that the table has; an external one has none.
    pub(super) async fn checks(&self) -> Result<Vec<LogCheck>> {
        match &self.definition.kind {
            TableKind::Managed(table) => Ok(self.provider(table).await?.snapshot().checks()),
            _ => Ok(Vec::new()),
        }
    }

    /// A constraint that all rows keep, those that are there too.
    pub(super) async fn add_check(&self, table: &ManagedTable, check: &Check) -> Result<Done> {
        let provider = self.provider(table).await?;
        let snapshot = Arc::clone(provider.snapshot());
        let state = self.session.state();
        let binding = Binding {
            session: self.session,
            state: &state,
            table: (&self.target.zone.name, &self.target.name),
            schema: provider.schema(),
            itself: None,
            statement: Some(self.piece),
        };
        let made = made_check(&binding, check, &snapshot.checks(), &self.definition.rules)?;
        let broken = binding.check(&check.expression)?.is_false();
        let rows = self.count(&provider, broken).await?;
        if rows > 0 {
            let (name, written) = (provider.name(), made.as_written());
            let message = format!(
                "{rows} rows of table '{name}' break constraint '{}' CHECK ({written})",
                made.name
            );
            return Err(Error::new(Code::CheckViolation, message)
                .with_hint(format!(
                    "SELECT * FROM {name} WHERE ({written}) IS FALSE shows them"
                ))
                .at(self.piece.locate(check.expression.span)));
        }
        let (name, log) = (provider.name(), provider.log());
        log.commit(name, &snapshot, &snapshot.with_check(&made)?).await?;
        Ok(Done::new(format!("altered {name}")))
    }

    /// How many rows of the table `condition` is true of.
    async fn count(&self, provider: &ManagedTableProvider, condition: Expr) -> Result<u64> {
        let translated = |e| self.session.translated(e, self.piece);
        let source = provider_as_source(Arc::new(provider.clone()));
        let plan = LogicalPlanBuilder::scan("t", source, None)
            .and_then(|plan| plan.filter(condition))
            .and_then(|plan| plan.aggregate(Vec::<Expr>::new(), [count(lit(1_i64))]))
            .and_then(LogicalPlanBuilder::build)
            .map_err(translated)?;
        number(self.session, self.piece, &plan).await
    }

    /// A constraint goes.
    pub(super) async fn drop_check(&self, check: &LogCheck) -> Result<Done> {
        let TableKind::Managed(table) = &self.definition.kind else {
            return Err(Error::new(Code::Internal, "a constraint without a log"));
        };
        let provider = self.provider(table).await?;
        let snapshot = provider.snapshot();
        let (name, log) = (provider.name(), provider.log());
        let change = snapshot.without_check(&check.name)?;
        log.commit(name, snapshot, &change).await?;
        Ok(Done::new(format!("altered {name}")))
    }
}
