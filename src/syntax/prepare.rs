//! `PREPARE`, `EXECUTE` and `DEALLOCATE` (after PostgreSQL).

use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Span, Token, TokenWithSpan, Word};

use super::cursor::{Cursor, in_parentheses};
use super::script::Piece;
use super::statement::{Prepare, Statement};
use crate::error::{Code, Error, Result};

/// The statement, if it is one of these.
pub(super) fn statement(cursor: &mut Cursor<'_>) -> Result<Option<Statement>> {
    if cursor.takes(&["PREPARE"]) {
        return prepare(cursor).map(Some);
    }
    if cursor.takes(&["EXECUTE"]) {
        return execute(cursor).map(Some);
    }
    if !cursor.takes(&["DEALLOCATE"]) {
        return Ok(None);
    }
    cursor.takes(&["PREPARE"]);
    let name = match cursor.takes(&["ALL"]) {
        true => None,
        false => Some(cursor.word()?),
    };
    cursor.expect_end()?;
    Ok(Some(Statement::Deallocate { name }))
}

/// `PREPARE name [(types)] AS statement`.
fn prepare(cursor: &mut Cursor<'_>) -> Result<Statement> {
    let (name, span) = cursor.word()?;
    let types = match cursor.next_is(&Token::LParen) {
        true => in_parentheses(cursor, |cursor| cursor.rule(Parser::parse_data_type))?,
        false => Vec::new(),
    };
    cursor.expect(&["AS"])?;
    let place = cursor.place();
    let piece = cursor.piece().suffix(cursor.index(), Vec::new());
    let within = Statement::parse(&piece)?;
    if let Statement::Prepare(_) | Statement::Execute { .. } | Statement::Deallocate { .. } = within {
        return Err(Error::new(Code::Unsupported, "PREPARE of such a statement is not supported").at(place));
    }
    Ok(Statement::Prepare(Box::new(Prepare {
        name,
        span,
        types,
        piece,
    })))
}

/// `EXECUTE name [(expression, …)]`.
fn execute(cursor: &mut Cursor<'_>) -> Result<Statement> {
    let (name, span) = cursor.word()?;
    let arguments = match cursor.next_is(&Token::LParen) {
        false => None,
        true => {
            let start = cursor.index();
            // Read once so that what is wrong is said in the statement's own words.
            in_parentheses(cursor, |cursor| cursor.rule(|parser| parser.parse_expr()))?;
            Some(cursor.piece().suffix(start, vec![select()]).without_parentheses())
        }
    };
    cursor.expect_end()?;
    Ok(Statement::Execute {
        name,
        span,
        arguments,
    })
}

fn select() -> TokenWithSpan {
    let word = Word {
        value: "SELECT".to_owned(),
        quote_style: None,
        keyword: Keyword::SELECT,
    };
    TokenWithSpan::new(Token::Word(word), Span::empty())
}

impl Piece {
    /// `SELECT (a, b)` as `SELECT a, b`.
    fn without_parentheses(mut self) -> Self {
        let tokens = self.tokens_mut();
        let open = tokens.iter().position(|t| t.token == Token::LParen);
        let close = tokens.iter().rposition(|t| t.token == Token::RParen);
        if let (Some(open), Some(close)) = (open, close) {
            let blank = |token: &mut TokenWithSpan| {
                token.token = Token::Whitespace(sqlparser::tokenizer::Whitespace::Space);
            };
            blank(&mut tokens[open]);
            blank(&mut tokens[close]);
        }
        self
    }
}
