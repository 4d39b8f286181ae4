//! The queries within a statement that have a name: those of WITH, and those in brackets in FROM.

use std::ops::Range;

use sqlparser::tokenizer::Token;

use super::tables::{TableUse, name_part, tables};
use crate::repl::lexer::Lexeme;
use crate::repl::words::is_keyword;

/// A query with a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Query {
    /// Empty for one in brackets without a name.
    pub name: String,
    /// Whether WITH names it.
    pub is_cte: bool,
    pub items: Vec<Item>,
    /// The tables that it reads.
    pub tables: Vec<TableUse>,
    /// Where it stands, its brackets left out.
    pub body: Range<usize>,
}

impl Query {
    /// Whether the byte `at` lies within it, or at one of its ends.
    pub(super) fn has_inside(&self, at: usize) -> bool {
        self.body.start <= at && at <= self.body.end
    }
}

/// What a query selects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// A column of this name.
    Named(String),
    /// `*`, or `t.*`.
    Star(Option<String>),
}

/// The queries of a statement, whole or not yet.
pub(super) fn queries(statement: &[&Lexeme]) -> Vec<Query> {
    let mut found = ctes(statement);
    for (i, lexeme) in statement.iter().enumerate() {
        let is_relation = i > 0
            && (["FROM", "JOIN"].iter().any(|word| statement[i - 1].is_word(word))
                || statement[i - 1].token == Token::Comma);
        let begins = statement.get(i + 1).is_some_and(|next| next.is_word("SELECT"));
        if lexeme.token != Token::LParen || !is_relation || !begins {
            continue;
        }
        let end = closing(statement, i);
        let mut after = end + 1;
        after += usize::from(statement.get(after).is_some_and(|lexeme| lexeme.is_word("AS")));
        let is_name = |lexeme: &&&Lexeme| lexeme.bare_word().is_none_or(|word| !is_keyword(word));
        let name = statement
            .get(after)
            .filter(is_name)
            .and_then(|lexeme| name_part(lexeme));
        // Behind a comma it may as well be a value.
        if name.is_none() && statement[i - 1].token == Token::Comma {
            continue;
        }
        found.push(query(
            name.unwrap_or_default(),
            false,
            &[],
            &statement[i + 1..end.min(statement.len())],
        ));
    }
    found
}

/// `WITH name [(columns)] AS (…), name AS (…)`.
fn ctes(statement: &[&Lexeme]) -> Vec<Query> {
    let mut found = Vec::new();
    let with = statement.iter().position(|lexeme| lexeme.is_word("WITH"));
    let Some(mut i) = with.map(|with| with + 1) else {
        return found;
    };
    i += usize::from(statement.get(i).is_some_and(|lexeme| lexeme.is_word("RECURSIVE")));
    while let Some(name) = statement.get(i).and_then(|lexeme| name_part(lexeme)) {
        i += 1;
        let mut given = Vec::new();
        if statement
            .get(i)
            .is_some_and(|lexeme| lexeme.token == Token::LParen)
        {
            let end = closing(statement, i);
            given = statement[i + 1..end.min(statement.len())]
                .iter()
                .filter_map(|l| spelled(l))
                .collect();
            i = end + 1;
        }
        let body = statement
            .get(i + 1)
            .filter(|lexeme| lexeme.token == Token::LParen);
        if statement.get(i).is_none_or(|lexeme| !lexeme.is_word("AS")) || body.is_none() {
            break;
        }
        let end = closing(statement, i + 1);
        found.push(query(
            name,
            true,
            &given,
            &statement[i + 2..end.min(statement.len())],
        ));
        i = end + 1;
        if statement.get(i).is_none_or(|lexeme| lexeme.token != Token::Comma) {
            break;
        }
        i += 1;
    }
    found
}

/// The bracket that closes the one at `open`, or the end.
fn closing(statement: &[&Lexeme], open: usize) -> usize {
    let mut depth = 0_usize;
    for (i, lexeme) in statement.iter().enumerate().skip(open) {
        match lexeme.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth == 0 {
            return i;
        }
    }
    statement.len()
}

fn query(name: String, is_cte: bool, given: &[String], body: &[&Lexeme]) -> Query {
    let items = match given {
        [] => items(body),
        given => given.iter().cloned().map(Item::Named).collect(),
    };
    Query {
        name,
        is_cte,
        items,
        tables: tables(body),
        body: match (body.first(), body.last()) {
            (Some(first), Some(last)) => first.range.start..last.range.end,
            _ => 0..0,
        },
    }
}

/// What stands between the first SELECT and its FROM.
fn items(body: &[&Lexeme]) -> Vec<Item> {
    let mut depth = 0_usize;
    let mut item: Vec<&Lexeme> = Vec::new();
    let mut items = Vec::new();
    let mut is_inside = false;
    for lexeme in body {
        match lexeme.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            _ => {}
        }
        let is_word = |word: &str| depth == 0 && lexeme.is_word(word);
        if !is_inside {
            is_inside = is_word("SELECT");
        } else if is_word("FROM") || is_word("UNION") {
            break;
        } else if depth == 0 && lexeme.token == Token::Comma {
            items.extend(named(&item));
            item.clear();
        } else if !(item.is_empty() && is_word("DISTINCT")) {
            item.push(lexeme);
        }
    }
    items.extend(named(&item));
    items
}

fn named(item: &[&Lexeme]) -> Option<Item> {
    let (last, before) = item.split_last()?;
    match (&last.token, before) {
        (Token::Mul, []) => Some(Item::Star(None)),
        (Token::Mul, [.., name, period]) if period.token == Token::Period => {
            name_part(name).map(|name| Item::Star(Some(name)))
        }
        _ => {
            // A keyword that ends an expression, as in `x IS NULL`, names nothing.
            let is_name = last.bare_word().is_none_or(|word| !is_keyword(word));
            let follows_as = before.last().is_some_and(|lexeme| lexeme.is_word("AS"));
            spelled(last).filter(|_| is_name || follows_as).map(Item::Named)
        }
    }
}

/// A name as it is written.
fn spelled(lexeme: &Lexeme) -> Option<String> {
    match &lexeme.token {
        Token::Word(word) => Some(word.value.clone()),
        _ => None,
    }
}
