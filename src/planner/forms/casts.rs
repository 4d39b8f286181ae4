//! Casts to types with a length, which the planner would drop: `VARCHAR(3)` keeps three characters, as the
//! standard says, and `FLOAT(25)` and more is DOUBLE.

use sqlparser::ast::{CharacterLength, DataType, ExactNumberInfo, Expr, Value};

use super::call;

/// So many binary digits has a REAL.
const DIGITS_OF_REAL: u64 = 24;

/// Writes out what the length of a cast's type says.
pub(super) fn keep_length(expr: &mut Expr) {
    let Expr::Cast { data_type, .. } = expr else {
        return;
    };
    let length = match data_type {
        DataType::Float(ExactNumberInfo::Precision(digits)) if *digits > DIGITS_OF_REAL => {
            *data_type = DataType::DoublePrecision;
            return;
        }
        DataType::Varchar(length)
        | DataType::Char(length)
        | DataType::Character(length)
        | DataType::CharacterVarying(length)
        | DataType::CharVarying(length) => match length.take() {
            Some(CharacterLength::IntegerLength { length, .. }) => Some(length),
            Some(CharacterLength::Max) | None => None,
        },
        _ => return,
    };
    *data_type = DataType::Varchar(None);
    if let Some(length) = length {
        let length = Expr::value(Value::Number(length.to_string(), false));
        *expr = call("left", vec![expr.clone(), length]);
    }
}
