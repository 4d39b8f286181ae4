//! `REJECT LIMIT n PERCENT|ROWS` of a load: how many of its rows may be turned away.

use std::fmt;

use sqlparser::tokenizer::{Token, TokenWithSpan, Whitespace};

use super::cursor::Cursor;
use super::script::Piece;
use crate::error::{Code, Error, Result};

/// How many rows of a load may be turned away.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RejectLimit {
    /// This share of them, in percent.
    Percent(f64),
    /// This many.
    Rows(u64),
}

impl RejectLimit {
    /// Whether `rejected` of `rows` rows are more.
    pub fn is_exceeded(&self, rejected: u64, rows: u64) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "a share needs no more digits")]
        match self {
            Self::Percent(percent) => rejected as f64 * 100.0 > percent * rows as f64,
            Self::Rows(limit) => rejected > *limit,
        }
    }
}

impl fmt::Display for RejectLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percent(percent) => write!(f, "{percent} percent"),
            Self::Rows(1) => f.write_str("1 row"),
            Self::Rows(rows) => write!(f, "{rows} rows"),
        }
    }
}

fn percent(digits: &str) -> Result<RejectLimit, &'static str> {
    match digits.parse() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(RejectLimit::Percent(percent)),
        _ => Err("a share from 0 to 100 percent"),
    }
}

fn rows(digits: &str) -> Result<RejectLimit, &'static str> {
    let rows = digits.parse().map(RejectLimit::Rows);
    rows.map_err(|_| "a whole number of rows")
}

/// The clause, if it is next.
pub(super) fn clause(cursor: &mut Cursor<'_>) -> Result<Option<RejectLimit>> {
    if !cursor.takes(&["REJECT", "LIMIT"]) {
        return Ok(None);
    }
    let place = cursor.place();
    let Token::Number(digits, _) = cursor.take() else {
        return Err(Error::new(Code::Syntax, "expected a number of percent or rows").at(place));
    };
    let limit = if cursor.takes(&["PERCENT"]) {
        percent(&digits)
    } else if cursor.takes(&["ROWS"]) || cursor.takes(&["ROW"]) {
        rows(&digits)
    } else {
        return cursor.expected("PERCENT or ROWS");
    };
    limit
        .map(Some)
        .map_err(|what| Error::new(Code::Syntax, format!("expected {what}")).at(place))
}

/// Takes the clause out of an INSERT's tokens, which stay as many as they are.
///
/// # Errors
/// [`Code::Syntax`] for a limit that is none.
pub(super) fn take(piece: &Piece, tokens: &mut [TokenWithSpan]) -> Result<Option<RejectLimit>> {
    let real: Vec<usize> = tokens
        .iter()
        .enumerate()
        .filter(|(_, token)| !matches!(token.token, Token::Whitespace(_)))
        .map(|(i, _)| i)
        .collect();
    let is = |n: usize, word: &str| {
        real.get(n).is_some_and(|i| match &tokens[*i].token {
            Token::Word(w) => w.quote_style.is_none() && w.value.eq_ignore_ascii_case(word),
            _ => false,
        })
    };
    if !is(0, "INSERT") {
        return Ok(None);
    }
    let begins_query = |n: usize| {
        ["SELECT", "WITH", "VALUES", "TABLE"]
            .iter()
            .any(|word| is(n, word) && n > 2)
    };
    let clause = (1..real.len()).take_while(|n| !begins_query(*n));
    let Some(start) = clause
        .into_iter()
        .find(|n| is(*n, "REJECT") && is(n + 1, "LIMIT"))
    else {
        return Ok(None);
    };
    let place = |n: usize| {
        real.get(n)
            .map_or_else(|| piece.start(), |i| piece.locate(tokens[*i].span))
    };
    let wrong = |n: usize, what: &str| {
        Error::new(Code::Syntax, format!("expected {what}"))
            .with_hint("such as REJECT LIMIT 5 PERCENT or REJECT LIMIT 100 ROWS")
            .at(place(n))
    };
    let digits = match real.get(start + 2).map(|i| &tokens[*i].token) {
        Some(Token::Number(digits, _)) => digits.clone(),
        _ => return Err(wrong(start + 2, "a number of percent or rows")),
    };
    let limit = if is(start + 3, "PERCENT") {
        percent(&digits).map_err(|what| wrong(start + 2, what))?
    } else if is(start + 3, "ROWS") || is(start + 3, "ROW") {
        rows(&digits).map_err(|what| wrong(start + 2, what))?
    } else {
        return Err(wrong(start + 3, "PERCENT or ROWS"));
    };
    for i in &real[start..start + 4] {
        tokens[*i].token = Token::Whitespace(Whitespace::Space);
    }
    Ok(Some(limit))
}
