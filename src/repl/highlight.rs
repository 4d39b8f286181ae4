//! Colours for SQL as it is typed.

use std::ops::Range;

use sqlparser::tokenizer::Token;

use super::command;
use super::lexer::{Lexed, Lexeme, Rest};
use super::words::is_keyword;

pub(super) const RESET: &str = "\x1b[0m";

/// What the terminal's background is, which colours have to stand out from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// Light text on a dark ground.
    Dark,
    /// Dark text on a light ground.
    Light,
}

impl Theme {
    /// What a user types.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
        }
    }

    /// The sequence that begins a colour. Of the sixteen colours of a terminal, those that both common
    /// palettes show well on such a ground: bright ones on dark, plain ones on light, no yellow there.
    pub(super) fn sequence(self, colour: Colour) -> &'static str {
        use Colour as C;
        match (self, colour) {
            (Self::Dark, C::Prompt) => "\x1b[1;96m",
            (Self::Light, C::Prompt) => "\x1b[1;36m",
            (Self::Dark, C::Continuation) => "\x1b[96m",
            (Self::Light, C::Continuation) => "\x1b[36m",
            (Self::Dark, C::Keyword) => "\x1b[1;94m",
            (Self::Light, C::Keyword) => "\x1b[1;34m",
            (Self::Dark, C::Text) => "\x1b[92m",
            (Self::Light, C::Text) => "\x1b[32m",
            (Self::Dark, C::Number) => "\x1b[95m",
            (Self::Light, C::Number) => "\x1b[35m",
            (Self::Dark, C::Table) => "\x1b[36m",
            (Self::Light, C::Table) => "\x1b[4;36m",
            (Self::Dark, C::Parameter) => "\x1b[93m",
            (Self::Light, C::Parameter) => "\x1b[1;35m",
            (Self::Dark | Self::Light, C::Comment) => "\x1b[90m",
            (Self::Dark, C::Unmatched) => "\x1b[1;91m",
            (Self::Light, C::Unmatched) => "\x1b[1;31m",
        }
    }
}

/// What a part of a text is, and so which colour it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colour {
    Prompt,
    Continuation,
    Keyword,
    Text,
    Number,
    /// A table that the lake has.
    Table,
    Parameter,
    Comment,
    /// A bracket without a partner.
    Unmatched,
}

/// The parts of `text` that have a colour, in order, without overlaps.
/// `is_table` knows the tables of the lake.
pub(super) fn colours(text: &str, is_table: &dyn Fn(&str) -> bool) -> Vec<(Range<usize>, Colour)> {
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
            true => Some(Colour::Unmatched),
            false => colour(lexeme, after_period, is_table),
        };
        parts.extend(colour.map(|colour| (lexeme.range.clone(), colour)));
        after_period = lexeme.token == Token::Period;
    }
    if let Rest::Open(start) = lexed.rest {
        let rest = text[start..].trim_start();
        let start = text.len() - rest.len();
        let colour = if rest.starts_with("/*") {
            Colour::Comment
        } else {
            Colour::Text
        };
        parts.push((start..text.len(), colour));
    }
    parts
}

fn command_colours(text: &str) -> Vec<(Range<usize>, Colour)> {
    let start = text.len() - text.trim_start().len();
    let end = text[start..]
        .find(char::is_whitespace)
        .map_or(text.len(), |length| start + length);
    vec![(start..end, Colour::Keyword)]
}

fn colour(lexeme: &Lexeme, after_period: bool, is_table: &dyn Fn(&str) -> bool) -> Option<Colour> {
    match &lexeme.token {
        Token::Word(word) if word.quote_style.is_none() => match !after_period && is_keyword(&word.value) {
            true => Some(Colour::Keyword),
            false => is_table(&word.value).then_some(Colour::Table),
        },
        Token::Word(word) => is_table(&word.value).then_some(Colour::Table),
        Token::Number(..) => Some(Colour::Number),
        Token::Placeholder(_) => Some(Colour::Parameter),
        Token::SingleQuotedString(_)
        | Token::DollarQuotedString(_)
        | Token::NationalStringLiteral(_)
        | Token::EscapedStringLiteral(_)
        | Token::UnicodeStringLiteral(_)
        | Token::HexStringLiteral(_) => Some(Colour::Text),
        _ => lexeme.is_comment().then_some(Colour::Comment),
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

    fn coloured(text: &str) -> Vec<(&str, Colour)> {
        let parts = colours(text, &|name| name.eq_ignore_ascii_case("events"));
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
                ("select", Colour::Keyword),
                ("'x''y'", Colour::Text),
                ("1.5e3", Colour::Number),
                ("$p", Colour::Parameter),
                ("-- note\n", Colour::Comment),
                ("from", Colour::Keyword),
            ]
        );
        assert_eq!(coloured(".mode csv"), [(".mode", Colour::Keyword)]);
        assert_eq!(coloured("name, value, date, total"), []);
        assert_eq!(
            coloured("raw.EVENTS, \"events\", event"),
            [("EVENTS", Colour::Table), ("\"events\"", Colour::Table)]
        );
    }

    #[test]
    fn what_is_still_open_has_a_colour_too() {
        assert_eq!(
            coloured("SELECT 'a; b"),
            [("SELECT", Colour::Keyword), ("'a; b", Colour::Text)]
        );
        assert_eq!(coloured("x /* SELECT"), [("/* SELECT", Colour::Comment)]);
    }

    #[test]
    fn brackets_without_partners_stand_out() {
        assert_eq!(coloured("f(a, (b), [c])"), []);
        assert_eq!(
            coloured("f(a]"),
            [("(", Colour::Unmatched), ("]", Colour::Unmatched)]
        );
        assert_eq!(
            coloured("(a; b)"),
            [("(", Colour::Unmatched), (")", Colour::Unmatched)]
        );
        assert_eq!(coloured("a)"), [(")", Colour::Unmatched)]);
    }
}
