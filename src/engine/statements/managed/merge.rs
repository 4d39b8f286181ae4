//! `MERGE INTO`: source and target joined once; the first clause that fits a pair says what becomes of
//! it.

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::catalog::TableProvider;
use datafusion::common::{Column, DFSchema, JoinType, ScalarValue, TableReference};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::dml::{MergeIntoAction, MergeIntoClause, MergeIntoClauseKind, MergeIntoOp};
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, col, lit};

use super::Held;
use super::conversion::{attempted_value, may_fail, no_raw_value, raw_name};
use super::rewrite::{ACTION, Rewrite};
use crate::definition::TableKind;
use crate::engine::outcome::Body;
use crate::error::Result;
use crate::table::managed::{Action, FILE, Marks, ROW};

/// True in every row of the source: NULL where a pair has none.
const SOURCE: &str = "__weir_source";
/// The position of the clause that fits.
const CLAUSE: &str = "__weir_clause";

impl Rewrite<'_> {
    /// Merges `source` into the table.
    pub(super) async fn merge(
        &self,
        name: &TableReference,
        operation: &MergeIntoOp,
        source: &LogicalPlan,
    ) -> Result<Body> {
        let plan = self.merged(name, operation, source);
        let plan = plan.map_err(|e| self.session.translated(e, self.piece))?;
        let marks = Arc::new(Marks::default());
        let passage = self.passage().await?;
        let new = passage.stage(&plan, Held::NotReplaced, Some(&marks)).await?;
        let (inserted, updated, deleted) = marks.counts();
        self.finish("MERGE", &marks, Some((&passage, new)), |answer| {
            answer.input += deleted;
            answer.inserted = Some(inserted);
            answer.updated = Some(updated);
            answer.deleted = Some(deleted);
        })
        .await
    }

    /// The target's new rows, with what becomes of each.
    pub(super) fn merged(
        &self,
        name: &TableReference,
        operation: &MergeIntoOp,
        source: &LogicalPlan,
    ) -> Result<LogicalPlan, DataFusionError> {
        let target = self.scan(name)?;
        let mut columns = all_columns(source.schema());
        columns.push(lit(true).alias(SOURCE));
        let source = LogicalPlanBuilder::from(source.clone())
            .project(columns)?
            .build()?;
        let pairs = LogicalPlanBuilder::from(source)
            .join_on(target, join_type(&operation.clauses), [operation.on.clone()])?
            .build()?;
        let mut columns = all_columns(pairs.schema());
        columns.push(fitting_clause(&operation.clauses)?.alias(CLAUSE));
        let picked = LogicalPlanBuilder::from(pairs)
            .project(columns)?
            .filter(col(CLAUSE).is_not_null())?;
        let schema = self.table.schema();
        let mut values = Vec::with_capacity(schema.fields().len() + 3);
        // Where values that do not convert are kept aside, what they were given stands behind.
        let attempts =
            matches!(&self.definition.kind, TableKind::Managed(table) if table.quarantines_cast_errors);
        let mut raws = Vec::new();
        for field in schema.fields() {
            let old = Expr::Column(Column::new(Some(name.clone()), field.name()));
            let data_type = field.data_type();
            let own = |clause: &MergeIntoClause| match new_value(&clause.action, field.name(), &schema) {
                New::Unchanged => old.clone(),
                New::Missing => cast(lit(ScalarValue::Null), data_type.clone()),
                New::Given(value) if attempts => attempted_value(value, data_type).0,
                New::Given(value) => cast(value.clone(), data_type.clone()),
            };
            let own = by_clause(&operation.clauses, own);
            values.push(cast(own, data_type.clone()).alias(field.name()));
            let is_given = |clause: &MergeIntoClause| {
                matches!(new_value(&clause.action, field.name(), &schema), New::Given(_))
            };
            if attempts && may_fail(data_type) && operation.clauses.iter().any(is_given) {
                let raw = |clause: &MergeIntoClause| match new_value(&clause.action, field.name(), &schema) {
                    New::Given(value) => attempted_value(value, data_type).1,
                    New::Unchanged | New::Missing => no_raw_value(),
                };
                let raw = by_clause(&operation.clauses, raw);
                raws.push(raw.alias(raw_name(schema.index_of(field.name())?)));
            }
        }
        values.append(&mut raws);
        let action = |clause: &MergeIntoClause| {
            lit(match clause.action {
                MergeIntoAction::Update(_) => Action::Update,
                MergeIntoAction::Insert { .. } => Action::Insert,
                MergeIntoAction::Delete => Action::Delete,
            } as u8)
        };
        values.push(by_clause(&operation.clauses, action).alias(ACTION));
        for place in [FILE, ROW] {
            values.push(Expr::Column(Column::new(Some(name.clone()), place)).alias(place));
        }
        picked.project(values)?.build()
    }
}

