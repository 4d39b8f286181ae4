//! A text that is still being typed, as tokens with their places in bytes.
//!
//! `syntax` splits and parses texts that are whole; here a text may end in the middle of a quote, and
//! what is before it still has its tokens. Nothing is judged: that is the engine's.

use std::ops::Range;

use sqlparser::dialect::GenericDialect;
use sqlparser::tokenizer::{Location, Token, Tokenizer, Whitespace};

/// A token and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Lexeme {
    pub token: Token,
    pub range: Range<usize>,
}

/// The tokens of a text up to where it cannot be read further.
#[derive(Debug)]
pub(super) struct Lexed {
    pub lexemes: Vec<Lexeme>,
    pub rest: Rest,
}

/// What follows the last token; each with the byte where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// Nothing.
    Nothing,
    /// A quote or a comment that has not been closed.
    Open(usize),
    /// Something that is no SQL.
    Wrong(usize),
}

impl Lexeme {
    /// Whether it is neither white space nor a comment.
    pub(super) fn is_significant(&self) -> bool {
        !matches!(self.token, Token::Whitespace(_) | Token::EOF)
    }

    pub(super) fn is_comment(&self) -> bool {
        matches!(
            self.token,
            Token::Whitespace(Whitespace::SingleLineComment { .. } | Whitespace::MultiLineComment(_))
        )
    }

    /// Whether it is a comment that what is typed next belongs to: one without its line's end.
    pub(super) fn goes_on(&self) -> bool {
        match &self.token {
            Token::Whitespace(Whitespace::SingleLineComment { comment, .. }) => !comment.ends_with('\n'),
            _ => false,
        }
    }

    /// The word, if it is one without quotes.
    pub(super) fn bare_word(&self) -> Option<&str> {
        match &self.token {
            Token::Word(word) if word.quote_style.is_none() => Some(&word.value),
            _ => None,
        }
    }

    /// Whether it is this word, in any case and without quotes.
    pub(super) fn is_word(&self, word: &str) -> bool {
        self.bare_word()
            .is_some_and(|value| value.eq_ignore_ascii_case(word))
    }
}

impl Lexed {
    pub(super) fn new(text: &str) -> Self {
        let dialect = GenericDialect {};
        let mut tokens = Vec::new();
        let failure = Tokenizer::new(&dialect, text)
            .tokenize_with_location_into_buf(&mut tokens)
            .err();
        let mut places = Places::new(text);
        let mut lexemes = Vec::with_capacity(tokens.len());
        for token in tokens {
            if token.token == Token::EOF {
                continue;
            }
            let start = places.offset(token.span.start);
            let end = places.offset(token.span.end);
            lexemes.push(Lexeme {
                token: token.token,
                range: start..end,
            });
        }
        let read = lexemes.last().map_or(0, |last| last.range.end);
        let rest = match failure {
            None => Rest::Nothing,
            Some(failure) if is_open(&failure.message) => Rest::Open(read),
            Some(_) => Rest::Wrong(read),
        };
        Self { lexemes, rest }
    }

    /// Whether the byte `at` belongs to a quote or a comment that may go on in the next line.
    pub(super) fn is_inside_quote(&self, at: usize) -> bool {
        let i = self.lexemes.partition_point(|lexeme| lexeme.range.end <= at);
        match self.lexemes.get(i).map(|lexeme| &lexeme.token) {
            None => matches!(self.rest, Rest::Open(start) if at >= start),
            Some(Token::Whitespace(space)) => matches!(space, Whitespace::MultiLineComment(_)),
            Some(_) => true,
        }
    }

    /// The tokens that are neither white space nor comments.
    pub(super) fn significant(&self) -> impl DoubleEndedIterator<Item = &Lexeme> {
        self.lexemes.iter().filter(|lexeme| lexeme.is_significant())
    }
}

/// Whether more text could mend what the tokenizer says.
fn is_open(message: &str) -> bool {
    message.starts_with("Unterminated")
        || message.starts_with("Unexpected EOF")
        || message.ends_with("before EOF.")
}

/// Lines and columns as bytes, asked for in rising order.
struct Places<'a> {
    text: &'a str,
    at: Location,
    offset: usize,
}

impl<'a> Places<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            at: Location { line: 1, column: 1 },
            offset: 0,
        }
    }

    fn offset(&mut self, wanted: Location) -> usize {
        for c in self.text[self.offset..].chars() {
            if (self.at.line, self.at.column) >= (wanted.line, wanted.column) {
                break;
            }
            self.offset += c.len_utf8();
            if c == '\n' {
                self.at.line += 1;
                self.at.column = 1;
            } else {
                self.at.column += 1;
            }
        }
        self.offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        let lexed = Lexed::new(text);
        let texts = lexed.significant().map(|lexeme| &text[lexeme.range.clone()]);
        texts.collect()
    }

    #[test]
    fn tokens_have_their_places() {
        assert_eq!(
            texts("SELECT 'é',\n \"x y\" -- c\n;"),
            ["SELECT", "'é'", ",", "\"x y\"", ";"]
        );
        assert_eq!(texts("数据 = $1\\G"), ["数据", "=", "$1", "\\", "G"]);
        assert_eq!(texts(""), [""; 0]);
    }

    #[test]
    fn what_is_open_keeps_what_was_before() {
        for (text, start) in [
            ("SELECT 'a;", 7),
            ("SELECT \"a\n", 7),
            ("a /* b */ /* c", 10),
            ("$$ a", 0),
            ("x $t$ a $$", 2),
        ] {
            assert_eq!(Lexed::new(text).rest, Rest::Open(start), "{text}");
        }
        assert_eq!(Lexed::new("SELECT 1 -- it's").rest, Rest::Nothing);
        assert_eq!(Lexed::new("SELECT +._a").rest, Rest::Wrong(8));
    }
}
