//! The way of a load's rows through its table's rules.
//!
//! Rules of single rows are decided while the rows go by. Where a rule needs all of them (UNIQUE, FOREIGN
//! KEY, aggregates), they are kept as they come, each such rule is a query over them, and they go on from
//! there. Where old rows stay if their new versions are turned away, what the table holds depends on what
//! is turned away, and that on what the table holds: both grow until they agree.

mod explained;
mod once;
mod proved;
mod sets;

use std::sync::Arc;
use std::time::Instant;

use arrow::array::RecordBatch;
use chrono::{DateTime, Utc};
use datafusion::catalog::TableProvider;
use datafusion::common::Column;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::ExecutionPlan;
use futures::TryStreamExt;
use uuid::Uuid;

use super::conversion::attempted;
use super::traced::traced;
use super::verdict::{Verdict, fingerprint};
use super::{run, stage};
use crate::definition::{RuleOutcome, TableDefinition, TableKind};
use crate::engine::rules::{Binding, row_checks};
use crate::engine::session::Session;
use crate::error::{Code, Error, Result};
use crate::operators::validate::{
    BoundRule, ChecksExec, Counts, Expected, FillExec, Filled, Gate, GateRule, Marked, NamedNode, Reading,
    RowCheck, Spool, SpoolTable, Tally, ValidateExec,
};
use crate::syntax::{Piece, RejectLimit};
use crate::table::ManagedTableProvider;
use crate::table::external::Sources;
use crate::table::managed::{Change, MarkExec, Marks, Quarantine, Reads, Staged, StagedQuarantine};

/// Which rows the table holds beside the load's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    /// All that it had.
    All,
    /// None of them.
    Nothing,
    /// Those of partitions that no accepted row touches.
    OtherPartitions,
    /// Those that no accepted row takes the place of, and that are not deleted.
    NotReplaced,
}

/// A load on its way.
pub(crate) struct Passage<'a> {
    pub session: &'a Session,
    pub state: &'a SessionState,
    pub piece: &'a Piece,
    pub table: &'a ManagedTableProvider,
    rules: Vec<BoundRule>,
    checks: Arc<[RowCheck]>,
    casts: bool,
    limit: Option<RejectLimit>,
    /// Rows of the quarantine that stay in it.
    aside: Option<LogicalPlan>,
    pub load_id: Uuid,
    began: Instant,
    at: DateTime<Utc>,
    fingerprint: String,
}

/// What went through.
pub(crate) struct Passed {
    pub staged: Staged,
    quarantine: Option<StagedQuarantine>,
    pub counts: Counts,
    verdict: Verdict,
    load_id: Uuid,
    held: Held,
}

/// A load's rows: a plan of the table's columns, then raw values, then places or origins.
struct Input {
    plan: LogicalPlan,
    /// For each raw value its table column.
    raws: Vec<usize>,
    has_places: bool,
    /// The files that the rows come from, if each is a row of one: the last two columns say which.
    sources: Option<Arc<Sources>>,
}

/// Whether `plan` reads the rows that the table has now.
fn scans(plan: &LogicalPlan, table: &ManagedTableProvider) -> bool {
    let mut found = false;
    let seen = plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && let Ok(provider) = source_as_provider(&scan.source)
            && let Some(read) = provider.downcast_ref::<ManagedTableProvider>()
        {
            let versions = (read.snapshot().version(), table.snapshot().version());
            found |= read.name() == table.name() && versions.0 == versions.1;
        }
        Ok(match found {
            true => TreeNodeRecursion::Stop,
            false => TreeNodeRecursion::Continue,
        })
    });
    found || seen.is_err()
}

fn flag_name(kind: char, rule: usize) -> String {
    format!("__weir_{kind}{rule}")
}

fn column(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}

