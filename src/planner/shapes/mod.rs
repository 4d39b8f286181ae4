//! Relations in FROM that DataFusion's planner lacks: `PIVOT`, `UNPIVOT`, `TABLESAMPLE` and `ASOF JOIN`.
//!
//! Each needs to know the columns of what it stands on, so it is planned where relations are: its input by
//! the planner itself, the shape around it here. What `COLUMNS (…)` and `* RENAME` mean is learned in the
//! same place ([`stars`]). A `PIVOT` whose columns are values of its input asks for those first
//! ([`Question`]): whoever runs statements answers, and the statement is planned again ([`Answers`]).

mod asof;
mod pivot;
mod question;
mod sample;
pub(super) mod stars;
mod unpivot;

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::common::ParamValues;
use datafusion::error::Result;
use datafusion::execution::SessionState;
use datafusion::logical_expr::planner::{
    PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning,
};
use datafusion::sql::parser::Statement as Standard;
use sqlparser::ast::{JoinOperator, Select, TableFactor, TableWithJoins, VisitMut, VisitorMut};

pub use question::{Answers, Question};

use super::relations::RelationFunctions;

/// Makes every ASOF join one relation. Says whether the statement has any of the shapes.
pub(super) fn spell_out(statement: &mut Standard) -> bool {
    match statement {
        Standard::Statement(inner) => {
            let mut shapes = Shapes { found: false };
            let _: ControlFlow<()> = inner.visit(&mut shapes);
            shapes.found
        }
        Standard::Explain(explain) => spell_out(&mut explain.statement),
        _ => false,
    }
}

struct Shapes {
    found: bool,
}

impl VisitorMut for Shapes {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for from in &mut select.from {
            self.found |= fold(from);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        self.found |= match factor {
            TableFactor::Pivot { .. } | TableFactor::Unpivot { .. } => true,
            TableFactor::Table { sample, .. } | TableFactor::Derived { sample, .. } => sample.is_some(),
            TableFactor::NestedJoin {
                alias: Some(alias), ..
            } => stars::is_probe(alias),
            _ => false,
        };
        ControlFlow::Continue(())
    }
}

/// Puts each ASOF join with what stands before it into a relation of its own, in which it is the last.
fn fold(from: &mut TableWithJoins) -> bool {
    let mut found = false;
    let factors = std::iter::once(&mut from.relation).chain(from.joins.iter_mut().map(|j| &mut j.relation));
    for factor in factors {
        if let TableFactor::NestedJoin { table_with_joins, .. } = factor {
            found |= fold(table_with_joins);
        }
    }
    while let Some(at) = from.joins.iter().position(|join| is_asof(&join.join_operator)) {
        let rest = from.joins.split_off(at + 1);
        let joins = std::mem::replace(&mut from.joins, rest);
        let nothing = super::relations::table(Vec::new(), None);
        let relation = std::mem::replace(&mut from.relation, nothing);
        from.relation = TableFactor::NestedJoin {
            table_with_joins: Box::new(TableWithJoins { relation, joins }),
            alias: None,
        };
        found = true;
    }
    found
}

fn is_asof(join: &JoinOperator) -> bool {
    matches!(join, JoinOperator::AsOf { .. })
}

/// The state in which a statement with shapes is planned.
pub(super) fn planning(
    state: &SessionState,
    values: Option<&ParamValues>,
    answers: &Answers,
) -> Result<SessionState> {
    let planner = ShapePlanner {
        constants: RelationFunctions::new(state, values),
        answers: answers.clone(),
        values: values.cloned(),
    };
    let mut planning = state.clone();
    planning.register_relation_planner(Arc::new(planner))?;
    Ok(planning)
}

/// Plans the shapes of one statement.
struct ShapePlanner {
    constants: RelationFunctions,
    answers: Answers,
    values: Option<ParamValues>,
}

impl fmt::Debug for ShapePlanner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShapePlanner").finish_non_exhaustive()
    }
}

impl RelationPlanner for ShapePlanner {
    fn plan_relation(
        &self,
        mut relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let (plan, alias) = match relation {
            TableFactor::Pivot { .. } => pivot::plan(self, relation, context)?,
            TableFactor::Unpivot { .. } => unpivot::plan(relation, context)?,
            TableFactor::Table { ref mut sample, .. } | TableFactor::Derived { ref mut sample, .. } => {
                match sample.take() {
                    Some(sample) => (sample::plan(self, sample, relation, context)?, None),
                    None => return Ok(RelationPlanning::Original(Box::new(relation))),
                }
            }
            TableFactor::NestedJoin {
                table_with_joins,
                alias: Some(alias),
            } if stars::is_probe(&alias) => return Err(stars::learn(*table_with_joins, &alias, context)?),
            TableFactor::NestedJoin {
                table_with_joins,
                alias,
            } if table_with_joins
                .joins
                .last()
                .is_some_and(|join| is_asof(&join.join_operator)) =>
            {
                (asof::plan(*table_with_joins, context)?, alias)
            }
            other => return Ok(RelationPlanning::Original(Box::new(other))),
        };
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(
            plan, alias,
        ))))
    }
}
