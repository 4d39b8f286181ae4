//! `regexp_extract`: the part of a text that a pattern finds.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringViewBuilder};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;
use regex::Regex;

use super::documentation::Described;
use super::failure::{invalid_argument, wrong_type};
use super::scalar::{Argument, ScalarFunction, Shell, expect_arguments, text_type};

/// The functions of this file.
pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![Shell::udf(RegexpExtract)]
}

const NAME: &str = "regexp_extract";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct RegexpExtract;

const DESCRIBED: Described = Described {
    section: "Regular Expression Functions",
    sentence: "The first match of a pattern, or what one of its groups matched; the empty text if nothing \
        did. NULL if an argument is NULL. Naming a group that the pattern does not have is an error.",
    source: "DuckDB `regexp_extract`; the syntax of the regex crate, without look-around and backreferences",
    syntax: "regexp_extract(s, pattern [, group])",
    example: "SELECT regexp_extract('hello_world', '([a-z]+)_', 1); -- hello",
    arguments: &[
        ("s", "text"),
        (
            "pattern",
            "a regular expression; it is compiled once if it is constant",
        ),
        (
            "group",
            "the number of the group, 0 (the whole match) unless said",
        ),
    ],
};

impl ScalarFunction for RegexpExtract {
    fn name(&self) -> &'static str {
        NAME
    }

    fn described(&self) -> Described {
        DESCRIBED
    }

    fn coerce(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        expect_arguments(self, types, &[2, 3])?;
        let mut coerced = vec![
            text_type(NAME, "s", &types[0])?,
            text_type(NAME, "pattern", &types[1])?,
        ];
        if let Some(group) = types.get(2) {
            if !group.is_integer() && !group.is_null() {
                return Err(wrong_type(NAME, "group", "a whole number", group));
            }
            coerced.push(DataType::Int64);
        }
        Ok(coerced)
    }

    fn return_type(&self, _types: &[DataType]) -> DataType {
        DataType::Utf8View
    }

    fn call(&self, arguments: &[Argument], rows: usize) -> Result<ArrayRef> {
        let (text, pattern) = (arguments[0].text(NAME)?, arguments[1].text(NAME)?);
        let mut results = StringViewBuilder::with_capacity(rows);
        let mut compiled: Option<(String, Regex)> = None;
        for row in 0..rows {
            let group = group(arguments.get(2), row);
            let (Some(text), Some(pattern), Some(group)) = (text.get(row), pattern.get(row), group) else {
                results.append_null();
                continue;
            };
            let regex = match &mut compiled {
                Some((known, regex)) if known == pattern => regex,
                other => &mut other.insert((pattern.to_owned(), compile(pattern)?)).1,
            };
            results.append_value(extract(regex, text, group)?);
        }
        Ok(Arc::new(results.finish()))
    }
}

fn group(argument: Option<&Argument>, row: usize) -> Option<i64> {
    let Some(argument) = argument else {
        return Some(0);
    };
    let (groups, row) = (argument.values.as_primitive::<Int64Type>(), argument.at(row));
    groups.is_valid(row).then(|| groups.value(row))
}

fn compile(pattern: &str) -> Result<Regex> {
    Regex::new(pattern).map_err(|error| {
        let text = error.to_string();
        let reason = text
            .lines()
            .last()
            .unwrap_or_default()
            .trim_start_matches("error: ");
        invalid_argument(
            NAME,
            "pattern",
            format!("is no regular expression: '{pattern}': {reason}"),
        )
    })
}

fn extract<'t>(regex: &Regex, text: &'t str, group: i64) -> Result<&'t str> {
    let groups = regex.captures_len();
    let Some(group) = usize::try_from(group).ok().filter(|&group| group < groups) else {
        let problem = format!(
            "is {group}, but the pattern '{regex}' has groups 0 to {}",
            groups - 1
        );
        return Err(invalid_argument(NAME, "group", problem));
    };
    let found = match group {
        0 => regex.find(text),
        _ => regex.captures(text).and_then(|captures| captures.get(group)),
    };
    Ok(found.map_or("", |found| found.as_str()))
}
