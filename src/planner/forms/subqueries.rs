//! `EXISTS` and `IN` of a query as values, and `(a, b) IN (SELECT …)`.
//!
//! In conditions the planner makes joins of them, which know no NULL: right where a NULL counts as false,
//! and for a `NOT IN` that must hold of every row. Anywhere else (`a OR x NOT IN (q)`, `(x IN (q)) IS NULL`)
//! its answers are wrong. There, and among columns, they become scalar subqueries that count. What SQL says
//! of NULL holds: `x IN (q)` is NULL if no value of q equals x and x or one of the values is NULL, unless q
//! is empty.

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Expr, GroupByExpr, Ident, Query, Select, SelectItem, SetExpr, Statement, TableAlias,
    TableAliasColumnDef, TableFactor, UnaryOperator, Value, VisitMut, VisitorMut,
};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

use super::case;

/// What a rewritten query and its columns are called: nothing else is.
const QUERY: &str = "in query";
const COLUMN: &str = "in column";

/// Rewrites those of a SELECT's columns.
pub(super) fn as_values(select: &mut Select) {
    let mut visitor = Values {
        exists: true,
        inside: 0,
    };
    for item in &mut select.projection {
        if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
            let _: ControlFlow<()> = expr.visit(&mut visitor);
        }
    }
}

/// Where in a condition an expression stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It must hold of every row.
    Required,
    /// It may hold, and a NULL is as good as false.
    Possible,
}

/// Rewrites what in a condition would be answered wrongly.
pub(super) fn in_condition(condition: &mut Expr) {
    settle(condition, Place::Required);
}

fn settle(expr: &mut Expr, place: Place) {
    match expr {
        Expr::Nested(inner) => settle(inner, place),
        Expr::BinaryOp {
            left,
            op: op @ (BinaryOperator::And | BinaryOperator::Or),
            right,
        } => {
            let inner = match op {
                BinaryOperator::Or => Place::Possible,
                _ => place,
            };
            settle(left, inner);
            settle(right, inner);
        }
        Expr::InSubquery { negated, .. } if !*negated || place == Place::Required => {}
        Expr::UnaryOp {
            op: UnaryOperator::Not,
            expr: inner,
        } if place == Place::Required && is_plain_in(inner) => {}
        _ => {
            let mut visitor = Values {
                exists: false,
                inside: 0,
            };
            let _: ControlFlow<()> = expr.visit(&mut visitor);
        }
    }
}

fn is_plain_in(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_plain_in(inner),
        Expr::InSubquery { negated, .. } => !negated,
        _ => false,
    }
}

struct Values {
    /// Whether EXISTS is rewritten too: the planner answers it rightly in every condition.
    exists: bool,
    /// In how many queries of the expression the visitor is: their own columns are met later.
    inside: usize,
}

impl VisitorMut for Values {
    type Break = ();

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.inside += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.inside -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.inside > 0 {
            return ControlFlow::Continue(());
        }
        let value = match expr {
            Expr::Exists { subquery, negated } if self.exists => exists(subquery, *negated),
            Expr::InSubquery {
                expr: left,
                subquery,
                negated,
            } if !matches!(left.as_ref(), Expr::Tuple(_)) => is_in(left, subquery, *negated),
            _ => None,
        };
        if let Some(value) = value {
            *expr = value;
        }
        ControlFlow::Continue(())
    }
}

/// `(SELECT count(*) > 0 FROM …)`.
fn exists(query: &Query, negated: bool) -> Option<Expr> {
    let test = if negated { "count(*) = 0" } else { "count(*) > 0" };
    let counted = parsed(&format!("SELECT {test} FROM t"))?;
    if let Some(mut counting) = plain(query) {
        // The query's own WHERE may name what is outside of it: it stays where it is.
        let SetExpr::Select(select) = counted.body.as_ref() else {
            return None;
        };
        let SetExpr::Select(own) = counting.body.as_mut() else {
            return None;
        };
        own.projection.clone_from(&select.projection);
        return Some(Expr::Subquery(Box::new(counting)));
    }
    over(counted, query, &[]).map(scalar)
}

/// The query without what does not matter to whether it has rows, if that is only a SELECT without
/// aggregates.
fn plain(query: &Query) -> Option<Query> {
    let SetExpr::Select(select) = query.body.as_ref() else {
        return None;
    };
    let is_plain = query.with.is_none()
        && query.limit_clause.is_none()
        && query.fetch.is_none()
        && query.pipe_operators.is_empty()
        && select.having.is_none()
        && select.qualify.is_none()
        && matches!(&select.group_by, GroupByExpr::Expressions(keys, modifiers) if keys.is_empty() && modifiers.is_empty())
        && select.projection.iter().all(|item| match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
                matches!(
                    expr,
                    Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Value(_)
                )
            }
            _ => true,
        });
    let mut plain = is_plain.then(|| query.clone())?;
    plain.order_by = None;
    if let SetExpr::Select(select) = plain.body.as_mut() {
        select.distinct = None;
    }
    Some(plain)
}

/// How many rows a query has, how many that are not NULL, and how many that are `left`.
struct Counts {
    all: Query,
    known: Query,
    hits: Query,
}

impl Counts {
    fn of(query: &Query, left: &Expr) -> Option<Self> {
        Self::within(query, left).or_else(|| Self::around(query, left))
    }

