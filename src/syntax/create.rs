//! `CREATE [EXTERNAL] TABLE` and `CREATE VIEW`: one grammar for all tables, so that every clause of
//! the lake (`PARTITIONED BY`, `COMMENT`, `WITH (owner = …)`) reads the same in each.

use sqlparser::ast::{Ident, Query};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Span, Token};

use super::alter::property;
use super::cursor::{Cursor, in_parentheses, parse_query, takes_not_null};
use super::rule::{self, Listed};
use super::statement::{ColumnSpec, CreateTable, CreateView, ExternalSource, Statement, TableName};
use crate::error::{Code, Error, Result};

/// The statement, if it creates a table or a view.
pub(super) fn statement(cursor: &mut Cursor<'_>) -> Result<Option<Statement>> {
    if !cursor.takes(&["CREATE"]) {
        return Ok(None);
    }
    let or_replace = cursor.takes(&["OR", "REPLACE"]);
    if cursor.takes(&["VIEW"]) {
        return view(cursor, or_replace).map(Some);
    }
    let external = cursor.takes(&["EXTERNAL"]);
    if !cursor.takes(&["TABLE"]) {
        return cursor.expected(if external {
            "TABLE"
        } else {
            "[EXTERNAL] TABLE or VIEW"
        });
    }
    table(cursor, or_replace, external).map(Some)
}

/// `[IF NOT EXISTS] name`.
fn name(cursor: &mut Cursor<'_>, or_replace: bool) -> Result<(bool, TableName)> {
    let place = cursor.place();
    let if_not_exists = cursor.takes(&["IF", "NOT", "EXISTS"]);
    if if_not_exists && or_replace {
        return Err(Error::new(Code::Syntax, "OR REPLACE and IF NOT EXISTS exclude each other").at(place));
    }
    Ok((if_not_exists, cursor.table_name()?))
}

fn view(cursor: &mut Cursor<'_>, or_replace: bool) -> Result<Statement> {
    let (if_not_exists, name) = name(cursor, or_replace)?;
    let columns = match cursor.next_is(&Token::LParen) {
        true => in_parentheses(cursor, |cursor| cursor.identifier())?,
        false => Vec::new(),
    };
    let comment = if cursor.takes(&["COMMENT"]) {
        Some(cursor.text()?.0)
    } else {
        None
    };
    cursor.expect(&["AS"])?;
    let (mut query, mut sql) = cursor.query()?;
    cursor.expect_end()?;
    if !columns.is_empty() {
        (query, sql) = named(cursor, &name, &columns, &sql)?;
    }
    Ok(Statement::CreateView(Box::new(CreateView {
        name,
        or_replace,
        if_not_exists,
        comment,
        query,
        sql,
    })))
}

/// A view's query with the view's own names for its columns.
fn named(
    cursor: &Cursor<'_>,
    view: &TableName,
    columns: &[Ident],
    sql: &str,
) -> Result<(Box<Query>, String)> {
    let quoted = |name: &str| Ident::with_quote('"', name).to_string();
    let columns: Vec<String> = columns.iter().map(|column| quoted(&column.value)).collect();
    let sql = format!(
        // A comment at the query's end ends with its line.
        "SELECT * FROM ({sql}\n) AS {} ({})",
        quoted(&view.table),
        columns.join(", ")
    );
    let query = parse_query(&sql).map_err(|error| error.at(cursor.piece().locate(view.span)))?;
    Ok((query, sql))
}

