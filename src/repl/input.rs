//! What was typed or read, as commands and SQL.
//!
//! Owns: where a dot command begins and ends, when a text is whole, and `\G`. A command is a line of
//! its own where a statement could begin.

use std::ops::Range;

use sqlparser::tokenizer::Token;

use super::command;
use super::lexer::{Lexed, Lexeme, Rest};

/// A part of an input.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unit<'a> {
    /// A line for the shell itself.
    Command(&'a str),
    /// Statements.
    Sql(Sql),
}

/// Statements, with empty lines before them so that each stands in the line of its input.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sql {
    /// The text, each `\G` turned into a semicolon.
    pub text: String,
    /// Which of the statements, counted from 0, ended in `\G`.
    pub expanded: Vec<usize>,
}

/// The parts of an input, in order.
pub(super) fn units(text: &str) -> Vec<Unit<'_>> {
    let mut units = Vec::new();
    let mut start = 0;
    while let Some(found) = next(text, start) {
        let range = found.range.clone();
        units.push(match found.is_command {
            true => Unit::Command(text[range].trim()),
            false => Unit::Sql(sql(text, range)),
        });
        start = found.range.end;
    }
    units
}

/// Whether `text` can be run as it stands: it ends in a command, or its last statement has ended.
pub(super) fn is_complete(text: &str) -> bool {
    let mut start = 0;
    let mut last = None;
    while let Some(found) = next(text, start) {
        start = found.range.end;
        last = Some(found);
    }
    last.is_none_or(|last| last.is_command || has_ended(&text[last.range]))
}

/// Whether a new line at the end of `text` would be inside a quote or a comment.
pub(super) fn is_open(text: &str) -> bool {
    matches!(Lexed::new(text).rest, Rest::Open(_))
}

/// The part of `text` that the byte `at` belongs to, and whether it is a command.
pub(super) fn part_at(text: &str, at: usize) -> (Range<usize>, bool) {
    let mut start = 0;
    while let Some(found) = next(text, start) {
        if at <= found.range.end {
            return (found.range, found.is_command);
        }
        start = found.range.end;
    }
    (text.len()..text.len(), false)
}

struct Found {
    range: Range<usize>,
    is_command: bool,
}

/// The part that begins at `start`, without white space before it.
fn next(text: &str, start: usize) -> Option<Found> {
    let rest = &text[start..];
    let start = start + (rest.len() - rest.trim_start().len());
    let rest = &text[start..];
    if rest.is_empty() {
        return None;
    }
    let line = rest.find('\n').unwrap_or(rest.len());
    if command::is_command(&rest[..line]) {
        return Some(Found {
            range: start..start + line,
            is_command: true,
        });
    }
    let length = end_of_statements(rest);
    Some(Found {
        range: start..start + length,
        is_command: false,
    })
}

/// How far statements reach: to the end, or to a statement's end before a line with a command.
fn end_of_statements(text: &str) -> usize {
    let lexed = Lexed::new(text);
    let significant: Vec<&Lexeme> = lexed.significant().collect();
    for (i, _) in significant.iter().enumerate() {
        let Some(end) = terminator(text, &significant, i) else {
            continue;
        };
        let after = &text[end..];
        let skipped = after.len() - after.trim_start().len();
        let line = after[skipped..].lines().next().unwrap_or_default();
        if after[..skipped].contains('\n') && command::is_command(line) {
            return end;
        }
    }
    text.len()
}

/// The end of the terminator whose last token is the `i`-th: `;` or `\G`.
fn terminator(text: &str, significant: &[&Lexeme], i: usize) -> Option<usize> {
    let lexeme = significant[i];
    let ends = lexeme.token == Token::SemiColon || i > 0 && is_expanded(text, significant[i - 1], lexeme);
    ends.then_some(lexeme.range.end)
}

/// Whether two tokens are `\G`.
fn is_expanded(text: &str, first: &Lexeme, second: &Lexeme) -> bool {
    first.token == Token::Backslash
        && first.range.end == second.range.start
        && &text[second.range.clone()] == "G"
}

