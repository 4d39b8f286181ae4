//! Numbers and texts that run on: `1L`, `2x` and `'a' 'b'` would be a value and an alias for it.

use sqlparser::tokenizer::{Span, Token, Whitespace};

use crate::error::{Code, Error, Result};
use crate::syntax::Piece;

/// Checks the literals of a statement.
///
/// # Errors
/// [`Code::Syntax`] at what directly follows one.
pub(super) fn check(piece: &Piece) -> Result<()> {
    let tokens = piece.tokens();
    for (at, token) in tokens.iter().enumerate() {
        match &token.token {
            Token::Number(digits, true) => {
                let hint = format!("write {digits}, or {digits}::BIGINT");
                return Err(wrong(
                    piece,
                    token.span,
                    &format!("'{digits}L' is no number"),
                    &hint,
                ));
            }
            Token::Number(digits, false) => {
                if let Some(next) = tokens.get(at + 1)
                    && let Token::Word(word) = &next.token
                    && word.quote_style.is_none()
                    && next.span.start == token.span.end
                    && next.span != Span::empty()
                {
                    let message = format!("'{}' directly follows the number {digits}", word.value);
                    let hint = "put a space, or AS, before an alias; quote names that begin with a digit";
                    return Err(wrong(piece, next.span, &message, hint));
                }
            }
            Token::SingleQuotedString(_) => {
                if let Some(next) = follows(piece, at) {
                    let message = "a text directly follows another";
                    let hint = "join texts with ||; put AS before an alias";
                    return Err(wrong(piece, next, message, hint));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The text behind the one at `at`, if it is not its continuation: that begins in a line of its own.
fn follows(piece: &Piece, at: usize) -> Option<Span> {
    let mut is_continued = false;
    for token in piece.tokens().get(at + 1..)? {
        match &token.token {
            Token::Whitespace(Whitespace::Newline) => is_continued = true,
            Token::Whitespace(_) => {}
            Token::SingleQuotedString(_) if !is_continued => return Some(token.span),
            _ => return None,
        }
    }
    None
}

fn wrong(piece: &Piece, span: Span, message: &str, hint: &str) -> Error {
    Error::new(Code::Syntax, message)
        .with_hint(hint)
        .at(piece.locate(span))
}