fn table(cursor: &mut Cursor<'_>, or_replace: bool, external: bool) -> Result<Statement> {
    let (if_not_exists, name) = name(cursor, or_replace)?;
    let mut table = CreateTable {
        name,
        or_replace,
        if_not_exists,
        columns: Vec::new(),
        partitioned_by: Vec::new(),
        sorted_by: Vec::new(),
        external: None,
        options: Vec::new(),
        properties: Vec::new(),
        rules: Vec::new(),
        checks: Vec::new(),
        comment: None,
        query: None,
    };
    if cursor.next_is(&Token::LParen) {
        in_parentheses(cursor, |cursor| item(cursor, &mut table))?;
    }
    let mut source = Source::default();
    while !cursor.at_end() {
        clause(cursor, &mut table, &mut source, external)?;
    }
    if external {
        table.external = Some(source.complete(cursor)?);
    }
    if table.query.is_none() {
        require_types(cursor, &table.columns)?;
    }
    if table.columns.is_empty() && table.query.is_none() && !external {
        return cursor.expected("a list of columns, or AS and a query");
    }
    Ok(Statement::CreateTable(Box::new(table)))
}

/// `STORED AS` and `LOCATION`, as they turn up.
#[derive(Default)]
struct Source {
    format: Option<String>,
    location: Option<(String, Span)>,
}

impl Source {
    fn complete(self, cursor: &Cursor<'_>) -> Result<ExternalSource> {
        let Some(format) = self.format else {
            return cursor.expected("STORED AS and a format");
        };
        let Some((location, location_span)) = self.location else {
            return cursor.expected("LOCATION and a path");
        };
        Ok(ExternalSource {
            format,
            location,
            location_span,
        })
    }
}

fn clause(
    cursor: &mut Cursor<'_>,
    table: &mut CreateTable,
    source: &mut Source,
    external: bool,
) -> Result<()> {
    let place = cursor.place();
    let again = |name: &str| Error::new(Code::Syntax, format!("{name} is given twice")).at(place.clone());
    if cursor.takes(&["PARTITIONED", "BY"]) {
        let columns = in_parentheses(cursor, column)?;
        if !std::mem::replace(&mut table.partitioned_by, columns).is_empty() {
            return Err(again("PARTITIONED BY"));
        }
    } else if !external && cursor.takes(&["SORTED", "BY"]) {
        let columns = in_parentheses(cursor, |cursor| {
            let ident = cursor.identifier()?;
            Ok((ident.value, ident.span))
        })?;
        if !std::mem::replace(&mut table.sorted_by, columns).is_empty() {
            return Err(again("SORTED BY"));
        }
    } else if cursor.takes(&["COMMENT"]) {
        cursor.takes_token(&Token::Eq);
        if table.comment.replace(cursor.text()?.0).is_some() {
            return Err(again("COMMENT"));
        }
    } else if cursor.takes(&["WITH"]) {
        table.properties.extend(in_parentheses(cursor, property)?);
    } else if external && cursor.takes(&["STORED", "AS"]) {
        let (format, _) = cursor.word()?;
        if source.format.replace(format).is_some() {
            return Err(again("STORED AS"));
        }
    } else if external && cursor.takes(&["LOCATION"]) {
        if source.location.replace(cursor.text()?).is_some() {
            return Err(again("LOCATION"));
        }
    } else if external && cursor.takes(&["OPTIONS"]) {
        table.options.extend(in_parentheses(cursor, option)?);
        each_once(cursor, &table.options)?;
    } else if !external && cursor.takes(&["AS"]) {
        table.query = Some(cursor.query()?.0);
        cursor.expect_end()?;
    } else {
        return cursor.expected(if external {
            "STORED AS, LOCATION, PARTITIONED BY, OPTIONS, COMMENT or WITH"
        } else {
            "PARTITIONED BY, SORTED BY, COMMENT, WITH, or AS and a query"
        });
    }
    Ok(())
}

/// A column or a constraint in the list of a new table.
fn item(cursor: &mut Cursor<'_>, table: &mut CreateTable) -> Result<()> {
    if !rule::begins(cursor) {
        let column = column_spec(cursor)?;
        while cursor.sees(&["CHECK"]) {
            if let Listed::Check(check) = rule::listed(cursor)? {
                table.checks.push(check);
            }
        }
        table.columns.push(column);
    } else {
        match rule::listed(cursor)? {
            Listed::Rule(rule) => table.rules.push(*rule),
            Listed::Check(check) => table.checks.push(check),
        }
    }
    if cursor.next_is(&Token::Comma) || cursor.next_is(&Token::RParen) {
        Ok(())
    } else {
        cursor.expected("NOT NULL, CHECK, SOURCE, COMMENT, ',' or ')'")
    }
}

