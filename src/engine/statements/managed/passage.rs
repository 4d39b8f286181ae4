//! The way of a load's rows through its table's rules.
//!
//! Rules of single rows are decided while the rows go by. Where a rule needs all of them (UNIQUE, FOREIGN
//! KEY, aggregates), they are kept as they come, each such rule is a query over them, and they go on from
//! there. Where old rows stay if their new versions are turned away, what the table holds depends on what
//! is turned away, and that on what the table holds: both grow until they agree.

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{DataType, UInt64Type};
use chrono::{DateTime, Utc};
use datafusion::catalog::TableProvider;
use datafusion::common::{Column, JoinType, NullEquality};
use datafusion::datasource::provider_as_source;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, TryCast, col, lit};
use datafusion::physical_plan::ExecutionPlan;
use futures::TryStreamExt;
use uuid::Uuid;

use super::rewrite::ACTION;
use super::verdict::{Verdict, fingerprint};
use super::{run, stage};
use crate::definition::{RuleOutcome, TableDefinition, TableKind};
use crate::engine::rules::Binding;
use crate::engine::rules::once::AtOnce;
use crate::engine::session::Session;
use crate::error::{Code, Error, Result};
use crate::operators::validate::{
    Bits, BoundRule, Counts, Expected, FillExec, Filled, Gate, GateRule, Keys, Marked, NUMBER, REMOVED,
    Reading, Spool, SpoolTable, TIE, Tally, ValidateExec,
};
use crate::syntax::{Piece, RejectLimit};
use crate::table::ManagedTableProvider;
use crate::table::managed::{
    Change, FILE, MarkExec, Marks, PositionedTable, Quarantine, ROW, Reads, Staged, StagedQuarantine,
};

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
}

/// A load's rows: a plan of the table's columns, then raw values, then places.
struct Input {
    plan: LogicalPlan,
    /// For each raw value its table column.
    raws: Vec<usize>,
    has_places: bool,
}

