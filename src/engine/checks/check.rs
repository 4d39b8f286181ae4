//! A table's rules held against rows that are there.
//!
//! One pass serves all rules of single rows and all conditions with aggregates; each rule of keys takes an
//! aggregation or a join over its own columns more, accuracy and drift a comparison with the other table.

use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Float64Type;
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use futures::TryStreamExt;

use super::incremental::lasts;
use crate::definition::{Rule, RuleOutcome, RuleStatus};
use crate::engine::rules::Binding;
use crate::engine::rules::once::AtOnce;
use crate::engine::safe;
use crate::engine::session::Session;
use crate::error::{Error, Result};
use crate::operators::judge::{JudgeNode, Once, Purpose, at_once, broken_keys, flagged, plain};
use crate::operators::validate::{BoundRule, Expected, Tally};
use crate::syntax::Piece;
use crate::table::ManagedTableProvider;

/// Rows, and how they are read.
pub(crate) struct Check<'a> {
    pub session: &'a Session,
    pub state: &'a SessionState,
    pub piece: &'a Piece,
}

impl Check<'_> {
    /// What `rules` say of `rows`, in their order; of the rows of the whole table, if it is given. A rule
    /// that does not fit the table says so; what goes wrong while rows are read ends the check.
    ///
    /// # Errors
    /// What reading the rows gives.
    pub(crate) async fn run(
        &self,
        binding: &Binding<'_>,
        rules: &[Rule],
        rows: LogicalPlan,
        whole: Option<&ManagedTableProvider>,
    ) -> Result<Vec<RuleOutcome>> {
        let mut found: Vec<Option<RuleOutcome>> = Vec::with_capacity(rules.len());
        let mut fitting = Vec::new();
        for rule in rules {
            match binding.bind(rule).await {
                Ok(bound) => {
                    fitting.push(bound);
                    found.push(None);
                }
                Err(error) => found.push(Some(unfit(rule, error.message()))),
            }
        }
        let rows = plain(rows).map_err(|e| self.translated(e))?;
        let (lasting, others): (Vec<BoundRule>, Vec<BoundRule>) = fitting
            .iter()
            .cloned()
            .partition(|rule| whole.is_some() && lasts(rule));
        let counts = match whole {
            Some(table) if !lasting.is_empty() => self.by_files(table, &lasting).await?,
            _ => Vec::new(),
        };
        let mut by_files = lasting.iter().zip(counts);
        let mut others = self.outcomes(binding, &others, &rows).await?.into_iter();
        let mut outcomes = fitting
            .iter()
            .filter_map(|rule| match whole.is_some() && lasts(rule) {
                true => by_files
                    .next()
                    .map(|(rule, (rows, broken))| RuleOutcome::of(&rule.rule, rows, broken)),
                false => others.next(),
            });
        Ok(found
            .into_iter()
            .filter_map(|known| known.or_else(|| outcomes.next()))
            .collect())
    }

    /// What rules that fit say, in their order.
    async fn outcomes(
        &self,
        binding: &Binding<'_>,
        rules: &[BoundRule],
        rows: &LogicalPlan,
    ) -> Result<Vec<RuleOutcome>> {
        let at_once = AtOnce {
            session: self.session,
            state: self.state,
            piece: self.piece,
            schema: Arc::clone(&binding.schema),
        };
        let (counts, conditions) = self.pass(rules, rows).await?;
        let (mut counts, mut conditions) = (counts.into_iter(), conditions.into_iter());
        let mut outcomes = Vec::with_capacity(rules.len());
        for rule in rules {
            outcomes.push(match &rule.expected {
                Expected::Condition { .. } => {
                    let (rows, broken) = counts.next().unwrap_or_default();
                    RuleOutcome::of(&rule.rule, rows, broken)
                }
                Expected::Unique { .. } | Expected::ForeignKey { .. } => {
                    let (applied, _) = counts.next().unwrap_or_default();
                    RuleOutcome::of(&rule.rule, applied, self.broken_keys(rule, rows).await?)
                }
                Expected::Aggregate { .. } => {
                    let (holds, value) = conditions.next().unwrap_or_default();
                    let mut outcome = RuleOutcome::of(&rule.rule, 1, u64::from(holds == Some(false)));
                    outcome.value = value;
                    outcome
                }
                Expected::Accurate { .. } | Expected::Stable { .. } => {
                    at_once.outcome(rule, rows.clone()).await?
                }
            });
        }
        Ok(outcomes)
    }

    /// The pass that serves many rules: for each of rows or keys the rows that it applies to and those
    /// that break it (of keys, none), for each condition with aggregates whether it holds and its number.
    #[expect(clippy::type_complexity, reason = "two lists of pairs, each read once")]
    async fn pass(
        &self,
        rules: &[BoundRule],
        rows: &LogicalPlan,
    ) -> Result<(Vec<(u64, u64)>, Vec<(Option<bool>, Option<f64>)>)> {
        let conditions: Vec<Once<'_>> = rules.iter().filter_map(once_of).collect();
        let (flagged, judged) = flagged(rows, rules, false).map_err(|e| self.translated(e))?;
        if judged.is_empty() && conditions.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let tally = Arc::new(Tally::new(judged.len()));
        let plan = JudgeNode::plan(flagged, judged.into(), Purpose::Count(Arc::clone(&tally)))
            .and_then(|plan| at_once(plan, &conditions));
        let batch = self.batch(plan).await?;
        let column = |i: usize| {
            batch
                .iter()
                .find(|batch| batch.num_rows() > 0)
                .map(|batch| batch.column(i))
        };
        let results = (0..conditions.len()).map(|i| {
            let holds = column(2 * i).and_then(|holds| holds.as_boolean_opt());
            let value = column(2 * i + 1).and_then(|value| value.as_primitive_opt::<Float64Type>());
            let holds = holds
                .filter(|holds| holds.is_valid(0))
                .map(|holds| holds.value(0));
            (
                holds,
                value
                    .filter(|value| value.is_valid(0))
                    .map(|value| value.value(0)),
            )
        });
        Ok((tally.counts().rules, results.collect()))
    }

    async fn broken_keys(&self, rule: &BoundRule, rows: &LogicalPlan) -> Result<u64> {
        match broken_keys(rows, rule).map_err(|e| self.translated(e))? {
            Some(plan) => self.number(plan).await,
            None => Ok(0),
        }
    }

    /// The one number of a plan; 0 for NULL.
    pub(super) async fn number(&self, plan: LogicalPlan) -> Result<u64> {
        let batches = self.batch(Ok(plan)).await?;
        let found = batches.iter().find(|batch| batch.num_rows() > 0);
        let found = found.and_then(|batch| ScalarValue::try_from_array(batch.column(0), 0).ok());
        Ok(match found {
            Some(ScalarValue::Int64(Some(n))) => n.unsigned_abs(),
            _ => 0,
        })
    }

    /// The rows of a plan of few.
    pub(super) async fn batch(&self, plan: Result<LogicalPlan, DataFusionError>) -> Result<Vec<RecordBatch>> {
        let plan = plan.map_err(|e| self.translated(e))?;
        let plan = self.session.physical(self.state, self.piece, &plan).await?;
        self.session
            .stream(self.state, self.piece, plan)?
            .try_collect()
            .await
    }

    /// Whether nothing is to be written: the session reads and does nothing else.
    pub(super) fn leaves_no_trace(&self) -> bool {
        safe::is_on(self.session.config().read().options())
    }

    pub(super) fn translated(&self, error: DataFusionError) -> Error {
        self.session.translated(error, self.piece)
    }
}

fn once_of(rule: &BoundRule) -> Option<Once<'_>> {
    match &rule.expected {
        Expected::Aggregate { condition, .. } => Some(Once {
            condition,
            filter: rule.filter.as_ref(),
        }),
        _ => None,
    }
}

fn unfit(rule: &Rule, why: &str) -> RuleOutcome {
    let mut outcome = RuleOutcome::of(rule, 0, 0);
    outcome.status = RuleStatus::Error;
    outcome.message = Some(why.to_owned());
    outcome
}
