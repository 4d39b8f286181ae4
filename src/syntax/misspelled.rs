//! A keyword with a slip of the fingers in it.
//!
//! The parser takes `frm` in `SELECT 1 frm t` for an alias and stumbles over what follows it. The error
//! is then shown at the word that was meant to be a keyword, with the keyword.

use sqlparser::tokenizer::{Location as At, Span, Token, TokenWithSpan};

use super::script::Piece;
use crate::error::closest;

/// Words that may follow an alias, or stand where a clause could begin.
const MEANT: &[&str] = &[
    "AND",
    "BETWEEN",
    "CROSS",
    "EXCEPT",
    "FROM",
    "FULL",
    "GROUP BY",
    "HAVING",
    "INNER",
    "INTERSECT",
    "INTO",
    "JOIN",
    "LEFT",
    "LIKE",
    "LIMIT",
    "OFFSET",
    "ORDER BY",
    "QUALIFY",
    "RIGHT",
    "SELECT",
    "TABLE",
    "UNION",
    "USING",
    "VALUES",
    "WHERE",
];
/// A shorter word is an alias.
const SHORTEST: usize = 3;
/// Behind these stands a name or a value, however much it looks like a keyword: `FROM orders`.
const BEFORE_NAMES: &[&str] = &[
    "AND",
    "AS",
    "BY",
    "DESCRIBE",
    "DISTINCT",
    "EXISTS",
    "FROM",
    "INTO",
    "JOIN",
    "NOT",
    "ON",
    "OR",
    "SELECT",
    "SET",
    "SUMMARIZE",
    "TABLE",
    "UPDATE",
    "USE",
    "VIEW",
    "WHERE",
    "WITH",
];

/// The word at `at`, or the one before it, if it nearly is a keyword: where it stands, and the keyword.
pub(super) fn keyword(piece: &Piece, at: At) -> Option<(Span, String)> {
    let significant = |token: &&TokenWithSpan| !matches!(token.token, Token::Whitespace(_) | Token::EOF);
    let tokens: Vec<&TokenWithSpan> = piece.tokens().iter().filter(significant).collect();
    let found = tokens.partition_point(|token| token.span.start < at);
    // A statement's first word has suggestions of its own.
    let near = [found.checked_sub(1), Some(found)];
    near.into_iter().flatten().filter(|i| *i > 0).find_map(|i| {
        let token = tokens.get(i)?;
        let meant = nearly(&token.token).filter(|_| ends_something(&tokens[i - 1].token))?;
        Some((token.span, meant))
    })
}

/// Whether a token may be the last of an expression or a name.
fn ends_something(token: &Token) -> bool {
    match token {
        Token::Word(word) => {
            let is_before = |name: &&str| word.value.eq_ignore_ascii_case(name);
            word.quote_style.is_some() || !BEFORE_NAMES.iter().any(is_before)
        }
        Token::Number(..) | Token::SingleQuotedString(_) | Token::Placeholder(_) => true,
        Token::RParen | Token::RBracket | Token::Mul => true,
        _ => false,
    }
}

/// The keyword that a bare word nearly is.
fn nearly(token: &Token) -> Option<String> {
    let Token::Word(word) = token else {
        return None;
    };
    let typed = word.value.to_uppercase();
    let is_bare = word.quote_style.is_none() && typed.chars().count() >= SHORTEST;
    let firsts = MEANT.iter().map(|meant| meant.split(' ').next().unwrap_or(meant));
    let first = closest(&typed, firsts).filter(|first| is_bare && *first != typed)?;
    // `gruop by` has its second word, `gruop 1` lacks it: either way it is called as it should be.
    let whole = MEANT
        .iter()
        .find(|meant| meant.split(' ').next() == Some(first.as_str()));
    whole.map(|whole| (*whole).to_owned())
}

#[cfg(test)]
mod tests {
    use crate::syntax::{Script, Statement};

    fn told(sql: &str) -> (String, usize) {
        let piece = Script::new(sql).into_pieces().next().unwrap().unwrap();
        let error = Statement::parse(&piece).unwrap_err();
        let hint = error.hint().unwrap_or_default().to_owned();
        (hint, error.location().map_or(0, crate::error::Location::column))
    }

    #[test]
    fn a_keyword_with_a_slip_is_told_in_its_place() {
        for (sql, hint, column) in [
            ("select 1 frm raw.events", "did you mean 'FROM'?", 10),
            ("select a from t gruop by 1", "did you mean 'GROUP BY'?", 17),
            ("select a from t wehre a = 1", "did you mean 'WHERE'?", 17),
            ("select a from t oder by a", "did you mean 'ORDER BY'?", 17),
            ("select a from t limti 3", "did you mean 'LIMIT'?", 17),
        ] {
            assert_eq!(told(sql), (hint.to_owned(), column), "{sql}");
        }
    }

    #[test]
    fn what_is_no_slip_has_no_suggestion() {
        for sql in [
            "select a b c from t",
            "select a from t x y",
            "select 1 from t where",
            "select a from orders 5",
        ] {
            assert_eq!(told(sql).0, "", "{sql}");
        }
    }
}