    /// With the query as a table: it may be any, and depends on nothing outside of it.
    fn around(query: &Query, left: &Expr) -> Option<Self> {
        let count = |what: &str| {
            let counted = parsed(&format!("SELECT count({what}) FROM t"))?;
            over(counted, query, &[COLUMN])
        };
        let mut hits = count("*")?;
        let column = Expr::CompoundIdentifier(vec![quoted(QUERY), quoted(COLUMN)]);
        add_condition(&mut hits, equal(column, left))?;
        Some(Self {
            all: count("*")?,
            known: count(&format!("\"{COLUMN}\""))?,
            hits,
        })
    }

    /// Within a query that is one SELECT: it may name what is outside of it, and `left` must not be taken
    /// for one of its own columns.
    fn within(query: &Query, left: &Expr) -> Option<Self> {
        if !matches!(left, Expr::CompoundIdentifier(_) | Expr::Value(_)) {
            return None;
        }
        let plain = plain(query)?;
        let SetExpr::Select(select) = plain.body.as_ref() else {
            return None;
        };
        let [SelectItem::UnnamedExpr(column) | SelectItem::ExprWithAlias { expr: column, .. }] =
            select.projection.as_slice()
        else {
            return None;
        };
        let count = || {
            let counted = parsed("SELECT count(*) FROM t")?;
            let mut query = plain.clone();
            if let (SetExpr::Select(own), SetExpr::Select(select)) = (query.body.as_mut(), *counted.body) {
                own.projection = select.projection;
            }
            Some(query)
        };
        let (mut hits, mut known) = (count()?, count()?);
        add_condition(&mut hits, equal(column.clone(), left))?;
        let is_known = Expr::IsNotNull(Box::new(Expr::Nested(Box::new(column.clone()))));
        add_condition(&mut known, is_known)?;
        Some(Self {
            all: count()?,
            known,
            hits,
        })
    }
}

fn equal(column: Expr, left: &Expr) -> Expr {
    binary(column, BinaryOperator::Eq, Expr::Nested(Box::new(left.clone())))
}

fn add_condition(query: &mut Query, condition: Expr) -> Option<()> {
    let SetExpr::Select(select) = query.body.as_mut() else {
        return None;
    };
    select.selection = Some(match select.selection.take() {
        Some(own) => binary(Expr::Nested(Box::new(own)), BinaryOperator::And, condition),
        None => condition,
    });
    Some(())
}

fn is_in(left: &Expr, query: &Query, negated: bool) -> Option<Expr> {
    let Counts { all, known, hits } = Counts::of(query, left)?;
    let boolean = |value| Expr::value(Value::Boolean(value));
    let some = |query: Query| binary(scalar(query), BinaryOperator::Gt, super::number(0));
    let unknown = binary(
        Expr::IsNull(Box::new(Expr::Nested(Box::new(left.clone())))),
        BinaryOperator::Or,
        binary(scalar(all.clone()), BinaryOperator::Gt, scalar(known)),
    );
    let whens = vec![
        (some(hits), boolean(!negated)),
        (
            Expr::UnaryOp {
                op: UnaryOperator::Not,
                expr: Box::new(Expr::Nested(Box::new(some(all)))),
            },
            boolean(negated),
        ),
        (unknown, Expr::value(Value::Null)),
    ];
    Some(case(whens, boolean(negated)))
}

/// `(a, b) IN (SELECT …)` as an EXISTS. With NOT it would treat NULL otherwise, and is left alone.
pub(super) fn of_tuple(expr: &mut Expr) {
    let Expr::InSubquery {
        expr: left,
        subquery,
        negated: false,
    } = expr
    else {
        return;
    };
    let Expr::Tuple(parts) = left.as_ref() else { return };
    let names: Vec<String> = (0..parts.len()).map(|at| format!("{COLUMN} {at}")).collect();
    let columns: Vec<&str> = names.iter().map(String::as_str).collect();
    let Some(one) = parsed("SELECT 1 FROM t") else {
        return;
    };
    let Some(mut query) = over(one, subquery, &columns) else {
        return;
    };
    let equal = parts.iter().zip(&columns).map(|(part, name)| {
        let column = Expr::CompoundIdentifier(vec![quoted(QUERY), quoted(name)]);
        binary(column, BinaryOperator::Eq, Expr::Nested(Box::new(part.clone())))
    });
    let condition = equal.reduce(|all, one| binary(all, BinaryOperator::And, one));
    if let SetExpr::Select(select) = query.body.as_mut() {
        select.selection = condition;
    }
    *expr = Expr::Exists {
        subquery: Box::new(query),
        negated: false,
    };
}

/// `outer` with `FROM (query) AS "in query" (columns)`.
fn over(mut outer: Query, query: &Query, columns: &[&str]) -> Option<Query> {
    let SetExpr::Select(select) = outer.body.as_mut() else {
        return None;
    };
    let column = |name: &&str| TableAliasColumnDef {
        name: quoted(name),
        data_type: None,
    };
    select.from.first_mut()?.relation = TableFactor::Derived {
        lateral: false,
        subquery: Box::new(query.clone()),
        alias: Some(TableAlias {
            explicit: true,
            name: quoted(QUERY),
            columns: columns.iter().map(column).collect(),
            at: None,
        }),
        sample: None,
    };
    Some(outer)
}

fn parsed(sql: &str) -> Option<Query> {
    let mut parser = Parser::new(&GenericDialect {}).try_with_sql(sql).ok()?;
    match parser.parse_statement().ok()? {
        Statement::Query(query) => Some(*query),
        _ => None,
    }
}

fn scalar(query: Query) -> Expr {
    Expr::Subquery(Box::new(query))
}

fn quoted(name: &str) -> Ident {
    Ident::with_quote('"', name)
}

fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp {
        left: Box::new(left),
        op,
        right: Box::new(right),
    }
}
