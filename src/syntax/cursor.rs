//! A position in a statement's tokens, for the grammar that is our own: sqlparser's parser where it
//! has the rule, errors with the place where it stopped.

use sqlparser::ast::{DataType, Ident, Query};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Span, Token, Tokenizer};

use super::dialect::LakeDialect;
use super::misspelled;
use super::script::Piece;
use super::statement::TableName;
use crate::error::{Code, Error, Location, Result, did_you_mean};

static DIALECT: LakeDialect = LakeDialect;

/// How deep expressions may nest before the parser gives up instead of overflowing the stack.
pub(super) const RECURSION_LIMIT: usize = 400;

/// Words that begin a clause, for suggestions.
const CLAUSES: &[&str] = &[
    "FROM",
    "WHERE",
    "GROUP",
    "HAVING",
    "QUALIFY",
    "ORDER",
    "LIMIT",
    "OFFSET",
    "UNION",
    "JOIN",
    "AS",
    "COMMENT",
    "PARTITIONED",
    "LOCATION",
    "STORED",
    "OPTIONS",
];

/// Reads a [`Piece`] from left to right.
pub(super) struct Cursor<'a> {
    parser: Parser<'static>,
    piece: &'a Piece,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(piece: &'a Piece) -> Self {
        let parser = Parser::new(&DIALECT)
            .with_recursion_limit(RECURSION_LIMIT)
            .with_tokens_with_locations(piece.tokens().to_vec());
        Self { parser, piece }
    }

    /// A cursor that has read `index` tokens, white space included.
    pub(super) fn at(piece: &'a Piece, index: usize) -> Self {
        let mut cursor = Self::new(piece);
        while cursor.parser.index() < index {
            cursor.parser.advance_token();
        }
        cursor
    }

    /// Takes whatever token is next.
    pub(super) fn take(&mut self) -> Token {
        self.parser.next_token().token
    }

    /// An error about a token that was taken just now.
    pub(super) fn unexpected(&self, what: &str, found: &Token) -> Error {
        let place = self.piece.locate(self.parser.get_current_token().span);
        Error::new(Code::Syntax, format!("expected {what}, found '{found}'")).at(place)
    }

    /// Runs one of sqlparser's own rules.
    pub(super) fn rule<T>(
        &mut self,
        rule: impl FnOnce(&mut Parser<'static>) -> Result<T, ParserError>,
    ) -> Result<T> {
        rule(&mut self.parser).map_err(|error| parse_error(error, self.piece))
    }

    /// Whether the next words are these (upper case); does not move.
    pub(super) fn sees(&self, words: &[&str]) -> bool {
        words
            .iter()
            .enumerate()
            .all(|(i, word)| match &self.parser.peek_nth_token_ref(i).token {
                Token::Word(w) => w.quote_style.is_none() && w.value.eq_ignore_ascii_case(word),
                _ => false,
            })
    }

    /// Takes the words if they are next.
    pub(super) fn takes(&mut self, words: &[&str]) -> bool {
        let found = self.sees(words);
        if found {
            self.skip(words.len());
        }
        found
    }

    /// The token `n` places ahead; does not move.
    pub(super) fn peek(&self, n: usize) -> &Token {
        &self.parser.peek_nth_token_ref(n).token
    }

    pub(super) fn skip(&mut self, tokens: usize) {
        for _ in 0..tokens {
            self.parser.advance_token();
        }
    }

    /// Takes the words, or says that they were expected.
    pub(super) fn expect(&mut self, words: &[&str]) -> Result<()> {
        if self.takes(words) {
            Ok(())
        } else {
            self.expected(&words.join(" "))
        }
    }

    /// Whether `token` is next; does not move.
    pub(super) fn next_is(&self, token: &Token) -> bool {
        self.parser.peek_token_ref().token == *token
    }

    /// Whether a text literal is next; does not move.
    pub(super) fn next_is_text(&self) -> bool {
        matches!(self.peek(0), Token::SingleQuotedString(_))
    }

    pub(super) fn takes_token(&mut self, token: &Token) -> bool {
        self.parser.consume_token(token)
    }

    pub(super) fn expect_token(&mut self, token: &Token) -> Result<()> {
        self.rule(|parser| parser.expect_token(token)).map(drop)
    }

    /// An error that says what should stand here.
    pub(super) fn expected<T>(&self, what: &str) -> Result<T> {
        let found = self.parser.peek_token_ref();
        let text = match &found.token {
            Token::EOF => "the end of the statement".to_owned(),
            token => format!("'{token}'"),
        };
        let error = Error::new(Code::Syntax, format!("expected {what}, found {text}"));
        let error = with_keyword(error, found.span.start, self.piece);
        let hint = match &found.token {
            Token::Word(word) if word.keyword == Keyword::NoKeyword => did_you_mean(&word.value, CLAUSES),
            _ => None,
        };
        Err(error.with_hint_if_none(hint).at(self.place()))
    }

    /// Where the next token stands; at the end, just behind the last one.
    pub(super) fn place(&self) -> Location {
        let next = self.parser.peek_token_ref();
        if next.token != Token::EOF {
            return self.piece.locate(next.span);
        }
        end_of(self.piece)
    }

    pub(super) fn at_end(&self) -> bool {
        self.parser.peek_token_ref().token == Token::EOF
    }

    pub(super) fn expect_end(&self) -> Result<()> {
        if self.at_end() {
            Ok(())
        } else {
            self.expected("the end of the statement")
        }
    }

    pub(super) fn next_span(&self) -> Span {
        self.parser.peek_token_ref().span
    }

    /// The place of the token that was taken last.
    pub(super) fn last_span(&self) -> Span {
        self.parser.get_current_token().span
    }

    /// A name, as its owner spelled it.
    pub(super) fn identifier(&mut self) -> Result<Ident> {
        self.rule(Parser::parse_identifier)
    }

    /// A text literal and its place.
    pub(super) fn text(&mut self) -> Result<(String, Span)> {
        let span = self.next_span();
        Ok((self.rule(Parser::parse_literal_string)?, span))
    }

    /// A name without parts, such as a zone's.
    pub(super) fn word(&mut self) -> Result<(String, Span)> {
        let ident = self.identifier()?;
        let span = ident.span;
        Ok((folded(ident), span))
    }

    /// `t`, `zone.t` or `lake.zone.t`.
    pub(super) fn table_name(&mut self) -> Result<TableName> {
        let name = self.rule(|parser| parser.parse_object_name(false))?;
        table_name(&name).ok_or_else(|| {
            Error::new(Code::Syntax, format!("'{name}' is not a table's name"))
                .with_hint("a table is named 'table', 'zone.table' or 'lake.zone.table'")
                .at(self.place())
        })
    }

    /// A query up to the end of the statement, and its text.
    pub(super) fn query(&mut self) -> Result<(Box<Query>, String)> {
        let start = self.next_span();
        let query = self.rule(Parser::parse_query)?;
        let end = self.parser.get_current_token().span;
        let sql = self.piece.slice(start.union(&end)).trim_end().to_owned();
        Ok((query, sql))
    }

    /// How many tokens have been read, white space included.
    pub(super) fn index(&self) -> usize {
        self.parser.index()
    }

    pub(super) fn piece(&self) -> &'a Piece {
        self.piece
    }
}

