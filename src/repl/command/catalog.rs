//! The commands that look at the catalog, by SQL.

use datafusion::common::ScalarValue;
use sqlparser::tokenizer::Token;

use crate::error::{Code, Error, Result};
use crate::repl::completion::texts;
use crate::repl::lexer::{Lexed, Lexeme, Rest};
use crate::repl::note;
use crate::repl::shell::{Shell, Stop};
use crate::syntax::{Parameters, quote};

/// The tables that fit a pattern.
const FITTING: &str = "name ILIKE $pattern OR zone || '.' || name ILIKE $pattern";
/// Of so many tables the rows are told; of more it would take too long.
const COUNTED: usize = 100;
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

    /// `.tables [pattern]`: what there is, with its columns and, where files say it, rows.
    pub(super) async fn tables(&mut self, pattern: Option<&str>) -> Result<(), Stop> {
        let counts = match self.counts(pattern).await {
            Ok(counts) => counts,
            Err(error) => return super::run::said(Err(error)),
        };
        let sql = format!(
            "SELECT t.zone, t.name, coalesce(t.kind, 'broken') AS kind, t.format, c.columns, r.rows, t.comment \
             FROM (SELECT * FROM system.tables WHERE {FITTING}) AS t \
             LEFT JOIN (SELECT zone, table_name, count(*) AS columns FROM system.columns GROUP BY zone, table_name) AS c \
             ON c.zone = t.zone AND c.table_name = t.name \
             LEFT JOIN ({counts}) AS r ON r.zone = t.zone AND r.name = t.name \
             ORDER BY t.zone, t.name"
        );
        self.query(&sql, pattern).await
    }

    /// A query of the tables whose rows are known, with them.
    async fn counts(&self, pattern: Option<&str>) -> Result<String> {
        let pattern = pattern.map_or_else(|| "%".to_owned(), like);
        let parameters = Parameters::default().with("pattern", ScalarValue::from(pattern));
        let sql = format!(
            "SELECT zone, name FROM system.tables WHERE ({FITTING}) AND format IN ('parquet', 'delta') \
             ORDER BY zone, name LIMIT {COUNTED}"
        );
        let mut known = Vec::new();
        for row in texts(self.connection.execute(&sql, &parameters)).await? {
            let [zone, name] = row.as_slice() else {
                continue;
            };
            let (from, table) = (quote::identifier(zone), quote::identifier(name));
            let counted = self
                .connection
                .aside(&format!("SELECT count(*) FROM {from}.{table}"));
            // What cannot be read has no number; reading it says why.
            let rows = texts(counted).await.unwrap_or_default();
            if let Some(rows) = rows.first().and_then(|row| row.first()) {
                let (zone, name) = (quote::literal(zone), quote::literal(name));
                known.push(format!("({zone}, {name}, CAST({rows} AS BIGINT))"));
            }
        }
        if known.is_empty() {
            known.push("('', '', CAST(NULL AS BIGINT))".to_owned());
        }
        Ok(format!(
            "SELECT column1 AS zone, column2 AS name, column3 AS rows FROM (VALUES {}) AS v",
            known.join(", ")
        ))
    }

    /// Shows a table's columns.
    pub(super) async fn columns(&mut self, table: &str) -> Result<(), Stop> {
        let sql = match table_name(table) {
            Ok(name) => format!("DESCRIBE {name}"),
            Err(error) => return super::run::said(Err(error)),
        };
        // A mistake is one in the command: the place in a statement that nobody typed says nothing.
        match texts(self.connection.aside(&sql)).await {
            Ok(_) => self.aside(&sql, Parameters::default()).await,
            Err(error) => super::run::said(Err(error.without_place())),
        }
    }

    /// Writes the statements that make a table, or all.
    pub(super) async fn schema(&mut self, table: Option<&str>) -> Result<()> {
        let names = match table {
            Some(table) => vec![table_name(table)?],
            None => self.all_tables().await?,
        };
        let mut statements = Vec::new();
        for name in names {
            let sql = format!("SHOW CREATE TABLE {name}");
            let rows = texts(self.connection.execute(&sql, &Parameters::default())).await;
            let rows = rows.map_err(Error::without_place)?;
            statements.extend(rows.into_iter().filter_map(|row| row.into_iter().next()));
        }
        if statements.is_empty() {
            note("the lake has no tables yet");
            return Ok(());
        }
        self.show_text(&format!("{};", statements.join(";\n")))
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
