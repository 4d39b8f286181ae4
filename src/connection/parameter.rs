//! Parameters as people type them: `name[:TYPE]=value`.

use datafusion::common::ScalarValue;

use crate::definition::type_from_text;
use crate::error::{Code, Error, Result};

/// Reads `name[:TYPE]=value`; a value without a type is a text.
///
/// # Errors
/// [`Code::InvalidValue`] if it is not of this shape, if there is no such type, or if the value is not
/// of it.
pub fn parameter_from_text(text: &str) -> Result<(String, ScalarValue)> {
    let malformed =
        || wrong(&format!("'{text}' is not a parameter")).with_hint("write name=value or name:TYPE=value");
    let (head, value) = text.split_once('=').ok_or_else(malformed)?;
    let (name, type_text) = match head.split_once(':') {
        Some((name, type_text)) => (name, Some(type_text)),
        None => (head, None),
    };
    let is_word = |name: &str| name.chars().all(|c| c.is_alphanumeric() || c == '_');
    if name.is_empty() || !is_word(name) {
        return Err(malformed());
    }
    let data_type = type_from_text(type_text.unwrap_or("VARCHAR"))
        .map_err(|e| wrong(&format!("parameter '{name}': {}", e.message())))?;
    let type_text = type_text.unwrap_or("VARCHAR");
    if data_type.is_nested() {
        let message = format!("parameter '{name}': values of type {type_text} cannot be given");
        return Err(wrong(&message).with_hint("give their parts, and build them in SQL: [$a, $b]"));
    }
    let value = ScalarValue::try_from_string(value.to_owned(), &data_type).map_err(|_| {
        wrong(&format!(
            "parameter '{name}': '{value}' is not of type {type_text}"
        ))
    })?;
    Ok((name.to_owned(), value))
}

fn wrong(message: &str) -> Error {
    Error::new(Code::InvalidValue, message)
}
