//! Tokens → [`Statement`]: which grammar a statement has is decided by its first words.

use datafusion::error::DataFusionError;
use datafusion::sql::parser::{DFParserBuilder, Statement as Standard};
use sqlparser::ast::{self, SetExpr, TableObject};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::cursor::{Cursor, RECURSION_LIMIT, parse_error, table_name};
use super::dialect::LakeDialect;
use super::script::Piece;
use super::statement::{ChangeRows, Insert, Statement};
use super::{alter, change_rows, copy, create, elsewhere, maintain, prepare, quality, reject, show};
use crate::error::{Code, Error, Result, did_you_mean};

/// Words that begin a statement, for suggestions.
const FIRST_WORDS: &[&str] = &[
    "SELECT",
    "WITH",
    "VALUES",
    "INSERT",
    "UPDATE",
    "DELETE",
    "MERGE",
    "TRUNCATE",
    "CREATE",
    "DROP",
    "SHOW",
    "DESCRIBE",
    "USE",
    "SET",
    "RESET",
    "EXPLAIN",
    "ALTER",
    "COMMENT",
    "COPY",
    "OPTIMIZE",
    "VACUUM",
    "RESTORE",
    "REPLAY",
    "KILL",
    "FROM",
    "TABLE",
    "PREPARE",
    "EXECUTE",
    "DEALLOCATE",
    "SUMMARIZE",
    "SUGGEST",
    "CHECK",
    "PIVOT",
    "UNPIVOT",
];

impl Statement {
    /// Parses one statement.
    ///
    /// # Errors
    /// [`Code::Syntax`] for a text that is not SQL, [`Code::Unsupported`] for SQL that the engine
    /// does not have; both with their place.
    pub fn parse(piece: &Piece) -> Result<Self> {
        let mut cursor = Cursor::new(piece);
        if let Some(statement) = create::statement(&mut cursor)? {
            return Ok(statement);
        }
        if let Some(statement) = copy::statement(&mut cursor)? {
            return Ok(statement);
        }
        if let Some(statement) = alter::statement(&mut cursor)? {
            return Ok(statement);
        }
        if let Some(statement) = show::statement(&mut cursor)? {
            return Ok(statement);
        }
        if let Some(statement) = maintain::statement(&mut cursor)? {
            return Ok(statement);
        }
        if let Some(statement) = prepare::statement(&mut cursor)? {
            return Ok(statement);
        }
        if let Some(statement) = quality::statement(&mut cursor)? {
            return Ok(statement);
        }
        standard(piece)
    }
}

/// What DataFusion's parser reads and its planner plans.
fn standard(piece: &Piece) -> Result<Statement> {
    let dialect = LakeDialect;
    let mut tokens: Vec<TokenWithSpan> = piece.tokens().to_vec();
    from_table(&mut tokens);
    let reject_limit = reject::take(piece, &mut tokens)?;
    let mut parser = DFParserBuilder::new(tokens)
        .with_dialect(&dialect)
        .with_recursion_limit(RECURSION_LIMIT)
        .build()
        .map_err(|error| syntax_error(error, piece))?;
    let statement = parser.parse_statement().map_err(|error| {
        let hint = first_word_hint(piece)
            .or_else(|| elsewhere::hint(piece))
            .or_else(|| sample_hint(piece));
        syntax_error(error, piece).with_hint_if(hint)
    })?;
    if parser.parser.peek_token_ref().token != Token::EOF {
        let end = Cursor::at(piece, parser.parser.index()).expected("the end of the statement");
        return end.map_err(|error| error.with_hint_if(sample_hint(piece)));
    }
    let mut statement = accept(statement, piece)?;
    if let Statement::Insert(insert) = &mut statement {
        insert.reject_limit = reject_limit;
    }
    Ok(statement)
}

/// `USING SAMPLE 10%`, DuckDB's, is told as the standard's.
fn sample_hint(piece: &Piece) -> Option<String> {
    let tokens = piece.tokens().iter().map(|token| &token.token);
    let words: Vec<&Token> = tokens
        .filter(|token| !matches!(token, Token::Whitespace(_)))
        .collect();
    let is = |token: &Token, text: &str| match token {
        Token::Word(word) => word.quote_style.is_none() && word.value.eq_ignore_ascii_case(text),
        _ => false,
    };
    let is_sample = words
        .windows(2)
        .any(|pair| is(pair[0], "USING") && is(pair[1], "SAMPLE"));
    is_sample.then(|| "write FROM t TABLESAMPLE BERNOULLI (10), in percent".to_owned())
}

