//! `COLUMNS (…)` and `* RENAME (a AS b)`: what depends on which columns a FROM has.
//!
//! `COLUMNS ('regex')`, `COLUMNS (*)`, `COLUMNS (t.*)`, `COLUMNS (* EXCLUDE (a))` and `COLUMNS (['a', 'b'])` stand
//! for columns: an expression with one is repeated for each, under the column's name or the alias given, in which
//! `\1` is what the first group of the pattern matched. In WHERE it must hold of each (DuckDB).
//!
//! The columns are not known where a statement is rewritten. So its FROM is made a relation under a name that
//! nobody else gives ([`probe`]); planning that relation ends with an error that says its columns ([`learn`]),
//! and the statement is planned again with those in hand ([`expand`]).

mod calls;
mod names;
mod probe;

use std::ops::ControlFlow;

use datafusion::error::Result;
use datafusion::sql::parser::Statement as Standard;
use sqlparser::ast::{
    BinaryOperator, Expr, Ident, Select, SelectItem, SelectItemQualifiedWildcardKind, VisitMut, VisitorMut,
};
use sqlparser::tokenizer::Span;

use calls::{call_in, calls, repeated, with_groups};
use names::{ident, of_table, renamed, shown};
use probe::{StarColumn, needs_columns, place};

pub(super) use calls::columns_of_call;
pub(super) use names::named;
pub(in crate::planner) use probe::{Known, probe};
pub(super) use probe::{is_probe, learn};

use crate::error::Error;
use crate::syntax::Piece;

/// Writes out what stands for columns, where they are known.
///
/// # Errors
/// [`Code::UndefinedColumn`] where there are none such, [`Code::Unsupported`] and [`Code::InvalidValue`] for what
/// names columns otherwise.
pub(in crate::planner) fn expand(
    statement: &mut Standard,
    known: &Known,
    piece: &Piece,
) -> Result<(), Error> {
    match statement {
        Standard::Statement(inner) => match inner.visit(&mut Expansion { known, piece }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(error) => Err(error),
        },
        Standard::Explain(explain) => expand(&mut explain.statement, known, piece),
        _ => Ok(()),
    }
}

struct Expansion<'a> {
    known: &'a Known,
    piece: &'a Piece,
}

impl VisitorMut for Expansion<'_> {
    type Break = Error;

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        if !needs_columns(select) {
            return ControlFlow::Continue(());
        }
        let none = Vec::new();
        let columns = match self.known.0.get(&place(select)) {
            Some(columns) => columns,
            // Without a FROM there are none.
            None if select.from.is_empty() => &none,
            None => return ControlFlow::Continue(()),
        };
        match write_out(select, columns) {
            Ok(()) => ControlFlow::Continue(()),
            Err((error, span)) => {
                let place = match span == Span::empty() {
                    true => self.piece.start(),
                    false => self.piece.locate(span),
                };
                ControlFlow::Break(error.at(place))
            }
        }
    }
}

/// An error and its place.
type Placed = (Error, Span);

fn write_out(select: &mut Select, columns: &[StarColumn]) -> Result<(), Placed> {
    let mut items = Vec::with_capacity(select.projection.len());
    for item in std::mem::take(&mut select.projection) {
        match item {
            SelectItem::Wildcard(options) if options.opt_rename.is_some() => {
                items.extend(renamed(columns, &shown(columns), &options)?);
            }
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(table), options)
                if options.opt_rename.is_some() =>
            {
                items.extend(renamed(columns, &of_table(columns, &table)?, &options)?);
            }
            SelectItem::UnnamedExpr(expr) if !calls(&expr).is_empty() => {
                let is_column = call_in(&expr).is_some();
                for (column, expr, _) in repeated(&expr, columns)? {
                    items.push(match is_column {
                        true => SelectItem::UnnamedExpr(expr),
                        false => SelectItem::ExprWithAlias {
                            expr,
                            alias: ident(&column.column.name),
                        },
                    });
                }
            }
            SelectItem::ExprWithAlias { expr, alias } if !calls(&expr).is_empty() => {
                for (_, expr, groups) in repeated(&expr, columns)? {
                    let name = with_groups(&alias.value, &groups);
                    let alias = Ident {
                        value: name,
                        ..alias.clone()
                    };
                    items.push(SelectItem::ExprWithAlias { expr, alias });
                }
            }
            other => items.push(other),
        }
    }
    select.projection = items;
    if let Some(condition) = &mut select.selection
        && !calls(condition).is_empty()
    {
        let each = repeated(condition, columns)?.into_iter();
        let each = each.map(|(_, condition, _)| Expr::Nested(Box::new(condition)));
        let all = each.reduce(|left, right| Expr::BinaryOp {
            left: Box::new(left),
            op: BinaryOperator::And,
            right: Box::new(right),
        });
        if let Some(all) = all {
            *condition = all;
        }
    }
    Ok(())
}
