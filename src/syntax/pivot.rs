//! The statements `PIVOT t ON … USING … GROUP BY …` and `UNPIVOT t ON … INTO NAME … VALUE …` (DuckDB), in the
//! tokens of a statement, wherever a query may stand.
//!
//! They become the shapes in FROM that the parser knows: `SELECT * FROM t PIVOT (sum(x) FOR (k) IN (ANY))`. What
//! that grammar has no place for, `GROUP BY g`, stands among the aggregates as `"group by" (g)`; so it does
//! where it is written within `PIVOT (…)`.

use sqlparser::keywords::{Keyword, RESERVED_FOR_COLUMN_ALIAS};
use sqlparser::tokenizer::{Span, Token};

use super::script::Piece;
use super::tokens::{
    Real, Written, between_commas, end_of_level, is_any, is_one_in_parentheses, is_word, next_of, real,
};
use crate::error::{Code, Error, Result};

/// What stands for GROUP BY among the aggregates.
pub const GROUP_BY: &str = "group by";

/// What may follow the statement's own clauses.
const BEHIND: [&str; 10] = [
    "ORDER",
    "LIMIT",
    "OFFSET",
    "FETCH",
    "UNION",
    "EXCEPT",
    "INTERSECT",
    "QUALIFY",
    "WHERE",
    "HAVING",
];

/// Spells out every PIVOT and UNPIVOT statement.
///
/// # Errors
/// [`Code::Syntax`] for one that lacks what it needs.
pub(super) fn spell_out(mut piece: Piece) -> Result<Piece> {
    let is_meant = |token: &Real| is_any(token, &["PIVOT", "UNPIVOT"]);
    let words = real(&piece).iter().filter(|token| is_meant(token)).count();
    // From the last to the first, so that what stands inside another is spelled out before it.
    for word in (0..words).rev() {
        let tokens = real(&piece);
        let mut places = (0..tokens.len()).filter(|i| is_meant(&tokens[*i]));
        let Some(at) = places.nth(word) else { continue };
        let spelled = match begins(&tokens, at) {
            true if is_word(&tokens[at], "PIVOT") => Some(pivot(&piece, &tokens, at)?),
            true => Some(unpivot(&piece, &tokens, at)?),
            false => grouped(&tokens, at),
        };
        if let Some((start, end, written)) = spelled {
            let last = tokens[end - 1].0;
            piece
                .tokens_mut()
                .splice(tokens[start].0..=last, written.into_tokens());
        }
    }
    Ok(piece)
}

/// From where to where tokens are written otherwise, and how.
type Spelled = (usize, usize, Written);

/// Whether a statement begins at `at`, and no shape behind a relation.
fn begins(tokens: &[Real], at: usize) -> bool {
    let Some(next) = tokens.get(at + 1) else {
        return false;
    };
    let follows = match &next.1 {
        // A shape's parentheses have its FOR.
        Token::LParen => next_of(tokens, at + 2, &["FOR"]).is_none(),
        Token::SingleQuotedString(_) => true,
        // `t UNPIVOT INCLUDE NULLS (…)`.
        Token::Word(_) if is_any(next, &["INCLUDE", "EXCLUDE"]) => false,
        Token::Word(word) => {
            word.quote_style.is_some()
                || !RESERVED_FOR_COLUMN_ALIAS.contains(&word.keyword)
                    && !matches!(
                        word.keyword,
                        Keyword::IS | Keyword::IN | Keyword::AND | Keyword::OR
                    )
        }
        _ => false,
    };
    let Some(before) = at.checked_sub(1).map(|i| &tokens[i]) else {
        return follows;
    };
    let opens = match &before.1 {
        Token::LParen | Token::RParen => true,
        _ if is_word(before, "AS") => is_word(&tokens[0], "CREATE"),
        _ if is_any(
            before,
            &["EXPLAIN", "ANALYZE", "UNION", "ALL", "EXCEPT", "INTERSECT"],
        ) =>
        {
            true
        }
        Token::Word(_) => {
            is_word(&tokens[0], "INSERT")
                && !tokens[..at]
                    .iter()
                    .any(|token| is_any(token, &["SELECT", "FROM", "VALUES"]))
        }
        _ => false,
    };
    follows && opens && next_of(tokens, at + 1, &["ON", "USING"]).is_some()
}

/// `PIVOT t ON k, l IN (…) USING sum(x) AS s GROUP BY g`.
fn pivot(piece: &Piece, tokens: &[Real], at: usize) -> Result<Spelled> {
    let end = next_of(tokens, at + 1, &BEHIND).unwrap_or_else(|| end_of_level(tokens, at + 1));
    let clauses = &tokens[..end];
    let on = next_of(clauses, at + 1, &["ON"]);
    let Some(on) = on else {
        return Err(missing(
            piece,
            tokens,
            at,
            "ON",
            "write PIVOT t ON k USING sum(x)",
        ));
    };
    let using = next_of(clauses, on + 1, &["USING"]);
    let group = next_of(clauses, using.unwrap_or(on) + 1, &["GROUP"]);
    let place = tokens[at].2;
    let mut written = Written::default();
    from(&mut written, piece, &tokens[at..on])?;
    written.put([Token::make_keyword("PIVOT"), Token::LParen], place);
    match using {
        Some(using) => written.copy(&tokens[using + 1..group.unwrap_or(end)]),
        None => {
            let count = [
                Token::make_word("count", None),
                Token::LParen,
                Token::Mul,
                Token::RParen,
            ];
            written.put(count, place);
        }
    }
    if let Some(group) = group {
        group_by(&mut written, &tokens[group..end]);
    }
    written.put([Token::make_keyword("FOR"), Token::LParen], tokens[on].2);
    let columns = &tokens[on + 1..using.or(group).unwrap_or(end)];
    for (i, column) in between_commas(columns).into_iter().enumerate() {
        if i > 0 {
            written.put([Token::Comma], tokens[on].2);
        }
        written.put([Token::LParen], tokens[on].2);
        written.copy(column);
        written.put([Token::RParen], tokens[on].2);
    }
    let any = [
        Token::RParen,
        Token::make_keyword("IN"),
        Token::LParen,
        Token::make_keyword("ANY"),
        Token::RParen,
        Token::RParen,
    ];
    written.put(any, ending(&tokens[end - 1]));
    Ok((at, end, written))
}

