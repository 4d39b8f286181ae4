//! Rules that need all rows of a load: which of the kept rows break them, and which are turned away.
//!
//! Of a key that has to be unique, hashes say first which rows may have another's ([`Screen`]); only those
//! are compared.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::UInt64Type;
use datafusion::catalog::TableProvider;
use datafusion::common::{Column, JoinType, NullEquality};
use datafusion::datasource::provider_as_source;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, col, lit};

use super::super::rewrite::ACTION;
use super::{Held, Input, Passage, column, flag_name};
use crate::engine::failure::naming_rules;
use crate::error::{Code, Error, Result};
use crate::operators::validate::{
    Bits, BoundRule, Expected, Keys, Marked, NUMBER, REMOVED, Screen, Spool, TIE,
};
use crate::table::managed::{FILE, PositionedTable, ROW};

impl Passage<'_> {
    /// The kept rows that are new: those that are merely taken away are none.
    pub(super) fn new_rows(
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

    /// Those of the kept rows that are new and among `some`.
    fn some_rows(
        &self,
        spool: &Arc<Spool>,
        input: &Input,
        some: Bits,
    ) -> Result<LogicalPlan, DataFusionError> {
        let marked = Marked {
            name: "__weir_some".to_owned(),
            rows: some.into_buffer(),
        };
        let rows = self.new_rows(spool, input, vec![marked])?;
        LogicalPlanBuilder::from(rows)
            .filter(column("__weir_some"))?
            .build()
    }

    /// The queries behind a rule that needs all rows, as they would be run: what hashes are looked at of,
    /// and what is compared.
    pub(super) fn queries(
        &self,
        rule: &BoundRule,
        spool: &Arc<Spool>,
        input: &Input,
        held: Held,
    ) -> Result<(Vec<LogicalPlan>, Vec<LogicalPlan>), DataFusionError> {
        let names = self.names(rule);
        let keys = Keys {
            columns: &names,
            filter: rule.filter.as_ref(),
        };
        let rows = self.new_rows(spool, input, Vec::new())?;
        let keep = match &rule.expected {
            Expected::ForeignKey { reference } => {
                return Ok((Vec::new(), vec![keys.missing(&rows, reference)?]));
            }
            Expected::Unique { keep } => keep,
            _ => return Ok((Vec::new(), Vec::new())),
        };
        let held = self.held(spool, input, held, None)?;
        let mut screened = vec![keys.keys(&rows, &[column(NUMBER)])?];
        let some = self.some_rows(spool, input, Bits::new(spool.rows()))?;
        let mut compared = vec![match keep {
            None => keys.repeated(&some)?,
            Some((by, last)) => keys.behind(&some, by, *last)?,
        }];
        if let Some(held) = &held {
            screened.push(keys.keys(held, &[])?);
            compared.push(keys.held(&some, held)?);
        }
        Ok((screened, compared))
    }

    fn names(&self, rule: &BoundRule) -> Vec<String> {
        let schema = self.table.schema();
        let names = rule.columns.iter().map(|c| schema.field(*c).name().clone());
        names.collect()
    }

    /// What the rules that need all rows say of each, and which rows are turned away (if that was asked).
    pub(super) async fn settle(
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
        let with_number = self.naming(with_number);
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
            let bits = self.bits(rule, spool, input, held, rejected).await;
            let named = |e| naming_rules(e, std::slice::from_ref(&rule.rule.name));
            let bits = bits.map_err(named)?;
            marked.push(Marked {
                name: flag_name('m', i),
                rows: bits.into_buffer(),
            });
        }
        Ok(marked)
    }

    /// The kept rows that break a rule that needs all of them.
    async fn bits(
        &self,
        rule: &BoundRule,
        spool: &Arc<Spool>,
        input: &Input,
        held: Held,
        rejected: Option<&Bits>,
    ) -> Result<Bits> {
        let names = self.names(rule);
        let keys = Keys {
            columns: &names,
            filter: rule.filter.as_ref(),
        };
        let rows = self
            .new_rows(spool, input, Vec::new())
            .map_err(|e| self.translated(e))?;
        match &rule.expected {
            Expected::ForeignKey { reference } => {
                let plan = keys.missing(&rows, reference);
                self.numbers(plan, spool).await
            }
            Expected::Unique { keep } => {
                let others = self
                    .held(spool, input, held, rejected)
                    .map_err(|e| self.translated(e))?;
                let suspects = self.suspects(&keys, &rows, others.as_ref(), spool).await?;
                match suspects {
                    Some(suspects) if suspects.count() == 0 => Ok(suspects),
                    Some(suspects) => {
                        let some = self.some_rows(spool, input, suspects);
                        let some = some.map_err(|e| self.translated(e))?;
                        self.repeated(rule, &keys, &some, others, keep.as_ref(), spool)
                            .await
                    }
                    None => {
                        self.repeated(rule, &keys, &rows, others, keep.as_ref(), spool)
                            .await
                    }
                }
            }
            _ => Ok(Bits::new(spool.rows())),
        }
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
            let mut bits = self.numbers(keys.repeated(rows), spool).await?;
            if let Some(held) = &held {
                let plan = keys.held(rows, held);
                self.add_numbers(plan, &mut bits).await?;
            }
            return Ok(bits);
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

    /// The rows whose key others may have, by a look at hashes; nothing if memory does not suffice for it.
    async fn suspects(
        &self,
        keys: &Keys<'_>,
        rows: &LogicalPlan,
        held: Option<&LogicalPlan>,
        spool: &Spool,
    ) -> Result<Option<Bits>> {
        let translated = |e| self.translated(e);
        let width = keys.columns.len();
        let own = keys.keys(rows, &[column(NUMBER)]).map_err(translated)?;
        let pool = &self.state.runtime_env().memory_pool;
        let mut screen = Some(Screen::new(MemoryConsumer::new("keys at a gate").register(pool)));
        self.each(&own, |batch| {
            let numbers = batch.column(width).as_primitive::<UInt64Type>();
            // Memory that does not suffice is no fault: the keys are compared without it.
            screen = screen.take().and_then(|mut screen| {
                let pushed = screen.push(&batch.columns()[..width], batch.num_rows(), Some(numbers));
                pushed.is_ok().then_some(screen)
            });
            Ok(())
        })
        .await?;
        let Some(mut screened) = screen.and_then(|screen| screen.close().ok()) else {
            return Ok(None);
        };
        if let Some(held) = held {
            let held = keys.keys(held, &[]).map_err(translated)?;
            self.each(&held, |batch| {
                let added = screened.held(batch.columns(), batch.num_rows());
                added.map_err(|e| self.translated(e))
            })
            .await?;
        }
        Ok(Some(screened.suspects(spool.rows())))
    }

    /// The rows that the table holds beside the new ones: its columns; nothing if it holds none.
    pub(super) fn held(
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

    /// The rows that a query gives by their numbers.
    async fn numbers(&self, plan: Result<LogicalPlan, DataFusionError>, spool: &Spool) -> Result<Bits> {
        let mut bits = Bits::new(spool.rows());
        self.add_numbers(plan, &mut bits).await?;
        Ok(bits)
    }

    async fn add_numbers(&self, plan: Result<LogicalPlan, DataFusionError>, bits: &mut Bits) -> Result<()> {
        let plan = plan.map_err(|e| self.translated(e))?;
        self.each(&plan, |batch| {
            let numbers = batch.column(0).as_primitive::<UInt64Type>();
            numbers.values().iter().for_each(|number| bits.set(*number));
            Ok(())
        })
        .await
    }
}
