//! Optimizer rule: what has been proven of managed tables' rows makes plans smaller.
//!
//! It runs where plans are optimised, after a statement has been accepted: what a statement may say does
//! not depend on what is proven. Over a scan of a managed table (under filters, aliases and columns
//! passed on):
//! - groups by a key that is unique and never NULL, without aggregates, are the rows themselves;
//! - a LEFT JOIN to a unique key adds nothing but its columns: where none is used, it goes;
//! - an inner join from a foreign key to the whole table that it refers to leaves out nothing but NULL:
//!   where none of the other's columns is used, it goes;
//! - a column that is NULL in no row need not be asked whether it is.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::common::tree_node::{TransformedResult, TreeNode};
use datafusion::common::{Column, DFSchema, Result};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::logical_plan::{Aggregate, Filter, Join};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, JoinType, LogicalPlan, Projection, lit};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use crate::table::ManagedTableProvider;
use crate::table::managed::Proven;

/// The rule.
#[derive(Debug, Default)]
pub struct UseProofs;

impl OptimizerRule for UseProofs {
    fn name(&self) -> &'static str {
        "use_proofs"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let smaller = match &plan {
            LogicalPlan::Aggregate(aggregate) if aggregate.aggr_expr.is_empty() => ungrouped(aggregate)?,
            LogicalPlan::Filter(filter) => unasked(filter)?,
            LogicalPlan::Projection(_) | LogicalPlan::Aggregate(_) => unjoined(&plan)?,
            _ => None,
        };
        Ok(match smaller {
            Some(smaller) => Transformed::yes(smaller),
            None => Transformed::no(plan),
        })
    }
}

/// Rows of one managed table.
struct Rows {
    table: ManagedTableProvider,
    /// For each column the table's own that it is, if it is one.
    columns: Vec<Option<String>>,
    /// Whether every row of the table is there.
    is_whole: bool,
}

impl Rows {
    /// What `plan`'s rows are, if each is one row of a managed table and none is there twice.
    fn of(plan: &LogicalPlan) -> Option<Self> {
        match plan {
            LogicalPlan::TableScan(scan) => {
                let provider = source_as_provider(&scan.source).ok()?;
                let table = provider.downcast_ref::<ManagedTableProvider>()?.clone();
                let names = scan.projected_schema.fields().iter();
                Some(Self {
                    columns: names.map(|field| Some(field.name().clone())).collect(),
                    is_whole: scan.filters.is_empty() && scan.fetch.is_none(),
                    table,
                })
            }
            LogicalPlan::SubqueryAlias(alias) => Self::of(&alias.input),
            LogicalPlan::Sort(sort) if sort.fetch.is_none() => Self::of(&sort.input),
            LogicalPlan::Filter(filter) => Some(Self {
                is_whole: false,
                ..Self::of(&filter.input)?
            }),
            LogicalPlan::Limit(limit) => Some(Self {
                is_whole: false,
                ..Self::of(&limit.input)?
            }),
            LogicalPlan::Projection(projection) => {
                let rows = Self::of(&projection.input)?;
                let columns = projection.expr.iter();
                let columns = columns.map(|expr| rows.column(expr, projection.input.schema()));
                Some(Self {
                    columns: columns.collect(),
                    ..rows
                })
            }
            _ => None,
        }
    }

    /// The table's column that an expression over these rows is.
    fn column(&self, expr: &Expr, schema: &DFSchema) -> Option<String> {
        match expr {
            Expr::Alias(alias) => self.column(&alias.expr, schema),
            Expr::Column(column) => self.columns.get(schema.index_of_column(column).ok()?)?.clone(),
            _ => None,
        }
    }

    fn proven(&self) -> Proven {
        self.table.proven()
    }

    /// Whether the column is NULL in no row.
    fn is_present(&self, proven: &Proven, name: &str) -> bool {
        let schema = self.table.snapshot().schema();
        let declared = schema
            .field_with_name(name)
            .is_ok_and(|field| !field.is_nullable());
        declared || proven.present.contains(name)
    }
}

/// Groups of one row each.
fn ungrouped(aggregate: &Aggregate) -> Result<Option<LogicalPlan>> {
    if aggregate.group_expr.is_empty() {
        return Ok(None);
    }
    let Some(rows) = Rows::of(&aggregate.input) else {
        return Ok(None);
    };
    let columns = aggregate.group_expr.iter();
    let columns: BTreeSet<String> = columns
        .filter_map(|expr| rows.column(expr, aggregate.input.schema()))
        .collect();
    let proven = rows.proven();
    let is_key = |key: &Vec<String>| {
        key.iter()
            .all(|name| columns.contains(name) && rows.is_present(&proven, name))
    };
    if !proven.unique.iter().any(is_key) {
        return Ok(None);
    }
    let plain = |expr: &Expr| !matches!(expr, Expr::GroupingSet(_));
    if !aggregate.group_expr.iter().all(plain) {
        return Ok(None);
    }
    let projection = Projection::try_new_with_schema(
        aggregate.group_expr.clone(),
        Arc::clone(&aggregate.input),
        Arc::clone(&aggregate.schema),
    )?;
    Ok(Some(LogicalPlan::Projection(projection)))
}

