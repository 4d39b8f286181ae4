//! `OPTIMIZE`, `VACUUM`, `RESTORE` and `REPLAY QUARANTINE`.

use sqlparser::ast::{Expr, Ident};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use super::cursor::{Cursor, in_parentheses};
use super::rule::{self, Fragment};
use super::statement::{Optimize, Replay, Restore, Statement, Vacuum};
use super::versions::AsOf;
use crate::error::{Code, Error, Result};

/// The statement, if it is one of these.
pub(super) fn statement(cursor: &mut Cursor<'_>) -> Result<Option<Statement>> {
    let statement = if cursor.takes(&["OPTIMIZE"]) {
        cursor.takes(&["TABLE"]);
        optimize(cursor)?
    } else if cursor.takes(&["VACUUM"]) {
        vacuum(cursor)?
    } else if cursor.takes(&["RESTORE"]) {
        cursor.takes(&["TABLE"]);
        restore(cursor)?
    } else if cursor.takes(&["REPLAY", "QUARANTINE"]) {
        replay(cursor)?
    } else {
        return Ok(None);
    };
    cursor.expect_end()?;
    Ok(Some(statement))
}

fn optimize(cursor: &mut Cursor<'_>) -> Result<Statement> {
    let table = cursor.table_name()?;
    let predicate: Option<Expr> = match cursor.takes(&["WHERE"]) {
        true => Some(cursor.rule(Parser::parse_expr)?),
        false => None,
    };
    let zorder_by: Vec<Ident> = match cursor.takes(&["ZORDER", "BY"]) {
        true if cursor.next_is(&Token::LParen) => in_parentheses(cursor, |cursor| cursor.identifier())?,
        true => vec![cursor.identifier()?],
        false => Vec::new(),
    };
    Ok(Statement::Optimize(Box::new(Optimize {
        table,
        predicate,
        zorder_by,
    })))
}

fn vacuum(cursor: &mut Cursor<'_>) -> Result<Statement> {
    let named = !cursor.at_end() && !cursor.sees(&["RETAIN"]) && !cursor.sees(&["DRY", "RUN"]);
    let table = match named {
        true => Some(cursor.table_name()?),
        false => None,
    };
    let retain_hours = match cursor.takes(&["RETAIN"]) {
        true => {
            let hours = number(cursor)?;
            cursor.expect(&["HOURS"])?;
            Some(hours)
        }
        false => None,
    };
    let dry_run = cursor.takes(&["DRY", "RUN"]);
    Ok(Statement::Vacuum(Vacuum {
        table,
        retain_hours,
        dry_run,
    }))
}

fn restore(cursor: &mut Cursor<'_>) -> Result<Statement> {
    let table = cursor.table_name()?;
    cursor.takes(&["TO"]);
    let to = if cursor.takes(&["VERSION", "AS", "OF"]) {
        AsOf::Version(number(cursor)?)
    } else if cursor.takes(&["TIMESTAMP", "AS", "OF"]) {
        AsOf::Timestamp(cursor.text()?.0)
    } else {
        return cursor.expected("TO VERSION AS OF or TO TIMESTAMP AS OF");
    };
    Ok(Statement::Restore(Restore { table, to }))
}

fn replay(cursor: &mut Cursor<'_>) -> Result<Statement> {
    let table = cursor.table_name()?;
    let predicate = match cursor.takes(&["WHERE"]) {
        true => Some(rule::fragment(cursor)?),
        false => None,
    };
    let query = match cursor.takes(&["AS"]) {
        true => {
            let span = cursor.next_span();
            let (_, sql) = cursor.query()?;
            Some(Fragment { sql, span })
        }
        false => None,
    };
    Ok(Statement::Replay(Box::new(Replay {
        table,
        predicate,
        query,
    })))
}

fn number(cursor: &mut Cursor<'_>) -> Result<u64> {
    let place = cursor.place();
    match cursor.take() {
        Token::Number(digits, _) => digits
            .parse()
            .map_err(|_| Error::new(Code::Syntax, format!("'{digits}' is not a whole number")).at(place)),
        other => Err(cursor.unexpected("a number", &other)),
    }
}
