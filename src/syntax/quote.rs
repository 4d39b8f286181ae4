//! Names and texts written as SQL.

use std::borrow::Cow;

use sqlparser::keywords::ALL_KEYWORDS;

/// A name as SQL: bare where that reads back as the same name, else in double quotes.
pub fn identifier(name: &str) -> Cow<'_, str> {
    let mut characters = name.chars();
    let bare = characters
        .next()
        .is_some_and(|c| c.is_ascii_lowercase() || c == '_')
        && characters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && ALL_KEYWORDS
            .binary_search(&name.to_ascii_uppercase().as_str())
            .is_err();
    if bare {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(format!("\"{}\"", name.replace('"', "\"\"")))
    }
}

/// A text as an SQL literal.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
