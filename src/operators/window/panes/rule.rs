//! Puts panes in the place of an aggregation over windows.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Column, Result};
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::logical_expr::{Aggregate, Expr, Extension, LogicalPlan, LogicalPlanBuilder, SubqueryAlias};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use super::logical::PanesNode;
use crate::operators::window::aligned::{Added, AlignedNode, Shape};
use crate::operators::window::pane_function::{PaneFunction, Part};
use crate::operators::window::{WINDOW_END, WINDOW_START};

/// The rule.
#[derive(Debug)]
pub(in crate::operators::window) struct SharePanes;

impl OptimizerRule for SharePanes {
    fn name(&self) -> &str {
        "share_panes"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(&self, plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Aggregate(aggregate) = &plan else {
            return Ok(Transformed::no(plan));
        };
        let Some(grouped) = Grouped::of(aggregate)? else {
            return Ok(Transformed::no(plan));
        };
        Ok(Transformed::yes(grouped.plan(aggregate)?))
    }
}

/// An aggregation directly over windows.
struct Grouped {
    node: AlignedNode,
    /// Over the node's columns, in the aggregation's order.
    groups: Vec<Expr>,
    aggregates: Vec<Expr>,
    filters: Vec<Expr>,
}

impl Grouped {
    /// `None` if the rows of the windows are needed after all.
    fn of(aggregate: &Aggregate) -> Result<Option<Self>> {
        let mut exprs = Exprs {
            groups: aggregate.group_expr.clone(),
            aggregates: aggregate.aggr_expr.iter().cloned().map(Expr::unalias).collect(),
            filters: Vec::new(),
        };
        let mut below = aggregate.input.as_ref();
        let node = loop {
            match below {
                LogicalPlan::Projection(projection) => {
                    let columns = projection.schema.columns().into_iter();
                    let computed = projection.expr.iter().cloned().map(Expr::unalias);
                    exprs.replace(&columns.zip(computed).collect())?;
                    below = projection.input.as_ref();
                }
                LogicalPlan::SubqueryAlias(SubqueryAlias { input, schema, .. }) => {
                    let inner = input.schema().columns().into_iter().map(Expr::Column);
                    exprs.replace(&schema.columns().into_iter().zip(inner).collect())?;
                    below = input.as_ref();
                }
                LogicalPlan::Filter(filter) => {
                    let predicates = split_conjunction(&filter.predicate);
                    exprs.filters.extend(predicates.into_iter().cloned());
                    below = filter.input.as_ref();
                }
                LogicalPlan::Extension(extension) => {
                    match extension.node.as_any().downcast_ref::<AlignedNode>() {
                        Some(node) => break node,
                        None => return Ok(None),
                    }
                }
                _ => return Ok(None),
            }
        };
        let grouped = Self {
            node: node.clone(),
            groups: exprs.groups,
            aggregates: exprs.aggregates,
            filters: exprs.filters,
        };
        Ok(grouped.fits().then_some(grouped))
    }

    fn fits(&self) -> bool {
        let added: Vec<Added> = self
            .groups
            .iter()
            .filter_map(|expr| self.node.added(expr))
            .collect();
        // The windows of CUMULATE share their starts.
        let windowed = match self.node.windows.shape {
            Shape::Tumble | Shape::Hop => !added.is_empty(),
            Shape::Cumulate => added.contains(&Added::End),
        };
        let groups = self
            .groups
            .iter()
            .all(|expr| self.node.added(expr).is_some() || (plain(expr) && !self.node.reads_added(expr)));
        let aggregates = self.aggregates.iter().all(|expr| {
            matches!(expr, Expr::AggregateFunction(_)) && plain(expr) && !self.node.reads_added(expr)
        });
        let filters = self.filters.iter().all(|expr| {
            let mut columns = expr.column_refs().into_iter();
            plain(expr) && columns.all(|column| self.node.added(&Expr::Column(column.clone())).is_some())
        });
        windowed && groups && aggregates && filters
    }

