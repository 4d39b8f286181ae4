//! The statements whose words come in one order: definitions, maintenance, settings.
//!
//! Each form is written as its grammar is read. A statement that is being typed is held against all of
//! them, and what each expects next is what could stand there. Queries have no such form: `context`
//! judges them by the word that governs a place.

use sqlparser::tokenizer::Token;

use super::context::Wants;
use super::tables::name_part;
use crate::repl::lexer::Lexeme;

/// A word stands for itself; `<name>` for any name or number, `<new>` for the name of a table that is to be,
/// and so on for the others. A statement may end before a word with a bracket.
const FORMS: &[&str] = &[
    "ALTER TABLE <table> ADD COLUMN <name>",
    "ALTER TABLE <table> ADD CONSTRAINT <name> EXPECT",
    "ALTER TABLE <table> DROP CONSTRAINT <name>",
    "ALTER TABLE <table> RENAME TO <name>",
    "ALTER TABLE <table> RENAME COLUMN <column> TO <name>",
    "ALTER TABLE <table> SET",
    "CHECK TABLE <table> OR FAIL",
    "CHECK TABLE <table> WHERE",
    "COMMENT ON TABLE <table> IS",
    "COMMENT ON VIEW <table> IS",
    "COMMENT ON COLUMN <table> IS",
    "COPY <table> TO",
    "COPY INTO <table> FROM",
    "CREATE EXTERNAL TABLE <new>",
    "CREATE OR REPLACE TABLE <new>",
    "CREATE OR REPLACE VIEW <new>",
    "CREATE TABLE <new>",
    "CREATE VIEW <new>",
    "DELETE FROM <table> WHERE",
    "DESCRIBE <table>",
    "DROP TABLE IF EXISTS <table>",
    "DROP TABLE <table>",
    "DROP VIEW IF EXISTS <table>",
    "DROP VIEW <table>",
    "KILL QUERY",
    "MERGE INTO <table> USING <table> ON",
    "MERGE INTO <table> AS <name> USING <table> AS <name> ON",
    "MERGE INTO <table> <name> USING <table> <name> ON",
    "OPTIMIZE <table> WHERE",
    "OPTIMIZE <table> ZORDER BY",
    "REPLAY QUARANTINE <table> AS SELECT",
    "REPLAY QUARANTINE <table> WHERE",
    "RESET ALL",
    "RESET <setting>",
    "RESTORE TABLE <table> TO TIMESTAMP AS OF",
    "RESTORE TABLE <table> TO VERSION AS OF",
    "SET <setting>",
    "SHOW ALL",
    "SHOW CREATE TABLE <table>",
    "SHOW FUNCTIONS [LIKE",
    "SHOW PARTITIONS <table>",
    "SHOW TABLES [FROM <zone>",
    "SHOW <setting>",
    "SUGGEST CONSTRAINTS FOR <table>",
    "SUMMARIZE <table>",
    "TRUNCATE TABLE <table>",
    "USE <zone>",
    "VACUUM DRY RUN",
    "VACUUM RETAIN <name> HOURS [DRY RUN",
    "VACUUM <table> DRY RUN",
    "VACUUM <table> RETAIN <name> HOURS [DRY RUN",
];

/// What could follow these words by the forms, `None` if they are of none.
pub(super) fn expected(before: &[&Lexeme]) -> Option<Wants> {
    let nexts: Vec<Vec<&'static str>> = FORMS.iter().filter_map(|form| next(form, before)).collect();
    let starts = |slot: &str| nexts.iter().any(|next| next[0] == slot);
    let words = || {
        let phrases = nexts.iter().filter(|next| !next[0].starts_with('<'));
        let mut phrases: Vec<String> = phrases.map(|next| phrase(next)).collect();
        phrases.sort();
        phrases.dedup();
        phrases
    };
    match nexts.is_empty() {
        true => None,
        false if starts("<setting>") => Some(Wants::Setting(words())),
        false if starts("<table>") => Some(Wants::Table(words())),
        false if starts("<zone>") => Some(Wants::Zone),
        false if starts("<column>") => Some(Wants::Target),
        false => Some(Wants::Words(words())),
    }
}

/// What a form has behind these words, if they are its beginning and not the whole of it.
fn next(form: &'static str, before: &[&Lexeme]) -> Option<Vec<&'static str>> {
    let mut slots = form.split(' ');
    let mut rest = before;
    loop {
        if rest.is_empty() {
            let left: Vec<&str> = slots.collect();
            return (!left.is_empty()).then_some(left);
        }
        rest = match slots.next()? {
            "<table>" | "<new>" => past_table(rest)?,
            slot if slot.starts_with('<') => &rest[1..],
            word => rest[0]
                .is_word(word.trim_start_matches('['))
                .then_some(&rest[1..])?,
        };
    }
}

/// What is behind a name with its qualifiers.
fn past_table<'a, 'b>(mut rest: &'a [&'b Lexeme]) -> Option<&'a [&'b Lexeme]> {
    loop {
        name_part(rest.first()?)?;
        rest = &rest[1..];
        match rest.first().map(|lexeme| &lexeme.token) {
            Some(Token::Period) => rest = &rest[1..],
            _ => return Some(rest),
        }
    }
}

/// The words up to where something else stands, or the statement may end.
fn phrase(slots: &[&str]) -> String {
    let goes_on = |slot: &&&str| !slot.starts_with(['<', '[']);
    let rest = slots[1..].iter().take_while(goes_on).copied();
    let words = std::iter::once(slots[0].trim_start_matches('[')).chain(rest);
    words.collect::<Vec<_>>().join(" ")
}
