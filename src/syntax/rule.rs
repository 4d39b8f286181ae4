//! `CONSTRAINT name EXPECT … [OVER TABLE] [WHERE …] [ON VIOLATION …] [WITH (…)]`: what a table's rows
//! are expected to be. The expectation alone is also what a definition file has as text.

use std::fmt;

use sqlparser::ast::{Expr, Ident, ObjectName};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Span, Token};

use super::cursor::{Cursor, in_parentheses, table_name};
use super::quote::identifier;
use super::script::{Piece, Script};
use super::statement::TableName;
use crate::error::{Code, Error, Result, did_you_mean};

/// A part of a text: SQL as written, and where it stands. Two are equal if their texts are.
#[derive(Debug, Clone)]
pub struct Fragment {
    /// As written.
    pub sql: String,
    /// In the text that it was read from.
    pub span: Span,
}

impl PartialEq for Fragment {
    fn eq(&self, other: &Self) -> bool {
        self.sql == other.sql
    }
}

impl fmt::Display for Fragment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sql)
    }
}

/// What a rule expects.
#[derive(Debug, Clone, PartialEq)]
pub enum Expectation {
    /// `(expression)`: of every row; with an aggregate in it, of the rows as a whole.
    Holds {
        /// What is not to be false.
        expression: Fragment,
        /// `OVER TABLE`: the rows are those of the table as it would be after the load.
        over_table: bool,
    },
    /// `NOT NULL (a, b)`.
    NotNull {
        /// The columns.
        columns: Vec<Ident>,
    },
    /// `UNIQUE (a, b) [KEEP FIRST|LAST BY expression]`.
    Unique {
        /// The key.
        columns: Vec<Ident>,
        /// Which row of a key is spared.
        keep: Option<Keep>,
    },
    /// `FOREIGN KEY (a) REFERENCES t (k)`.
    ForeignKey {
        /// The key.
        columns: Vec<Ident>,
        /// The table that has the keys.
        table: Reference,
        /// Its columns.
        key: Vec<Ident>,
    },
    /// `ACCURATE (a) AGAINST t ON (k) TOLERANCE 0.01 [OVER TABLE]`.
    Accurate {
        /// What is compared: columns of one name in both tables.
        columns: Vec<Ident>,
        /// The table that is right.
        table: Reference,
        /// What tells which row is which, in both tables.
        key: Vec<Ident>,
        /// How far numbers may lie apart.
        tolerance: f64,
        /// As in [`Expectation::Holds`].
        over_table: bool,
    },
    /// `STABLE (a) AGAINST t BY PSI < 0.2 [OVER TABLE]`.
    Stable {
        /// The column, of one name in both tables.
        column: Ident,
        /// The table whose distribution it is to have.
        table: Reference,
        /// The measure of their distance.
        statistic: Statistic,
        /// What it stays below.
        limit: f64,
        /// As in [`Expectation::Holds`].
        over_table: bool,
    },
}

/// Which row of a key is spared.
#[derive(Debug, Clone, PartialEq)]
pub struct Keep {
    /// The last one, not the first.
    pub last: bool,
    /// In this order.
    pub by: Fragment,
}

/// A table that a rule refers to. Two are equal if their names are.
#[derive(Debug, Clone)]
pub struct Reference(pub TableName);

impl PartialEq for Reference {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [&self.0.catalog, &self.0.zone].into_iter().flatten() {
            write!(f, "{}.", identifier(part))?;
        }
        f.write_str(&identifier(&self.0.table))
    }
}

/// A measure of how far two distributions lie apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistic {
    /// The population stability index over ten equally filled bins.
    Psi,
    /// The Kolmogorov-Smirnov statistic: the widest gap between the two distribution functions.
    Ks,
}

impl Statistic {
    /// Its name in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Psi => "PSI",
            Self::Ks => "KS",
        }
    }
}

