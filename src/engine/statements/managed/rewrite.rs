//! `DELETE`, `UPDATE` and `TRUNCATE`: rows taken away and new ones in their place, in one commit.
//!
//! The plan is the planner's own, before any optimiser has seen it: what a condition that became
//! `true`, `false` or a join meant for the rows is not to be guessed afterwards. Rows are picked by the
//! condition itself, so that one that is NULL picks none; those that stay are known by their places.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, TableReference};
use datafusion::datasource::provider_as_source;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Projection, lit};
use datafusion::physical_plan::ExecutionPlan;
use uuid::Uuid;

use super::{Answer, Held, Passage, Passed, run, stage};
use crate::definition::TableDefinition;
use crate::engine::outcome::Body;
use crate::engine::session::Session;
use crate::error::Result;
use crate::syntax::Piece;
use crate::table::ManagedTableProvider;
use crate::table::managed::{Action, Change, FILE, MarkExec, Marks, PositionedTable, ROW, Reads};

/// A statement that rewrites rows of one table.
pub(super) struct Rewrite<'a> {
    pub session: &'a Session,
    pub state: &'a SessionState,
    pub piece: &'a Piece,
    pub table: &'a ManagedTableProvider,
    pub definition: Arc<TableDefinition>,
}

impl Rewrite<'_> {
    /// Every row goes.
    pub(super) async fn truncate(&self) -> Result<Body> {
        let mut change = Change::new("TRUNCATE", Reads::Removed);
        let snapshot = self.table.snapshot();
        let rows = match change.remove(snapshot, |_| true) {
            Some(rows) => rows,
            None => self.count().await?,
        };
        self.table.layouts()?;
        let load_id = Uuid::new_v4();
        change.load_id = Some(load_id);
        let version = self.commit(&change).await?;
        let answer = Answer {
            load_id,
            version,
            input: rows,
            deleted: Some(rows),
            ..Answer::default()
        };
        Ok(answer.into_body())
    }

    /// The rows of `input`, the table itself or a part of it, go.
    pub(super) async fn delete(&self, name: &TableReference, input: &LogicalPlan) -> Result<Body> {
        if matches!(input, LogicalPlan::TableScan(_)) {
            return self.truncate().await;
        }
        let plan = self.deleting(name, input)?;
        let marks = Arc::new(Marks::default());
        let input = self.session.physical(self.state, self.piece, &plan).await?;
        let marking = MarkExec::mark(input, Arc::clone(&marks));
        run(self.session, self.state, self.piece, Arc::new(marking)).await?;
        let deleted = marks.counts().2;
        self.finish("DELETE", &marks, None, |answer| {
            answer.input = deleted;
            answer.deleted = Some(deleted);
        })
        .await
    }

    /// Where the rows of `input` are, which go.
    pub(super) fn deleting(&self, name: &TableReference, input: &LogicalPlan) -> Result<LogicalPlan> {
        let translated = |e| self.session.translated(e, self.piece);
        let picked = self.with_positions(name, input).map_err(translated)?;
        let places = places(picked.schema(), Action::Delete).map_err(translated)?;
        let plan = LogicalPlanBuilder::from(picked).project(places);
        plan.and_then(LogicalPlanBuilder::build).map_err(translated)
    }

    /// The rows of `input` with their new values, and where their old ones are.
    pub(super) fn updating(&self, name: &TableReference, input: &LogicalPlan) -> Result<LogicalPlan> {
        let translated = |e| self.session.translated(e, self.piece);
        let picked = self.with_positions(name, input).map_err(translated)?;
        let LogicalPlan::Projection(projection) = picked else {
            return Ok(picked);
        };
        let places = places(projection.input.schema(), Action::Update).map_err(translated)?;
        let expressions = projection.expr.into_iter().chain(places).collect();
        let plan = Projection::try_new(expressions, projection.input);
        plan.map(LogicalPlan::Projection).map_err(translated)
    }

    /// The rows of `input`, the table's columns with their new values, take their old ones' place.
    pub(super) async fn update(&self, name: &TableReference, input: &LogicalPlan) -> Result<Body> {
        let plan = self.updating(name, input)?;
        let marks = Arc::new(Marks::default());
        let passage = self.passage().await?;
        let new = passage.stage(&plan, Held::NotReplaced, Some(&marks)).await?;
        let updated = marks.counts().1;
        self.finish("UPDATE", &marks, Some((&passage, new)), |answer| {
            answer.updated = Some(updated);
        })
        .await
    }

    /// The way of the statement's new rows into the table.
    pub(super) async fn passage(&self) -> Result<Passage<'_>> {
        let (session, state, piece) = (self.session, self.state, self.piece);
        Passage::open(session, state, piece, self.table, &self.definition, None).await
    }

    /// Writes the rows that stay of the files that lose some, and commits.
    pub(super) async fn finish(
        &self,
        operation: &'static str,
        marks: &Arc<Marks>,
        new: Option<(&Passage<'_>, Passed)>,
        fill: impl FnOnce(&mut Answer),
    ) -> Result<Body> {
        let mut answer = Answer {
            load_id: Uuid::new_v4(),
            version: self.table.snapshot().version(),
            ..Answer::default()
        };
        let (passage, new) = new.unzip();
        if let (Some(passage), Some(new)) = (passage, &new) {
            answer.load_id = passage.load_id;
            answer.input = new.counts.input;
            answer.quarantined = new.counts.quarantined;
            answer.dropped = new.counts.dropped;
            answer.warned = new.counts.warned;
        }
        fill(&mut answer);
        let layouts = self.table.layouts()?;
        let touched = marks.touched();
        if touched.is_empty() && new.as_ref().is_none_or(Passed::is_empty) {
            // Nothing has changed: the version that was seen is the answer's.
            return Ok(answer.into_body());
        }
        let remaining = marks.remaining(self.table.snapshot());
        let kept = if remaining.is_empty() {
            None
        } else {
            let input = self.rows_of(remaining).await?;
            let keeping = Arc::new(MarkExec::keep(input, Arc::clone(marks)));
            Some(stage(self.session, self.state, self.piece, keeping, layouts).await?)
        };
        let reads = passage.map_or(Reads::Table, |passage| passage.reads(Reads::Table, None));
        let mut change = Change::new(operation, reads);
        change.load_id = Some(answer.load_id);
        let (inserted, updated, deleted) = marks.counts();
        change.metrics.push(("numTargetRowsInserted", inserted));
        change.metrics.push(("numUpdatedRows", updated));
        change.metrics.push(("numDeletedRows", deleted));
        if let Some(new) = &new {
            new.fill(&mut change);
        }
        if let Some(kept) = &kept {
            change.add(kept);
        }
        let gone = touched
            .iter()
            .map(|file| self.table.snapshot().files()[*file as usize].path.as_str());
        let gone: std::collections::HashSet<&str> = gone.collect();
        change.remove(self.table.snapshot(), |file| gone.contains(file.path.as_str()));
        answer.version = self.commit(&change).await?;
        if let Some(kept) = kept {
            kept.keep();
        }
        if let (Some(passage), Some(new)) = (passage, new) {
            passage.committed(new, answer.version).await;
        }
        Ok(answer.into_body())
    }

    async fn commit(&self, change: &Change) -> Result<u64> {
        let (table, log) = (self.table, self.table.log());
        log.commit(table.name(), table.snapshot(), change).await
    }

    /// All rows of these files, with their places.
    pub(super) async fn rows_of(&self, files: Vec<u32>) -> Result<Arc<dyn ExecutionPlan>> {
        let positioned = PositionedTable::new(self.table.clone()).of_files(files);
        let source = provider_as_source(Arc::new(positioned));
        let plan = LogicalPlanBuilder::scan("t", source, None).and_then(LogicalPlanBuilder::build);
        let plan = plan.map_err(|e| self.session.translated(e, self.piece))?;
        self.session.physical(self.state, self.piece, &plan).await
    }

    async fn count(&self) -> Result<u64> {
        let marks = Arc::new(Marks::default());
        let name = TableReference::bare("t");
        let translated = |e| self.session.translated(e, self.piece);
        let scan = self.scan(&name).map_err(translated)?;
        let places = places(scan.schema(), Action::Delete).map_err(translated)?;
        let plan = LogicalPlanBuilder::from(scan).project(places);
        let plan = plan.and_then(LogicalPlanBuilder::build).map_err(translated)?;
        let input = self.session.physical(self.state, self.piece, &plan).await?;
        let marking = MarkExec::mark(input, Arc::clone(&marks));
        run(self.session, self.state, self.piece, Arc::new(marking)).await?;
        Ok(marks.counts().2)
    }

    /// The table with its rows' places, called `name`.
    pub(super) fn scan(&self, name: &TableReference) -> Result<LogicalPlan, DataFusionError> {
        let positioned = PositionedTable::new(self.table.clone());
        LogicalPlanBuilder::scan(name.clone(), provider_as_source(Arc::new(positioned)), None)?.build()
    }

    /// `plan` over the table with its rows' places. In the plan itself the table is named once; in its
    /// conditions' subqueries it may be named too, and stays as it is.
    fn with_positions(
        &self,
        name: &TableReference,
        plan: &LogicalPlan,
    ) -> Result<LogicalPlan, DataFusionError> {
        let replaced = plan.clone().transform_up(|node| match &node {
            LogicalPlan::TableScan(scan) if scan.table_name == *name => self.scan(name).map(Transformed::yes),
            LogicalPlan::TableScan(_) => Ok(Transformed::no(node)),
            // What stands above it passes its columns on.
            _ => node.recompute_schema().map(Transformed::yes),
        });
        Ok(replaced?.data)
    }
}

/// What becomes of a row, and where it is.
pub(super) fn places(schema: &DFSchema, action: Action) -> Result<Vec<Expr>, DataFusionError> {
    let column = |name: &str| {
        let (qualifier, field) = schema.qualified_field_with_unqualified_name(name)?;
        let column = Expr::Column(Column::from((qualifier, field)));
        // Two tables could have them: from here on they are nobody's.
        Ok::<Expr, DataFusionError>(column.alias(name))
    };
    Ok(vec![lit(action as u8).alias(ACTION), column(FILE)?, column(ROW)?])
}

/// What becomes of a row, as an [`Action`]'s number.
pub(super) const ACTION: &str = "__weir_action";