impl<'a> Passage<'a> {
    /// A load into `table`, whose definition has the rules.
    ///
    /// # Errors
    /// A rule that does not fit the table's columns, which may have changed since it was made.
    pub(crate) async fn open(
        session: &'a Session,
        state: &'a SessionState,
        piece: &'a Piece,
        table: &'a ManagedTableProvider,
        definition: &TableDefinition,
        limit: Option<RejectLimit>,
    ) -> Result<Self> {
        let (zone, name) = table.name().split_once('.').unwrap_or(("", table.name()));
        let itself = LogicalPlanBuilder::scan("itself", provider_as_source(Arc::new(table.clone())), None);
        let itself = itself.and_then(LogicalPlanBuilder::build);
        let binding = Binding {
            session,
            state,
            table: (zone, name),
            schema: table.schema(),
            itself: Some(itself.map_err(|e| session.translated(e, piece))?),
            statement: None,
        };
        Ok(Self {
            session,
            state,
            piece,
            table,
            rules: binding.bind_all(&definition.rules).await?,
            checks: row_checks(&binding, &table.snapshot().checks())?,
            casts: matches!(&definition.kind, TableKind::Managed(table) if table.quarantines_cast_errors),
            limit,
            aside: None,
            load_id: Uuid::new_v4(),
            began: Instant::now(),
            at: Utc::now(),
            fingerprint: fingerprint(&definition.rules),
        })
    }

    /// Whether values that do not convert are kept aside, with what they were given.
    pub(crate) fn keeps_raw_values(&self) -> bool {
        self.casts
    }

    /// Rows of the quarantine, with all of its columns, that the load takes along as they are.
    pub(crate) fn keep_aside(&mut self, rows: LogicalPlan) {
        self.aside = Some(rows);
    }

    /// What the change must rest on: keys that others add meanwhile could be the same, and rows that its
    /// own are made of could go.
    pub(crate) fn reads(&self, least: Reads, input: Option<&LogicalPlan>) -> Reads {
        let looks =
            |rule: &BoundRule| matches!(rule.expected, Expected::Unique { .. }) || rule.is_over_table();
        if self.rules.iter().any(looks) {
            return Reads::Everything;
        }
        match input.is_some_and(|input| scans(input, self.table)) {
            true => Reads::Table,
            false => least,
        }
    }

    /// Lets the rows of `input` (the table's columns; with `marks` what becomes of each row, too)
    /// through, into files that no log names yet.
    ///
    /// # Errors
    /// [`Code::RuleViolation`] or [`Code::RejectLimit`] if the load may not pass; nothing is left then.
    pub(crate) async fn stage(
        &self,
        input: &LogicalPlan,
        held: Held,
        marks: Option<&Arc<Marks>>,
    ) -> Result<Passed> {
        let input = self
            .named(input, marks.is_some())
            .map_err(|e| self.translated(e))?;
        let needs_all = self.rules.iter().any(|rule| !rule.is_of_row());
        let mut of_table = Vec::new();
        let (rows, marked) = if needs_all {
            let spool = Arc::new(self.keep(&input).await?);
            let (marked, rejected) = self.settle(&spool, &input, held).await?;
            of_table = self
                .table_outcomes(&spool, &input, held, rejected.as_ref())
                .await?;
            (
                self.spooled(spool, marked.clone())
                    .map_err(|e| self.translated(e))?,
                marked,
            )
        } else {
            (input.plan.clone(), Vec::new())
        };
        let (plan, gate) = self.gate(rows, &input, &marked).map_err(|e| self.translated(e))?;
        let gate = Arc::new(gate);
        let tally = Arc::new(Tally::new(gate.rules.len()));
        let aside = Arc::new(self.quarantine()?.with_sources(input.sources.clone()));
        let physical = self
            .session
            .physical(self.state, self.piece, &self.naming(plan))
            .await?;
        let passing = self.through(physical, &gate, Arc::clone(&tally), Arc::clone(&aside))?;
        let passing: Arc<dyn ExecutionPlan> = match marks {
            Some(marks) => Arc::new(MarkExec::mark(passing, Arc::clone(marks))),
            None => passing,
        };
        let layouts = self.table.layouts()?;
        let staged = stage(self.session, self.state, self.piece, passing, layouts).await?;
        let counts = tally.counts();
        let verdict = self.verdict(&gate, &counts, of_table);
        if let Err(refused) = verdict.check(self.table.name(), &counts, self.limit.as_ref()) {
            // Why it was refused is the answer, whatever becomes of the record.
            let _ = self.record(&verdict, None).await;
            return Err(refused);
        }
        if let Some(rows) = &self.aside {
            self.each(rows, |batch| aside.write_again(batch)).await?;
        }
        let quarantine = tokio::task::spawn_blocking(move || aside.finish())
            .await
            .map_err(|e| Error::new(Code::Internal, e.to_string()))??;
        Ok(Passed {
            staged,
            quarantine,
            counts,
            verdict,
            load_id: self.load_id,
            held,
        })
    }

