//! Values bound to the placeholders `?`, `$1` and `$name` of a statement, never spliced into it.

use datafusion::common::ScalarValue;
use sqlparser::tokenizer::Token;

use super::script::Piece;
use crate::error::{Code, Error, Result};

/// Values for the placeholders of a statement: some by position (`?`, `$1`), some by name
/// (`$name`).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parameters {
    positional: Vec<ScalarValue>,
    named: Vec<(String, ScalarValue)>,
}

impl Parameters {
    /// Values for `$1`, `$2`, … and for each `?` in order.
    pub fn positional(values: impl IntoIterator<Item = ScalarValue>) -> Self {
        Self {
            positional: values.into_iter().collect(),
            named: Vec::new(),
        }
    }

    /// The same with a value for `$name`; a later value for a name replaces an earlier one.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: ScalarValue) -> Self {
        let name = name.into();
        self.named.retain(|(known, _)| *known != name);
        self.named.push((name, value));
        self
    }

    /// The value of placeholder `name` (without its `$`: a number from 1, or a name).
    pub fn get(&self, name: &str) -> Option<&ScalarValue> {
        let number = name.parse::<usize>().ok();
        let positional = number.and_then(|number| self.positional.get(number.checked_sub(1)?));
        positional.or_else(|| self.named.iter().find(|(known, _)| known == name).map(|(_, v)| v))
    }

    /// Every name that has a value, numbers included.
    pub fn names(&self) -> impl Iterator<Item = String> + '_ {
        let numbers = (1..=self.positional.len()).map(|n| n.to_string());
        numbers.chain(self.named.iter().map(|(name, _)| name.clone()))
    }
}

/// The placeholders that a statement uses, without their `$`, each once, in order of appearance.
pub fn parameter_names(piece: &Piece) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for token in piece.tokens() {
        if let Token::Placeholder(text) = &token.token {
            let name = text.trim_start_matches('$');
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
    }
    names
}

/// Gives each `?` its number, so that it reads `$1`, `$2`, …
///
/// # Errors
/// [`Code::Syntax`] where a statement has both `?` and `$1`: which is which would be a guess.
pub(super) fn number(mut piece: Piece) -> Result<Piece> {
    let mut questions = 0;
    let mut numbered = None;
    for token in piece.tokens_mut() {
        let span = token.span;
        let Token::Placeholder(text) = &mut token.token else {
            continue;
        };
        if text == "?" {
            questions += 1;
            *text = format!("${questions}");
        } else if text.trim_start_matches(['$', '?']).parse::<usize>().is_ok() {
            *text = text.replace('?', "$");
            numbered = Some(span);
        }
    }
    match numbered {
        Some(span) if questions > 0 => Err(Error::new(
            Code::Syntax,
            "a statement has either '?' or numbered placeholders, not both",
        )
        .with_hint("number them all ($1, $2, …) or name them ($name)")
        .at(piece.locate(span))),
        _ => Ok(piece),
    }
}
