//! Statements that people know from elsewhere, and what does here what they want.

use super::script::Piece;
use sqlparser::tokenizer::Token;

/// By their first words.
const ELSEWHERE: &[(&[&str], &str)] = &[
    (
        &["BEGIN", "START", "COMMIT", "ROLLBACK", "SAVEPOINT", "END"],
        "a statement is a transaction of its own",
    ),
    (
        &["ATTACH", "DETACH"],
        "weir --lake DIR opens another lake, FROM 'path' reads files",
    ),
    (
        &["INSTALL", "LOAD"],
        "there are no extensions; what there is is built in",
    ),
    (
        &["PRAGMA"],
        "DESCRIBE table, SET name = value and SHOW ALL do the same",
    ),
    (
        &["CALL"],
        "maintenance has statements of its own: OPTIMIZE, VACUUM, RESTORE",
    ),
    (
        &["GRANT", "REVOKE"],
        "rights are roles of users: weir user add NAME --role ZONE=read",
    ),
    (&["LOCK", "UNLOCK"], "readers and writers wait for nobody"),
    (
        &["ANALYZE"],
        "statistics are kept by themselves; SUMMARIZE table shows some",
    ),
];

/// The way out for a statement that is not there.
pub(super) fn hint(piece: &Piece) -> Option<String> {
    let first = piece.tokens().iter().find_map(|token| match &token.token {
        Token::Word(word) => Some(word.value.to_uppercase()),
        _ => None,
    })?;
    let known = ELSEWHERE
        .iter()
        .find(|(words, _)| words.contains(&first.as_str()));
    known.map(|(_, way)| (*way).to_owned())
}
