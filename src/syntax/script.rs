//! A text of several statements, split at its semicolons.
//!
//! A semicolon inside a string, a comment or a dollar quote ends nothing: the split is made on
//! tokens, not on characters.

use std::sync::Arc;

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Span, Token, TokenWithSpan, Tokenizer};

use super::dialect::LakeDialect;
use super::{asof, from_first, parameters, pivot, star_modifiers, summarize, versions};
use crate::error::{Code, Error, Location, Result};

/// A tokenised text.
#[derive(Debug, Clone)]
pub struct Script {
    text: Arc<Text>,
    pieces: Vec<Vec<TokenWithSpan>>,
    failure: Option<(String, sqlparser::tokenizer::Location)>,
}

/// One statement of a [`Script`]: its tokens, with their places in the whole text.
#[derive(Debug, Clone)]
pub struct Piece {
    text: Arc<Text>,
    tokens: Vec<TokenWithSpan>,
    /// From the first token to the last.
    whole: Span,
}

/// The text and where its lines begin.
#[derive(Debug)]
struct Text {
    sql: String,
    lines: Vec<usize>,
}

impl Script {
    /// Tokenises `sql`. Empty statements and comments on their own are left out.
    ///
    /// A text that cannot be tokenised to its end (say, an open quote) still yields the statements
    /// before the trouble; [`Script::into_pieces`] gives the error in its place, last.
    pub fn new(sql: &str) -> Self {
        let dialect = LakeDialect;
        let mut tokens = Vec::new();
        let failure = Tokenizer::new(&dialect, sql)
            .tokenize_with_location_into_buf(&mut tokens)
            .err()
            .map(|error| (error.message, error.location));
        let mut pieces: Vec<_> = tokens
            .split(|token| token.token == Token::SemiColon)
            .map(<[TokenWithSpan]>::to_vec)
            .collect();
        if failure.is_some() {
            pieces.pop();
        }
        pieces.retain(|piece| {
            piece
                .iter()
                .any(|t| !matches!(t.token, Token::Whitespace(_) | Token::EOF))
        });
        Self {
            text: Arc::new(Text::new(sql)),
            pieces,
            failure,
        }
    }

    /// The statements in order, each `?` numbered. Where the text could not be tokenised, the last item says why.
    pub fn into_pieces(self) -> impl Iterator<Item = Result<Piece>> + Send {
        let text = self.text;
        let failure = self.failure.map(|(message, at)| {
            let message = message.to_lowercase();
            let place = Location::in_text(&text.sql, at.line as usize, at.column as usize, 1);
            Err(Error::new(Code::Syntax, format!("cannot read the text: {message}")).at(place))
        });
        let pieces = self.pieces.into_iter().map(move |mut tokens| {
            let whole = whole(&tokens);
            versions::name_versions(&mut tokens);
            let text = Arc::clone(&text);
            parameters::number(Piece { text, tokens, whole })
                .and_then(summarize::spell_out)
                .and_then(pivot::spell_out)
                .and_then(asof::spell_out)
                .map(from_first::spell_out)
                .map(star_modifiers::order)
        });
        pieces.chain(failure)
    }
}

impl Piece {
    /// The tokens, white space and comments included.
    pub fn tokens(&self) -> &[TokenWithSpan] {
        &self.tokens
    }

    pub(super) fn tokens_mut(&mut self) -> &mut Vec<TokenWithSpan> {
        &mut self.tokens
    }

    /// The statement as written, from its first token to its last.
    pub fn sql(&self) -> &str {
        self.text.slice(self.whole)
    }

    /// What of the statement lies within `span`, on its own.
    pub fn part(&self, span: Span) -> Self {
        let inside = |token: &&TokenWithSpan| token.span.start >= span.start && token.span.end <= span.end;
        Self {
            text: Arc::clone(&self.text),
            tokens: self.tokens.iter().filter(inside).cloned().collect(),
            whole: span,
        }
    }

    /// What stands between two places of the text.
    pub(super) fn slice(&self, span: Span) -> &str {
        self.text.slice(span)
    }

    /// The tokens from `start` on as a statement of their own, behind some others.
    pub(super) fn suffix(&self, start: usize, before: Vec<TokenWithSpan>) -> Self {
        let mut tokens = before;
        let rest = self.tokens.get(start..).unwrap_or_default();
        let whole = whole(rest);
        tokens.extend_from_slice(rest);
        Self {
            text: Arc::clone(&self.text),
            tokens,
            whole,
        }
    }

    /// Where `span` lies, for a caret.
    pub fn locate(&self, span: Span) -> Location {
        let length = if span.start.line == span.end.line {
            span.end.column.saturating_sub(span.start.column)
        } else {
            u64::MAX / 2
        };
        Location::in_text(
            &self.text.sql,
            span.start.line as usize,
            span.start.column as usize,
            length as usize,
        )
    }

    /// Where `word` first stands as a token of its own (`a`, `"a"` and the last part of `t.a`
    /// alike), for errors that name a thing but not its place.
    pub fn locate_word(&self, word: &str) -> Option<Location> {
        self.tokens
            .iter()
            .find(|t| match &t.token {
                Token::Word(w) => w.value.eq_ignore_ascii_case(word),
                _ => false,
            })
            .map(|t| self.locate(t.span))
    }

    /// Where this word stands; nothing if it stands in several places.
    pub fn locate_only_word(&self, word: &str) -> Option<Location> {
        let is_meant =
            |t: &&TokenWithSpan| matches!(&t.token, Token::Word(w) if w.value.eq_ignore_ascii_case(word));
        let mut found = self.tokens.iter().filter(is_meant);
        match (found.next(), found.next()) {
            (Some(only), None) => Some(self.locate(only.span)),
            _ => None,
        }
    }