/// `TABLE t` is `FROM t`, which the parser reads.
fn from_table(tokens: &mut [TokenWithSpan]) {
    let mut words = tokens
        .iter_mut()
        .filter(|t| !matches!(t.token, Token::Whitespace(_)));
    if let Some(Token::Word(word)) = words.next().map(|first| &mut first.token)
        && word.keyword == Keyword::TABLE
    {
        "FROM".clone_into(&mut word.value);
        word.keyword = Keyword::FROM;
    }
}

/// Sorts what the engine has from what it has not.
fn accept(statement: Standard, piece: &Piece) -> Result<Statement> {
    let statement = insert_of_with(statement);
    match &statement {
        Standard::Statement(inner) => match inner.as_ref() {
            ast::Statement::Query(_) => Ok(Statement::Query(Box::new(statement))),
            ast::Statement::Insert(insert) => {
                let TableObject::TableName(name) = &insert.table else {
                    return unsupported("INSERT into a function or a query", piece);
                };
                let Some(table) = table_name(name) else {
                    return unsupported(&format!("INSERT into '{name}'"), piece);
                };
                Ok(Statement::Insert(Insert {
                    table,
                    reject_limit: None,
                    statement: Box::new(statement),
                }))
            }
            other => match change_rows::target(other)? {
                Some((verb, table, planned)) => Ok(Statement::ChangeRows(ChangeRows {
                    verb,
                    table,
                    statement: planned.then(|| Box::new(statement.clone())),
                })),
                None => unsupported(&first_words(piece), piece),
            },
        },
        Standard::Explain(explain) => match accept((*explain.statement).clone(), piece)? {
            Statement::Query(_) => Ok(Statement::Query(Box::new(statement))),
            _ if explain.options.analyze => unsupported("EXPLAIN ANALYZE of a statement that writes", piece),
            Statement::Insert(_)
            | Statement::ChangeRows(ChangeRows {
                statement: Some(_), ..
            }) => Ok(Statement::Query(Box::new(statement))),
            _ => unsupported(&first_words(piece), piece),
        },
        _ => unsupported(&first_words(piece), piece),
    }
}

/// `WITH q AS (…) INSERT INTO t SELECT …` is `INSERT INTO t WITH q AS (…) SELECT …`.
fn insert_of_with(statement: Standard) -> Standard {
    let Standard::Statement(inner) = &statement else {
        return statement;
    };
    let ast::Statement::Query(query) = inner.as_ref() else {
        return statement;
    };
    let (Some(with), SetExpr::Insert(ast::Statement::Insert(insert))) = (&query.with, query.body.as_ref())
    else {
        return statement;
    };
    let mut insert = insert.clone();
    let Some(source) = &mut insert.source else {
        return statement;
    };
    let mut with = with.clone();
    if let Some(own) = source.with.take() {
        with.recursive |= own.recursive;
        with.cte_tables.extend(own.cte_tables);
    }
    source.with = Some(with);
    Standard::Statement(Box::new(ast::Statement::Insert(insert)))
}

fn unsupported<T>(what: &str, piece: &Piece) -> Result<T> {
    Err(Error::new(Code::Unsupported, format!("{what} is not supported"))
        .with_hint_if(elsewhere::hint(piece))
        .at(piece.start()))
}

/// The statement's first two words, as it is usually called.
fn first_words(piece: &Piece) -> String {
    let words = piece.tokens().iter().filter_map(|t| match &t.token {
        Token::Word(word) => Some(word.value.to_uppercase()),
        _ => None,
    });
    words.take(2).collect::<Vec<_>>().join(" ")
}

fn first_word_hint(piece: &Piece) -> Option<String> {
    let first = first_words(piece);
    let first = first.split(' ').next()?;
    if FIRST_WORDS.contains(&first) {
        return None;
    }
    did_you_mean(first, FIRST_WORDS)
}

fn syntax_error(error: DataFusionError, piece: &Piece) -> Error {
    match error {
        DataFusionError::SQL(error, _) => parse_error(*error, piece),
        DataFusionError::Diagnostic(_, inner) => syntax_error(*inner, piece),
        DataFusionError::Context(_, inner) => syntax_error(*inner, piece),
        other => Error::new(Code::Syntax, other.strip_backtrace()).at(piece.start()),
    }
}
