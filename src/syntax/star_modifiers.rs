//! `* RENAME (…) EXCLUDE (…)`: what stands behind a star in any order, put into the one order that the parser reads.
//! Leaves a modifier that comes twice to the parser, which refuses it.

use std::ops::Range;

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::script::Piece;

/// The parser's order.
const ORDER: [Keyword; 4] = [
    Keyword::EXCLUDE,
    Keyword::EXCEPT,
    Keyword::REPLACE,
    Keyword::RENAME,
];

/// The statement with the modifiers of each star in the parser's order.
pub(super) fn order(mut piece: Piece) -> Piece {
    for star in stars(piece.tokens()) {
        reorder(piece.tokens_mut(), star);
    }
    piece
}

/// Where the stars stand that mean columns: a factor has something to be multiplied before it.
fn stars(tokens: &[TokenWithSpan]) -> Vec<usize> {
    let mut before = None;
    let mut stars = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        match &token.token {
            Token::Whitespace(_) => continue,
            Token::Mul if before.is_some_and(begins_item) => stars.push(at),
            _ => {}
        }
        before = Some(&token.token);
    }
    stars
}

fn begins_item(token: &Token) -> bool {
    match token {
        Token::Comma | Token::Period | Token::LParen => true,
        Token::Word(word) => {
            let is_before = [Keyword::SELECT, Keyword::DISTINCT, Keyword::ALL];
            word.quote_style.is_none() && is_before.contains(&word.keyword)
        }
        _ => false,
    }
}

/// Sorts the modifiers behind the star at `star`. They stay in their places otherwise, with the space between.
fn reorder(tokens: &mut [TokenWithSpan], star: usize) {
    let mut modifiers: Vec<(usize, Range<usize>)> = Vec::new();
    let mut at = star + 1;
    while let Some((rank, end)) = modifier(tokens, at) {
        modifiers.push((rank, at..end));
        at = end;
    }
    let is_twice = |rank: usize| modifiers.iter().filter(|(other, _)| *other == rank).count() > 1;
    if modifiers.is_sorted_by_key(|(rank, _)| *rank) || modifiers.iter().any(|(rank, _)| is_twice(*rank)) {
        return;
    }
    modifiers.sort_by_key(|(rank, _)| *rank);
    let parts = modifiers.into_iter().map(|(_, range)| tokens[range].to_vec());
    let sorted: Vec<TokenWithSpan> = parts.collect::<Vec<_>>().concat();
    tokens[star + 1..at].clone_from_slice(&sorted);
}

/// The modifier that begins at `at`, white space before it included: which it is in the parser's order, and where
/// it ends. In parentheses only, since without them its end may be the statement's next word.
fn modifier(tokens: &[TokenWithSpan], at: usize) -> Option<(usize, usize)> {
    let is_space = |token: &&TokenWithSpan| matches!(token.token, Token::Whitespace(_));
    let skip = |from: usize| from + tokens[from..].iter().take_while(is_space).count();
    let word = skip(at);
    let Token::Word(found) = &tokens.get(word)?.token else {
        return None;
    };
    let rank = ORDER.iter().position(|keyword| *keyword == found.keyword)?;
    let open = skip(word + 1);
    let is_list = tokens.get(open)?.token == Token::LParen && !is_query(tokens.get(skip(open + 1))?);
    if found.quote_style.is_some() || !is_list {
        return None;
    }
    let mut depth = 0_usize;
    for (end, token) in tokens.iter().enumerate().skip(open) {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen if depth == 1 => return Some((rank, end + 1)),
            Token::RParen => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Whether a query begins here, as in `FROM t SELECT * EXCEPT (SELECT …)`.
fn is_query(token: &TokenWithSpan) -> bool {
    const BEGINNINGS: [Keyword; 5] = [
        Keyword::SELECT,
        Keyword::WITH,
        Keyword::FROM,
        Keyword::VALUES,
        Keyword::TABLE,
    ];
    match &token.token {
        Token::Word(word) => word.quote_style.is_none() && BEGINNINGS.contains(&word.keyword),
        Token::LParen => true,
        _ => false,
    }
}
