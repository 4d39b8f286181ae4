//! What could stand where the cursor is, judged by the words around it.

use sqlparser::tokenizer::Token;

use super::forms;
use super::queries::{Query, queries};
use super::tables::{TableUse, name_part, tables};
use crate::repl::lexer::{Lexed, Lexeme, Rest};
use crate::repl::words::{CLAUSES, EXPRESSIONS, STATEMENTS, is_keyword};

/// A word that is being typed, and what it could become.
#[derive(Debug)]
pub(super) struct Context {
    /// The byte where the word begins.
    pub start: usize,
    /// What of it is typed.
    pub prefix: String,
    /// The names before it, each followed by a period.
    pub qualifiers: Vec<String>,
    pub wants: Wants,
    /// Whether a double quote before it has been typed.
    pub is_quoted: bool,
    /// The tables of its statement, and those before the word.
    pub tables: Vec<TableUse>,
    pub tables_before: Vec<TableUse>,
    /// The queries of its statement that have names.
    pub queries: Vec<Query>,
    /// Whether it is the first word behind `ON`.
    pub begins_condition: bool,
}

/// What could stand at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wants {
    /// Nothing that is known.
    Nothing,
    /// One of these words.
    Words(Vec<String>),
    /// A table, a zone before it, a query's name, or one of these words.
    Table(Vec<String>),
    /// A zone.
    Zone,
    /// A setting, or one of these words.
    Setting(Vec<String>),
    /// A column, a function, a word of an expression.
    Value,
    /// Whatever goes on after a value: an operator or the next clause.
    AfterValue,
    /// A value of this setting.
    SettingValue(String),
    /// A column of the statement's first table.
    Target,
    /// A column that the last two tables share.
    Shared,
    /// A file.
    File,
}

const QUERY: &[&str] = &["SELECT", "VALUES", "WITH"];
const AFTER_TABLE: &[&str] = &[
    "AS",
    "CROSS JOIN",
    "EXCEPT",
    "FULL JOIN",
    "GROUP BY",
    "HAVING",
    "INNER JOIN",
    "INTERSECT",
    "JOIN",
    "LEFT JOIN",
    "LIMIT",
    "ON",
    "ORDER BY",
    "RIGHT JOIN",
    "UNION",
    "USING",
    "WHERE",
];
/// Words that decide what follows them.
const GOVERNING: &[&str] = &[
    "SELECT",
    "WHERE",
    "ON",
    "HAVING",
    "QUALIFY",
    "BY",
    "USING",
    "VALUES",
    "LIMIT",
    "OFFSET",
    "FROM",
    "JOIN",
    "INTO",
    "UPDATE",
    "SET",
    "INSERT",
    "EXPLAIN",
    "WITH",
    "UNION",
    "EXCEPT",
    "INTERSECT",
];

