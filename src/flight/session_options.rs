//! The messages of session options, which Flight has and its Rust crate has not, and what they do.

use std::collections::HashMap;

use prost::Message;

use super::sessions::Client;
use crate::catalog::CATALOG;

/// A value of an option.
#[derive(Clone, PartialEq, Message)]
pub(super) struct SessionOptionValue {
    #[prost(oneof = "OptionValue", tags = "1, 2, 3, 4, 5")]
    pub option_value: Option<OptionValue>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum OptionValue {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(bool, tag = "2")]
    Bool(bool),
    #[prost(sfixed64, tag = "3")]
    Whole(i64),
    #[prost(double, tag = "4")]
    Double(f64),
    #[prost(message, tag = "5")]
    Texts(StringListValue),
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct StringListValue {
    #[prost(string, repeated, tag = "1")]
    pub values: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SetSessionOptionsRequest {
    #[prost(map = "string, message", tag = "1")]
    pub session_options: HashMap<String, SessionOptionValue>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SetSessionOptionsResult {
    #[prost(map = "string, message", tag = "1")]
    pub errors: HashMap<String, OptionError>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct OptionError {
    #[prost(int32, tag = "1")]
    pub value: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct GetSessionOptionsResult {
    #[prost(map = "string, message", tag = "1")]
    pub session_options: HashMap<String, SessionOptionValue>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct CloseSessionResult {
    #[prost(int32, tag = "1")]
    pub status: i32,
}

/// `CLOSED`.
pub(super) const CLOSED: i32 = 1;

const INVALID_NAME: i32 = 1;
const INVALID_VALUE: i32 = 2;

/// Sets options: `catalog`, `schema`, or a setting's name. One that cannot be set is told, and stops no
/// other.
pub(super) fn set(client: &Client, request: SetSessionOptionsRequest) -> SetSessionOptionsResult {
    let mut errors = HashMap::new();
    for (name, value) in request.session_options {
        if let Err(error) = set_one(client, &name, &value) {
            errors.insert(name, OptionError { value: error });
        }
    }
    SetSessionOptionsResult { errors }
}

fn set_one(client: &Client, name: &str, value: &SessionOptionValue) -> Result<(), i32> {
    let value = match &value.option_value {
        Some(OptionValue::Text(text)) => text.clone(),
        Some(OptionValue::Bool(truth)) => truth.to_string(),
        Some(OptionValue::Whole(number)) => number.to_string(),
        Some(OptionValue::Double(number)) => number.to_string(),
        // No value takes the option back to what it was at first.
        None => return client.session.reset(name).map_err(|_| INVALID_NAME),
        Some(OptionValue::Texts(_)) => return Err(INVALID_VALUE),
    };
    match name {
        "catalog" if value.eq_ignore_ascii_case(CATALOG) || value.is_empty() => Ok(()),
        "catalog" => Err(INVALID_VALUE),
        "schema" => client.session.use_zone(&value).map_err(|_| INVALID_VALUE),
        _ => client
            .session
            .set(name, &value)
            .map_err(|error| match error.code() {
                crate::error::Code::UndefinedSetting => INVALID_NAME,
                _ => INVALID_VALUE,
            }),
    }
}

/// Every option as the session has it.
pub(super) fn get(client: &Client) -> GetSessionOptionsResult {
    let text = |text: String| SessionOptionValue {
        option_value: Some(OptionValue::Text(text)),
    };
    let mut options: HashMap<String, SessionOptionValue> = client
        .session
        .settings()
        .into_iter()
        .map(|(name, value)| (name, text(value)))
        .collect();
    options.insert("catalog".to_owned(), text(CATALOG.to_owned()));
    options.insert("schema".to_owned(), text(client.session.zone()));
    GetSessionOptionsResult {
        session_options: options,
    }
}
