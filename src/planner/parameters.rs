//! Which value goes to which placeholder.

use std::collections::HashMap;

use datafusion::common::{ParamValues, ScalarValue};

use crate::error::{Code, Error, Result, did_you_mean};
use crate::syntax::{Parameters, Piece, parameter_names};

/// The values of the statement's placeholders, if it has any.
///
/// # Errors
/// [`Code::UndefinedParameter`] for a placeholder without a value.
pub(super) fn values(piece: &Piece, parameters: &Parameters) -> Result<Option<ParamValues>> {
    let mut values: HashMap<String, ScalarValue> = HashMap::new();
    for name in parameter_names(piece) {
        let value = parameters
            .get(&name)
            .ok_or_else(|| missing(&name, parameters, piece))?;
        values.insert(name, value.clone());
    }
    Ok((!values.is_empty()).then(|| ParamValues::from(values)))
}

fn missing(name: &str, parameters: &Parameters, piece: &Piece) -> Error {
    let known: Vec<String> = parameters.names().collect();
    let hint = did_you_mean(name, &known).unwrap_or_else(|| match known.as_slice() {
        [] => "no parameters are given".to_owned(),
        _ => format!("values are given for {}", known.join(", ")),
    });
    let error = Error::new(
        Code::UndefinedParameter,
        format!("parameter '${name}' has no value"),
    )
    .with_hint(hint);
    match piece.locate_parameter(name) {
        Some(place) => error.at(place),
        None => error,
    }
}