/// `IS NOT NULL` of what is there.
fn unasked(filter: &Filter) -> Result<Option<LogicalPlan>> {
    let asks = |expr: &Expr| Ok(matches!(expr, Expr::IsNotNull(_) | Expr::IsNull(_)));
    if !filter.predicate.exists(asks)? {
        return Ok(None);
    }
    let Some(rows) = Rows::of(&filter.input) else {
        return Ok(None);
    };
    let proven = rows.proven();
    if proven.present.is_empty() {
        return Ok(None);
    }
    let is_present = |expr: &Expr| {
        let name = rows.column(expr, filter.input.schema());
        name.is_some_and(|name| proven.present.contains(&name))
    };
    let mut changed = false;
    let predicate = filter.predicate.clone().transform_up(|expr| {
        let known = match &expr {
            Expr::IsNotNull(inner) if is_present(inner) => Some(true),
            Expr::IsNull(inner) if is_present(inner) => Some(false),
            _ => None,
        };
        changed |= known.is_some();
        Ok(known.map_or_else(
            || Transformed::no(expr.clone()),
            |known| Transformed::yes(lit(known)),
        ))
    });
    let predicate = predicate.data()?;
    if !changed {
        return Ok(None);
    }
    if predicate == lit(true) {
        return Ok(Some(filter.input.as_ref().clone()));
    }
    Filter::try_new(predicate, Arc::clone(&filter.input)).map(|filter| Some(LogicalPlan::Filter(filter)))
}

/// A node over a join of which it uses one side, over that side.
fn unjoined(plan: &LogicalPlan) -> Result<Option<LogicalPlan>> {
    let inputs = plan.inputs();
    let [LogicalPlan::Join(join)] = inputs.as_slice() else {
        return Ok(None);
    };
    if join.null_equality != datafusion::common::NullEquality::NullEqualsNothing {
        return Ok(None);
    }
    let mut used: BTreeSet<Column> = BTreeSet::new();
    for expr in plan.expressions() {
        used.extend(expr.column_refs().into_iter().cloned());
    }
    let only = |side: &LogicalPlan| used.iter().all(|column| side.schema().has_column(column));
    let mut kept = None;
    if only(&join.left) {
        kept = without(join, true)?;
    }
    if kept.is_none() && only(&join.right) {
        kept = without(join, false)?;
    }
    match kept {
        Some(kept) => plan.with_new_exprs(plan.expressions(), vec![kept]).map(Some),
        None => Ok(None),
    }
}

/// The left (or right) side of a join that neither adds rows to it nor takes any away, but for what is
/// said of them.
fn without(join: &Join, keeps_left: bool) -> Result<Option<LogicalPlan>> {
    let (kept, other) = match keeps_left {
        true => (&join.left, &join.right),
        false => (&join.right, &join.left),
    };
    let outer = match keeps_left {
        true => JoinType::Left,
        false => JoinType::Right,
    };
    let Some(parent) = Rows::of(other) else {
        return Ok(None);
    };
    let pairs: Option<Vec<(&Expr, String)>> = join
        .on
        .iter()
        .map(|(left, right)| {
            let (own, theirs) = match keeps_left {
                true => (left, right),
                false => (right, left),
            };
            Some((own, parent.column(theirs, other.schema())?))
        })
        .collect();
    let Some(pairs) = pairs.filter(|pairs| !pairs.is_empty()) else {
        return Ok(None);
    };
    let joined: BTreeSet<&String> = pairs.iter().map(|(_, theirs)| theirs).collect();
    let proven = parent.proven();
    let is_unique = proven
        .unique
        .iter()
        .any(|key| key.iter().all(|name| joined.contains(name)));
    if !is_unique {
        return Ok(None);
    }
    if join.join_type == outer {
        return Ok(Some(kept.as_ref().clone()));
    }
    if join.join_type != JoinType::Inner || join.filter.is_some() || !parent.is_whole {
        return Ok(None);
    }
    let Some(child) = Rows::of(kept) else {
        return Ok(None);
    };
    let columns: Option<Vec<String>> = pairs
        .iter()
        .map(|(own, _)| child.column(own, kept.schema()))
        .collect();
    let Some(columns) = columns else {
        return Ok(None);
    };
    let known = child.proven();
    let files = parent.table.snapshot().files();
    let has = |path: &String| files.binary_search_by(|file| file.path.cmp(path)).is_ok();
    let refers = known.references.iter().any(|reference| {
        let stands_for = |own: &String, theirs: &String| {
            let mut parts = reference.columns.iter().zip(&reference.key);
            parts.any(|(a, b)| a == own && b == theirs)
        };
        reference.parent == parent.table.log().folder()
            && reference.columns.len() == pairs.len()
            && columns
                .iter()
                .zip(&pairs)
                .all(|(own, (_, theirs))| stands_for(own, theirs))
            && reference.files.iter().all(has)
    });
    if !refers {
        return Ok(None);
    }
    let may_be_null = pairs.iter().zip(&columns);
    let may_be_null = may_be_null.filter(|(_, name)| !child.is_present(&known, name));
    let present = conjunction(may_be_null.map(|((own, _), _)| (*own).clone().is_not_null()));
    Ok(Some(match present {
        Some(present) => LogicalPlan::Filter(Filter::try_new(present, Arc::clone(kept))?),
        None => kept.as_ref().clone(),
    }))
}
