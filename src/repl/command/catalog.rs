//! The commands that look at the catalog, by SQL.

use std::io::Write;

use datafusion::common::ScalarValue;
use sqlparser::tokenizer::Token;

use crate::error::{Code, Error, Result};
use crate::repl::completion::texts;
use crate::repl::lexer::{Lexed, Lexeme, Rest};
use crate::repl::shell::{Shell, Stop};
use crate::syntax::{Parameters, quote};

pub(super) const TABLES: &str = "\
    SELECT zone, name, coalesce(kind, 'broken') AS kind, format, comment FROM system.tables \
    WHERE name ILIKE $pattern OR zone || '.' || name ILIKE $pattern ORDER BY zone, name";
pub(super) const FUNCTIONS: &str = "\
    SELECT name, kind, syntax, description FROM system.functions \
    WHERE name ILIKE $pattern ORDER BY name, kind";

impl Shell<'_> {
    /// Shows the rows of `sql`, which has a `$pattern`.
    pub(super) async fn query(&mut self, sql: &str, pattern: Option<&str>) -> Result<(), Stop> {
        let pattern = pattern.map_or_else(|| "%".to_owned(), like);
        let parameters = Parameters::default().with("pattern", ScalarValue::from(pattern));
        self.aside(sql, parameters).await
    }

    /// Shows a table's columns.
    pub(super) async fn columns(&mut self, table: &str) -> Result<(), Stop> {
        match table_name(table) {
            Ok(name) => {
                self.aside(&format!("DESCRIBE {name}"), Parameters::default())
                    .await
            }
            Err(error) => super::run::said(Err(error)),
        }
    }

    /// Writes the statements that make a table, or all.
    pub(super) async fn schema(&mut self, table: Option<&str>) -> Result<()> {
        let names = match table {
            Some(table) => vec![table_name(table)?],
            None => self.all_tables().await?,
        };
        for name in names {
            let sql = format!("SHOW CREATE TABLE {name}");
            let rows = texts(self.connection.execute(&sql, &Parameters::default())).await?;
            for statement in rows.iter().filter_map(|row| row.first()) {
                let written = writeln!(std::io::stdout(), "{statement};");
                written.map_err(|e| Error::io("stdout", "write", e))?;
            }
        }
        Ok(())
    }

    async fn all_tables(&self) -> Result<Vec<String>> {
        let sql = "SELECT zone, name FROM system.tables WHERE error IS NULL ORDER BY zone, name";
        let rows = texts(self.connection.execute(sql, &Parameters::default())).await?;
        let name = |row: &Vec<String>| {
            let parts: Vec<_> = row.iter().map(|part| quote::identifier(part)).collect();
            parts.join(".")
        };
        Ok(rows.iter().map(name).collect())
    }
}

/// A pattern with `*` and `?`, or a part of a name, as LIKE has it.
fn like(pattern: &str) -> String {
    let mut text = String::new();
    for c in pattern.chars() {
        match c {
            '*' => text.push('%'),
            '?' => text.push('_'),
            '%' | '_' | '\\' => text.extend(['\\', c]),
            other => text.push(other),
        }
    }
    match pattern.contains(['*', '?']) {
        true => text,
        false => format!("%{text}%"),
    }
}

/// A table's name as typed, written so that it is nothing but a name.
fn table_name(text: &str) -> Result<String> {
    let lexed = Lexed::new(text);
    let tokens: Vec<&Lexeme> = lexed.lexemes.iter().collect();
    let is_name = lexed.rest == Rest::Nothing
        && matches!(tokens.len(), 1 | 3 | 5)
        && tokens.iter().enumerate().all(|(i, lexeme)| match &lexeme.token {
            Token::Word(_) => i % 2 == 0,
            Token::Period => i % 2 == 1,
            _ => false,
        });
    if !is_name {
        return Err(
            Error::new(Code::Syntax, format!("'{text}' is not a table's name"))
                .with_hint("a table is named 'table' or 'zone.table'"),
        );
    }
    let parts = tokens.iter().filter_map(|lexeme| match &lexeme.token {
        Token::Word(word) if word.quote_style.is_some() => Some(quote::identifier(&word.value).into_owned()),
        Token::Word(word) => Some(quote::identifier(&word.value.to_lowercase()).into_owned()),
        _ => None,
    });
    Ok(parts.collect::<Vec<_>>().join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_parts_or_wholes() {
        for (pattern, expected) in [
            ("ev", "%ev%"),
            ("raw.*", "raw.%"),
            ("a_b?", "a\\_b_"),
            ("100%", "%100\\%%"),
        ] {
            assert_eq!(like(pattern), expected);
        }
    }

    #[test]
    fn a_name_is_nothing_but_a_name() {
        assert_eq!(table_name("Events").unwrap(), "events");
        assert_eq!(table_name("raw.\"My table\"").unwrap(), "raw.\"My table\"");
        assert_eq!(table_name("lake.shop.select").unwrap(), "lake.shop.\"select\"");
        for wrong in ["a; DROP TABLE b", "a b", "a.", ".a", "'a'", "\"a", "a--", ""] {
            assert!(table_name(wrong).is_err(), "{wrong}");
        }
    }
}
