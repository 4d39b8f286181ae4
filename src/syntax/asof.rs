//! `a ASOF [LEFT] JOIN b ON …` (DuckDB), in the tokens of a statement.
//!
//! The parser knows Snowflake's `a ASOF JOIN b MATCH_CONDITION (…) [ON …]`. The other form is given a
//! condition that says nothing but which join it is, `MATCH_CONDITION ("asof left" ())`, and a LEFT join's
//! condition stands within that: `"asof left" (a.t >= b.t)`.

use sqlparser::tokenizer::{Span, Token};

use super::script::Piece;
use super::tokens::{Real, Written, is_any, is_word, next_of, real};
use crate::error::{Code, Error, Result};

/// What an inner join's condition is called.
pub const INNER: &str = "asof inner";
/// What a left join's condition is called.
pub const LEFT: &str = "asof left";

/// Spells out every ASOF join of the statement.
///
/// # Errors
/// [`Code::Syntax`] for one without a condition, [`Code::Unsupported`] for a RIGHT or FULL one.
pub(super) fn spell_out(mut piece: Piece) -> Result<Piece> {
    // Each is written as one that is not met again.
    while let Some((start, end, written)) = next(&piece)? {
        piece.tokens_mut().splice(start..end, written.into_tokens());
    }
    Ok(piece)
}

/// The first ASOF join that is to be written otherwise: its tokens' positions, and what they become.
fn next(piece: &Piece) -> Result<Option<(usize, usize, Written)>> {
    let tokens = real(piece);
    for at in 0..tokens.len() {
        let names_relation = |before: &Real| {
            is_any(before, &["FROM", "JOIN"]) || matches!(before.1, Token::Comma | Token::Period)
        };
        if !is_word(&tokens[at], "ASOF") || at == 0 || names_relation(&tokens[at - 1]) {
            continue;
        }
        let Some(join) = (at + 1..tokens.len().min(at + 4)).find(|i| is_word(&tokens[*i], "JOIN")) else {
            continue;
        };
        if let Some((end, written)) = spelled(piece, &tokens, at, join)? {
            return Ok(Some((tokens[at].0, end, written)));
        }
    }
    Ok(None)
}

fn spelled(piece: &Piece, tokens: &[Real], at: usize, join: usize) -> Result<Option<(usize, Written)>> {
    let kind = &tokens[at + 1..join];
    let is_left = match kind {
        [] => false,
        [one] if is_word(one, "INNER") => false,
        [one] if is_word(one, "LEFT") => true,
        [one, other] if is_word(one, "LEFT") && is_word(other, "OUTER") => true,
        [one, ..] if is_any(one, &["RIGHT", "FULL", "SEMI", "ANTI"]) => {
            let message = format!(
                "an ASOF {} JOIN is not supported",
                one.1.to_string().to_uppercase()
            );
            return Err(Error::new(Code::Unsupported, message)
                .with_hint("there is ASOF JOIN and ASOF LEFT JOIN")
                .at(piece.locate(one.2)));
        }
        _ => return Ok(None),
    };
    let words = ["ON", "USING", "MATCH_CONDITION"];
    let condition = next_of(tokens, join + 1, &words).filter(|i| *i > join + 1);
    let Some(condition) = condition else {
        return Err(Error::new(Code::Syntax, "expected the condition of an ASOF JOIN")
            .with_hint("write ASOF JOIN b ON a.key = b.key AND a.time >= b.time")
            .at(piece.locate(tokens[at].2)));
    };
    let has_match = is_word(&tokens[condition], "MATCH_CONDITION");
    if has_match && !is_left && kind.is_empty() {
        return Ok(None);
    }
    let place = tokens[at].2;
    let mut written = Written::default();
    written.copy(&tokens[at..=at]);
    written.copy(&tokens[join..condition]);
    let name = Token::make_word(if is_left { LEFT } else { INNER }, Some('"'));
    let end = match has_match {
        false => {
            let opening = [Token::make_keyword("MATCH_CONDITION"), Token::LParen, name];
            let closing = [Token::LParen, Token::RParen, Token::RParen];
            written.put(opening.into_iter().chain(closing), place);
            written.copy(&tokens[condition..=condition]);
            condition
        }
        true => around(tokens, condition, name, place, &mut written),
    };
    Ok(Some((tokens[end].0 + 1, written)))
}

/// Writes `MATCH_CONDITION (name (…))`. Returns where the condition ends.
fn around(tokens: &[Real], condition: usize, name: Token, place: Span, written: &mut Written) -> usize {
    written.copy(&tokens[condition..=condition]);
    let inside = condition + 2;
    let end = super::tokens::end_of_level(tokens, inside).min(tokens.len() - 1);
    written.put([Token::LParen, name, Token::LParen], place);
    written.copy(tokens.get(inside..end).unwrap_or_default());
    written.put([Token::RParen], place);
    written.copy(&tokens[end..=end]);
    end
}
