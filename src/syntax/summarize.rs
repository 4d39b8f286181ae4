//! `SUMMARIZE t` and `SUMMARIZE query`, wherever a query may stand, in the tokens of a statement.
//!
//! What is summarized is an argument of the relation function `summarize`, so that planning, views and
//! names have no case of their own: `SUMMARIZE t` becomes
//! `SELECT * FROM summarize((SELECT * FROM t))`. A word is taken for it only where a query begins and a
//! relation follows; a column of that name is left alone.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Span, Token, TokenWithSpan};

use super::script::Piece;
use super::tokens::{Real, end_of_level, is, is_one_in_parentheses, is_word, real};
use crate::error::{Code, Error, Result};

/// Spells out every SUMMARIZE of the statement.
///
/// # Errors
/// [`Code::Syntax`] for a clause behind a table's name: it would be read as one of the summary.
pub(super) fn spell_out(mut piece: Piece) -> Result<Piece> {
    if !piece.tokens().iter().any(|token| is_summarize(&token.token)) {
        return Ok(piece);
    }
    let tokens = real(&piece);
    let words: Vec<usize> = (0..tokens.len())
        .filter(|i| is_summarize(&tokens[*i].1))
        .collect();
    // From the last to the first, so that what stands inside another is spelled out before it.
    for at in words.into_iter().rev() {
        let tokens = real(&piece);
        if !begins(&tokens, at) {
            continue;
        }
        let end = end_of_level(&tokens, at);
        let target = tokens.get(at + 1..end).unwrap_or_default();
        let is_query = is_query(target);
        if !is_query && let Some(stray) = behind_name(target) {
            let found = &target[stray];
            let message = format!("expected the end of what is summarized, found '{}'", found.1);
            return Err(Error::new(Code::Syntax, message)
                .with_hint("a query is summarized too: SUMMARIZE (SELECT … WHERE …)")
                .at(piece.locate(found.2)));
        }
        let Some((last, _, end_span)) = target.last() else {
            continue;
        };
        let (start, start_span) = (tokens[at].0, tokens[at].2);
        let (last, end_span) = (*last, *end_span);
        let wrapped = is_query && !is_one_in_parentheses(target);
        write(piece.tokens_mut(), start, start_span, last, end_span, wrapped);
    }
    Ok(piece)
}

fn is_summarize(token: &Token) -> bool {
    is(token, "SUMMARIZE")
}

/// Whether a query begins at `at`, and it is a SUMMARIZE.
fn begins(tokens: &[Real], at: usize) -> bool {
    let Some(next) = tokens.get(at + 1) else {
        return false;
    };
    let names_relation = match &next.1 {
        Token::Word(_) | Token::SingleQuotedString(_) => true,
        Token::LParen => tokens.get(at + 2).is_some_and(begins_query),
        _ => false,
    };
    if is_head(&tokens[..at]) {
        return names_relation || next.1 == Token::LParen;
    }
    let opens = at
        .checked_sub(1)
        .is_some_and(|before| tokens[before].1 == Token::LParen);
    if !opens || !names_relation || is_operand(next) {
        return false;
    }
    // `f(summarize …)` has a name before its parenthesis, `CREATE TABLE t (summarize INT)` no query.
    let holder = at.checked_sub(2).map(|i| &tokens[i].1);
    let is_list = matches!(holder, Some(Token::Word(word)) if word.keyword == Keyword::NoKeyword)
        || (is_word(&tokens[0], "CREATE") && !tokens[..at].iter().any(|token| is_word(token, "AS")));
    let closes = tokens.get(end_of_level(tokens, at));
    closes.is_some_and(|token| token.1 == Token::RParen) && (!is_list || begins_query(next))
}

/// Whether a statement's query begins behind these tokens.
fn is_head(before: &[Real]) -> bool {
    let Some((first, rest)) = before.split_first() else {
        return true;
    };
    let has_query = ["SELECT", "VALUES"]
        .iter()
        .any(|word| rest.iter().any(|token| is_word(token, word)));
    let is_about_to = (is_word(first, "EXPLAIN")
        && rest.iter().all(|token| matches!(token.1, Token::Word(_))))
        || (is_word(first, "INSERT") && rest.len() > 1)
        || (is_word(first, "CREATE") && rest.last().is_some_and(|token| is_word(token, "AS")));
    is_about_to && !has_query
}

fn begins_query(token: &Real) -> bool {
    token.1 == Token::LParen
        || ["SELECT", "WITH", "VALUES", "PIVOT", "UNPIVOT"]
            .iter()
            .any(|word| is_word(token, word))
}

/// Whether the token goes on with an expression that a column named `summarize` begins.
fn is_operand(token: &Real) -> bool {
    const OPERATORS: [&str; 12] = [
        "AND", "OR", "IS", "IN", "NOT", "BETWEEN", "LIKE", "ILIKE", "SIMILAR", "COLLATE", "AT", "OVER",
    ];
    OPERATORS.iter().any(|word| is_word(token, word))
}

fn is_query(target: &[Real]) -> bool {
    target.first().is_some_and(begins_query)
}

/// The first token behind a table's name, its arguments and its alias.
fn behind_name(target: &[Real]) -> Option<usize> {
    let mut next = 1;
    while target.get(next).is_some_and(|token| token.1 == Token::Period) {
        next += 2;
    }
    if target.get(next).is_some_and(|token| token.1 == Token::LParen) {
        next = end_of_level(target, next + 1) + 1;
    }
    // A past version comes with an alias.
    if target.get(next).is_some_and(|token| is_word(token, "AS")) {
        next += 2;
    }
    (next < target.len()).then_some(next)
}

/// Puts a query around the tokens behind `start`, up to and with `last`.
fn write(
    tokens: &mut Vec<TokenWithSpan>,
    start: usize,
    start_span: Span,
    last: usize,
    end_span: Span,
    wrapped: bool,
) {
    let end = Span::new(end_span.end, end_span.end);
    let closing = if wrapped { 3 } else { 2 };
    let closing = std::iter::repeat_n(TokenWithSpan::new(Token::RParen, end), closing);
    tokens.splice(last + 1..last + 1, closing);
    let word = |text: &str| Token::make_word(text, None);
    let select = || {
        [
            Token::make_keyword("SELECT"),
            Token::Mul,
            Token::make_keyword("FROM"),
        ]
    };
    let opening = select()
        .into_iter()
        .chain([word("summarize"), Token::LParen, Token::LParen]);
    let opening = opening.chain(select()).chain(wrapped.then_some(Token::LParen));
    let opening = opening.map(|token| TokenWithSpan::new(token, start_span));
    tokens.splice(start..=start, opening);
}