    /// Rows with what each rule says of them → those that the gate and the constraints let through.
    fn through(
        &self,
        rows: Arc<dyn ExecutionPlan>,
        gate: &Arc<Gate>,
        tally: Arc<Tally>,
        aside: Arc<Quarantine>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let passing = ValidateExec::new(rows, Arc::clone(gate), tally, aside);
        let passing = passing.map_err(|e| self.translated(e))?;
        if self.checks.is_empty() {
            return Ok(Arc::new(passing));
        }
        let fate = gate.fate.map(|_| gate.columns);
        let checks = Arc::clone(&self.checks);
        Ok(Arc::new(ChecksExec::new(
            Arc::new(passing),
            checks,
            gate.columns,
            fate,
        )))
    }

    /// The load was committed as `version`: everything is the table's now, and the history knows.
    pub(crate) async fn committed(&self, passed: Passed, version: u64) {
        // What cannot be kept of proofs is proven by the next check.
        let _ = self.prove(&passed).await;
        passed.staged.keep();
        if let Some(quarantine) = passed.quarantine {
            quarantine.keep();
        }
        // The load is made; what the history cannot take is read from the commit again.
        let _ = self.record(&passed.verdict, Some(version)).await;
    }

    async fn record(&self, verdict: &Verdict, version: Option<u64>) -> Result<()> {
        if verdict.rules.is_empty() {
            return Ok(());
        }
        let run = verdict.run(&self.load_id.to_string(), self.table.name(), version);
        let history = Arc::clone(self.session.lake().checks());
        tokio::task::spawn_blocking(move || history.record(&run))
            .await
            .map_err(|e| Error::new(Code::Internal, e.to_string()))?
    }

    fn quarantine(&self) -> Result<Quarantine> {
        let columns = self.table.schema();
        Quarantine::new(self.table.log(), &columns, self.load_id, self.fingerprint.clone())
    }

    fn translated(&self, error: DataFusionError) -> Error {
        self.session.translated(error, self.piece)
    }

    /// The input under the table's names, with where its rows come from. Where values that do not convert
    /// are to be quarantined, casts give NULL for them, and what they were given stands beside.
    fn named(&self, input: &LogicalPlan, has_places: bool) -> Result<Input, DataFusionError> {
        let traced = match has_places || self.rules.is_empty() && !self.casts {
            true => None,
            false => traced(input)?,
        };
        let (input, sources) = match traced {
            Some((plan, sources)) => (plan, Some(sources)),
            None => (input.clone(), None),
        };
        let schema = self.table.schema();
        let columns = schema.fields().len();
        let (input, raws) = match self.casts {
            true => attempted(input, columns)?,
            false => (input, Vec::new()),
        };
        let plan_schema = Arc::clone(input.schema());
        let renamed = (0..plan_schema.fields().len()).map(|i| {
            let from = Expr::Column(Column::from(plan_schema.qualified_field(i)));
            match i < columns {
                true => {
                    let field = schema.field(i);
                    from.cast_to(field.data_type(), &plan_schema)
                        .map(|e| e.alias(field.name()))
                }
                false => Ok(from.alias(plan_schema.field(i).name())),
            }
        });
        let renamed = renamed.collect::<Result<Vec<_>, DataFusionError>>()?;
        let plan = LogicalPlanBuilder::from(input).project(renamed)?.build()?;
        Ok(Input {
            plan,
            raws,
            has_places,
            sources,
        })
    }

    /// Runs the input to its end and keeps its rows.
    async fn keep(&self, input: &Input) -> Result<Spool> {
        let physical = self.session.physical(self.state, self.piece, &input.plan).await?;
        let filled = Filled::default();
        let fill = Arc::new(FillExec::new(physical, filled.clone()));
        run(self.session, self.state, self.piece, fill).await?;
        filled.take()
    }

    /// The kept rows as a plan, with what is marked of them.
    fn spooled(&self, spool: Arc<Spool>, marked: Vec<Marked>) -> Result<LogicalPlan, DataFusionError> {
        let table = Arc::new(SpoolTable::new(spool, marked));
        LogicalPlanBuilder::scan("input", provider_as_source(table), None)?.build()
    }