    /// Where a literal of this value first stands.
    pub fn locate_literal(&self, value: &str) -> Option<Location> {
        let is_meant = |token: &&TokenWithSpan| match &token.token {
            Token::Number(text, _)
            | Token::SingleQuotedString(text)
            | Token::EscapedStringLiteral(text)
            | Token::UnicodeStringLiteral(text)
            | Token::NationalStringLiteral(text) => text == value,
            Token::DollarQuotedString(text) => text.value == value,
            _ => false,
        };
        let token = self.tokens.iter().find(is_meant)?;
        Some(self.locate(token.span))
    }

    /// Where the only one of these operators stands; nothing if there are several.
    pub fn locate_operator(&self, operators: &[&str]) -> Option<Location> {
        let is_meant = |token: &&TokenWithSpan| operators.contains(&token.token.to_string().as_str());
        let mut found = self.tokens.iter().filter(is_meant);
        let only = found.next().filter(|_| found.next().is_none())?;
        Some(self.locate(only.span))
    }

    /// The type of the statement's only conversion, `CAST(… AS type)` or `::type`, as it is written, and
    /// where the conversion stands.
    pub fn only_cast(&self) -> Option<(&str, Location)> {
        let tokens: Vec<&TokenWithSpan> = self
            .tokens
            .iter()
            .filter(|t| !matches!(t.token, Token::Whitespace(_)))
            .collect();
        let is_word = |token: &Token, keyword| match token {
            Token::Word(word) => word.keyword == keyword && word.quote_style.is_none(),
            _ => false,
        };
        let is_cast = |token: &Token| *token == Token::DoubleColon || is_word(token, Keyword::CAST);
        let mut casts = (0..tokens.len()).filter(|i| is_cast(&tokens[*i].token));
        let only = casts.next().filter(|_| casts.next().is_none())?;
        let (first, last, end) = match tokens[only].token {
            Token::DoubleColon => {
                let is_open = tokens.get(only + 2).is_some_and(|t| t.token == Token::LParen);
                let last = if is_open {
                    closing(&tokens, only + 2)?
                } else {
                    only + 1
                };
                (only + 1, last, last)
            }
            _ => {
                let end = closing(&tokens, only + 1)?;
                let word = (only..end).rfind(|i| is_word(&tokens[*i].token, Keyword::AS))?;
                (word + 1, end.checked_sub(1)?, end)
            }
        };
        let span = |from: usize, to: usize| Some(tokens.get(from)?.span.union(&tokens.get(to)?.span));
        Some((self.slice(span(first, last)?), self.locate(span(only, end)?)))
    }

    /// Where the placeholder `$name` first stands.
    pub fn locate_parameter(&self, name: &str) -> Option<Location> {
        let token = self.tokens.iter().find(|t| match &t.token {
            Token::Placeholder(text) => text.get(1..) == Some(name),
            _ => false,
        })?;
        Some(self.locate(token.span))
    }

    /// Spells the unquoted name `name` as `spelling`: within `span` if one is given, else wherever it
    /// stands. Says whether anything changed.
    pub fn respell(&mut self, span: Option<Span>, name: &str, spelling: &str) -> bool {
        let mut changed = false;
        for token in &mut self.tokens {
            let inside = span.is_none_or(|span| token.span.start >= span.start && token.span.end <= span.end);
            if let Token::Word(word) = &mut token.token
                && inside
                && word.quote_style.is_none()
                && word.value == name
                && name != spelling
            {
                spelling.clone_into(&mut word.value);
                changed = true;
            }
        }
        changed
    }

    /// Where the statement begins.
    pub fn start(&self) -> Location {
        let first = self
            .tokens
            .iter()
            .find(|t| !matches!(t.token, Token::Whitespace(_)))
            .map_or_else(Span::empty, |t| t.span);
        self.locate(first)
    }
}

/// The bracket that closes the one at `open`.
fn closing(tokens: &[&TokenWithSpan], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (i, token) in tokens.iter().enumerate().skip(open) {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return Some(i);
        }
    }
    None
}

fn whole(tokens: &[TokenWithSpan]) -> Span {
    let mut real = tokens
        .iter()
        .filter(|t| !matches!(t.token, Token::Whitespace(_) | Token::EOF));
    match (real.next(), real.next_back()) {
        (Some(first), Some(last)) => first.span.union(&last.span),
        (Some(only), None) => only.span,
        _ => Span::empty(),
    }
}

impl Text {
    fn new(sql: &str) -> Self {
        let starts = sql.match_indices('\n').map(|(i, _)| i + 1);
        Self {
            sql: sql.to_owned(),
            lines: std::iter::once(0).chain(starts).collect(),
        }
    }

    fn slice(&self, span: Span) -> &str {
        let (start, end) = (self.offset(span.start), self.offset(span.end));
        self.sql.get(start..end).unwrap_or_default()
    }

    /// Line and column count from 1; columns count characters.
    fn offset(&self, at: sqlparser::tokenizer::Location) -> usize {
        let Some(start) = (at.line as usize).checked_sub(1).and_then(|l| self.lines.get(l)) else {
            return 0;
        };
        let rest = &self.sql[*start..];
        rest.char_indices()
            .nth((at.column as usize).saturating_sub(1))
            .map_or(self.sql.len(), |(i, _)| start + i)
    }
}
