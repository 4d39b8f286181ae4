//! The tables that a statement names, whole or not yet.

use sqlparser::tokenizer::Token;

use super::queries::Query;
use crate::repl::lexer::Lexeme;
use crate::repl::words::is_keyword;

/// A table in a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableUse {
    pub zone: Option<String>,
    pub table: String,
    pub alias: Option<String>,
}

impl TableUse {
    /// A query in brackets, which has the name that follows it.
    pub(super) fn of_query(query: &Query) -> Self {
        Self {
            zone: None,
            table: query.name.clone(),
            alias: None,
        }
    }

    /// What its columns are qualified by; empty for a query without a name.
    pub(super) fn called(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.table)
    }

    /// Whether `name.` means this table.
    pub(super) fn answers_to(&self, name: &str) -> bool {
        self.called().eq_ignore_ascii_case(name)
    }
}

/// A part of a name as the engine reads it: bare words in lower case.
pub(super) fn name_part(lexeme: &Lexeme) -> Option<String> {
    match &lexeme.token {
        Token::Word(word) if word.quote_style.is_some() => Some(word.value.clone()),
        Token::Word(word) => Some(word.value.to_lowercase()),
        _ => None,
    }
}

/// The tables behind FROM, JOIN, INTO and UPDATE; in some statements, behind other words.
pub(super) fn tables(statement: &[&Lexeme]) -> Vec<TableUse> {
    let mut found = Vec::new();
    let mut i = 0;
    let begins_with = |word: &str| statement.first().is_some_and(|first| first.is_word(word));
    let word_of_its_own = [
        ("ALTER", "TABLE"),
        ("CHECK", "TABLE"),
        ("MERGE", "USING"),
        ("OPTIMIZE", "OPTIMIZE"),
        ("REPLAY", "QUARANTINE"),
    ]
    .into_iter()
    .find_map(|(verb, word)| begins_with(verb).then_some(word));
    while i < statement.len() {
        let begins = ["FROM", "JOIN", "INTO", "UPDATE"]
            .into_iter()
            .chain(word_of_its_own)
            .any(|word| statement[i].is_word(word));
        i += 1;
        if !begins {
            continue;
        }
        while let Some((table, next)) = table(statement, i) {
            found.push(table);
            i = next;
            match statement.get(i).map(|lexeme| &lexeme.token) {
                Some(Token::Comma) => i += 1,
                _ => break,
            }
        }
    }
    found
}

/// The table that begins at `i`, and what stands behind it.
fn table(statement: &[&Lexeme], mut i: usize) -> Option<(TableUse, usize)> {
    let is_name = |lexeme: &&&Lexeme| lexeme.bare_word().is_none_or(|word| !is_keyword(word));
    let mut parts = vec![name_part(statement.get(i).filter(is_name)?)?];
    i += 1;
    while let (Some(period), Some(part)) = (statement.get(i), statement.get(i + 1)) {
        match name_part(part) {
            Some(part) if period.token == Token::Period => parts.push(part),
            _ => break,
        }
        i += 2;
    }
    if statement.get(i).is_some_and(|lexeme| lexeme.is_word("AS")) {
        i += 1;
    }
    let alias = statement
        .get(i)
        .filter(is_name)
        .and_then(|lexeme| name_part(lexeme));
    i += usize::from(alias.is_some());
    let table = parts.pop()?;
    let zone = parts.pop();
    Some((TableUse { zone, table, alias }, i))
}
