//! Values that do not convert: what is said of them, and which columns they came from.
//!
//! Kernels know the value and, some of them, the type that it was to have. The plan knows which columns
//! are cast to that type.

use std::collections::BTreeSet;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_plan::expressions::CastExpr;
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};

use crate::definition::type_text;
use crate::error::{Code, Error};

/// What is said between a value and the type that it was to have.
const NO_SUCH_TYPE: &str = " is not of type ";
const TOO_LARGE: &str = " does not fit into ";

/// What is said of decimals whose digits the kernel does not know.
const SOME_DECIMAL: &str = "DECIMAL";

/// What is said of more columns than this helps nobody.
const NAMED: usize = 4;

/// What the text of a kernel means, in SQL's types; `None` if it is not about a conversion.
pub(super) fn sentence(text: &str) -> Option<String> {
    not_read(text).or_else(|| too_large(text))
}

/// `Cannot cast string 'x' to value of Int32 type`, `Error parsing timestamp from 'x': …`.
fn not_read(text: &str) -> Option<String> {
    if let Some(rest) = text.strip_prefix("Cannot cast ") {
        let (_, rest) = rest.split_once('\'')?;
        let (value, arrow) = rest.strip_suffix(" type")?.rsplit_once("' to value of ")?;
        return Some(format!("'{value}'{NO_SUCH_TYPE}{}", sql_type(arrow)?));
    }
    if let Some(rest) = text.strip_prefix("Error parsing timestamp from '") {
        let (value, why) = rest.rsplit_once("': ")?;
        return Some(format!("'{value}'{NO_SUCH_TYPE}TIMESTAMP: {why}"));
    }
    let value = text.strip_prefix("Invalid input syntax for type interval: \"")?;
    Some(format!("'{}'{NO_SUCH_TYPE}INTERVAL", value.strip_suffix('"')?))
}

/// `Can't cast value 1000 to type Int8`,
/// `1234.00 is too large to store in a Decimal128 of precision 5. Max is 999.99`.
fn too_large(text: &str) -> Option<String> {
    if let Some(rest) = text.strip_prefix("Can't cast value ") {
        let (value, arrow) = rest.rsplit_once(" to type ")?;
        return Some(format!("{value}{TOO_LARGE}{}", sql_type(arrow)?));
    }
    let (value, rest) = [" is too large to store in a ", " is too small to store in a "]
        .iter()
        .find_map(|words| text.split_once(words))?;
    let (_, bound) = rest.strip_prefix("Decimal")?.split_once(". ")?;
    let (end, bound) = bound.split_once(" is ")?;
    let end = if end == "Max" { "most" } else { "least" };
    Some(format!("{value}{TOO_LARGE}{SOME_DECIMAL}: the {end} is {bound}"))
}

fn sql_type(arrow: &str) -> Option<String> {
    // A cast of text to decimals goes over one of all digits.
    if arrow.starts_with("Decimal") {
        return Some(SOME_DECIMAL.to_owned());
    }
    Some(type_text(&arrow.parse().ok()?))
}

/// The error of a conversion, with the columns that the plan casts to the type that it names.
pub(super) fn explained(error: Error, plan: &dyn ExecutionPlan) -> Error {
    if !matches!(error.code(), Code::DataException | Code::NumericOutOfRange) {
        return error;
    }
    match with_columns(error.message(), plan) {
        Some(message) => error.reworded(message),
        None => error,
    }
}

fn with_columns(message: &str, plan: &dyn ExecutionPlan) -> Option<String> {
    let words = [NO_SUCH_TYPE, TOO_LARGE]
        .into_iter()
        .find(|words| message.contains(words))?;
    let (value, rest) = message.rsplit_once(words)?;
    let (wanted, why) = match rest.split_once(": ") {
        Some((wanted, why)) => (wanted, format!(": {why}")),
        None => (rest, String::new()),
    };
    let mut casts = Casts::default();
    casts.of_plan(plan, &|target| is_called(target, wanted));
    let written = match casts.types.len() {
        0 => return None,
        1 => casts.types.first()?.as_str(),
        _ => wanted,
    };
    let columns: Vec<_> = casts.columns.iter().map(|name| format!("'{name}'")).collect();
    let column = match columns.as_slice() {
        [only] => format!("column {only}"),
        several if several.len() <= NAMED => format!("one of the columns {}", several.join(", ")),
        _ => return None,
    };
    Some(format!("{value}{words}{written}, which {column} is cast to{why}"))
}

/// Whether a type may be what an error of a conversion calls `name`.
pub(super) fn is_called(target: &DataType, name: &str) -> bool {
    match name {
        SOME_DECIMAL => target.is_decimal(),
        "TIMESTAMP" => matches!(target, DataType::Timestamp(..)),
        name => type_text(target) == name,
    }
}

/// The casts of a plan that may fail.
#[derive(Default)]
struct Casts {
    types: BTreeSet<String>,
    columns: BTreeSet<String>,
}

impl Casts {
    fn of_plan(&mut self, plan: &dyn ExecutionPlan, is_wanted: &dyn Fn(&DataType) -> bool) {
        let visited = plan.apply_expressions(&mut |root| {
            root.apply(|expr| {
                self.of_expr(expr.as_ref(), is_wanted);
                Ok(TreeNodeRecursion::Continue)
            })
        });
        // Nothing above fails.
        drop(visited);
        for child in plan.children() {
            self.of_plan(child.as_ref(), is_wanted);
        }
    }

    fn of_expr(&mut self, expr: &dyn PhysicalExpr, is_wanted: &dyn Fn(&DataType) -> bool) {
        let Some(cast) = expr.downcast_ref::<CastExpr>() else {
            return;
        };
        if cast.cast_options().safe || !is_wanted(cast.cast_type()) {
            return;
        }
        let columns = collect_columns(cast.expr());
        let named = columns.iter().map(|column| column.name());
        let named: Vec<_> = named.filter(|name| !is_made_up(name)).collect();
        if !named.is_empty() {
            self.types.insert(type_text(cast.cast_type()));
            self.columns.extend(named.into_iter().map(str::to_owned));
        }
    }
}

/// The planner's own name of a column: `__common_expr_1`, and `column1` in VALUES.
fn is_made_up(name: &str) -> bool {
    let of_values = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    name.starts_with("__") || name.strip_prefix("column").is_some_and(of_values)
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn what_kernels_say_is_said_in_sqls_types() {
        let sentences = [
            (
                "Cannot cast string 'x' to value of Int32 type",
                "'x' is not of type INT",
            ),
            (
                "Cannot cast value 'x' to value of Boolean type",
                "'x' is not of type BOOLEAN",
            ),
            (
                "Cannot cast string 'it's' to value of Decimal128(38, 10) type",
                "'it's' is not of type DECIMAL",
            ),
            (
                "Error parsing timestamp from 'x': too short",
                "'x' is not of type TIMESTAMP: too short",
            ),
            (
                "Invalid input syntax for type interval: \"x\"",
                "'x' is not of type INTERVAL",
            ),
            (
                "Can't cast value NaN to type Int8",
                "NaN does not fit into TINYINT",
            ),
            (
                "1234.50 is too large to store in a Decimal128 of precision 5. Max is 999.99",
                "1234.50 does not fit into DECIMAL: the most is 999.99",
            ),
        ];
        for (text, meant) in sentences {
            assert_eq!(sentence(text).as_deref(), Some(meant));
        }
        assert_eq!(sentence("Divide by zero"), None);
    }
}
