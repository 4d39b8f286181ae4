//! `INSERT INTO t VALUES ($1, …)`, run for many rows: the same as `INSERT INTO t SELECT … FROM rows`.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::quote::identifier;
use super::script::Piece;

/// The statement over the relation `source`, whose columns are called as the placeholders are; `None` if
/// it is not an `INSERT` of one row of values.
pub fn insert_from(piece: &Piece, source: &str) -> Option<String> {
    let is_space = |token: &TokenWithSpan| matches!(token.token, Token::Whitespace(_) | Token::EOF);
    let mut tokens = piece.tokens().iter().filter(|token| !is_space(token));
    let first = tokens.next().filter(|token| is_word(token, "INSERT"))?;
    let mut depth = 0_usize;
    let mut values = None;
    for token in tokens.by_ref() {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.checked_sub(1)?,
            _ if depth == 0 && is_word(token, "VALUES") => {
                values = Some(token);
                break;
            }
            _ => {}
        }
    }
    let head = first.span.union(&values?.span);
    let head = piece.slice(head).trim_end();
    let head = head.get(..head.len() - "VALUES".len())?;
    let columns = row(piece, tokens)?;
    Some(format!("{head}SELECT {columns} FROM {source}"))
}

/// The values of the one row, each with a name of its own.
fn row<'a>(piece: &Piece, mut tokens: impl Iterator<Item = &'a TokenWithSpan>) -> Option<String> {
    tokens.next().filter(|token| token.token == Token::LParen)?;
    let (mut depth, mut column) = (1_usize, 0);
    let mut text = String::new();
    for token in tokens.by_ref() {
        match &token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            Token::Word(word) if word.value.eq_ignore_ascii_case("DEFAULT") => return None,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if depth == 1 && token.token == Token::Comma {
            text += &format!(" AS c{column},");
            column += 1;
            continue;
        }
        text.push(' ');
        match &token.token {
            Token::Placeholder(name) => text += &quoted(name.trim_start_matches('$')),
            _ => text += piece.slice(token.span),
        }
    }
    // Behind the row there is nothing: neither another one nor a clause.
    let is_whole = depth == 0 && tokens.next().is_none() && !text.is_empty();
    is_whole.then(|| format!("{} AS c{column}", text.trim_start()))
}

/// A number is a name too, if it is quoted.
fn quoted(name: &str) -> String {
    identifier(name).into_owned()
}

fn is_word(token: &TokenWithSpan, word: &str) -> bool {
    matches!(&token.token, Token::Word(w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::super::Script;
    use super::*;

    fn of(sql: &str) -> Option<String> {
        let piece = Script::new(sql).into_pieces().next()?.ok()?;
        insert_from(&piece, "s")
    }

    #[test]
    fn one_row_of_values_becomes_a_query() {
        let sql = "INSERT INTO t (a, b) VALUES (?, upper(?) || 'it''s, (')";
        let expected = "INSERT INTO t (a, b) SELECT \"1\" AS c0, upper ( \"2\" ) || 'it''s, (' AS c1 FROM s";
        assert_eq!(of(sql).as_deref(), Some(expected));
        assert_eq!(
            of("insert into t values ($name)").as_deref(),
            Some("insert into t SELECT name AS c0 FROM s")
        );
    }

    #[test]
    fn nothing_else_does() {
        for sql in [
            "INSERT INTO t VALUES (?), (?)",
            "INSERT INTO t SELECT ?",
            "INSERT INTO t VALUES (DEFAULT)",
            "INSERT INTO t VALUES ()",
            "SELECT * FROM (VALUES (?))",
            "DELETE FROM t WHERE a = ?",
        ] {
            assert_eq!(of(sql), None, "{sql}");
        }
    }
}
