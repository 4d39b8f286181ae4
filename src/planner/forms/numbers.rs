//! Numbers of more digits than DOUBLE holds, which the planner would round to it: they are DECIMAL.

use sqlparser::ast::{CastKind, DataType, ExactNumberInfo, Expr, Value};

/// As many digits are in every DOUBLE.
const DIGITS_OF_DOUBLE: usize = 15;
/// The most that a DECIMAL has.
const DIGITS_OF_DECIMAL: usize = 38;

/// Writes a literal as the DECIMAL that it is, if it is neither an integer nor exact as DOUBLE.
pub(super) fn keep_exact(expr: &mut Expr) {
    let Expr::Value(value) = expr else {
        return;
    };
    let Value::Number(text, false) = &value.value else {
        return;
    };
    let Some((precision, scale)) = precision_and_scale(text) else {
        return;
    };
    let mut text = value.clone();
    if let Value::Number(digits, _) = &value.value {
        text.value = Value::SingleQuotedString(digits.clone());
    }
    *expr = Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(Expr::Value(text)),
        data_type: DataType::Decimal(ExactNumberInfo::PrecisionAndScale(precision, scale)),
        array: false,
        format: None,
    };
}

/// Of a number that only a DECIMAL holds.
fn precision_and_scale(text: &str) -> Option<(u64, i64)> {
    if text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok() {
        return None;
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let are_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(whole) || !are_digits(fraction) {
        return None;
    }
    let whole = whole.trim_start_matches('0');
    let significant = match whole.is_empty() {
        true => fraction.trim_start_matches('0').len(),
        false => whole.len() + fraction.len(),
    };
    let precision = whole.len() + fraction.len();
    let is_needed = significant > DIGITS_OF_DOUBLE && precision <= DIGITS_OF_DECIMAL;
    let precision = u64::try_from(precision).ok().filter(|_| is_needed)?;
    Some((precision, i64::try_from(fraction.len()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::precision_and_scale;

    #[test]
    fn only_what_a_double_would_round_is_a_decimal() {
        assert_eq!(precision_and_scale("12345678901234567.89"), Some((19, 2)));
        assert_eq!(precision_and_scale("0.1234567890123456789"), Some((19, 19)));
        assert_eq!(
            precision_and_scale("99999999999999999999999999999999999999"),
            Some((38, 0))
        );
        for other in [
            "1",
            "1.5",
            "0.000000000000000001",
            "18446744073709551615",
            "1e300",
        ] {
            assert_eq!(precision_and_scale(other), None, "{other}");
        }
    }
}