impl Context {
    /// What could stand at byte `at` of `text`, which is SQL.
    pub(super) fn new(text: &str, at: usize) -> Self {
        let typed = Lexed::new(&text[..at]);
        let open = match typed.rest {
            Rest::Open(start) => Some((start, text[start..at].chars().next())),
            _ => None,
        };
        let mut before: Vec<&Lexeme> = typed.significant().collect();
        let word = before
            .pop_if(|last| open.is_none() && last.range.end == at && last.bare_word().is_some())
            .map(|last| last.range.clone());
        let is_quoted = matches!(open, Some((_, Some('"'))));
        let start = match open {
            Some((start, Some('"'))) => start,
            Some((start, Some('\''))) => start + 1,
            _ => word.as_ref().map_or(at, |range| range.start),
        };
        let statement = before.iter().rposition(|lexeme| lexeme.token == Token::SemiColon);
        before.drain(..statement.map_or(0, |i| i + 1));
        let qualifiers = take_qualifiers(&mut before);

        // An open quote would swallow what follows the word.
        let whole = match is_quoted {
            true => Lexed::new(&format!("{}\"{}", &text[..at], &text[at..])),
            false => Lexed::new(text),
        };
        let is_end = |lexeme: &&Lexeme| lexeme.token == Token::SemiColon;
        let all: Vec<&Lexeme> = whole.significant().collect();
        let first = all.iter().rposition(|l| is_end(l) && l.range.end <= start);
        let rest = &all[first.map_or(0, |i| i + 1)..];
        let end = rest.iter().position(is_end).unwrap_or(rest.len());

        let in_comment = typed.lexemes.last().is_some_and(Lexeme::goes_on);
        let is_word = word.is_none() && before.last().is_some_and(|last| joins(last, at));
        let wants = match (typed.rest, open) {
            (Rest::Nothing, _) if !is_word && !in_comment => wants(&before),
            (_, Some((_, Some('"')))) => wants(&before),
            (_, Some((_, Some('\'')))) if names_file(&before) => Wants::File,
            _ => Wants::Nothing,
        };
        let queries = queries(&rest[..end]);
        // What a query within this one reads is seen only from within it.
        let is_seen = |lexeme: &&&Lexeme| {
            let hides = |query: &Query| query.body.contains(&lexeme.range.start) && !query.has_inside(at);
            !queries.iter().any(hides)
        };
        let seen: Vec<&Lexeme> = rest[..end].iter().filter(is_seen).copied().collect();
        let seen_before: Vec<&Lexeme> = before.iter().filter(is_seen).copied().collect();
        let mut tables_used = tables(&seen);
        let derived = queries
            .iter()
            .filter(|query| !query.is_cte && !query.has_inside(at))
            .map(TableUse::of_query);
        tables_used.extend(derived);
        if tables_used.is_empty() {
            // Before FROM: most likely the queries of WITH are what is read.
            let others = queries
                .iter()
                .filter(|query| query.is_cte && !query.has_inside(at));
            tables_used.extend(others.map(TableUse::of_query));
        }
        Self {
            start,
            prefix: text[start + usize::from(is_quoted)..at].to_owned(),
            qualifiers,
            wants,
            is_quoted,
            tables: tables_used,
            tables_before: tables(&seen_before),
            queries,
            begins_condition: before.last().is_some_and(|last| last.is_word("ON")),
        }
    }
}

/// Whether a text behind this is the name of a file.
fn names_file(before: &[&Lexeme]) -> bool {
    let is_behind = |words: &[&str]| {
        words
            .iter()
            .any(|word| before.last().is_some_and(|last| last.is_word(word)))
    };
    let copies = before.first().is_some_and(|first| first.is_word("COPY"));
    is_behind(&["FROM", "JOIN", "DESCRIBE"]) || copies && is_behind(&["TO"])
}

/// Whether what is typed next would be part of this token.
fn joins(last: &Lexeme, at: usize) -> bool {
    let grows = matches!(
        last.token,
        Token::Number(..) | Token::Placeholder(_) | Token::SingleQuotedString(_) | Token::Word(_)
    );
    grows && last.range.end == at
}

/// Takes `a.b.` off the end.
fn take_qualifiers(before: &mut Vec<&Lexeme>) -> Vec<String> {
    let mut qualifiers = Vec::new();
    while let [.., name, period] = before.as_slice() {
        match (name_part(name), &period.token) {
            (Some(part), Token::Period) => qualifiers.insert(0, part),
            _ => break,
        }
        before.truncate(before.len() - 2);
    }
    qualifiers
}

/// The word that governs the end of `before`: its position, and whether a bracket is open behind it.
fn governing(before: &[&Lexeme]) -> Option<(usize, String, bool)> {
    let mut closed = 0_usize;
    let mut inside = false;
    for (i, lexeme) in before.iter().enumerate().rev() {
        match &lexeme.token {
            Token::RParen => closed += 1,
            Token::LParen if closed > 0 => closed -= 1,
            Token::LParen => inside = true,
            _ if closed > 0 => {}
            _ => {
                let follows_period = i > 0 && before[i - 1].token == Token::Period;
                let word = lexeme.bare_word().filter(|_| !follows_period);
                let word = word.map(str::to_uppercase);
                if let Some(word) = word.filter(|word| GOVERNING.contains(&word.as_str())) {
                    return Some((i, word, inside));
                }
            }
        }
    }
    None
}