/// A constraint as written.
#[derive(Debug, Clone)]
pub struct Constraint {
    /// Its name.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// What is expected.
    pub expectation: Expectation,
    /// `WHERE`: the rows that it applies to.
    pub filter: Option<Fragment>,
    /// `ON VIOLATION`, in upper case, with its place.
    pub action: Option<(String, Span)>,
    /// `WITH (…)`: names in lower case, values as text, with the names' places.
    pub options: Vec<(String, String, Span)>,
}

/// A condition of the standard's kind: `[CONSTRAINT name] CHECK (expression)`.
#[derive(Debug, Clone)]
pub struct Check {
    /// Its name, where it has one.
    pub name: Option<(String, Span)>,
    /// What is not to be false.
    pub expression: Fragment,
}

impl Expectation {
    /// Reads an expectation, as a definition file has it.
    ///
    /// # Errors
    /// [`Code::Syntax`] with a place in `text`.
    pub fn parse(text: &str) -> Result<Self> {
        let piece = only_piece(text, "an expectation")?;
        let mut cursor = Cursor::new(&piece);
        let expectation = expectation(&mut cursor)?;
        cursor.expect_end()?;
        Ok(expectation)
    }
}

impl Fragment {
    /// Reads an expression, as a definition file has it.
    ///
    /// # Errors
    /// [`Code::Syntax`] with a place in `text`.
    pub fn parse(text: &str) -> Result<Self> {
        let piece = only_piece(text, "an expression")?;
        let mut cursor = Cursor::new(&piece);
        let fragment = fragment(&mut cursor)?;
        cursor.expect_end()?;
        Ok(fragment)
    }
}

/// The tokens of one expression as sqlparser's.
///
/// # Errors
/// [`Code::Syntax`] with its place.
pub fn parse_expression(piece: &Piece) -> Result<Expr> {
    let mut cursor = Cursor::new(piece);
    let expression = cursor.rule(Parser::parse_expr)?;
    cursor.expect_end()?;
    Ok(expression)
}

fn only_piece(text: &str, what: &str) -> Result<Piece> {
    let mut pieces = Script::new(text).into_pieces();
    match (pieces.next(), pieces.next()) {
        (Some(piece), None) => piece,
        _ => Err(Error::new(Code::Syntax, format!("'{text}' is not {what}"))),
    }
}

/// What a constraint in a list of columns is.
pub(super) enum Listed {
    Rule(Box<Constraint>),
    Check(Check),
}

/// Whether a constraint begins here, and not a column that is called so.
pub(super) fn begins(cursor: &Cursor<'_>) -> bool {
    let behind = |n: usize, words: &[&str]| match cursor.peek(n) {
        Token::Word(word) => words.iter().any(|known| word.value.eq_ignore_ascii_case(known)),
        _ => false,
    };
    let named = cursor.sees(&["CONSTRAINT"])
        && behind(2, &["EXPECT", "CHECK", "UNIQUE", "PRIMARY", "FOREIGN", "NOT"]);
    named || cursor.sees(&["CHECK"]) && *cursor.peek(1) == Token::LParen
}

/// A constraint.
pub(super) fn listed(cursor: &mut Cursor<'_>) -> Result<Listed> {
    let name = match cursor.takes(&["CONSTRAINT"]) {
        true => {
            let ident = cursor.identifier()?;
            Some((ident.value, ident.span))
        }
        false => None,
    };
    if cursor.takes(&["CHECK"]) {
        let expression = in_brackets(cursor)?;
        return Ok(Listed::Check(Check { name, expression }));
    }
    if !cursor.takes(&["EXPECT"]) {
        let error = cursor.expected::<Listed>("EXPECT or CHECK");
        return error.map_err(|e| e.with_hint("such as EXPECT UNIQUE (id) ON VIOLATION QUARANTINE"));
    }
    let Some((name, span)) = name else {
        return cursor.expected("CONSTRAINT and a name");
    };
    constraint(cursor, name, span).map(Box::new).map(Listed::Rule)
}

