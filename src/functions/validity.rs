//! `is_email`, `is_phone`, `is_url`, `is_uuid`, `is_ip`: whether text is what it should be.

use std::cell::Cell;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray};
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;
use email_address::{EmailAddress, Options};
use url::Url;
use uuid::Uuid;

use super::documentation::Described;
use super::scalar::{Argument, ScalarFunction, Shell, expect_arguments, text_type};

/// The functions of this file.
pub(super) fn functions() -> Vec<ScalarUDF> {
    [Form::Email, Form::Phone, Form::Url, Form::Uuid, Form::Ip]
        .map(Shell::udf)
        .into()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Form {
    Email,
    Phone,
    Url,
    Uuid,
    Ip,
}

const S: &[(&str, &str)] = &[(
    "s",
    "text; NULL gives NULL, and white space around it is part of it",
)];

const IS_EMAIL: Described = Described {
    section: "String Functions",
    sentence: "Whether text is an e-mail address that mail can be sent to from anywhere: a local part and a \
        domain of at least two labels, without a display name.",
    source: "RFC 5321 and RFC 5322 (addr-spec)",
    syntax: "is_email(s)",
    example: "SELECT is_email('ada@example.org'); -- true",
    arguments: S,
};

const IS_PHONE: Described = Described {
    section: "String Functions",
    sentence: "Whether text is an international telephone number: '+', an assigned country code, 7 to 15 digits \
        in all, with single spaces, hyphens, dots or one pair of parentheses between them. Whether the number \
        is in a country's numbering plan is not looked up.",
    source: "ITU-T E.164 and E.123",
    syntax: "is_phone(s)",
    example: "SELECT is_phone('+49 30 123456'); -- true",
    arguments: S,
};

const IS_URL: Described = Described {
    section: "String Functions",
    sentence: "Whether text is an absolute URL with a host, valid as it stands (a browser repairs more).",
    source: "the URL Living Standard, without validation errors",
    syntax: "is_url(s)",
    example: "SELECT is_url('https://example.org/a?b=1'); -- true",
    arguments: S,
};

const IS_UUID: Described = Described {
    section: "String Functions",
    sentence: "Whether text is a UUID in the standard's form of 36 characters, in either case.",
    source: "RFC 9562, section 4",
    syntax: "is_uuid(s)",
    example: "SELECT is_uuid('f81d4fae-7dec-11d0-a765-00a0c91e6bf6'); -- true",
    arguments: S,
};

const IS_IP: Described = Described {
    section: "String Functions",
    sentence: "Whether text is an IPv4 or an IPv6 address, without port, prefix or zone; IPv4 as four decimal \
        numbers without leading zeros.",
    source: "RFC 6943, section 3.1.1 (strict IPv4) and RFC 4291, section 2.2",
    syntax: "is_ip(s)",
    example: "SELECT is_ip('2001:db8::1'); -- true",
    arguments: S,
};

impl ScalarFunction for Form {
    fn name(&self) -> &'static str {
        match self {
            Self::Email => "is_email",
            Self::Phone => "is_phone",
            Self::Url => "is_url",
            Self::Uuid => "is_uuid",
            Self::Ip => "is_ip",
        }
    }

    fn described(&self) -> Described {
        match self {
            Self::Email => IS_EMAIL,
            Self::Phone => IS_PHONE,
            Self::Url => IS_URL,
            Self::Uuid => IS_UUID,
            Self::Ip => IS_IP,
        }
    }

    fn coerce(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        expect_arguments(self, types, &[1])?;
        Ok(vec![text_type(self.name(), "s", &types[0])?])
    }

    fn return_type(&self, _types: &[DataType]) -> DataType {
        DataType::Boolean
    }

    fn call(&self, arguments: &[Argument], rows: usize) -> Result<ArrayRef> {
        let text = arguments[0].text(self.name())?;
        let fits = match self {
            Self::Email => is_email,
            Self::Phone => is_phone,
            Self::Url => is_url,
            Self::Uuid => is_uuid,
            Self::Ip => is_ip,
        };
        let results: BooleanArray = (0..rows).map(|row| text.get(row).map(fits)).collect();
        Ok(Arc::new(results))
    }
}

fn is_email(text: &str) -> bool {
    let options = Options::default()
        .with_required_tld()
        .without_domain_literal()
        .without_display_text();
    EmailAddress::parse_with_options(text, options).is_ok()
}

fn is_url(text: &str) -> bool {
    let sound = Cell::new(true);
    let note = |_| sound.set(false);
    let parsed = Url::options().syntax_violation_callback(Some(&note)).parse(text);
    parsed.is_ok_and(|url| url.host_str().is_some_and(|host| !host.is_empty())) && sound.get()
}

fn is_uuid(text: &str) -> bool {
    text.len() == uuid::fmt::Hyphenated::LENGTH && Uuid::try_parse(text).is_ok()
}

fn is_ip(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

const FEWEST_DIGITS: usize = 7;
const MOST_DIGITS: usize = 15;

/// Country codes of three digits that are assigned, in runs.
const THREE_DIGITS: &[RangeInclusive<u16>] = &[
    211..=213,
    216..=216,
    218..=218,
    220..=258,
    260..=269,
    290..=291,
    297..=299,
    350..=359,
    370..=383,
    385..=387,
    389..=389,
    420..=421,
    423..=423,
    500..=509,
    590..=599,
    670..=670,
    672..=683,
    685..=692,
    800..=800,
    808..=808,
    850..=850,
    852..=853,
    855..=856,
    870..=870,
    880..=883,
    886..=886,
    960..=968,
    970..=977,
    979..=979,
    992..=996,
    998..=998,
];

/// Country codes of two digits.
const TWO_DIGITS: &[u8] = &[
    20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54, 55, 56, 57, 58,
    60, 61, 62, 63, 64, 65, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98,
];

fn is_phone(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('+') else {
        return false;
    };
    let mut digits = Vec::with_capacity(MOST_DIGITS);
    let (mut open, mut closed) = (false, false);
    let mut last = '+';
    for c in rest.chars() {
        match c {
            '0'..='9' => digits.push(c as u8 - b'0'),
            ' ' | '-' | '.' if last.is_ascii_digit() || last == ')' => {}
            '(' if !open && (last.is_ascii_digit() || last == ' ') => open = true,
            ')' if open && !closed && last.is_ascii_digit() => closed = true,
            _ => return false,
        }
        last = c;
    }
    let whole = open == closed && last.is_ascii_digit();
    whole && (FEWEST_DIGITS..=MOST_DIGITS).contains(&digits.len()) && has_country_code(&digits)
}

fn has_country_code(digits: &[u8]) -> bool {
    let [first, second, third, ..] = *digits else {
        return false;
    };
    let two = first * 10 + second;
    let code = u16::from(two) * 10 + u16::from(third);
    let three = || THREE_DIGITS.iter().any(|run| run.contains(&code));
    first == 1 || first == 7 || TWO_DIGITS.contains(&two) || three()
}
