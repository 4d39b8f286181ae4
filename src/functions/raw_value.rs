//! `raw_value`: what a quarantined row was given in place of a value that did not convert.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringViewBuilder};
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;
use serde_json::{Map, Value};

use super::documentation::Described;
use super::scalar::{Argument, ScalarFunction, Shell, expect_arguments, text_type};

/// The function of this file.
pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![Shell::udf(RawValue)]
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct RawValue;

impl ScalarFunction for RawValue {
    fn name(&self) -> &'static str {
        "raw_value"
    }

    fn described(&self) -> Described {
        Described {
            section: "String Functions",
            sentence: "The text that a column of a quarantined row was given and that did not convert to its \
                type; NULL where it did.",
            source: "weir: the column _raw of t$quarantine, a JSON object of texts by column",
            syntax: "raw_value(raw, column)",
            example: "SELECT raw_value('{\"amount\":\"12,5\"}', 'amount'); -- 12,5",
            arguments: &[
                ("raw", "the row's _raw; text that is no JSON object has no values"),
                ("column", "the column's name, as its table spells it"),
            ],
        }
    }

    fn coerce(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        expect_arguments(self, types, &[2])?;
        Ok(vec![
            text_type(self.name(), "raw", &types[0])?,
            text_type(self.name(), "column", &types[1])?,
        ])
    }

    fn return_type(&self, _types: &[DataType]) -> DataType {
        DataType::Utf8View
    }

    fn call(&self, arguments: &[Argument], rows: usize) -> Result<ArrayRef> {
        let (raw, column) = (arguments[0].text(self.name())?, arguments[1].text(self.name())?);
        let mut values = StringViewBuilder::with_capacity(rows);
        for row in 0..rows {
            let object = raw.get(row).map(serde_json::from_str::<Map<String, Value>>);
            let value = match (object, column.get(row)) {
                (Some(Ok(mut object)), Some(column)) => object.remove(column),
                _ => None,
            };
            match value {
                Some(Value::String(text)) => values.append_value(text),
                Some(other) if !other.is_null() => values.append_value(other.to_string()),
                _ => values.append_null(),
            }
        }
        Ok(Arc::new(values.finish()))
    }
}