/// The parts of a name, or nothing if there are too many.
pub(super) fn table_name(name: &sqlparser::ast::ObjectName) -> Option<TableName> {
    let parts: Vec<&Ident> = name.0.iter().map(|part| part.as_ident()).collect::<Option<_>>()?;
    let span = Span::union_iter(parts.iter().map(|part| part.span));
    let mut parts = parts.into_iter().cloned().map(folded).rev();
    let table = parts.next()?;
    let (zone, catalog) = (parts.next(), parts.next());
    parts.next().is_none().then_some(TableName {
        catalog,
        zone,
        table,
        span,
    })
}

/// Unquoted names of tables and zones are in lower case.
pub(super) fn folded(ident: Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value,
        None => ident.value.to_lowercase(),
    }
}

/// Where the statement ends.
fn end_of(piece: &Piece) -> Location {
    let last = piece
        .tokens()
        .iter()
        .rev()
        .find(|t| !matches!(t.token, Token::Whitespace(_) | Token::EOF))
        .map_or_else(Span::empty, |t| t.span);
    piece.locate(Span::new(last.end, last.end))
}

/// A parser's error in our terms. Sqlparser says the place in its text alone.
pub(super) fn parse_error(error: ParserError, piece: &Piece) -> Error {
    let text = match error {
        ParserError::RecursionLimitExceeded => {
            return Error::new(
                Code::Syntax,
                format!("the statement nests deeper than {RECURSION_LIMIT} levels"),
            )
            .with_hint("break it into several statements, or views")
            .at(piece.start());
        }
        ParserError::ParserError(text) | ParserError::TokenizerError(text) => text,
    };
    let (message, place) = split_place(&text);
    let at = place
        .filter(|(line, _)| *line > 0)
        .map(|(line, column)| sqlparser::tokenizer::Location::new(line, column));
    let place = at
        .map(|at| {
            let token = piece.tokens().iter().find(|t| t.span.start == at);
            piece.locate(token.map_or(Span::new(at, at), |t| t.span))
        })
        .unwrap_or_else(|| end_of(piece));
    let mut message = message.replace("found: EOF", "found the end of the statement");
    if let Some(rest) = message.strip_prefix("Expected: ") {
        message = format!("expected {}", rest.replace(", found: ", ", found "));
    }
    let error = Error::new(Code::Syntax, lower_first(&message));
    match at {
        Some(at) => with_keyword(error, at, piece).at(place),
        None => error.at(place),
    }
}

