//! `COPY … TO`, `COPY INTO` and what names files in place of tables: `DESCRIBE 'file'`, `DELETE FROM t$files`.

use sqlparser::ast::{self, FromTable, Query, SetExpr, TableFactor};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use super::create::{each_once, option};
use super::cursor::{Cursor, in_parentheses, table_name};
use super::quote::identifier;
use super::reject;
use super::statement::{CopyInto, CopyTo, DeleteFiles, Statement, TableName};
use crate::error::{Code, Error, Result};

/// The statement, if it is one of these.
pub(super) fn statement(cursor: &mut Cursor<'_>) -> Result<Option<Statement>> {
    if cursor.takes(&["COPY", "INTO"]) {
        return copy_into(cursor).map(Some);
    }
    if cursor.sees(&["COPY"]) {
        cursor.skip(1);
        return copy(cursor).map(Some);
    }
    if cursor.sees(&["DELETE", "FROM"]) {
        return delete_files(cursor);
    }
    Ok(None)
}

/// `(query)|t TO 'path' [STORED AS format] [PARTITIONED BY (a, b)] [OPTIONS (…)]`, or as elsewhere
/// `(query)|t TO 'path' [WITH] (FORMAT format, PARTITION_BY (a, b), HEADER, DELIMITER ';')`.
fn copy(cursor: &mut Cursor<'_>) -> Result<Statement> {
    let query = if cursor.next_is(&Token::LParen) {
        cursor.skip(1);
        let query = cursor.rule(Parser::parse_query)?;
        cursor.expect_token(&Token::RParen)?;
        query
    } else {
        let table = cursor.table_name()?;
        whole_table(&table)?
    };
    cursor.expect(&["TO"])?;
    let (path, path_span) = cursor.text()?;
    let mut copy = CopyTo {
        query,
        path,
        path_span,
        format: None,
        partitioned_by: Vec::new(),
        options: Vec::new(),
    };
    while !cursor.at_end() {
        if cursor.takes(&["STORED", "AS"]) {
            copy.format = Some(cursor.word()?);
        } else if cursor.takes(&["PARTITIONED", "BY"]) || cursor.takes(&["PARTITION", "BY"]) {
            copy.partitioned_by = in_parentheses(cursor, |cursor| cursor.identifier())?;
        } else if cursor.takes(&["OPTIONS"]) {
            copy.options.extend(in_parentheses(cursor, option)?);
        } else if cursor.takes(&["WITH"]) || cursor.next_is(&Token::LParen) {
            in_parentheses(cursor, |cursor| entry(cursor, &mut copy))?;
        } else {
            return cursor.expected("STORED AS, PARTITIONED BY, OPTIONS or '('");
        }
    }
    each_once(cursor, &copy.options)?;
    Ok(Statement::CopyTo(Box::new(copy)))
}

/// `t [(a, b)] [REJECT LIMIT …] FROM 'path' [STORED AS format] [OPTIONS (…)]`.
fn copy_into(cursor: &mut Cursor<'_>) -> Result<Statement> {
    let table = cursor.table_name()?;
    let columns = match cursor.next_is(&Token::LParen) {
        true => in_parentheses(cursor, |cursor| cursor.identifier())?,
        false => Vec::new(),
    };
    let mut reject_limit = reject::clause(cursor)?;
    cursor.expect(&["FROM"])?;
    let (path, path_span) = cursor.text()?;
    let (mut format, mut options) = (None, Vec::new());
    while !cursor.at_end() {
        if cursor.takes(&["STORED", "AS"]) {
            format = Some(cursor.word()?);
        } else if cursor.takes(&["OPTIONS"]) {
            options.extend(in_parentheses(cursor, option)?);
        } else if reject_limit.is_none() && cursor.sees(&["REJECT", "LIMIT"]) {
            reject_limit = reject::clause(cursor)?;
        } else {
            return cursor.expected("STORED AS, OPTIONS or REJECT LIMIT");
        }
    }
    each_once(cursor, &options)?;
    Ok(Statement::CopyInto(Box::new(CopyInto {
        table,
        columns,
        reject_limit,
        path,
        path_span,
        format,
        options,
    })))
}

/// `FORMAT csv`, `PARTITION_BY a`, `PARTITION_BY (a, b)`, `HEADER`, `DELIMITER ';'`.
fn entry(cursor: &mut Cursor<'_>, copy: &mut CopyTo) -> Result<()> {
    if cursor.takes(&["FORMAT"]) {
        copy.format = Some(match cursor.next_is_text() {
            true => cursor.text()?,
            false => cursor.word()?,
        });
        return Ok(());
    }
    if cursor.takes(&["PARTITION_BY"]) {
        copy.partitioned_by = match cursor.next_is(&Token::LParen) {
            true => in_parentheses(cursor, |cursor| cursor.identifier())?,
            false => vec![cursor.identifier()?],
        };
        return Ok(());
    }
    let is_alone = matches!(cursor.peek(1), Token::Comma | Token::RParen);
    let (key, value, span) = if is_alone {
        let (key, span) = cursor.word()?;
        (key.to_lowercase(), "true".to_owned(), span)
    } else {
        option(cursor)?
    };
    let key = match key.as_str() {
        "header" => "has_header".to_owned(),
        "delim" | "sep" => "delimiter".to_owned(),
        _ => key,
    };
    copy.options.push((key, value, span));
    Ok(())
}

/// `SELECT * FROM table`.
pub(super) fn whole_table(table: &TableName) -> Result<Box<Query>> {
    let parts = [
        table.catalog.as_deref(),
        table.zone.as_deref(),
        Some(table.table.as_str()),
    ];
    let name: Vec<_> = parts.into_iter().flatten().map(identifier).collect();
    query(&format!("SELECT * FROM {}", name.join(".")))
}

fn query(sql: &str) -> Result<Box<Query>> {
    let parsed = Parser::new(&GenericDialect {})
        .try_with_sql(sql)
        .and_then(|mut parser| parser.parse_query());
    parsed.map_err(|e| Error::new(Code::Internal, format!("'{sql}' is not a query: {e}")))
}

/// `DELETE FROM t$files WHERE …`; another DELETE is not read.
fn delete_files(cursor: &mut Cursor<'_>) -> Result<Option<Statement>> {
    if !matches!(cursor.peek(2), Token::Word(_)) {
        return Ok(None);
    }
    let names_files = (2..8).any(|i| match cursor.peek(i) {
        Token::Word(word) => word.value.to_lowercase().ends_with("$files"),
        _ => false,
    });
    if !names_files {
        return Ok(None);
    }
    let place = cursor.place();
    let ast::Statement::Delete(delete) = cursor.rule(Parser::parse_statement)? else {
        return Ok(None);
    };
    cursor.expect_end()?;
    let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = &delete.from;
    let table = match from.as_slice() {
        [only] if only.joins.is_empty() => match &only.relation {
            TableFactor::Table { name, .. } => table_name(name),
            _ => None,
        },
        _ => None,
    };
    let Some(mut table) = table.filter(|table| table.table.to_lowercase().ends_with("$files")) else {
        return Ok(None);
    };
    let Some(condition) = delete.selection else {
        return Err(Error::new(Code::InvalidStatement, "which files is not said")
            .with_hint("DELETE FROM t$files WHERE id = '…'")
            .at(place));
    };
    let mut query = whole_table(&table)?;
    if let SetExpr::Select(select) = query.body.as_mut() {
        select.selection = Some(condition);
    }
    let length = table.table.len() - "$files".len();
    table.table.truncate(length);
    Ok(Some(Statement::DeleteFiles(Box::new(DeleteFiles {
        table,
        query,
    }))))
}