fn constraint(cursor: &mut Cursor<'_>, name: String, span: Span) -> Result<Constraint> {
    let expectation = expectation(cursor)?;
    let filter = match cursor.takes(&["WHERE"]) {
        true => Some(fragment(cursor)?),
        false => None,
    };
    let action = match cursor.takes(&["ON", "VIOLATION"]) {
        true => Some(action(cursor)?),
        false => None,
    };
    let options = match cursor.takes(&["WITH"]) {
        true => in_parentheses(cursor, option)?,
        false => Vec::new(),
    };
    Ok(Constraint {
        name,
        span,
        expectation,
        filter,
        action,
        options,
    })
}

fn action(cursor: &mut Cursor<'_>) -> Result<(String, Span)> {
    let span = cursor.next_span();
    for words in [&["WARN"][..], &["DROP", "ROW"], &["QUARANTINE"], &["FAIL"]] {
        if cursor.takes(words) {
            return Ok((words.join(" "), span));
        }
    }
    let known = ["WARN", "DROP ROW", "QUARANTINE", "FAIL"];
    let hint = match cursor.peek(0) {
        Token::Word(word) => did_you_mean(&word.value.to_uppercase(), known),
        _ => None,
    };
    let error = cursor.expected("WARN, DROP ROW, QUARANTINE or FAIL");
    error.map_err(|e: Error| e.with_hint_if_none(hint))
}

/// `name = 'text'|number|word`.
fn option(cursor: &mut Cursor<'_>) -> Result<(String, String, Span)> {
    let (name, span) = cursor.word()?;
    cursor.expect_token(&Token::Eq)?;
    let value = match cursor.take() {
        Token::SingleQuotedString(text) | Token::Number(text, _) => text,
        Token::Word(word) => word.value,
        other => return Err(cursor.unexpected("the option's value", &other)),
    };
    Ok((name, value, span))
}

fn expectation(cursor: &mut Cursor<'_>) -> Result<Expectation> {
    if cursor.takes(&["UNIQUE"]) {
        let columns = columns(cursor)?;
        let last = cursor.sees(&["KEEP", "LAST", "BY"]);
        let keep = match last || cursor.sees(&["KEEP", "FIRST", "BY"]) {
            true => {
                cursor.skip(3);
                let by = fragment(cursor)?;
                Some(Keep { last, by })
            }
            false => None,
        };
        return Ok(Expectation::Unique { columns, keep });
    }
    if cursor.takes(&["NOT", "NULL"]) {
        return Ok(Expectation::NotNull {
            columns: columns(cursor)?,
        });
    }
    if cursor.takes(&["FOREIGN", "KEY"]) {
        let columns = columns(cursor)?;
        cursor.expect(&["REFERENCES"])?;
        let table = reference(cursor)?;
        let place = cursor.place();
        let key = self::columns(cursor)?;
        if key.len() != columns.len() {
            let message = format!(
                "a key of {} columns cannot refer to one of {}",
                columns.len(),
                key.len()
            );
            return Err(Error::new(Code::Syntax, message).at(place));
        }
        return Ok(Expectation::ForeignKey { columns, table, key });
    }
    if cursor.takes(&["ACCURATE"]) {
        let columns = columns(cursor)?;
        cursor.expect(&["AGAINST"])?;
        let table = reference(cursor)?;
        cursor.expect(&["ON"])?;
        let key = self::columns(cursor)?;
        let tolerance = match cursor.takes(&["TOLERANCE"]) {
            true => number(cursor)?,
            false => 0.0,
        };
        let over_table = cursor.takes(&["OVER", "TABLE"]);
        return Ok(Expectation::Accurate {
            columns,
            table,
            key,
            tolerance,
            over_table,
        });
    }
    if cursor.takes(&["STABLE"]) {
        return stable(cursor);
    }
    if !cursor.next_is(&Token::LParen) {
        return cursor
            .expected("a condition in parentheses, UNIQUE, NOT NULL, FOREIGN KEY, ACCURATE or STABLE");
    }
    let expression = in_brackets(cursor)?;
    let over_table = cursor.takes(&["OVER", "TABLE"]);
    Ok(Expectation::Holds {
        expression,
        over_table,
    })
}