fn raw_name(column: usize) -> String {
    format!("__weir_raw{column}")
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
        let binding = Binding {
            session,
            state,
            table: (zone, name),
            schema: table.schema(),
            statement: None,
        };
        Ok(Self {
            session,
            state,
            piece,
            table,
            rules: binding.bind_all(&definition.rules).await?,
            casts: matches!(&definition.kind, TableKind::Managed(table) if table.quarantines_cast_errors),
            limit,
            aside: None,
            load_id: Uuid::new_v4(),
            began: Instant::now(),
            at: Utc::now(),
            fingerprint: fingerprint(&definition.rules),
        })
    }

    /// Rows of the quarantine, with all of its columns, that the load takes along as they are.
    pub(crate) fn keep_aside(&mut self, rows: LogicalPlan) {
        self.aside = Some(rows);
    }

    /// What the change must rest on: keys that others add meanwhile could be the same.
    pub(crate) fn reads(&self, least: Reads) -> Reads {
        let looks =
            |rule: &BoundRule| matches!(rule.expected, Expected::Unique { .. }) || rule.is_over_table();
        match self.rules.iter().any(looks) {
            true => Reads::Everything,
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
        let aside = Arc::new(self.quarantine()?);
        let physical = self.session.physical(self.state, self.piece, &plan).await?;
        let passing = ValidateExec::new(
            physical,
            Arc::clone(&gate),
            Arc::clone(&tally),
            Arc::clone(&aside) as _,
        )
        .map_err(|e| self.translated(e))?;
        let passing: Arc<dyn ExecutionPlan> = match marks {
            Some(marks) => Arc::new(MarkExec::mark(Arc::new(passing), Arc::clone(marks))),
            None => Arc::new(passing),
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
        })
    }

    /// The load was committed as `version`: everything is the table's now, and the history knows.
    pub(crate) async fn committed(&self, passed: Passed, version: u64) {
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

    /// The input under the table's names. Where values that do not convert are to be quarantined, casts
    /// give NULL for them, and what they were given stands beside.
    fn named(&self, input: &LogicalPlan, has_places: bool) -> Result<Input, DataFusionError> {
        let schema = self.table.schema();
        let columns = schema.fields().len();
        let mut raws = Vec::new();
        let input = match input {
            LogicalPlan::Projection(projection) if self.casts => {
                let mut own = Vec::with_capacity(projection.expr.len());
                let mut raw = Vec::new();
                for (i, expr) in projection.expr.iter().enumerate() {
                    let (name, inner) = match expr {
                        Expr::Alias(alias) => (alias.name.clone(), alias.expr.as_ref()),
                        other => (other.schema_name().to_string(), other),
                    };
                    match inner {
                        Expr::Cast(cast) if i < columns && may_fail(cast.field.data_type()) => {
                            let data_type = cast.field.data_type().clone();
                            let tried = TryCast::new(cast.expr.clone(), data_type);
                            own.push(Expr::TryCast(tried).alias(name));
                            raw.push(cast.expr.as_ref().clone().alias(raw_name(i)));
                            raws.push(i);
                        }
                        _ => own.push(expr.clone()),
                    }
                }
                let places = own.split_off(columns);
                let all = own.into_iter().chain(raw).chain(places);
                LogicalPlanBuilder::from(projection.input.as_ref().clone())
                    .project(all)?
                    .build()?
            }
            other => other.clone(),
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

    /// The kept rows that are new: those that are merely taken away are none.
    fn new_rows(
        &self,
        spool: &Arc<Spool>,
        input: &Input,
        marked: Vec<Marked>,
    ) -> Result<LogicalPlan, DataFusionError> {
        let rows = self.spooled(Arc::clone(spool), marked)?;
        match input.has_places {
            true => LogicalPlanBuilder::from(rows)
                .filter(column(ACTION).not_eq(lit(REMOVED)))?
                .build(),
            false => Ok(rows),
        }
    }

    /// What the rules that need all rows say of each, and which rows are turned away (if that was asked).
    async fn settle(
        &self,
        spool: &Arc<Spool>,
        input: &Input,
        held: Held,
    ) -> Result<(Vec<Marked>, Option<Bits>)> {
        let depends = matches!(held, Held::OtherPartitions | Held::NotReplaced)
            && self
                .rules
                .iter()
                .any(|rule| matches!(rule.expected, Expected::Unique { .. }));
        let needed = depends || self.rules.iter().any(BoundRule::is_over_table);
        let mut rejected: Option<Bits> = None;
        loop {
            let marked = self.marks(spool, input, held, rejected.as_ref()).await?;
            if !needed {
                return Ok((marked, None));
            }
            let now = self.rejected(spool, input, &marked).await?;
            let before = rejected.as_ref().map_or(0, Bits::count);
            // More rows turned away is more that the table holds, which turns away more: it only grows.
            if !depends || now.count() == before {
                return Ok((marked, Some(now)));
            }
            rejected = Some(now);
        }
    }

    /// The rows that are turned away, as things stand.
    async fn rejected(&self, spool: &Arc<Spool>, input: &Input, marked: &[Marked]) -> Result<Bits> {
        let rows = self
            .spooled(Arc::clone(spool), marked.to_vec())
            .map_err(|e| self.translated(e))?;
        let (plan, gate) = self.gate(rows, input, marked).map_err(|e| self.translated(e))?;
        let with_number = self.with_number(plan).map_err(|e| self.translated(e))?;
        let number = with_number.schema().fields().len() - 1;
        let mut bits = Bits::new(spool.rows());
        self.each(&with_number, |batch| {
            if let Some(rejected) = gate.judge(batch).rejected() {
                let numbers = batch.column(number).as_primitive::<UInt64Type>();
                rejected
                    .set_indices()
                    .for_each(|row| bits.set(numbers.value(row)));
            }
            Ok(())
        })
        .await?;
        Ok(bits)
    }

    /// The gate's projection, with the rows' numbers last.
    fn with_number(&self, plan: LogicalPlan) -> Result<LogicalPlan, DataFusionError> {
        let LogicalPlan::Projection(projection) = plan else {
            return Ok(plan);
        };
        let all = projection.expr.into_iter().chain([column(NUMBER)]);
        LogicalPlanBuilder::from(projection.input.as_ref().clone())
            .project(all)?
            .build()
    }

    /// What each rule that needs all rows says.
    async fn marks(
        &self,
        spool: &Arc<Spool>,
        input: &Input,
        held: Held,
        rejected: Option<&Bits>,
    ) -> Result<Vec<Marked>> {
        let mut marked = Vec::new();
        for (i, rule) in self.rules.iter().enumerate().filter(|(_, rule)| rule.is_of_set()) {
            let schema = self.table.schema();
            let names: Vec<String> = rule
                .columns
                .iter()
                .map(|c| schema.field(*c).name().clone())
                .collect();
            let keys = Keys {
                columns: &names,
                filter: rule.filter.as_ref(),
            };
            let rows = self
                .new_rows(spool, input, Vec::new())
                .map_err(|e| self.translated(e))?;
            let bits = match &rule.expected {
                Expected::ForeignKey { reference } => {
                    let plan = keys.missing(&rows, reference);
                    self.numbers(plan, spool).await?
                }
                Expected::Unique { keep } => {
                    let others = self
                        .held(spool, input, held, rejected)
                        .map_err(|e| self.translated(e))?;
                    self.repeated(rule, &keys, &rows, others, keep.as_ref(), spool)
                        .await?
                }
                _ => continue,
            };
            marked.push(Marked {
                name: flag_name('m', i),
                rows: bits.into_buffer(),
            });
        }
        Ok(marked)
    }

    async fn repeated(
        &self,
        rule: &BoundRule,
        keys: &Keys<'_>,
        rows: &LogicalPlan,
        held: Option<LogicalPlan>,
        keep: Option<&(Expr, bool)>,
        spool: &Spool,
    ) -> Result<Bits> {
        let Some((by, last)) = keep else {
            return self.numbers(keys.repeated(rows, held.as_ref()), spool).await;
        };
        let mut bits = match &held {
            Some(held) => self.numbers(keys.held(rows, held), spool).await?,
            None => Bits::new(spool.rows()),
        };
        let plan = keys.behind(rows, by, *last).map_err(|e| self.translated(e))?;
        debug_assert_eq!(plan.schema().field(1).name(), TIE);
        let mut ties = 0_u64;
        self.each(&plan, |batch| {
            let numbers = batch.column(0).as_primitive::<UInt64Type>();
            let tied = batch.column(1).as_boolean();
            for row in 0..batch.num_rows() {
                ties += u64::from(tied.value(row) && !bits.contains(numbers.value(row)));
                bits.set(numbers.value(row));
            }
            Ok(())
        })
        .await?;
        if ties > 0 {
            let (which, name) = (if *last { "last" } else { "first" }, &rule.rule.name);
            let message = format!("rule '{name}': {ties} rows are as good as the {which} of their key");
            return Err(Error::new(Code::RuleViolation, message)
                .with_hint("nothing was written: keep by an order in which no two rows of a key are equal"));
        }
        Ok(bits)
    }

    /// The rows that the table holds beside the new ones: its columns; nothing if it holds none.
    fn held(
        &self,
        spool: &Arc<Spool>,
        input: &Input,
        held: Held,
        rejected: Option<&Bits>,
    ) -> Result<Option<LogicalPlan>, DataFusionError> {
        if held == Held::Nothing || self.table.snapshot().files().is_empty() {
            return Ok(None);
        }
        let marked: Vec<Marked> = rejected
            .map(|bits| Marked {
                name: "__weir_rejected".to_owned(),
                rows: bits.clone().into_buffer(),
            })
            .into_iter()
            .collect();
        let accepted = |builder: LogicalPlanBuilder| match rejected {
            Some(_) => builder.filter(col("__weir_rejected").is_false()),
            None => Ok(builder),
        };
        let plain =
            || LogicalPlanBuilder::scan("held", provider_as_source(Arc::new(self.table.clone())), None);
        let (left, on) = match held {
            Held::All | Held::Nothing => return plain()?.build().map(Some),
            Held::OtherPartitions => (plain()?, self.table.snapshot().partition_columns().to_vec()),
            Held::NotReplaced => {
                let positioned = Arc::new(PositionedTable::new(self.table.clone()));
                let scan = LogicalPlanBuilder::scan("held", provider_as_source(positioned), None)?;
                (scan, vec![FILE.to_owned(), ROW.to_owned()])
            }
        };
        let rows = LogicalPlanBuilder::from(self.spooled(Arc::clone(spool), marked)?);
        let mut gone = accepted(rows)?;
        if input.has_places {
            gone = gone.filter(column(ACTION).gt(lit(1_u8)))?;
        }
        let gone = gone
            .project(on.iter().map(|name| column(name)))?
            .distinct()?
            .alias("gone")?
            .build()?;
        let of = |table: &str| -> Vec<Column> {
            on.iter()
                .map(|name| Column::new(Some(table), name.as_str()))
                .collect()
        };
        let keys = (of("held"), of("gone"));
        let stays = left.join_detailed(gone, JoinType::LeftAnti, keys, None, NullEquality::NullEqualsNull)?;
        let names = self.table.schema();
        let names = names
            .fields()
            .iter()
            .map(|field| Expr::Column(Column::new(Some("held"), field.name())));
        stays.project(names.collect::<Vec<_>>())?.build().map(Some)
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
        };
        Ok((LogicalPlanBuilder::from(rows).project(all)?.build()?, gate))
    }

    /// The rows that a query gives by their numbers.
    async fn numbers(&self, plan: Result<LogicalPlan, DataFusionError>, spool: &Spool) -> Result<Bits> {
        let plan = plan.map_err(|e| self.translated(e))?;
        let mut bits = Bits::new(spool.rows());
        self.each(&plan, |batch| {
            let numbers = batch.column(0).as_primitive::<UInt64Type>();
            numbers.values().iter().for_each(|number| bits.set(*number));
            Ok(())
        })
        .await?;
        Ok(bits)
    }

    /// Runs a query of the gate's own.
    async fn each(&self, plan: &LogicalPlan, mut take: impl FnMut(&RecordBatch) -> Result<()>) -> Result<()> {
        let mut rows = self.session.stream_again(self.state, self.piece, plan).await?;
        while let Some(batch) = rows.try_next().await? {
            take(&batch)?;
        }
        Ok(())
    }

    /// What the rules about all rows at once find.
    async fn table_outcomes(
        &self,
        spool: &Arc<Spool>,
        input: &Input,
        held: Held,
        rejected: Option<&Bits>,
    ) -> Result<Vec<RuleOutcome>> {
        let mut outcomes = Vec::new();
        for rule in self.rules.iter().filter(|rule| rule.is_of_table()) {
            let rows = match rule.is_over_table() {
                true => self.after_load(spool, input, held, rejected),
                false => self.new_rows(spool, input, Vec::new()),
            };
            let rows = rows.map_err(|e| self.translated(e))?;
            outcomes.push(self.table_outcome(rule, rows).await?);
        }
        Ok(outcomes)
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

    /// Evaluates a rule about all rows at once.
    async fn table_outcome(&self, rule: &BoundRule, rows: LogicalPlan) -> Result<RuleOutcome> {
        let at_once = AtOnce {
            session: self.session,
            state: self.state,
            piece: self.piece,
            schema: self.table.schema(),
        };
        at_once.outcome(rule, rows).await
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

/// Whether a conversion to the type can fail.
fn may_fail(data_type: &DataType) -> bool {
    !matches!(
        data_type,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    )
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
