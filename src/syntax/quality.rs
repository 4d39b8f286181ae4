//! `CHECK TABLE t` and `SUGGEST CONSTRAINTS FOR t`.

use sqlparser::ast::{BinaryOperator, Expr, SetExpr};
use sqlparser::parser::Parser;

use super::copy::whole_table;
use super::cursor::Cursor;
use super::statement::{CheckTable, Statement};
use crate::error::Result;

/// The statement, if it is one of these.
pub(super) fn statement(cursor: &mut Cursor<'_>) -> Result<Option<Statement>> {
    let statement = if cursor.takes(&["SUGGEST"]) {
        cursor.expect(&["CONSTRAINTS"])?;
        cursor.expect(&["FOR"])?;
        Statement::SuggestConstraints(cursor.table_name()?)
    } else if cursor.takes(&["CHECK"]) {
        cursor.expect(&["TABLE"])?;
        check(cursor)?
    } else {
        return Ok(None);
    };
    cursor.expect_end()?;
    Ok(Some(statement))
}

/// `t [WHERE condition] [OR FAIL]`.
fn check(cursor: &mut Cursor<'_>) -> Result<Statement> {
    let table = cursor.table_name()?;
    let mut query = whole_table(&table)?;
    let mut or_fail = false;
    let is_whole = !cursor.sees(&["WHERE"]);
    if cursor.takes(&["WHERE"]) {
        let (condition, fails) = without_fail(cursor.rule(Parser::parse_expr)?);
        or_fail = fails;
        if let SetExpr::Select(select) = query.body.as_mut() {
            select.selection = Some(condition);
        }
    }
    or_fail |= cursor.takes(&["OR", "FAIL"]);
    Ok(Statement::CheckTable(Box::new(CheckTable {
        table,
        query,
        is_whole,
        or_fail,
    })))
}

/// A condition takes `OR FAIL` for a part of itself.
fn without_fail(condition: Expr) -> (Expr, bool) {
    match condition {
        Expr::BinaryOp {
            left,
            op: BinaryOperator::Or,
            right,
        } if is_fail(&right) => (*left, true),
        other => (other, false),
    }
}

fn is_fail(expr: &Expr) -> bool {
    matches!(expr, Expr::Identifier(name) if name.quote_style.is_none() && name.value.eq_ignore_ascii_case("fail"))
}