fn stable(cursor: &mut Cursor<'_>) -> Result<Expectation> {
    cursor.expect_token(&Token::LParen)?;
    let column = cursor.identifier()?;
    cursor.expect_token(&Token::RParen)?;
    cursor.expect(&["AGAINST"])?;
    let table = reference(cursor)?;
    cursor.expect(&["BY"])?;
    let statistic = if cursor.takes(&["PSI"]) {
        Statistic::Psi
    } else if cursor.takes(&["KS"]) {
        Statistic::Ks
    } else {
        return cursor.expected("PSI or KS");
    };
    cursor.expect_token(&Token::Lt)?;
    let limit = number(cursor)?;
    let over_table = cursor.takes(&["OVER", "TABLE"]);
    Ok(Expectation::Stable {
        column,
        table,
        statistic,
        limit,
        over_table,
    })
}

fn columns(cursor: &mut Cursor<'_>) -> Result<Vec<Ident>> {
    in_parentheses(cursor, |cursor| cursor.identifier())
}

fn reference(cursor: &mut Cursor<'_>) -> Result<Reference> {
    let place = cursor.place();
    let name: ObjectName = cursor.rule(|parser| parser.parse_object_name(false))?;
    let table = table_name(&name).ok_or_else(|| {
        Error::new(Code::Syntax, format!("'{name}' is not a table's name"))
            .with_hint("a table is named 'table', 'zone.table' or 'lake.zone.table'")
            .at(place)
    });
    table.map(Reference)
}

fn number(cursor: &mut Cursor<'_>) -> Result<f64> {
    let place = cursor.place();
    match cursor.take() {
        Token::Number(digits, _) => digits
            .parse()
            .map_err(|_| Error::new(Code::Syntax, format!("'{digits}' is not a number")).at(place)),
        other => Err(cursor.unexpected("a number", &other)),
    }
}

/// `(expression)`, without the parentheses.
fn in_brackets(cursor: &mut Cursor<'_>) -> Result<Fragment> {
    cursor.expect_token(&Token::LParen)?;
    let fragment = fragment(cursor)?;
    cursor.expect_token(&Token::RParen)?;
    Ok(fragment)
}

/// An expression and its text.
pub(super) fn fragment(cursor: &mut Cursor<'_>) -> Result<Fragment> {
    let start = cursor.next_span();
    cursor.rule(Parser::parse_expr)?;
    let span = start.union(&cursor.last_span());
    let sql = cursor.piece().slice(span).trim().to_owned();
    Ok(Fragment { sql, span })
}

/// `(a, b)`.
fn list(columns: &[Ident]) -> String {
    let names: Vec<_> = columns.iter().map(|column| identifier(&column.value)).collect();
    format!("({})", names.join(", "))
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_over_table = match self {
            Self::Holds {
                expression,
                over_table,
            } => {
                write!(f, "({expression})")?;
                *over_table
            }
            Self::NotNull { columns } => {
                write!(f, "NOT NULL {}", list(columns))?;
                false
            }
            Self::Unique { columns, keep } => {
                write!(f, "UNIQUE {}", list(columns))?;
                if let Some(keep) = keep {
                    write!(
                        f,
                        " KEEP {} BY {}",
                        if keep.last { "LAST" } else { "FIRST" },
                        keep.by
                    )?;
                }
                false
            }
            Self::ForeignKey { columns, table, key } => {
                write!(
                    f,
                    "FOREIGN KEY {} REFERENCES {table} {}",
                    list(columns),
                    list(key)
                )?;
                false
            }
            Self::Accurate {
                columns,
                table,
                key,
                tolerance,
                over_table,
            } => {
                let (columns, key) = (list(columns), list(key));
                write!(
                    f,
                    "ACCURATE {columns} AGAINST {table} ON {key} TOLERANCE {tolerance}"
                )?;
                *over_table
            }
            Self::Stable {
                column,
                table,
                statistic,
                limit,
                over_table,
            } => {
                let column = list(std::slice::from_ref(column));
                write!(
                    f,
                    "STABLE {column} AGAINST {table} BY {} < {limit}",
                    statistic.name()
                )?;
                *over_table
            }
        };
        f.write_str(if is_over_table { " OVER TABLE" } else { "" })
    }
}
