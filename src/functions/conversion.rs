//! `is_type`, `cast_error`: whether a value converts to a type, and if not, what is wrong.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, StringViewBuilder};
use arrow::compute::kernels::cmp::not_distinct;
use arrow::compute::{CastOptions, can_cast_types, cast_with_options, is_not_null};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;

use super::documentation::Described;
use super::failure::invalid_argument;
use super::scalar::{Argument, ScalarFunction, Shell, expect_arguments, text_type};
use crate::definition::{type_from_text, type_text};
use crate::error::{Code, Error};

/// The functions of this file.
pub(super) fn functions() -> Vec<ScalarUDF> {
    [Conversion::IsType, Conversion::CastError].map(Shell::udf).into()
}

/// As much of a value as a message shows, in characters.
const SHOWN: usize = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Conversion {
    IsType,
    CastError,
}

const ARGUMENTS: &[(&str, &str)] = &[
    ("x", "a value of any type, mostly text"),
    ("type", "the SQL name of a type, a constant"),
];

const IS_TYPE: Described = Described {
    section: "Conditional Functions",
    sentence: "Whether a value converts to a type without loss: CAST succeeds, a number keeps its value (1.5 is \
        no BIGINT) and text has no white space around it and no more decimal places than a DECIMAL. No locale \
        is consulted. NULL gives NULL.",
    source: "SQL:2016 CAST specification, as `TRY_CAST` applies it, made strict",
    syntax: "is_type(x, type)",
    example: "SELECT is_type('12', 'BIGINT'), is_type('12a', 'BIGINT'); -- true, false",
    arguments: ARGUMENTS,
};

const CAST_ERROR: Described = Described {
    section: "Conditional Functions",
    sentence: "NULL if a value converts to a type without loss (`is_type`) or is NULL, else a text that says \
        the value and the type.",
    source: "SQL:2016 CAST specification, as `TRY_CAST` applies it, made strict",
    syntax: "cast_error(x, type)",
    example: "SELECT cast_error('12a', 'BIGINT'); -- '12a' is no BIGINT",
    arguments: ARGUMENTS,
};

impl ScalarFunction for Conversion {
    fn name(&self) -> &'static str {
        match self {
            Self::IsType => "is_type",
            Self::CastError => "cast_error",
        }
    }

    fn described(&self) -> Described {
        match self {
            Self::IsType => IS_TYPE,
            Self::CastError => CAST_ERROR,
        }
    }

    fn coerce(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        expect_arguments(self, types, &[2])?;
        let value = match &types[0] {
            DataType::Dictionary(_, values) => values.as_ref().clone(),
            DataType::Null => DataType::Utf8View,
            other => other.clone(),
        };
        Ok(vec![value, text_type(self.name(), "type", &types[1])?])
    }

    fn return_type(&self, _types: &[DataType]) -> DataType {
        match self {
            Self::IsType => DataType::Boolean,
            Self::CastError => DataType::Utf8View,
        }
    }

    fn call(&self, arguments: &[Argument], _rows: usize) -> Result<ArrayRef> {
        let name = self.name();
        let values = &arguments[0].values;
        let target = target(name, &arguments[1])?;
        let fits = fits(name, values, &target)?;
        match self {
            Self::IsType => {
                let fits = (0..values.len()).map(|i| values.is_valid(i).then(|| fits.value(i)));
                Ok(Arc::new(fits.collect::<BooleanArray>()))
            }
            Self::CastError => complaints(values, &fits, &target),
        }
    }
}

fn target(name: &str, argument: &Argument) -> Result<DataType> {
    let texts = argument.text(name)?;
    let text = texts.get(0).filter(|_| argument.constant);
    let Some(text) = text else {
        return Err(invalid_argument(name, "type", "must be a constant, and not NULL"));
    };
    type_from_text(text).map_err(|error| {
        let problem = format!("is no type that a table can have: '{text}'");
        let message = format!("{name}: argument 'type' {problem}");
        Error::new(Code::InvalidValue, message).with_source(error).into()
    })
}

/// Whether each value converts; of NULLs it means nothing.
fn fits(name: &str, values: &ArrayRef, target: &DataType) -> Result<BooleanArray> {
    let source = values.data_type();
    if source == target {
        return Ok(BooleanArray::from(vec![true; values.len()]));
    }
    if !can_cast_types(source, target) {
        let message = format!(
            "{name}: no value of type {} converts to {}",
            type_text(source),
            type_text(target)
        );
        return Err(Error::new(Code::DatatypeMismatch, message).into());
    }
    let options = CastOptions {
        safe: true,
        format_options: FormatOptions::default(),
    };
    let converted = cast_with_options(values, target, &options)?;
    let fits = is_not_null(&converted)?;
    if source.is_string() {
        return strict_text(name, values, &fits, target);
    }
    if keeps_value(source, target) && can_cast_types(target, source) {
        let back = cast_with_options(&converted, source, &options)?;
        return Ok(arrow::compute::and(&fits, &not_distinct(&back, values)?)?);
    }
    Ok(fits)
}

/// Whether values of `source` that are not the same in `target` do not convert. Floats round by
/// nature: only the exact types must keep every digit.
fn keeps_value(source: &DataType, target: &DataType) -> bool {
    let exact = |data_type: &DataType| data_type.is_integer() || data_type.is_decimal();
    (source.is_numeric() && exact(target)) || (source.is_temporal() && target.is_temporal())
}

/// What Arrow's parsers let pass that is not the type's text.
fn strict_text(
    name: &str,
    values: &ArrayRef,
    fits: &BooleanArray,
    target: &DataType,
) -> Result<BooleanArray> {
    let argument = Argument {
        values: Arc::clone(values),
        constant: false,
    };
    let text = argument.text(name)?;
    let any_text = target.is_string() || target.is_binary();
    let strict = |row: usize| {
        let text = text.get(row).unwrap_or_default();
        fits.value(row) && (any_text || (text == text.trim() && places_fit(text, target)))
    };
    Ok((0..values.len()).map(|row| Some(strict(row))).collect())
}

/// Whether a decimal's text has no digit beyond the type's scale.
fn places_fit(text: &str, target: &DataType) -> bool {
    let scale = match target {
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => i64::from(*scale),
        _ => return true,
    };
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits = whole.trim_start_matches(['+', '-']);
    let places = if fraction.is_empty() {
        -((digits.len() - digits.trim_end_matches('0').len()) as i64)
    } else {
        fraction.len() as i64
    };
    exponent
        .parse::<i64>()
        .is_ok_and(|exponent| places.saturating_sub(exponent) <= scale)
}

/// A text for each value that does not convert.
fn complaints(values: &ArrayRef, fits: &BooleanArray, target: &DataType) -> Result<ArrayRef> {
    let target = type_text(target);
    let formatter = ArrayFormatter::try_new(values.as_ref(), &FormatOptions::default())?;
    let mut results = StringViewBuilder::with_capacity(values.len());
    for row in 0..values.len() {
        if values.is_null(row) || fits.value(row) {
            results.append_null();
            continue;
        }
        let value = formatter.value(row).to_string();
        let cut = value.char_indices().nth(SHOWN).map(|(at, _)| at);
        let shown = cut.map_or_else(|| value.clone(), |at| format!("{}…", &value[..at]));
        let complaint = if values.data_type().is_string() {
            format!("'{shown}' is no {target}")
        } else {
            format!("{shown} is no {target}")
        };
        results.append_value(complaint);
    }
    Ok(Arc::new(results.finish()))
}
