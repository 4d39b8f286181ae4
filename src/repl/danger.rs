//! Statements that a slip of the fingers should not run: `DROP`, and `UPDATE` or `DELETE` of every row.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::syntax::Piece;

/// What to ask before the statement is run, if it is one of these.
pub(super) fn question(piece: &Piece) -> Option<String> {
    let words = outer_words(piece.tokens());
    let verb = match words.first()?.as_str() {
        "WITH" => words
            .iter()
            .position(|word| matches!(word.as_str(), "SELECT" | "INSERT" | "UPDATE" | "DELETE"))?,
        _ => 0,
    };
    match words[verb].as_str() {
        "DROP" => Some(format!("{}?", short(piece.sql()))),
        "TRUNCATE" => Some(format!("{}: every row?", short(piece.sql()))),
        "UPDATE" | "DELETE" if !words.iter().any(|word| word == "WHERE") => {
            Some(format!("{} has no WHERE: every row?", short(piece.sql())))
        }
        _ => None,
    }
}

/// Whether a statement is one of those that read and change nothing, by its words.
pub(super) fn only_reads(piece: &Piece) -> bool {
    const READING: &[&str] = &[
        "SELECT",
        "VALUES",
        "SHOW",
        "DESCRIBE",
        "SUMMARIZE",
        "FROM",
        "WITH",
        "CHECK",
    ];
    const WRITING: &[&str] = &["INSERT", "UPDATE", "DELETE", "MERGE", "INTO"];
    let words = outer_words(piece.tokens());
    let is_reading = words
        .first()
        .is_some_and(|first| READING.contains(&first.as_str()));
    is_reading && !words.iter().any(|word| WRITING.contains(&word.as_str()))
}

/// The bare words outside parentheses, in upper case.
fn outer_words(tokens: &[TokenWithSpan]) -> Vec<String> {
    let mut depth = 0_usize;
    let mut words = Vec::new();
    for token in tokens {
        match &token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            Token::Word(word) if depth == 0 && word.quote_style.is_none() => {
                words.push(word.value.to_uppercase());
            }
            _ => {}
        }
    }
    words
}

/// A statement on one line of bounded length.
fn short(sql: &str) -> String {
    const SHOWN: usize = 60;
    let words: Vec<&str> = sql.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::Script;

    fn asked(sql: &str) -> Option<String> {
        let piece = Script::new(sql).into_pieces().next().unwrap().unwrap();
        question(&piece)
    }

    #[test]
    fn what_takes_everything_is_asked_about() {
        for (sql, expected) in [
            ("drop table\n raw.t;", "drop table raw.t?"),
            ("/* x */ DROP VIEW v", "DROP VIEW v?"),
            ("DELETE FROM t", "DELETE FROM t has no WHERE: every row?"),
            (
                "UPDATE t SET a = (SELECT 1 WHERE true)",
                "UPDATE t SET a = (SELECT 1 WHERE true) has no WHERE: every row?",
            ),
            (
                "WITH a AS (SELECT 1 WHERE true) DELETE FROM t",
                "WITH a AS (SELECT 1 WHERE true) DELETE FROM t has no WHERE: every row?",
            ),
            ("TRUNCATE t", "TRUNCATE t: every row?"),
        ] {
            assert_eq!(asked(sql).as_deref(), Some(expected), "{sql}");
        }
    }

    #[test]
    fn what_reads_is_known_by_its_words() {
        let reads = |sql: &str| only_reads(&Script::new(sql).into_pieces().next().unwrap().unwrap());
        assert!(reads("select 1") && reads("WITH a AS (SELECT 1) SELECT * FROM a") && reads("SHOW TABLES"));
        assert!(!reads("WITH a AS (SELECT 1) INSERT INTO t SELECT * FROM a"));
        assert!(!reads("INSERT INTO t VALUES (1)") && !reads("SET a = 1") && !reads("SELECT 1 INTO t"));
    }

    #[test]
    fn the_rest_is_not() {
        for sql in [
            "SELECT 'DROP TABLE t'",
            "DELETE FROM t WHERE a = 1",
            "UPDATE t SET a = 1 where b",
            "EXPLAIN DELETE FROM t",
            "SELECT \"drop\" FROM t",
            "WITH a AS (DELETE FROM t) SELECT 1",
        ] {
            assert_eq!(asked(sql), None, "{sql}");
        }
    }
}