fn has_ended(text: &str) -> bool {
    let lexed = Lexed::new(text);
    let significant: Vec<&Lexeme> = lexed.significant().collect();
    match lexed.rest {
        Rest::Open(_) => false,
        // More text cannot mend it: running it says what is wrong.
        Rest::Wrong(_) => true,
        Rest::Nothing => match significant.len().checked_sub(1) {
            None => true,
            Some(last) => terminator(text, &significant, last).is_some(),
        },
    }
}

fn sql(text: &str, range: Range<usize>) -> Sql {
    let lines = text[..range.start].matches('\n').count();
    let indent = text[..range.start]
        .chars()
        .rev()
        .take_while(|c| *c != '\n')
        .count();
    let part = &text[range];
    let lexed = Lexed::new(part);
    let significant: Vec<&Lexeme> = lexed.significant().collect();
    let mut plain = part.to_owned();
    let mut expanded = Vec::new();
    let (mut statements, mut is_empty) = (0, true);
    for (i, lexeme) in significant.iter().enumerate() {
        if lexeme.token == Token::Backslash {
            continue;
        }
        if terminator(part, &significant, i).is_none() {
            is_empty = false;
            continue;
        }
        if lexeme.token != Token::SemiColon {
            plain.replace_range(lexeme.range.start - 1..lexeme.range.end, "; ");
            if !is_empty {
                expanded.push(statements);
            }
        }
        statements += usize::from(!is_empty);
        is_empty = true;
    }
    Sql {
        text: format!("{}{}{plain}", "\n".repeat(lines), " ".repeat(indent)),
        expanded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sql(text: &str, expanded: &[usize]) -> Unit<'static> {
        Unit::Sql(Sql {
            text: text.to_owned(),
            expanded: expanded.to_vec(),
        })
    }

    #[test]
    fn a_statement_ends_at_its_semicolon() {
        for text in [
            "",
            "  \n",
            "SELECT 1;",
            "SELECT ';' ; -- more",
            "SELECT 1; SELECT 2;",
            "SELECT 1;\n/* done */\n",
            "-- only a comment",
            "SELECT $$;$$;",
            "SELECT 1\\G",
            "SELECT 1 \\G -- rows",
            "SELECT +._a",
        ] {
            assert!(is_complete(text), "{text}");
        }
        for text in [
            "SELECT 1",
            "SELECT ';",
            "SELECT \";\"",
            "SELECT 1 -- ;",
            "SELECT 1 /* ; */",
            "SELECT 1 /* ;",
            "SELECT $$;",
            "SELECT 1; SELECT 2",
            "SELECT 1; 'a",
            "SELECT 1 \\g",
            "SELECT '\\G'",
        ] {
            assert!(!is_complete(text), "{text}");
        }
    }

    #[test]
    fn a_command_is_a_line() {
        for text in [
            ".tables",
            " .mode csv",
            "\\q",
            "exit",
            "QUIT;",
            "SELECT 1;\n.mode csv",
            ".output it's",
        ] {
            assert!(is_complete(text), "{text}");
        }
        assert!(!is_complete(".mode csv\nSELECT 1"));
        assert!(!is_complete("SELECT 1\n.5"));
        assert!(!is_complete("SELECT 'a;\n.mode csv"));
        assert!(!is_complete("exit_code"));
    }

    #[test]
    fn commands_and_statements_alternate() {
        assert_eq!(
            units(".mode csv\nSELECT 1; SELECT\n2;\n.output it's\n  SELECT 3;\nexit"),
            [
                Unit::Command(".mode csv"),
                sql("\nSELECT 1; SELECT\n2;", &[]),
                Unit::Command(".output it's"),
                sql("\n\n\n\n  SELECT 3;", &[]),
                Unit::Command("exit"),
            ]
        );
        assert_eq!(units("SELECT .5;\n.5"), [sql("SELECT .5;\n.5", &[])]);
        assert_eq!(units(" \n "), []);
    }

    #[test]
    fn backslash_g_ends_a_statement_and_is_remembered() {
        assert_eq!(
            units("SELECT 1; ; SELECT 2\\G SELECT '\\G'; SELECT 3 \\G"),
            [sql("SELECT 1; ; SELECT 2;  SELECT '\\G'; SELECT 3 ; ", &[1, 3])]
        );
        assert_eq!(units("\\G"), [sql("; ", &[])]);
    }
}