fn wants(before: &[&Lexeme]) -> Wants {
    let Some(last) = before.last() else {
        return words(STATEMENTS);
    };
    if let Some(wants) = forms::expected(before) {
        return wants;
    }
    if let Some(name) = set_setting(before) {
        return Wants::SettingValue(name);
    }
    let starts_with = |word: &str| before[0].is_word(word);
    if starts_with("CREATE") && last.is_word("AS") {
        return words(QUERY);
    }
    let Some((i, word, inside)) = governing(before) else {
        return Wants::Nothing;
    };
    let after = &before[i + 1..];
    match word.as_str() {
        "FROM" | "JOIN" => relation(after, last),
        "INTO" | "UPDATE" => match after {
            [] => Wants::Table(Vec::new()),
            _ if inside => Wants::Target,
            _ if word == "INTO" => words(QUERY),
            _ => words(&["SET"]),
        },
        "USING" if starts_with("MERGE") && !inside => relation(after, last),
        "USING" if inside && matches!(last.token, Token::LParen | Token::Comma) => Wants::Shared,
        "SET" if starts_with("UPDATE") || starts_with("MERGE") => value(last),
        "INSERT" => words(&["INTO", "OVERWRITE"]),
        "EXPLAIN" => words(&["ANALYZE", "INSERT", "SELECT", "VALUES", "WITH"]),
        "UNION" | "EXCEPT" | "INTERSECT" => words(&["ALL", "SELECT", "VALUES"]),
        "WITH" => match last.token {
            Token::LParen => words(QUERY),
            Token::RParen => words(&["SELECT"]),
            _ => Wants::Nothing,
        },
        "SELECT" | "WHERE" | "ON" | "HAVING" | "QUALIFY" | "BY" | "USING" | "VALUES" | "LIMIT" | "OFFSET" => {
            value(last)
        }
        _ => Wants::Nothing,
    }
}

/// The setting that is given a value here: `SET name =`, `SET name TO`.
fn set_setting(before: &[&Lexeme]) -> Option<String> {
    let (last, name) = before.split_last()?;
    let gives = last.token == Token::Eq || last.is_word("TO");
    let (set, name) = name.split_first().filter(|_| gives)?;
    let parts: Option<Vec<String>> = name
        .iter()
        .map(|lexeme| match lexeme.token {
            Token::Period => Some(".".to_owned()),
            _ => name_part(lexeme),
        })
        .collect();
    parts.filter(|_| set.is_word("SET")).map(|parts| parts.concat())
}

fn words(words: &[&str]) -> Wants {
    Wants::Words(words.iter().map(|word| (*word).to_owned()).collect())
}

/// Behind FROM and JOIN.
fn relation(after: &[&Lexeme], last: &Lexeme) -> Wants {
    match &last.token {
        _ if after.is_empty() => Wants::Table(Vec::new()),
        Token::Comma => Wants::Table(Vec::new()),
        Token::LParen => words(QUERY),
        Token::Word(_) if last.is_word("AS") => Wants::Nothing,
        _ => words(AFTER_TABLE),
    }
}

/// In an expression.
fn value(last: &Lexeme) -> Wants {
    match &last.token {
        Token::Word(_) if last.is_word("AS") => Wants::Nothing,
        Token::Word(word) if word.quote_style.is_none() && is_keyword(&word.value) => {
            match ends_value(last) {
                true => Wants::AfterValue,
                false => Wants::Value,
            }
        }
        Token::Word(_)
        | Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::Placeholder(_)
        | Token::RParen
        | Token::RBracket => Wants::AfterValue,
        _ => Wants::Value,
    }
}

/// Whether a keyword is itself the end of a value.
fn ends_value(last: &Lexeme) -> bool {
    ["NULL", "TRUE", "FALSE", "END", "ASC", "DESC"]
        .iter()
        .any(|word| last.is_word(word))
}

/// The words that can follow a value.
pub(super) fn words_after_value() -> impl Iterator<Item = &'static str> {
    CLAUSES.iter().chain(EXPRESSIONS).copied()
}
