//! `t VERSION AS OF 3` and `t TIMESTAMP AS OF '…'`, in the tokens of a statement.
//!
//! The planner looks tables up by their names alone, so the version becomes a part of the name: `t` is
//! called `"t$version=3"` then, under the alias `t` if it has no other. No table can be named so itself.

use sqlparser::keywords::{Keyword, RESERVED_FOR_TABLE_ALIAS};
use sqlparser::tokenizer::{Token, TokenWithSpan, Whitespace, Word};

/// What stands between a table's name and its version.
const VERSION: &str = "$version=";
/// What stands between a table's name and a moment.
const TIMESTAMP: &str = "$timestamp=";

/// A version of a table, as a statement asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AsOf {
    /// `VERSION AS OF n`.
    Version(u64),
    /// `TIMESTAMP AS OF '…'`: the text.
    Timestamp(String),
}

impl AsOf {
    /// What the part of a name behind its `$` says, if it says a version.
    pub fn from_suffix(suffix: &str) -> Option<Self> {
        let of = |key: &str| suffix.strip_prefix(&key[1..]);
        match (of(VERSION), of(TIMESTAMP)) {
            (Some(version), _) => version.parse().ok().map(Self::Version),
            (_, Some(text)) => Some(Self::Timestamp(text.to_owned())),
            _ => None,
        }
    }
}

/// Puts the versions into the names. As many tokens come out as went in, each in its place.
pub(super) fn name_versions(tokens: &mut [TokenWithSpan]) {
    let real: Vec<usize> = tokens
        .iter()
        .enumerate()
        .filter(|(_, token)| !matches!(token.token, Token::Whitespace(_)))
        .map(|(i, _)| i)
        .collect();
    for start in 1..real.len() {
        let at = |offset: usize| real.get(start + offset).map(|i| &tokens[*i].token);
        let Some((suffix, length)) = as_of([at(0), at(1), at(2), at(3), at(4)]) else {
            continue;
        };
        let Token::Word(name) = tokens[real[start - 1]].token.clone() else {
            continue;
        };
        if name.keyword == Keyword::TO && name.quote_style.is_none() {
            // RESTORE TABLE t TO VERSION AS OF n
            continue;
        }
        let aliased = at(length).is_some_and(is_alias);
        for i in &real[start..start + length] {
            tokens[*i].token = Token::Whitespace(Whitespace::Space);
        }
        if !aliased {
            tokens[real[start]].token = Token::make_keyword("AS");
            tokens[real[start + 1]].token = Token::Word(name.clone());
            // A statement's text that is kept, as a view's, ends where its last token does.
            tokens[real[start + 1]].span.end = tokens[real[start + length - 1]].span.end;
        }
        tokens[real[start - 1]].token = Token::Word(Word {
            value: format!("{}{suffix}", name.value),
            quote_style: Some('"'),
            keyword: Keyword::NoKeyword,
        });
    }
}

/// What the tokens add to a name, and how many they are.
fn as_of(tokens: [Option<&Token>; 5]) -> Option<(String, usize)> {
    let is = |token: Option<&Token>, word: &str| matches!(token, Some(Token::Word(w)) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(word));
    let [first, second, third, fourth, fifth] = tokens;
    if !is(second, "AS") || !is(third, "OF") {
        return None;
    }
    match (fourth?, fifth) {
        (Token::Number(digits, _), _) if is(first, "VERSION") => Some((format!("{VERSION}{digits}"), 4)),
        (Token::SingleQuotedString(text), _) if is(first, "TIMESTAMP") => {
            Some((format!("{TIMESTAMP}{text}"), 4))
        }
        (_, Some(Token::SingleQuotedString(text))) if is(first, "TIMESTAMP") && is(fourth, "TIMESTAMP") => {
            Some((format!("{TIMESTAMP}{text}"), 5))
        }
        _ => None,
    }
}

fn is_alias(token: &Token) -> bool {
    match token {
        Token::Word(word) => {
            word.quote_style.is_some()
                || word.keyword == Keyword::AS
                || !RESERVED_FOR_TABLE_ALIAS.contains(&word.keyword)
        }
        _ => false,
    }
}
