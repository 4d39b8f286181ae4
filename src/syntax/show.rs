//! `SHOW`, `DESCRIBE`, `USE`, `SET`, `RESET`, `KILL` and `DROP`.

use sqlparser::tokenizer::{Span, Token};

use super::cursor::Cursor;
use super::statement::{DropObject, ObjectKind, Statement};
use crate::error::Result;

/// The statement, if it is one of these.
pub(super) fn statement(cursor: &mut Cursor<'_>) -> Result<Option<Statement>> {
    let statement = if cursor.takes(&["SHOW", "TABLES"]) {
        show_tables(cursor)?
    } else if cursor.takes(&["SHOW", "CREATE"]) {
        if !cursor.takes(&["VIEW"]) {
            cursor.expect(&["TABLE"])?;
        }
        Statement::ShowCreate(cursor.table_name()?)
    } else if cursor.takes(&["SHOW", "PARTITIONS"]) {
        Statement::ShowPartitions(cursor.table_name()?)
    } else if cursor.takes(&["SHOW", "FUNCTIONS"]) {
        let like = if cursor.takes(&["LIKE"]) {
            Some(cursor.text()?.0)
        } else {
            None
        };
        Statement::ShowFunctions { like }
    } else if cursor.takes(&["SHOW", "ALL"]) {
        Statement::Show { name: None }
    } else if cursor.takes(&["SHOW"]) {
        Statement::Show {
            name: Some(setting(cursor)?),
        }
    } else if cursor.takes(&["RESET", "ALL"]) {
        Statement::Reset { name: None }
    } else if cursor.takes(&["RESET"]) {
        Statement::Reset {
            name: Some(setting(cursor)?),
        }
    } else if cursor.takes(&["KILL"]) {
        cursor.expect(&["QUERY"])?;
        let (id, span) = cursor.text()?;
        Statement::Kill { id, span }
    } else if cursor.takes(&["SET"]) {
        set(cursor)?
    } else if cursor.takes(&["USE"]) {
        let (zone, span) = cursor.word()?;
        Statement::Use { zone, span }
    } else if cursor.takes(&["DESCRIBE"]) || cursor.takes(&["DESC"]) {
        cursor.takes(&["TABLE"]);
        if matches!(cursor.peek(0), Token::SingleQuotedString(_)) {
            let (path, span) = cursor.text()?;
            Statement::DescribeFile { path, span }
        } else if is_query(cursor) {
            Statement::DescribeQuery(cursor.query()?.0)
        } else {
            Statement::Describe(cursor.table_name()?)
        }
    } else if cursor.takes(&["DROP", "TABLE"]) {
        drop_object(cursor, ObjectKind::Table)?
    } else if cursor.takes(&["DROP", "VIEW"]) {
        drop_object(cursor, ObjectKind::View)?
    } else {
        return Ok(None);
    };
    cursor.expect_end()?;
    Ok(Some(statement))
}

/// Whether a query is next, and no table that is called as one begins.
fn is_query(cursor: &Cursor<'_>) -> bool {
    let begins = ["SELECT", "WITH", "VALUES", "FROM"]
        .into_iter()
        .any(|word| cursor.sees(&[word]));
    (begins && *cursor.peek(1) != Token::EOF) || *cursor.peek(0) == Token::LParen
}

fn show_tables(cursor: &mut Cursor<'_>) -> Result<Statement> {
    let zone = if cursor.takes(&["FROM"]) || cursor.takes(&["IN"]) {
        Some(cursor.word()?)
    } else {
        None
    };
    Ok(Statement::ShowTables { zone })
}

fn drop_object(cursor: &mut Cursor<'_>, kind: ObjectKind) -> Result<Statement> {
    let if_exists = cursor.takes(&["IF", "EXISTS"]);
    let name = cursor.table_name()?;
    Ok(Statement::Drop(DropObject {
        kind,
        name,
        if_exists,
    }))
}

/// A setting's dotted name. `TIME ZONE` is the standard's spelling of one.
fn setting(cursor: &mut Cursor<'_>) -> Result<(String, Span)> {
    let start = cursor.next_span();
    if cursor.takes(&["TIME", "ZONE"]) || cursor.takes(&["TIMEZONE"]) {
        return Ok(("datafusion.execution.time_zone".to_owned(), start));
    }
    let (mut name, mut span) = cursor.word()?;
    while cursor.takes_token(&Token::Period) {
        let (part, end) = cursor.word()?;
        name = format!("{name}.{part}");
        span = span.union(&end);
    }
    Ok((name, span))
}

fn set(cursor: &mut Cursor<'_>) -> Result<Statement> {
    let (name, span) = setting(cursor)?;
    if !cursor.takes_token(&Token::Eq) {
        cursor.takes(&["TO"]);
    }
    let value = value(cursor)?;
    Ok(Statement::Set { name, value, span })
}

/// A literal or a bare word, to the end of the statement.
fn value(cursor: &mut Cursor<'_>) -> Result<String> {
    if cursor.at_end() {
        return cursor.expected("a value");
    }
    let minus = cursor.takes_token(&Token::Minus);
    let token = cursor.take();
    match token {
        Token::SingleQuotedString(text) | Token::DoubleQuotedString(text) if !minus => Ok(text),
        Token::Number(digits, _) => Ok(if minus { format!("-{digits}") } else { digits }),
        Token::Word(word) if !minus => Ok(word.value),
        other => Err(cursor.unexpected("a value", &other)),
    }
}
