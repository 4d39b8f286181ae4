//! An error as JSON, so that the other end of a connection has the same one.

use serde::{Deserialize, Serialize};

use super::{Code, Error, Location};

/// What of an error is carried; what caused it stays where it happened.
#[derive(Serialize, Deserialize)]
struct Portable {
    code: String,
    message: String,
    hint: Option<String>,
    location: Option<Location>,
}

impl Error {
    /// The error as JSON, without what caused it.
    pub fn to_json(&self) -> String {
        let portable = Portable {
            code: self.code().to_string(),
            message: self.message().to_owned(),
            hint: self.hint().map(str::to_owned),
            location: self.location().cloned(),
        };
        serde_json::to_string(&portable).unwrap_or_default()
    }

    /// The error that [`Error::to_json`] wrote; `None` if the text is none, or of a code that this
    /// version does not know.
    pub fn from_json(text: &[u8]) -> Option<Self> {
        let portable: Portable = serde_json::from_slice(text).ok()?;
        let code = Code::ALL.iter().find(|code| code.as_str() == portable.code)?;
        let error = Self::new(*code, portable.message).with_hint_if(portable.hint);
        Some(match portable.location {
            Some(location) => error.at(location.within_bounds()),
            None => error,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_end_has_the_same_error() {
        let place = Location::in_text("SELECT x", 1, 8, 1);
        let error = Error::new(Code::UndefinedColumn, "column 'x' not found")
            .with_hint("there are a, b")
            .at(place);
        let other = Error::from_json(error.to_json().as_bytes()).unwrap();
        assert_eq!(other.report(), error.report());
        assert!(Error::from_json(b"{}").is_none());
    }
}
