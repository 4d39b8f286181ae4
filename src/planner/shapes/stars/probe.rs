//! Which columns a FROM has: asked of the planner, and told by an error.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;

use datafusion::common::Column;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::planner::RelationPlannerContext;
use datafusion::sql::parser::Statement as Standard;
use sqlparser::ast::{
    Ident, Join, JoinConstraint, JoinOperator, Select, SelectItem, TableAlias, TableFactor, TableWithJoins,
    VisitMut, VisitorMut,
};

use super::calls::calls;
use crate::error::{Code, Error};

/// How the name of a FROM begins whose columns are asked for.
const PROBE: &str = "columns of the select at ";

/// Where a SELECT stands.
pub(super) type Place = (u64, u64);

/// A column as `*` has it.
#[derive(Debug, Clone)]
pub(in crate::planner) struct StarColumn {
    pub(super) column: Column,
    /// Whether a join merges it with others: it is named without a table then.
    pub(super) is_merged: bool,
    /// Whether it is merged with one before it, where `*` shows it.
    pub(super) is_hidden: bool,
}

impl StarColumn {
    pub(super) fn of(column: Column) -> Self {
        Self {
            column,
            is_merged: false,
            is_hidden: false,
        }
    }
}

/// The columns of FROMs, as far as they are known.
#[derive(Debug, Default)]
pub(in crate::planner) struct Known(pub(super) BTreeMap<Place, Vec<StarColumn>>);

impl Known {
    /// Takes in what an error says of columns. Says whether that is new.
    pub(in crate::planner) fn learn(&mut self, error: &DataFusionError) -> bool {
        match Learned::of(error) {
            Some(learned) => self.0.insert(learned.place, learned.columns.clone()).is_none(),
            None => false,
        }
    }
}

/// The columns of a FROM. It travels as an error.
#[derive(Debug)]
struct Learned {
    place: Place,
    columns: Vec<StarColumn>,
}

impl Learned {
    fn of(error: &DataFusionError) -> Option<&Self> {
        match error {
            DataFusionError::External(inner) => inner.downcast_ref(),
            DataFusionError::Diagnostic(_, inner) | DataFusionError::Context(_, inner) => Self::of(inner),
            DataFusionError::Shared(inner) => Self::of(inner),
            DataFusionError::Collection(all) => all.iter().find_map(Self::of),
            _ => None,
        }
    }
}

impl fmt::Display for Learned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the columns of a FROM were asked for")
    }
}

impl std::error::Error for Learned {}

pub(super) fn place(select: &Select) -> Place {
    let start = select.select_token.0.span.start;
    (start.line, start.column)
}

/// Whether a relation is a FROM whose columns are asked for.
pub(in crate::planner::shapes) fn is_probe(alias: &TableAlias) -> bool {
    alias.name.value.starts_with(PROBE)
}

/// What the planner says of the relation `from`.
///
/// # Errors
/// What it finds wrong with it.
pub(in crate::planner::shapes) fn learn(
    from: TableWithJoins,
    alias: &TableAlias,
    context: &mut dyn RelationPlannerContext,
) -> Result<DataFusionError> {
    let relation = TableFactor::NestedJoin {
        table_with_joins: Box::new(from),
        alias: None,
    };
    let plan = context.plan(relation)?;
    let merged = plan.using_columns()?;
    let mut is_shown = vec![false; merged.len()];
    let mut columns = Vec::new();
    for column in plan.schema().columns() {
        let set = merged.iter().position(|set| set.contains(&column));
        columns.push(StarColumn {
            column,
            is_merged: set.is_some(),
            is_hidden: set.is_some_and(|set| std::mem::replace(&mut is_shown[set], true)),
        });
    }
    let numbers = alias
        .name
        .value
        .strip_prefix(PROBE)
        .and_then(|at| at.split_once(':'));
    let place = numbers.and_then(|(line, column)| Some((line.parse().ok()?, column.parse().ok()?)));
    let place = place.ok_or_else(|| Error::new(Code::Internal, "a FROM is asked for from nowhere"))?;
    Ok(DataFusionError::External(Box::new(Learned { place, columns })))
}

/// Asks for the columns of every FROM that must be known and is not.
pub(in crate::planner) fn probe(statement: &mut Standard, known: &Known) {
    match statement {
        Standard::Statement(inner) => {
            let _: ControlFlow<()> = inner.visit(&mut Probes { known });
        }
        Standard::Explain(explain) => probe(&mut explain.statement, known),
        _ => {}
    }
}

struct Probes<'a> {
    known: &'a Known,
}

impl VisitorMut for Probes<'_> {
    type Break = ();

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        if select.from.is_empty() || !needs_columns(select) || self.known.0.contains_key(&place(select)) {
            return ControlFlow::Continue(());
        }
        let (line, column) = place(select);
        let mut from = std::mem::take(&mut select.from).into_iter();
        let Some(mut all) = from.next() else {
            return ControlFlow::Continue(());
        };
        for beside in from {
            let relation = match beside.joins.is_empty() {
                true => beside.relation,
                false => TableFactor::NestedJoin {
                    table_with_joins: Box::new(beside),
                    alias: None,
                },
            };
            all.joins.push(Join {
                relation,
                global: false,
                join_operator: JoinOperator::CrossJoin(JoinConstraint::None),
            });
        }
        let name = format!("{PROBE}{line}:{column}");
        select.from = vec![TableWithJoins {
            relation: TableFactor::NestedJoin {
                table_with_joins: Box::new(all),
                alias: Some(TableAlias {
                    explicit: true,
                    name: Ident::with_quote('"', name),
                    columns: Vec::new(),
                    at: None,
                }),
            },
            joins: Vec::new(),
        }];
        ControlFlow::Continue(())
    }
}

/// Whether what a SELECT says depends on which columns its FROM has.
pub(super) fn needs_columns(select: &Select) -> bool {
    let items = select.projection.iter().any(|item| match item {
        SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) => {
            options.opt_rename.is_some()
        }
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => !calls(expr).is_empty(),
        SelectItem::ExprWithAliases { .. } => false,
    });
    items
        || select
            .selection
            .as_ref()
            .is_some_and(|condition| !calls(condition).is_empty())
}