/// The error about the misspelled keyword at or before `at`, if there is one.
fn with_keyword(error: Error, at: sqlparser::tokenizer::Location, piece: &Piece) -> Error {
    match misspelled::keyword(piece, at) {
        Some((span, meant)) => error
            .with_hint(format!("did you mean '{meant}'?"))
            .at(piece.locate(span)),
        None => error,
    }
}

/// Splits ` at Line: 3, Column: 7` off a message.
fn split_place(text: &str) -> (&str, Option<(u64, u64)>) {
    let Some((message, place)) = text.rsplit_once(" at Line: ") else {
        return (text, None);
    };
    let numbers = place
        .split_once(", Column: ")
        .and_then(|(line, column)| Some((line.parse().ok()?, column.trim().parse().ok()?)));
    match numbers {
        Some(_) => (message, numbers),
        None => (text, None),
    }
}

fn lower_first(text: &str) -> String {
    let mut characters = text.chars();
    match (characters.next(), characters.clone().next()) {
        (Some(first), Some(second)) if !second.is_uppercase() => {
            first.to_lowercase().chain(characters).collect()
        }
        _ => text.to_owned(),
    }
}

/// Reads an SQL type, such as `DECIMAL(12, 2)`.
///
/// # Errors
/// [`Code::Syntax`] with a place in `text`.
pub fn parse_type(text: &str) -> Result<DataType> {
    let wrong = |message: String| {
        Error::new(
            Code::Syntax,
            format!("'{text}' is not a type: {}", lower_first(&message)),
        )
    };
    let tokens = Tokenizer::new(&DIALECT, text)
        .tokenize_with_location()
        .map_err(|error| wrong(error.message))?;
    let mut parser = Parser::new(&DIALECT)
        .with_recursion_limit(RECURSION_LIMIT)
        .with_tokens_with_locations(tokens);
    let data_type = parser.parse_data_type().map_err(|error| {
        wrong(
            split_place(&error.to_string())
                .0
                .replace("sql parser error: ", ""),
        )
    })?;
    match &parser.peek_token_ref().token {
        Token::EOF => Ok(data_type),
        token => Err(wrong(format!("'{token}' stands behind it"))),
    }
}

/// Reads a query that the engine has put together.
///
/// # Errors
/// [`Code::Syntax`], without a place.
pub(super) fn parse_query(sql: &str) -> Result<Box<Query>> {
    let parser = Parser::new(&DIALECT).with_recursion_limit(RECURSION_LIMIT);
    let query = parser
        .try_with_sql(sql)
        .and_then(|mut parser| parser.parse_query());
    query.map_err(|error| Error::new(Code::Syntax, split_place(&error.to_string()).0))
}

/// Takes a comma-separated list in parentheses.
pub(super) fn in_parentheses<T>(
    cursor: &mut Cursor<'_>,
    mut item: impl FnMut(&mut Cursor<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    cursor.expect_token(&Token::LParen)?;
    let mut items = vec![item(cursor)?];
    // A comma behind the last one is no harm.
    while cursor.takes_token(&Token::Comma) && !cursor.next_is(&Token::RParen) {
        items.push(item(cursor)?);
    }
    cursor.expect_token(&Token::RParen)?;
    Ok(items)
}

/// `NOT NULL` as keywords, for column definitions.
pub(super) fn takes_not_null(cursor: &mut Cursor<'_>) -> Result<bool> {
    cursor.rule(|parser| Ok(parser.parse_keywords(&[Keyword::NOT, Keyword::NULL])))
}