    fn plan(self, aggregate: &Aggregate) -> Result<LogicalPlan> {
        let keys = distinct(self.groups.iter().filter(|expr| self.node.added(expr).is_none()));
        let aggregates = distinct(self.aggregates.iter());
        let (plan, keys_out, aggregates_out) = self.merged(keys.clone(), aggregates.clone())?;
        let plan = match conjunction(self.filters.clone()) {
            Some(predicate) => LogicalPlanBuilder::from(plan).filter(predicate)?.build()?,
            None => plan,
        };
        let at = |list: &[Expr], expr: &Expr| list.iter().position(|other| other == expr);
        let groups = self.groups.iter().map(|expr| match self.node.added(expr) {
            Some(Added::Start) => Some(Column::new_unqualified(WINDOW_START)),
            Some(Added::End) => Some(Column::new_unqualified(WINDOW_END)),
            None => Some(keys_out[at(&keys, expr)?].clone()),
        });
        let computed = self
            .aggregates
            .iter()
            .map(|expr| Some(aggregates_out[at(&aggregates, expr)?].clone()));
        let columns: Option<Vec<Column>> = groups.chain(computed).collect();
        let columns = columns.unwrap_or_default().into_iter();
        let named = columns
            .zip(aggregate.schema.iter())
            .map(|(column, (qualifier, field))| {
                if column.relation.as_ref() == qualifier && column.name == *field.name() {
                    Expr::Column(column)
                } else {
                    Expr::Column(column).alias_qualified(qualifier.cloned(), field.name())
                }
            });
        LogicalPlanBuilder::from(plan)
            .project(named.collect::<Vec<_>>())?
            .build()
    }

    /// The aggregates by key and window, and what its key's and aggregates' columns are called.
    fn merged(
        &self,
        keys: Vec<Expr>,
        aggregates: Vec<Expr>,
    ) -> Result<(LogicalPlan, Vec<Column>, Vec<Column>)> {
        let (input, time) = (self.node.input.clone(), self.node.time.clone());
        let windows = self.node.windows.clone();
        let count = keys.len();
        if windows.shape != Shape::Tumble {
            let node = PanesNode::new(input, time, keys, aggregates, windows)?;
            let plan = LogicalPlan::Extension(Extension { node: Arc::new(node) });
            let columns = plan.schema().columns();
            let computed = columns[count + 2..].to_vec();
            return Ok((plan, columns[..count].to_vec(), computed));
        }
        let name = match &time {
            Expr::Column(column) => column.name.clone(),
            other => other.to_string(),
        };
        let bound = |part| PaneFunction::udf(windows.grid.clone(), part, windows.function(), &name);
        let start = PaneFunction::call(bound(Part::Start), time).alias(WINDOW_START);
        let mut groups = keys;
        groups.push(start);
        let plan = LogicalPlanBuilder::from(input)
            .aggregate(groups, aggregates)?
            .build()?;
        let columns = plan.schema().columns();
        let start = Expr::Column(Column::new_unqualified(WINDOW_START));
        let end = PaneFunction::call(bound(Part::End), start).alias(WINDOW_END);
        let all = columns.iter().cloned().map(Expr::Column).chain([end]);
        let plan = LogicalPlanBuilder::from(plan)
            .project(all.collect::<Vec<_>>())?
            .build()?;
        let computed = columns[count + 1..].to_vec();
        Ok((plan, columns[..count].to_vec(), computed))
    }
}

/// Whether an expression can be computed once for all windows of a row.
fn plain(expr: &Expr) -> bool {
    let special = expr.exists(|expr| {
        Ok(matches!(
            expr,
            Expr::GroupingSet(_)
                | Expr::ScalarSubquery(_)
                | Expr::InSubquery(_)
                | Expr::Exists(_)
                | Expr::OuterReferenceColumn(..)
        ))
    });
    !expr.is_volatile() && matches!(special, Ok(false))
}

fn distinct<'a>(exprs: impl Iterator<Item = &'a Expr>) -> Vec<Expr> {
    let mut found: Vec<Expr> = Vec::new();
    for expr in exprs {
        if !found.contains(expr) {
            found.push(expr.clone());
        }
    }
    found
}

struct Exprs {
    groups: Vec<Expr>,
    aggregates: Vec<Expr>,
    filters: Vec<Expr>,
}

impl Exprs {
    /// Says everything in terms of one plan below.
    fn replace(&mut self, meanings: &HashMap<Column, Expr>) -> Result<()> {
        let lists = [&mut self.groups, &mut self.aggregates, &mut self.filters];
        for expr in lists.into_iter().flatten() {
            let replaced = std::mem::take(expr).transform(|expr| match &expr {
                Expr::Column(column) => match meanings.get(column) {
                    Some(meaning) => Ok(Transformed::yes(meaning.clone())),
                    None => Ok(Transformed::no(expr)),
                },
                _ => Ok(Transformed::no(expr)),
            });
            *expr = replaced.data()?;
        }
        Ok(())
    }
}
