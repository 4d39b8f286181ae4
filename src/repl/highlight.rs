//! Colours for SQL as it is typed.

use std::ops::Range;

use sqlparser::tokenizer::Token;

use super::command;
use super::lexer::{Lexed, Lexeme, Rest};
use super::words::is_keyword;

pub(super) const RESET: &str = "\x1b[0m";
pub(super) const PROMPT: &str = "\x1b[1;36m";
pub(super) const CONTINUATION: &str = "\x1b[36m";
const KEYWORD: &str = "\x1b[1;34m";
const STRING: &str = "\x1b[32m";
const NUMBER: &str = "\x1b[35m";
const COMMENT: &str = "\x1b[90m";
const PARAMETER: &str = "\x1b[33m";
const UNMATCHED: &str = "\x1b[1;31m";

/// The parts of `text` that have a colour, in order, without overlaps.
pub(super) fn colours(text: &str) -> Vec<(Range<usize>, &'static str)> {
    let first = text.trim_start();
    if command::is_command(first.lines().next().unwrap_or_default()) {
        return command_colours(text);
    }
    let lexed = Lexed::new(text);
    let unmatched = unmatched_brackets(&lexed.lexemes);
    let mut parts = Vec::new();
    let mut after_period = false;
    for (i, lexeme) in lexed.lexemes.iter().enumerate() {
        let colour = match unmatched.contains(&i) {
            true => Some(UNMATCHED),
            false => colour(lexeme, after_period),
        };
        parts.extend(colour.map(|colour| (lexeme.range.clone(), colour)));
        after_period = lexeme.token == Token::Period;
    }
    if let Rest::Open(start) = lexed.rest {
        let rest = text[start..].trim_start();
        let start = text.len() - rest.len();
        let colour = if rest.starts_with("/*") { COMMENT } else { STRING };
        parts.push((start..text.len(), colour));
    }
    parts
}

fn command_colours(text: &str) -> Vec<(Range<usize>, &'static str)> {
    let start = text.len() - text.trim_start().len();
    let end = text[start..]
        .find(char::is_whitespace)
        .map_or(text.len(), |length| start + length);
    vec![(start..end, KEYWORD)]
}

fn colour(lexeme: &Lexeme, after_period: bool) -> Option<&'static str> {
    match &lexeme.token {
        Token::Word(word) if word.quote_style.is_none() => {
            (!after_period && is_keyword(&word.value)).then_some(KEYWORD)
        }
        Token::Number(..) => Some(NUMBER),
        Token::Placeholder(_) => Some(PARAMETER),
        Token::SingleQuotedString(_)
        | Token::DollarQuotedString(_)
        | Token::NationalStringLiteral(_)
        | Token::EscapedStringLiteral(_)
        | Token::UnicodeStringLiteral(_)
        | Token::HexStringLiteral(_) => Some(STRING),
        _ => lexeme.is_comment().then_some(COMMENT),
    }
}

/// The positions of brackets without a partner in their statement.
fn unmatched_brackets(lexemes: &[Lexeme]) -> Vec<usize> {
    let mut open: Vec<(usize, &Token)> = Vec::new();
    let mut unmatched = Vec::new();
    for (i, lexeme) in lexemes.iter().enumerate() {
        let partner = match &lexeme.token {
            Token::LParen | Token::LBracket | Token::LBrace => {
                open.push((i, &lexeme.token));
                continue;
            }
            Token::RParen => Token::LParen,
            Token::RBracket => Token::LBracket,
            Token::RBrace => Token::LBrace,
            Token::SemiColon => {
                unmatched.extend(open.drain(..).map(|(i, _)| i));
                continue;
            }
            _ => continue,
        };
        match open.last() {
            Some((_, token)) if **token == partner => {
                open.pop();
            }
            _ => unmatched.push(i),
        }
    }
    unmatched.extend(open.into_iter().map(|(i, _)| i));
    unmatched
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coloured(text: &str) -> Vec<(&str, &'static str)> {
        let parts = colours(text);
        assert!(parts.windows(2).all(|pair| pair[0].0.end <= pair[1].0.start));
        parts
            .into_iter()
            .map(|(range, colour)| (&text[range], colour))
            .collect()
    }

    #[test]
    fn each_kind_of_word_has_its_colour() {
        assert_eq!(
            coloured("select a.order, \"from\", 'x''y', 1.5e3, $p -- note\nfrom t"),
            [
                ("select", KEYWORD),
                ("'x''y'", STRING),
                ("1.5e3", NUMBER),
                ("$p", PARAMETER),
                ("-- note\n", COMMENT),
                ("from", KEYWORD),
            ]
        );
        assert_eq!(coloured(".mode csv"), [(".mode", KEYWORD)]);
        assert_eq!(coloured("name, value, date, total"), []);
    }

    #[test]
    fn what_is_still_open_has_a_colour_too() {
        assert_eq!(coloured("SELECT 'a; b"), [("SELECT", KEYWORD), ("'a; b", STRING)]);
        assert_eq!(coloured("x /* SELECT"), [("/* SELECT", COMMENT)]);
    }

    #[test]
    fn brackets_without_partners_stand_out() {
        assert_eq!(coloured("f(a, (b), [c])"), []);
        assert_eq!(coloured("f(a]"), [("(", UNMATCHED), ("]", UNMATCHED)]);
        assert_eq!(coloured("(a; b)"), [("(", UNMATCHED), (")", UNMATCHED)]);
        assert_eq!(coloured("a)"), [(")", UNMATCHED)]);
    }
}