/// `UNPIVOT t ON a, b INTO NAME n VALUE v`.
fn unpivot(piece: &Piece, tokens: &[Real], at: usize) -> Result<Spelled> {
    let end = next_of(tokens, at + 1, &BEHIND).unwrap_or_else(|| end_of_level(tokens, at + 1));
    let clauses = &tokens[..end];
    let Some(on) = next_of(clauses, at + 1, &["ON"]) else {
        return Err(missing(
            piece,
            tokens,
            at,
            "ON",
            "write UNPIVOT t ON a, b INTO NAME n VALUE v",
        ));
    };
    let place = tokens[at].2;
    let into = next_of(clauses, on + 1, &["INTO"]);
    let (name, values) = match into {
        None => (None, None),
        Some(into) => {
            let value = next_of(clauses, into + 2, &["VALUE"]);
            let (Some(name), Some(value)) = (tokens.get(into + 1), value) else {
                return Err(missing(
                    piece,
                    tokens,
                    into,
                    "NAME n VALUE v",
                    "write INTO NAME n VALUE v",
                ));
            };
            if !is_word(name, "NAME") {
                return Err(missing(
                    piece,
                    tokens,
                    into,
                    "NAME n VALUE v",
                    "write INTO NAME n VALUE v",
                ));
            }
            (Some(&tokens[into + 2..value]), Some(&tokens[value + 1..end]))
        }
    };
    let mut written = Written::default();
    from(&mut written, piece, &tokens[at..on])?;
    written.put([Token::make_keyword("UNPIVOT"), Token::LParen], place);
    match values {
        Some(values) if between_commas(values).len() > 1 => {
            written.put([Token::LParen], place);
            written.copy(values);
            written.put([Token::RParen], place);
        }
        Some(values) => written.copy(values),
        None => written.put([Token::make_word("value", None)], place),
    }
    written.put([Token::make_keyword("FOR")], place);
    match name {
        Some(name) => written.copy(name),
        None => written.put([Token::make_word("name", None)], place),
    }
    written.put([Token::make_keyword("IN"), Token::LParen], place);
    written.copy(&tokens[on + 1..into.unwrap_or(end)]);
    written.put([Token::RParen, Token::RParen], ending(&tokens[end - 1]));
    Ok((at, end, written))
}

/// `t PIVOT (sum(x) FOR k IN (…) GROUP BY g)`.
fn grouped(tokens: &[Real], at: usize) -> Option<Spelled> {
    if !is_word(&tokens[at], "PIVOT") || tokens.get(at + 1)?.1 != Token::LParen {
        return None;
    }
    let end = end_of_level(tokens, at + 2);
    let within = tokens.get(..end)?;
    let column = next_of(within, at + 2, &["FOR"])?;
    let group = next_of(within, column, &["GROUP"])?;
    let mut written = Written::default();
    written.copy(&tokens[at..column]);
    group_by(&mut written, &tokens[group..end]);
    written.copy(&tokens[column..group]);
    Some((at, end, written))
}

/// `, "group by" (…)` of `GROUP BY …`.
fn group_by(written: &mut Written, clause: &[Real]) {
    let place = clause.first().map_or_else(Span::empty, |token| token.2);
    let name = Token::make_word(GROUP_BY, Some('"'));
    written.put([Token::Comma, name, Token::LParen], place);
    written.copy(clause.get(2..).unwrap_or_default());
    written.put([Token::RParen], place);
}

/// `SELECT * FROM` the relation between the statement's first word and its ON.
fn from(written: &mut Written, piece: &Piece, head: &[Real]) -> Result<()> {
    let Some((first, relation)) = head.split_first() else {
        return Ok(());
    };
    if relation.is_empty() {
        return Err(missing(
            piece,
            head,
            0,
            "a relation",
            "write PIVOT t ON …, or PIVOT (SELECT …) ON …",
        ));
    }
    let select = || {
        [
            Token::make_keyword("SELECT"),
            Token::Mul,
            Token::make_keyword("FROM"),
        ]
    };
    written.put(select(), first.2);
    let is_name = relation.iter().all(|token| {
        matches!(
            token.1,
            Token::Word(_) | Token::Period | Token::SingleQuotedString(_)
        )
    });
    if is_name || is_one_in_parentheses(relation) && relation.get(1).is_some_and(is_query) {
        written.copy(relation);
        return Ok(());
    }
    written.put(std::iter::once(Token::LParen).chain(select()), first.2);
    written.copy(relation);
    written.put([Token::RParen], first.2);
    Ok(())
}

fn is_query(token: &Real) -> bool {
    token.1 == Token::LParen || is_any(token, &["SELECT", "WITH", "VALUES"])
}

/// The place behind a token.
fn ending(token: &Real) -> Span {
    Span::new(token.2.end, token.2.end)
}

fn missing(piece: &Piece, tokens: &[Real], at: usize, what: &str, hint: &str) -> Error {
    let word = tokens[at].1.to_string().to_uppercase();
    Error::new(Code::Syntax, format!("expected {what} behind {word}"))
        .with_hint(hint)
        .at(piece.locate(tokens[at].2))
}
