//! A table's rules held against rows that are there.
//!
//! One pass serves all rules of single rows and all conditions with aggregates; each rule of keys takes an
//! aggregation or a join over its own columns more, accuracy and drift a comparison with the other table.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use futures::TryStreamExt;

use super::incremental::lasts;
use crate::definition::{Rule, RuleOutcome, RuleStatus};
use crate::engine::rules::Binding;
use crate::engine::rules::once::{AtOnce, once_of, outcome_of, said};
use crate::engine::safe;
use crate::engine::session::Session;
use crate::error::{Code, Error, Result};
use crate::operators::judge::{JudgeNode, Once, Purpose, Sets, at_once, flagged, plain};
use crate::operators::validate::{BoundRule, Expected, Tally};
use crate::syntax::Piece;
use crate::table::ManagedTableProvider;

/// Rows, and how they are read.
pub(crate) struct Check<'a> {
    pub session: &'a Session,
    pub state: &'a SessionState,
    pub piece: &'a Piece,
}

/// What one pass over rows said.
#[derive(Debug, Default)]
struct Pass {
    /// For each rule of rows or keys the rows that it applies to, and those that break it (of keys, none).
    counts: Vec<(u64, u64)>,
    /// For each condition with aggregates whether it holds, and the number that it compares.
    conditions: Vec<(Option<bool>, Option<f64>)>,
}

impl Check<'_> {
    /// What `rules` say of `rows`, in their order; of the rows of the whole table, if it is given. A rule
    /// that does not fit the table, or cannot be evaluated, says so.
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
        let outcomes = match self.all(binding, &fitting, &rows, whole).await {
            Err(error) if is_of_values(&error) => self.one_by_one(binding, &fitting, &rows).await,
            outcomes => outcomes,
        };
        let mut outcomes = outcomes?.into_iter();
        Ok(found
            .into_iter()
            .filter_map(|known| known.or_else(|| outcomes.next()))
            .collect())
    }

    /// What rules that fit say, each by itself: one that cannot be evaluated says so, and stands in no
    /// other's way.
    async fn one_by_one(
        &self,
        binding: &Binding<'_>,
        rules: &[BoundRule],
        rows: &LogicalPlan,
    ) -> Result<Vec<RuleOutcome>> {
        let mut outcomes = Vec::with_capacity(rules.len());
        for rule in rules {
            match self.outcomes(binding, std::slice::from_ref(rule), rows).await {
                Err(error) if is_of_values(&error) => {
                    self.read(rule, rows).await?;
                    outcomes.push(unfit(&rule.rule, error.message()));
                }
                outcome => outcomes.extend(outcome?),
            }
        }
        Ok(outcomes)
    }

    /// Reads what the rule is about: values that cannot be read are no matter of the rule's.
    async fn read(&self, rule: &BoundRule, rows: &LogicalPlan) -> Result<()> {
        let columns = rule.columns.iter();
        let columns = columns.map(|i| Expr::Column(rows.schema().qualified_field(*i).into()));
        let plan = LogicalPlanBuilder::from(rows.clone())
            .project(columns)
            .and_then(LogicalPlanBuilder::build)
            .map_err(|e| self.translated(e))?;
        let plan = self.session.physical(self.state, self.piece, &plan).await?;
        let mut batches = self.session.stream(self.state, self.piece, plan)?;
        while batches.try_next().await?.is_some() {}
        Ok(())
    }

    /// What rules that fit say, in their order; of a whole table by what is known of its files.
    async fn all(
        &self,
        binding: &Binding<'_>,
        fitting: &[BoundRule],
        rows: &LogicalPlan,
        whole: Option<&ManagedTableProvider>,
    ) -> Result<Vec<RuleOutcome>> {
        let (lasting, others): (Vec<BoundRule>, Vec<BoundRule>) = fitting
            .iter()
            .cloned()
            .partition(|rule| whole.is_some() && lasts(rule));
        let counts = match whole {
            Some(table) if !lasting.is_empty() => self.by_files(table, &lasting).await?,
            _ => Vec::new(),
        };
        let mut by_files = lasting.iter().zip(counts);
        let mut others = self.outcomes(binding, &others, rows).await?.into_iter();
        Ok(fitting
            .iter()
            .filter_map(|rule| match whole.is_some() && lasts(rule) {
                true => by_files
                    .next()
                    .map(|(rule, (rows, broken))| RuleOutcome::of(&rule.rule, rows, broken)),
                false => others.next(),
            })
            .collect())
    }

    /// What rules that fit say of rows, in their order.
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
        let pass = self.pass(rules, rows).await?;
        let (mut counts, mut conditions) = (pass.counts.into_iter(), pass.conditions.into_iter());
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
                Expected::Aggregate { .. } => outcome_of(rule, conditions.next().unwrap_or_default()),
                Expected::Accurate { .. } | Expected::Stable { .. } => {
                    at_once.outcome(rule, rows.clone()).await?
                }
            });
        }
        Ok(outcomes)
    }

    /// The pass that serves many rules.
    async fn pass(&self, rules: &[BoundRule], rows: &LogicalPlan) -> Result<Pass> {
        let conditions: Vec<Once<'_>> = rules.iter().filter_map(once_of).collect();
        let (flagged, judged) = flagged(rows, rules, Sets::Apart).map_err(|e| self.translated(e))?;
        if judged.is_empty() && conditions.is_empty() {
            return Ok(Pass::default());
        }
        let tally = Arc::new(Tally::new(judged.len()));
        let plan = JudgeNode::plan(flagged, judged.into(), Purpose::Count(Arc::clone(&tally)))
            .and_then(|plan| at_once(plan, &conditions));
        let batch = self.batch(plan).await?;
        Ok(Pass {
            counts: tally.counts().rules,
            conditions: (0..conditions.len()).map(|i| said(&batch, i)).collect(),
        })
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

/// Whether a value could not be computed.
fn is_of_values(error: &Error) -> bool {
    matches!(error.code(), Code::DataException | Code::NumericOutOfRange)
}

fn unfit(rule: &Rule, why: &str) -> RuleOutcome {
    let mut outcome = RuleOutcome::of(rule, 0, 0);
    outcome.status = RuleStatus::Error;
    outcome.message = Some(why.to_owned());
    outcome
}