    /// Beside the rows the columns that say what each rule says of them.
    fn gate(
        &self,
        rows: LogicalPlan,
        input: &Input,
        marked: &[Marked],
    ) -> Result<(LogicalPlan, Gate), DataFusionError> {
        let schema = self.table.schema();
        let columns = schema.fields().len();
        let carried = input.plan.schema().fields().len();
        let mut all: Vec<Expr> = input
            .plan
            .schema()
            .fields()
            .iter()
            .map(|field| column(field.name()))
            .collect();
        let mut rules: Vec<GateRule> = Vec::new();
        for (position, of) in input.raws.iter().enumerate() {
            rules.push(GateRule::cast(schema.field(*of).name(), *of, columns + position));
        }
        for (i, rule) in self.rules.iter().enumerate() {
            let (flag, reading) = match &rule.expected {
                Expected::Condition {
                    condition,
                    nulls_fail,
                } => (
                    condition.clone().alias(flag_name('c', i)),
                    Reading::Condition {
                        nulls_fail: *nulls_fail,
                    },
                ),
                _ if marked.iter().any(|marked| marked.name == flag_name('m', i)) => {
                    (column(&flag_name('m', i)), Reading::Violated)
                }
                _ => continue,
            };
            let position = all.len();
            all.push(flag);
            let filter = rule.filter.as_ref().map(|filter| {
                all.push(filter.clone().alias(flag_name('f', i)));
                all.len() - 1
            });
            rules.push(GateRule {
                rule: rule.rule.clone(),
                columns: rule.columns.clone(),
                flag: position,
                reading,
                filter,
            });
        }
        let fate = columns + input.raws.len();
        let places = if input.has_places { fate..carried } else { 0..0 };
        let gate = Gate {
            columns,
            passed: (0..columns).chain(places).collect(),
            rules,
            fate: input.has_places.then_some(fate),
            origin: input.sources.is_some().then_some(fate),
        };
        Ok((LogicalPlanBuilder::from(rows).project(all)?.build()?, gate))
    }

    /// The gate's rows, whose rules are named where they cannot be evaluated.
    fn naming(&self, gated: LogicalPlan) -> LogicalPlan {
        let rules = self.rules.iter().enumerate();
        let owners = rules.flat_map(|(i, rule)| {
            let name = vec![rule.rule.name.clone()];
            ['c', 'f'].map(|kind| (flag_name(kind, i), name.clone()))
        });
        NamedNode::plan(gated, owners.collect())
    }

    /// Runs a query of the gate's own.
    async fn each(&self, plan: &LogicalPlan, mut take: impl FnMut(&RecordBatch) -> Result<()>) -> Result<()> {
        let mut rows = self.session.stream_again(self.state, self.piece, plan).await?;
        while let Some(batch) = rows.try_next().await? {
            take(&batch)?;
        }
        Ok(())
    }

    fn verdict(&self, gate: &Gate, counts: &Counts, of_table: Vec<RuleOutcome>) -> Verdict {
        let of_rows = gate.rules.iter().zip(&counts.rules);
        let of_rows = of_rows
            .map(|(rule, (rows, broken))| (rule.rule.clone(), RuleOutcome::of(&rule.rule, *rows, *broken)));
        let of_table = of_table.into_iter().filter_map(|outcome| {
            let mut rules = self.rules.iter();
            let rule = rules.find(|rule| rule.rule.name == outcome.rule)?;
            Some((rule.rule.clone(), outcome))
        });
        Verdict {
            rules: of_rows.chain(of_table).collect(),
            fingerprint: self.fingerprint.clone(),
            at: self.at,
            duration: self.began.elapsed(),
        }
    }
}

impl Passed {
    /// The change that makes the load visible: its files, its quarantine and what its rules found.
    pub(crate) fn fill(&self, change: &mut Change) {
        change.load_id = Some(self.load_id);
        change.add(&self.staged);
        self.note(change);
    }

    /// The same without the files, which others add.
    pub(crate) fn note(&self, change: &mut Change) {
        change.load_id = Some(self.load_id);
        if self.quarantine.is_some() {
            change.show_quarantine(self.load_id);
        }
        self.verdict.note(change, &self.counts);
    }

    /// Whether nothing went through, and nothing was kept aside.
    pub(crate) fn is_empty(&self) -> bool {
        self.staged.rows == 0 && self.quarantine.is_none()
    }
}