/// `name [TYPE] [NOT NULL] [COMMENT '…']` in a list.
fn column(cursor: &mut Cursor<'_>) -> Result<ColumnSpec> {
    let column = column_spec(cursor)?;
    if cursor.next_is(&Token::Comma) || cursor.next_is(&Token::RParen) {
        Ok(column)
    } else {
        cursor.expected("NOT NULL, SOURCE, COMMENT, ',' or ')'")
    }
}

/// `name [TYPE] [NOT NULL] [SOURCE '…'] [COMMENT '…']`.
pub(super) fn column_spec(cursor: &mut Cursor<'_>) -> Result<ColumnSpec> {
    let ident = cursor.identifier()?;
    let mut column = ColumnSpec {
        span: ident.span,
        name: ident.value,
        data_type: None,
        not_null: false,
        comment: None,
        source: None,
    };
    if !cursor.next_is(&Token::Comma) && !cursor.next_is(&Token::RParen) && !cursor.at_end() {
        column.data_type = Some(cursor.rule(Parser::parse_data_type)?);
    }
    loop {
        if takes_not_null(cursor)? {
            column.not_null = true;
        } else if cursor.takes(&["NULL"]) {
            // As it is anyway.
        } else if cursor.takes(&["COMMENT"]) {
            column.comment = Some(cursor.text()?.0);
        } else if cursor.takes(&["SOURCE"]) {
            column.source = Some(cursor.text()?.0);
        } else {
            break Ok(column);
        }
    }
}

fn require_types(cursor: &Cursor<'_>, columns: &[ColumnSpec]) -> Result<()> {
    match columns.iter().find(|column| column.data_type.is_none()) {
        None => Ok(()),
        Some(column) => Err(
            Error::new(Code::Syntax, format!("column '{}' needs a type", column.name))
                .at(cursor.piece().locate(column.span)),
        ),
    }
}

/// `'key' 'value'`, `key value` or `key = value`; a key may have dots.
pub(super) fn option(cursor: &mut Cursor<'_>) -> Result<(String, String, Span)> {
    let span = cursor.next_span();
    let mut key = option_word(cursor)?;
    while cursor.takes_token(&Token::Period) {
        key = format!("{key}.{}", option_word(cursor)?);
    }
    cursor.takes_token(&Token::Eq);
    let value = match cursor.take() {
        Token::SingleQuotedString(text) | Token::DoubleQuotedString(text) => text,
        Token::Number(digits, _) => digits,
        Token::Word(word) => word.value,
        other => return Err(cursor.unexpected("the option's value", &other)),
    };
    let key = key.to_lowercase();
    let key = key.strip_prefix("format.").unwrap_or(&key).to_owned();
    Ok((key, value, span))
}

/// Refuses an option that is given twice.
pub(super) fn each_once(cursor: &Cursor<'_>, options: &[(String, String, Span)]) -> Result<()> {
    for (i, (key, _, span)) in options.iter().enumerate() {
        if options[..i].iter().any(|(before, ..)| before == key) {
            let message = format!("option '{key}' is given twice");
            return Err(Error::new(Code::InvalidStatement, message).at(cursor.piece().locate(*span)));
        }
    }
    Ok(())
}

fn option_word(cursor: &mut Cursor<'_>) -> Result<String> {
    match cursor.take() {
        Token::SingleQuotedString(text) => Ok(text),
        Token::Word(word) => Ok(word.value),
        other => Err(cursor.unexpected("an option's name", &other)),
    }
}
