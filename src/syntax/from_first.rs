//! `FROM t WHERE …` without a `SELECT`: all columns are meant. Leaves `FROM t SELECT …` to the parser.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::script::Piece;

/// The statement with the `SELECT *` that it does without; others as they are.
pub(super) fn spell_out(mut piece: Piece) -> Piece {
    if let Some(at) = from_without_select(piece.tokens()) {
        let span = piece.tokens()[at].span;
        let all = [Token::make_keyword("SELECT"), Token::Mul];
        let all = all.map(|token| TokenWithSpan::new(token, span));
        piece.tokens_mut().splice(at..at, all);
    }
    piece
}

/// Where the statement's `FROM` stands, if it begins with it and no `SELECT` of its own follows.
fn from_without_select(tokens: &[TokenWithSpan]) -> Option<usize> {
    let at = tokens
        .iter()
        .position(|token| !matches!(token.token, Token::Whitespace(_)))?;
    if keyword(&tokens[at].token) != Some(Keyword::FROM) {
        return None;
    }
    let mut depth = 0_usize;
    for token in &tokens[at..] {
        match &token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            token if depth == 0 => match keyword(token) {
                Some(Keyword::SELECT) => return None,
                Some(Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT) => break,
                _ => {}
            },
            _ => {}
        }
    }
    Some(at)
}

fn keyword(token: &Token) -> Option<Keyword> {
    match token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.keyword),
        _ => None,
    }
}
