//! The tokens of a statement without its white space, for what is rewritten before it is parsed.

use sqlparser::tokenizer::{Span, Token, TokenWithSpan};

use super::script::Piece;

/// A token that is no white space: its position, itself, its place.
pub(super) type Real = (usize, Token, Span);

/// The tokens of `piece` that are no white space.
pub(super) fn real(piece: &Piece) -> Vec<Real> {
    let tokens = piece.tokens().iter().enumerate();
    tokens
        .filter(|(_, token)| !matches!(token.token, Token::Whitespace(_) | Token::EOF))
        .map(|(i, token)| (i, token.token.clone(), token.span))
        .collect()
}

/// Whether a token is the unquoted word `word`.
pub(super) fn is(token: &Token, word: &str) -> bool {
    matches!(token, Token::Word(w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(word))
}

/// As [`is`].
pub(super) fn is_word(token: &Real, word: &str) -> bool {
    is(&token.1, word)
}

/// As [`is`], of any of `words`.
pub(super) fn is_any(token: &Real, words: &[&str]) -> bool {
    words.iter().any(|word| is_word(token, word))
}

/// Where the parentheses close in which `at` stands, or the end.
pub(super) fn end_of_level(tokens: &[Real], at: usize) -> usize {
    let mut depth = 0_usize;
    for (i, token) in tokens.iter().enumerate().skip(at) {
        match token.1 {
            Token::LParen => depth += 1,
            Token::RParen if depth == 0 => return i,
            Token::RParen => depth -= 1,
            _ => {}
        }
    }
    tokens.len()
}

/// The first of `words` from `at` on that stands in no parentheses, before those close in which `at` stands.
pub(super) fn next_of(tokens: &[Real], at: usize, words: &[&str]) -> Option<usize> {
    let mut depth = 0_usize;
    for (i, token) in tokens.iter().enumerate().skip(at) {
        match token.1 {
            Token::LParen | Token::LBracket => depth += 1,
            Token::RParen | Token::RBracket if depth == 0 => return None,
            Token::RParen | Token::RBracket => depth -= 1,
            _ if depth == 0 && is_any(token, words) => return Some(i),
            _ => {}
        }
    }
    None
}

/// The parts of `tokens` between commas that stand in no parentheses.
pub(super) fn between_commas(tokens: &[Real]) -> Vec<&[Real]> {
    let mut parts = Vec::new();
    let (mut start, mut depth) = (0, 0_usize);
    for (i, token) in tokens.iter().enumerate() {
        match token.1 {
            Token::LParen | Token::LBracket => depth += 1,
            Token::RParen | Token::RBracket => depth = depth.saturating_sub(1),
            Token::Comma if depth == 0 => {
                parts.push(&tokens[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(&tokens[start..]);
    parts
}

/// Whether the whole of `target` stands in one pair of parentheses.
pub(super) fn is_one_in_parentheses(target: &[Real]) -> bool {
    target.first().is_some_and(|token| token.1 == Token::LParen)
        && end_of_level(target, 1) + 1 == target.len()
}

/// A text of tokens that is put together from words and what was written.
#[derive(Default)]
pub(super) struct Written(Vec<TokenWithSpan>);

impl Written {
    /// Words and signs that nobody wrote, at the place of what they stand for.
    pub(super) fn put(&mut self, tokens: impl IntoIterator<Item = Token>, place: Span) {
        self.0
            .extend(tokens.into_iter().map(|token| TokenWithSpan::new(token, place)));
    }

    /// What was written, as it was.
    pub(super) fn copy(&mut self, tokens: &[Real]) {
        let tokens = tokens
            .iter()
            .map(|(_, token, span)| TokenWithSpan::new(token.clone(), *span));
        self.0.extend(tokens);
    }

    /// The tokens.
    pub(super) fn into_tokens(self) -> Vec<TokenWithSpan> {
        self.0
    }
}
