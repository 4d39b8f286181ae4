//! Rules about all rows at once, evaluated: accuracy and drift against another table, and conditions with
//! aggregates.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type, SchemaRef};
use datafusion::common::Column;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use futures::TryStreamExt;

use crate::definition::RuleOutcome;
use crate::engine::failure::naming_rules;
use crate::engine::session::Session;
use crate::error::{Error, Result};
use crate::operators::judge::{Once, at_once};
use crate::operators::validate::{BoundRule, Drift, Expected, compared, in_order};
use crate::syntax::{Piece, Statistic};

/// How rows are read, and what columns they have.
pub(crate) struct AtOnce<'a> {
    pub session: &'a Session,
    pub state: &'a SessionState,
    pub piece: &'a Piece,
    /// The columns of the rule's table.
    pub schema: SchemaRef,
}

/// The condition of a rule with aggregates, and the rows that it is over.
pub(crate) fn once_of(rule: &BoundRule) -> Option<Once<'_>> {
    match &rule.expected {
        Expected::Aggregate { condition, .. } => Some(Once {
            condition,
            filter: rule.filter.as_ref(),
        }),
        _ => None,
    }
}

/// What the answer of [`at_once`] says of its condition `i`: whether it holds, and the number that it
/// compares.
pub(crate) fn said(answer: &[RecordBatch], i: usize) -> (Option<bool>, Option<f64>) {
    let column = |i: usize| {
        let row = answer.iter().find(|batch| batch.num_rows() > 0);
        row.map(|batch| batch.column(i))
            .filter(|column| column.is_valid(0))
    };
    let holds = column(2 * i).and_then(|holds| Some(holds.as_boolean_opt()?.value(0)));
    let value = column(2 * i + 1);
    let value = value.and_then(|value| Some(value.as_primitive_opt::<Float64Type>()?.value(0)));
    (holds, value)
}

/// What a rule with aggregates says, whose condition holds or not.
pub(crate) fn outcome_of(rule: &BoundRule, (holds, value): (Option<bool>, Option<f64>)) -> RuleOutcome {
    let broken = !holds.unwrap_or(!rule.rule.nulls_fail);
    let mut outcome = RuleOutcome::of(&rule.rule, 1, u64::from(broken));
    outcome.value = value;
    outcome
}

impl AtOnce<'_> {
    /// What those of `rules` that have aggregates say of `rows`, in their order, in one pass.
    ///
    /// # Errors
    /// What reading them gives.
    pub(crate) async fn aggregates(
        &self,
        rules: &[&BoundRule],
        rows: LogicalPlan,
    ) -> Result<Vec<RuleOutcome>> {
        let with_conditions = rules.iter().filter_map(|rule| Some((*rule, once_of(rule)?)));
        let (rules, conditions): (Vec<&BoundRule>, Vec<Once<'_>>) = with_conditions.unzip();
        if rules.is_empty() {
            return Ok(Vec::new());
        }
        let plan = at_once(rows, &conditions).map_err(|e| self.translated(e))?;
        let mut answer = Vec::new();
        let read = self.each(&plan, |batch| answer.push(batch.clone())).await;
        let names: Vec<String> = rules.iter().map(|rule| rule.rule.name.clone()).collect();
        read.map_err(|e| naming_rules(e, &names))?;
        let outcomes = rules.iter().enumerate();
        Ok(outcomes
            .map(|(i, rule)| outcome_of(rule, said(&answer, i)))
            .collect())
    }

    /// The query behind a rule about all of `rows`; nothing for other rules.
    ///
    /// # Errors
    /// DataFusion's own.
    pub(crate) fn plan(
        &self,
        rule: &BoundRule,
        rows: LogicalPlan,
    ) -> Result<Option<LogicalPlan>, DataFusionError> {
        if let Some(once) = once_of(rule) {
            return at_once(rows, &[once]).map(Some);
        }
        let rows = match &rule.filter {
            Some(filter) => LogicalPlanBuilder::from(rows).filter(filter.clone())?.build()?,
            None => rows,
        };
        let columns = self.names(&rule.columns);
        match &rule.expected {
            Expected::Accurate {
                reference,
                key,
                tolerance,
                ..
            } => compared(rows, reference, &self.names(key), &columns, *tolerance).map(Some),
            Expected::Stable { reference, .. } => {
                let columns = columns
                    .iter()
                    .map(|name| Expr::Column(Column::new_unqualified(name)));
                let values = LogicalPlanBuilder::from(rows).project(columns)?.build()?;
                in_order(values, reference.clone()).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// What a rule about all rows that compares them with another table says of `rows`.
    ///
    /// # Errors
    /// What reading them, or the other table, gives.
    pub(crate) async fn outcome(&self, rule: &BoundRule, rows: LogicalPlan) -> Result<RuleOutcome> {
        let (mut broken, mut value, mut applied) = (false, None, true);
        let plan = self.plan(rule, rows).map_err(|e| self.translated(e))?;
        match (&rule.expected, plan) {
            (Expected::Accurate { .. }, Some(plan)) => {
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
            (Expected::Stable { statistic, limit, .. }, Some(plan)) => {
                value = self.drift(&plan, *statistic).await?;
                broken = value.is_some_and(|distance| distance >= *limit);
                applied = value.is_some();
            }
            _ => {}
        }
        let mut outcome = RuleOutcome::of(&rule.rule, u64::from(applied), u64::from(broken));
        outcome.value = value;
        Ok(outcome)
    }

    /// How far two distributions lie apart, of which `plan` gives the values in order.
    async fn drift(&self, plan: &LogicalPlan, statistic: Statistic) -> Result<Option<f64>> {
        #[expect(clippy::cast_precision_loss, reason = "a share needs no more digits")]
        let pairs = |batch: &RecordBatch, take: &mut dyn FnMut(f64, f64)| {
            let column = |i: usize| batch.column(i).as_primitive::<Int64Type>();
            let (a, b) = (column(0), column(1));
            (0..batch.num_rows()).for_each(|row| take(a.value(row) as f64, b.value(row) as f64));
        };
        let mut totals = (0.0, 0.0);
        self.each(plan, |batch| {
            pairs(batch, &mut |a, b| totals = (totals.0 + a, totals.1 + b));
        })
        .await?;
        let mut drift = Drift::new(totals.0, totals.1);
        self.each(plan, |batch| pairs(batch, &mut |a, b| drift.push(a, b)))
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
