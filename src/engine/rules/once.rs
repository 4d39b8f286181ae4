//! Rules about all rows at once, evaluated: accuracy and drift against another table, and conditions with
//! aggregates.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, SchemaRef};
use datafusion::common::Column;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use futures::TryStreamExt;

use crate::definition::RuleOutcome;
use crate::engine::session::Session;
use crate::error::{Error, Result};
use crate::operators::validate::{BoundRule, Drift, Expected, aggregated, compared, in_order};
use crate::syntax::{Piece, Statistic};

/// How rows are read, and what columns they have.
pub(crate) struct AtOnce<'a> {
    pub session: &'a Session,
    pub state: &'a SessionState,
    pub piece: &'a Piece,
    /// The columns of the rule's table.
    pub schema: SchemaRef,
}

impl AtOnce<'_> {
    /// What a rule about all rows says of `rows`.
    ///
    /// # Errors
    /// What reading them, or the other table, gives.
    pub(crate) async fn outcome(&self, rule: &BoundRule, rows: LogicalPlan) -> Result<RuleOutcome> {
        let rows = match &rule.filter {
            Some(filter) => LogicalPlanBuilder::from(rows)
                .filter(filter.clone())
                .and_then(LogicalPlanBuilder::build)
                .map_err(|e| self.translated(e))?,
            None => rows,
        };
        let (mut broken, mut value, mut applied) = (false, None, true);
        match &rule.expected {
            Expected::Aggregate { condition, .. } => {
                let plan = aggregated(rows, condition).map_err(|e| self.translated(e))?;
                self.each(&plan, |batch| {
                    broken |= batch.column(0).as_boolean().false_count() > 0;
                })
                .await?;
            }
            Expected::Accurate {
                reference,
                key,
                tolerance,
                ..
            } => {
                let (key, columns) = (self.names(key), self.names(&rule.columns));
                let plan = compared(rows, reference, &key, &columns, *tolerance);
                let plan = plan.map_err(|e| self.translated(e))?;
                let (mut total, mut wrong) = (0, 0);
                self.each(&plan, |batch| {
                    let number = |i: usize| batch.column(i).as_primitive::<Int64Type>().value(0);
                    if batch.num_rows() > 0 {
                        (total, wrong) = (number(0), number(1));
                    }
                })
                .await?;
                (broken, applied) = (wrong > 0, total > 0);
                #[expect(clippy::cast_precision_loss, reason = "a share needs no more digits")]
                let share = applied.then(|| wrong as f64 / total as f64);
                value = share;
            }
            Expected::Stable {
                reference,
                statistic,
                limit,
                ..
            } => {
                let names = self.names(&rule.columns);
                let columns: Vec<Expr> = names
                    .iter()
                    .map(|name| Expr::Column(Column::new_unqualified(name)))
                    .collect();
                let values = LogicalPlanBuilder::from(rows)
                    .project(columns)
                    .and_then(LogicalPlanBuilder::build)
                    .map_err(|e| self.translated(e))?;
                value = self.drift(values, reference.clone(), *statistic).await?;
                broken = value.is_some_and(|distance| distance >= *limit);
                applied = value.is_some();
            }
            _ => {}
        }
        let mut outcome = RuleOutcome::of(&rule.rule, u64::from(applied), u64::from(broken));
        outcome.value = value;
        Ok(outcome)
    }

    async fn drift(
        &self,
        values: LogicalPlan,
        baseline: LogicalPlan,
        statistic: Statistic,
    ) -> Result<Option<f64>> {
        let plan = in_order(values, baseline).map_err(|e| self.translated(e))?;
        #[expect(clippy::cast_precision_loss, reason = "a share needs no more digits")]
        let pairs = |batch: &RecordBatch, take: &mut dyn FnMut(f64, f64)| {
            let column = |i: usize| batch.column(i).as_primitive::<Int64Type>();
            let (a, b) = (column(0), column(1));
            (0..batch.num_rows()).for_each(|row| take(a.value(row) as f64, b.value(row) as f64));
        };
        let mut totals = (0.0, 0.0);
        self.each(&plan, |batch| {
            pairs(batch, &mut |a, b| totals = (totals.0 + a, totals.1 + b));
        })
        .await?;
        let mut drift = Drift::new(totals.0, totals.1);
        self.each(&plan, |batch| pairs(batch, &mut |a, b| drift.push(a, b)))
            .await?;
        Ok(drift.distance(statistic))
    }

    fn names(&self, positions: &[usize]) -> Vec<String> {
        positions
            .iter()
            .map(|c| self.schema.field(*c).name().clone())
            .collect()
    }

    /// Runs a plan to its end and shows each batch.
    async fn each(&self, plan: &LogicalPlan, mut show: impl FnMut(&RecordBatch)) -> Result<()> {
        let plan = self.session.physical(self.state, self.piece, plan).await?;
        let mut rows = self.session.stream(self.state, self.piece, plan)?;
        while let Some(batch) = rows.try_next().await? {
            show(&batch);
        }
        Ok(())
    }

    fn translated(&self, error: DataFusionError) -> Error {
        self.session.translated(error, self.piece)
    }
}