fn all_columns(schema: &DFSchema) -> Vec<Expr> {
    schema
        .iter()
        .map(|field| Expr::Column(Column::from(field)))
        .collect()
}

/// Pairs without a partner are made only for clauses that want them. The source is the left side.
fn join_type(clauses: &[MergeIntoClause]) -> JoinType {
    let wants = |kind| clauses.iter().any(|clause| clause.kind.canonical() == kind);
    match (
        wants(MergeIntoClauseKind::NotMatchedByTarget),
        wants(MergeIntoClauseKind::NotMatchedBySource),
    ) {
        (false, false) => JoinType::Inner,
        (true, false) => JoinType::Left,
        (false, true) => JoinType::Right,
        (true, true) => JoinType::Full,
    }
}

/// The position of the first clause whose condition is true.
fn fitting_clause(clauses: &[MergeIntoClause]) -> Result<Expr, DataFusionError> {
    let (in_source, in_target) = (col(SOURCE).is_not_null(), col(ROW).is_not_null());
    let branch = |(i, clause): (usize, &MergeIntoClause)| {
        let fits = match clause.kind.canonical() {
            MergeIntoClauseKind::Matched => in_source.clone().and(in_target.clone()),
            MergeIntoClauseKind::NotMatchedBySource => col(SOURCE).is_null(),
            _ => col(ROW).is_null(),
        };
        let fits = match &clause.predicate {
            Some(predicate) => fits.and(predicate.clone()),
            None => fits,
        };
        (Box::new(fits), Box::new(number(i)))
    };
    let branches = clauses.iter().enumerate().map(branch).collect();
    Ok(Expr::Case(Case::new(None, branches, None)))
}

fn number(clause: usize) -> Expr {
    lit(u32::try_from(clause).unwrap_or(u32::MAX))
}

/// What the fitting clause says.
fn by_clause(clauses: &[MergeIntoClause], value: impl Fn(&MergeIntoClause) -> Expr) -> Expr {
    let branch = |(i, clause): (usize, &MergeIntoClause)| {
        (Box::new(col(CLAUSE).eq(number(i))), Box::new(value(clause)))
    };
    let branches = clauses.iter().enumerate().map(branch).collect();
    Expr::Case(Case::new(None, branches, None))
}

/// What a column of the target becomes.
enum New<'a> {
    /// What it was.
    Unchanged,
    /// NULL.
    Missing,
    /// A value of the statement's.
    Given(&'a Expr),
}

/// The value of the target's column `name` after `action`.
fn new_value<'a>(action: &'a MergeIntoAction, name: &str, schema: &Schema) -> New<'a> {
    match action {
        MergeIntoAction::Delete => New::Unchanged,
        MergeIntoAction::Update(assignments) => {
            let assigned = assignments.iter().find(|(column, _)| column == name);
            assigned.map_or(New::Unchanged, |(_, value)| New::Given(value))
        }
        MergeIntoAction::Insert { columns, values } => {
            let position = if columns.is_empty() {
                schema.index_of(name).ok()
            } else {
                columns.iter().position(|column| column == name)
            };
            let value = position.and_then(|position| values.get(position));
            value.map_or(New::Missing, New::Given)
        }
    }
}
