//! An expression on its own → a logical expression over given columns, names in any case.

use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::execution::SessionState;
use datafusion::logical_expr::Expr;
use sqlparser::ast::{Expr as SqlExpr, ExprWithAlias, visit_expressions};
use std::ops::ControlFlow;

use super::{calls, forms, guard, names};
use crate::error::{Code, Error};
use crate::syntax::{Piece, parse_expression};

/// Plans `piece`, one expression, over rows of `schema`.
///
/// # Errors
/// DataFusion's own, and this crate's wrapped in `External`: [`Code::Unsupported`] for a subquery, which
/// has no place in an expression on its own, and what is refused in statements.
pub fn expression(state: &SessionState, piece: &Piece, schema: &DFSchema) -> Result<Expr> {
    let mut spelled = piece.clone();
    // As for statements: each turn spells one name anew.
    let mut turns = piece.tokens().len();
    loop {
        let mut expr = parse_expression(&spelled)?;
        refuse_subqueries(&expr, piece)?;
        guard::check_expression(&expr, piece)?;
        calls::check_expression(&expr, state, piece)?;
        forms::spell_out_expression(&mut expr);
        let planned = state.create_logical_expr_from_sql_expr(ExprWithAlias { expr, alias: None }, schema);
        let error = match planned {
            Ok(expr) => return Ok(expr),
            Err(error) => error,
        };
        match names::respell(&spelled, &error)?.filter(|_| turns > 0) {
            Some(respelled) => spelled = respelled,
            None => return Err(error),
        }
        turns -= 1;
    }
}

fn refuse_subqueries(expr: &SqlExpr, piece: &Piece) -> Result<(), Error> {
    let found = visit_expressions(expr, |expr| match expr {
        SqlExpr::Subquery(_) | SqlExpr::Exists { .. } | SqlExpr::InSubquery { .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    match found {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::new(Code::Unsupported, "a rule's condition has no subquery")
            .with_hint("FOREIGN KEY (…) REFERENCES looks into another table, ACCURATE (…) AGAINST compares with one")
            .at(piece.start())),
    }
}
