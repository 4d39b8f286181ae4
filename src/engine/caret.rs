//! Where in its statement an error belongs.
//!
//! The planner knows the places of columns and functions. What fails while rows are read has a value
//! and no place: it is looked for among the literals, casts and operators of the text. An error whose
//! place is not certain shows the statement's first line without a caret: a wrong one misleads.

use sqlparser::tokenizer::Span;

use super::conversion::is_called;
use crate::definition::type_from_text;
use crate::error::{Code, Error, Location};
use crate::syntax::Piece;

/// What is divided by zero stands behind one of these.
const DIVISIONS: &[&str] = &["/", "%"];
const ARITHMETIC: &[&str] = &["+", "-", "*", "/", "%"];

/// Gives an error its place: where the planner says, where that stands which it is about, else the
/// statement.
pub(super) fn place(error: Error, span: Option<Span>, piece: &Piece) -> Error {
    if error.location().is_some() {
        return error;
    }
    let place = match (span, error.code()) {
        // What it quotes are values, unless it says where a column of them is named. That may be in the
        // text of a view, of which this one says nothing.
        (Some(span), Code::DataException) => {
            of_name(&error, &piece.part(span)).or_else(|| of_subject(&error, piece))
        }
        (Some(span), _) => Some(piece.locate(span)),
        (None, _) => of_subject(&error, piece),
    };
    error.at(place.unwrap_or_else(|| piece.start().without_caret()))
}

/// The place of the first name that the message quotes.
fn of_name(error: &Error, piece: &Piece) -> Option<Location> {
    let mut quoted = error.message().split('\'').skip(1).step_by(2);
    quoted.find_map(|name| {
        let word = || piece.locate_word(name.rsplit('.').next()?);
        piece.locate_literal(name).or_else(word)
    })
}

/// The word with which the clause begins that a message of the planner's is about.
fn clause(message: &str) -> Option<&'static str> {
    const BEGINNINGS: [(&str, &str); 4] = [
        ("HAVING clause references", "HAVING"),
        ("order by column out of bounds", "ORDER"),
        ("expected LIMIT", "LIMIT"),
        ("expected OFFSET", "OFFSET"),
    ];
    let of_message = |(beginning, _): &&(&str, _)| message.starts_with(beginning);
    BEGINNINGS.iter().find(of_message).map(|(_, word)| *word)
}

/// The place of what the message names.
fn of_subject(error: &Error, piece: &Piece) -> Option<Location> {
    let message = error.message();
    let mut quoted = message.split(['\'', '"']).skip(1).step_by(2);
    match error.code() {
        Code::DataException if message == "division by zero" => piece.locate_operator(DIVISIONS),
        Code::DataException if message.starts_with("date part '") => piece.locate_word(quoted.next()?),
        // What it quotes are values.
        Code::DataException => quoted.find_map(|value| piece.locate_literal(value)).or_else(|| {
            let (_, wanted) = message.rsplit_once(" is not of type ")?;
            let (written, place) = piece.only_cast()?;
            let data_type = type_from_text(written).ok()?;
            let wanted = wanted.split(": ").next()?;
            is_called(&data_type, wanted).then_some(place)
        }),
        Code::NumericOutOfRange => {
            // `9223372036854775807 + 1 does not fit into its type`
            let operator = message.split(' ').nth(1)?;
            let is_operator = ARITHMETIC.contains(&operator);
            is_operator.then(|| piece.locate_operator(&[operator]))?
        }
        // `cannot coerce arithmetic expression BIGINT + VARCHAR to valid types`
        Code::DatatypeMismatch if message.contains("coerce arithmetic expression") => {
            let operator = message.split(' ').find(|word| ARITHMETIC.contains(word))?;
            piece.locate_operator(&[operator])
        }
        Code::InvalidStatement if message.contains(" of VALUES has ") => piece.locate_word("VALUES"),
        Code::InvalidStatement if clause(message).is_some() => piece.locate_only_word(clause(message)?),
        // `late_by: argument 'delay' must not be negative`: that is a parameter's name, and no word of the text.
        _ => match message.split_once(": argument '") {
            Some((function, _)) => piece.locate_only_word(function),
            None => of_name(error, piece),
        },
    }
}
