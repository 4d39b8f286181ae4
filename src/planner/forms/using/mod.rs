//! `USING (c)`: one column `c`, of the side that has a row.
//!
//! The planner keeps both sides' columns and takes one of them: for `*` the one whose table's name sorts
//! first, elsewhere the left one, in conditions neither. So `c` is written as what it means (the left column;
//! of a RIGHT JOIN the right one, of a FULL JOIN the first that is not NULL), and `*` as each table's own.
//! No schema is known here: which of several tables on a side has `c` is not, nor what a NATURAL JOIN
//! merges; where that matters the statement is refused.

mod names;
mod side;
mod stars;

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Expr, Ident, JoinConstraint, JoinOperator, ObjectName, OrderBy, OrderByKind, Query,
    Select, SetExpr, Spanned, TableFactor, TableWithJoins, VisitorMut,
};
use sqlparser::tokenizer::Span;

use crate::error::{Code, Error};
use crate::syntax::Piece;

use names::PutIn;
use side::{Merged, Side};

/// Writes what the joins of a statement merge.
pub(super) struct Using<'a> {
    piece: &'a Piece,
    /// How many relations have been given a name.
    named: usize,
}

impl<'a> Using<'a> {
    pub(super) fn new(piece: &'a Piece) -> Self {
        Self { piece, named: 0 }
    }
}

impl VisitorMut for Using<'_> {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        let merged = match query.body.as_mut() {
            SetExpr::Select(select) => self.select(select, query.order_by.as_mut()),
            body => self.set_operation(body),
        };
        match merged {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}

/// Which rows a join gives.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Inner,
    Left,
    Right,
    Full,
    /// Those of one side alone.
    LeftOnly,
    RightOnly,
}

impl Using<'_> {
    fn set_operation(&mut self, body: &mut SetExpr) -> Result<(), Error> {
        match body {
            SetExpr::Select(select) => self.select(select, None),
            SetExpr::SetOperation { left, right, .. } => {
                self.set_operation(left)?;
                self.set_operation(right)
            }
            _ => Ok(()),
        }
    }

    fn select(&mut self, select: &mut Select, order_by: Option<&mut OrderBy>) -> Result<(), Error> {
        if !select.from.iter().any(merges) {
            return Ok(());
        }
        let mut side = Side::default();
        for from in &mut select.from {
            side = side.beside(self.side(from)?);
        }
        let called = names::called(select);
        stars::spell_out(select, &side).map_err(|what| {
            self.refused(what, "name the columns, or each table of the join", select.span())
        })?;
        let merged = side.known();
        names::put_into(select, &merged);
        let keys = match order_by.map(|order_by| &mut order_by.kind) {
            Some(OrderByKind::Expressions(keys)) => keys.as_mut_slice(),
            _ => &mut [],
        };
        for key in keys {
            // A column of the result comes first.
            if !matches!(&key.expr, Expr::Identifier(name) if called.has(name)) {
                PutIn::new(&merged).visit(&mut key.expr);
            }
        }
        Ok(())
    }

    /// What `from` consists of. Its joins get the conditions that they mean.
    fn side(&mut self, from: &mut TableWithJoins) -> Result<Side, Error> {
        let mut side = self.factor(&mut from.relation)?;
        for join in &mut from.joins {
            let span = join.relation.span();
            let right = self.factor(&mut join.relation)?;
            let is_asof = matches!(join.join_operator, JoinOperator::AsOf { .. });
            let Some((kind, constraint)) = kind(&mut join.join_operator) else {
                side = side.beside(right);
                continue;
            };
            side = match constraint {
                JoinConstraint::Using(columns) => {
                    let columns: Vec<Ident> = columns.iter().filter_map(single).collect();
                    let (side, condition) = match is_asof {
                        true => self.asof(side, right, kind, &columns)?,
                        false => self.join(side, right, kind, &columns)?,
                    };
                    if let Some(condition) = condition {
                        *constraint = JoinConstraint::On(condition);
                    }
                    side
                }
                JoinConstraint::Natural => self.natural(side, right, kind, span)?,
                JoinConstraint::On(condition) => {
                    let mut known = side.known();
                    known.extend(right.known());
                    PutIn::new(&known).visit(condition);
                    side.with(right, kind)
                }
                JoinConstraint::None => side.with(right, kind),
            };
        }
        Ok(side)
    }

    fn factor(&mut self, factor: &mut TableFactor) -> Result<Side, Error> {
        match factor {
            TableFactor::NestedJoin {
                table_with_joins,
                alias,
            } => {
                let side = self.side(table_with_joins)?;
                match alias {
                    None => Ok(side),
                    Some(alias) if side.is_mistaken() => {
                        let hint = "write it as (SELECT … FROM …)";
                        Err(self.refused("a name for joins USING a column", hint, alias.name.span))
                    }
                    Some(alias) => Ok(Side::of_one(Some(vec![alias.name.clone()]))),
                }
            }
            TableFactor::Derived {
                alias: alias @ None, ..
            } => {
                // Nobody else can name it.
                self.named += 1;
                *alias = Some(names::alias(format!("side {}", self.named)));
                Ok(Side::of_one(names::qualifier(factor)))
            }
            _ => Ok(Side::of_one(names::qualifier(factor))),
        }
    }

    /// A join of the columns of one name, whichever these are.
    fn natural(&self, left: Side, right: Side, kind: Kind, span: Span) -> Result<Side, Error> {
        let hint = "name the columns: JOIN … USING (…)";
        if left.is_mistaken() || right.is_mistaken() {
            return Err(self.refused("a NATURAL JOIN beside a RIGHT or FULL one", hint, span));
        }
        if matches!(kind, Kind::Right | Kind::Full) {
            return Err(self.refused("a NATURAL RIGHT or FULL JOIN", hint, span));
        }
        let mut side = left.with(right, kind);
        side.merge_unknown(kind);
        Ok(side)
    }

    /// A join USING `columns`, and the condition that it must be written as, if the planner would take other
    /// columns for those.
    fn join(
        &self,
        left: Side,
        right: Side,
        kind: Kind,
        columns: &[Ident],
    ) -> Result<(Side, Option<Expr>), Error> {
        let pairs: Vec<(Merged, Merged)> = columns.iter().map(|c| (left.of(c), right.of(c))).collect();
        let is_mistaken = pairs.iter().any(|(l, r)| l.is_mistaken || r.is_mistaken);
        let needs_left = is_mistaken || kind == Kind::Full;
        let needs_right = needs_left || kind == Kind::Right;
        for (name, (l, r)) in columns.iter().zip(&pairs) {
            if (needs_left && !l.is_known()) || (needs_right && !r.is_known()) {
                let what = format!("this join USING ({name}), which more than one table could have,");
                let hint = "give each table a name, and write ON with the tables' own columns";
                return Err(self.refused(&what, hint, name.span));
            }
        }
        let equal = |(l, r): &(Merged, Merged)| binary(l.value(), BinaryOperator::Eq, r.value());
        let condition = pairs.iter().filter(|_| is_mistaken).map(equal);
        let condition = condition.reduce(|all, one| binary(all, BinaryOperator::And, one));
        let offset = left.factors.len();
        let mut side = left.with(right, kind);
        if !matches!(kind, Kind::LeftOnly | Kind::RightOnly) {
            for (l, r) in pairs {
                side.merge(l, r, kind, offset);
            }
            side.is_on |= condition.is_some();
        }
        Ok((side, condition))
    }

    /// An ASOF join USING `columns`, of which the last is the one that is not equal, and its condition.
    fn asof(
        &self,
        left: Side,
        right: Side,
        kind: Kind,
        columns: &[Ident],
    ) -> Result<(Side, Option<Expr>), Error> {
        let pairs: Vec<(Merged, Merged)> = columns.iter().map(|c| (left.of(c), right.of(c))).collect();
        if let Some(i) = pairs.iter().position(|(l, r)| !l.is_known() || !r.is_known()) {
            let hint = "give each table a name, and write ON with the tables' own columns";
            let what = "this ASOF JOIN USING columns, which more than one table could have,";
            return Err(self.refused(what, hint, columns[i].span));
        }
        let last = pairs.len().saturating_sub(1);
        let compared = pairs.iter().enumerate().map(|(i, (l, r))| {
            let op = match i == last {
                true => BinaryOperator::GtEq,
                false => BinaryOperator::Eq,
            };
            binary(l.value(), op, r.value())
        });
        let condition = compared.reduce(|all, one| binary(all, BinaryOperator::And, one));
        let offset = left.factors.len();
        let mut side = left.with(right, kind);
        for (l, r) in pairs {
            side.merge(l, r, kind, offset);
        }
        side.is_on = true;
        Ok((side, condition))
    }

    fn refused(&self, what: &str, hint: &str, span: Span) -> Error {
        let place = match span == Span::empty() {
            true => self.piece.start(),
            false => self.piece.locate(span),
        };
        Error::new(Code::Unsupported, format!("{what} is not supported"))
            .with_hint(hint)
            .at(place)
    }
}

/// Whether a join of `from` merges columns.
fn merges(from: &TableWithJoins) -> bool {
    let mut factors = std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation));
    let here = from.joins.iter().any(|join| {
        let mut operator = join.join_operator.clone();
        kind(&mut operator).is_some_and(|(_, constraint)| {
            matches!(constraint, JoinConstraint::Using(_) | JoinConstraint::Natural)
        })
    });
    here || factors.any(|factor| match factor {
        TableFactor::NestedJoin { table_with_joins, .. } => merges(table_with_joins),
        _ => false,
    })
}

/// What kind of join it is, and of what; nothing for those that take no condition.
fn kind(join: &mut JoinOperator) -> Option<(Kind, &mut JoinConstraint)> {
    use JoinOperator as J;
    Some(match join {
        J::Join(constraint) | J::Inner(constraint) => (Kind::Inner, constraint),
        J::Left(constraint) | J::LeftOuter(constraint) => (Kind::Left, constraint),
        J::Right(constraint) | J::RightOuter(constraint) => (Kind::Right, constraint),
        J::FullOuter(constraint) => (Kind::Full, constraint),
        J::Semi(constraint) | J::LeftSemi(constraint) | J::Anti(constraint) | J::LeftAnti(constraint) => {
            (Kind::LeftOnly, constraint)
        }
        J::RightSemi(constraint) | J::RightAnti(constraint) => (Kind::RightOnly, constraint),
        // A row of the left side has its own values, with a match and without one.
        J::AsOf { constraint, .. } => (Kind::Inner, constraint),
        _ => return None,
    })
}

fn single(name: &ObjectName) -> Option<Ident> {
    match name.0.as_slice() {
        [only] => only.as_ident().cloned(),
        _ => None,
    }
}

fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp {
        left: Box::new(left),
        op,
        right: Box::new(right),
    }
}
