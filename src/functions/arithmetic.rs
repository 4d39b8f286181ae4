//! `+`, `-`, `*` and negation of integers that fail where the result does not fit: DataFusion's own
//! wrap around, so that the largest BIGINT and one is the smallest.
//!
//! These are functions without a name in SQL: the planner puts them in the operators' place, and they
//! are written as the operators are.

use arrow::compute::kernels::numeric;
use arrow::datatypes::DataType;
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, Expr, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::physical_expr_common::datum::apply;

/// An operator on integers that is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CheckedOperator {
    /// `a + b`
    Add,
    /// `a - b`
    Subtract,
    /// `a * b`
    Multiply,
    /// `-a`
    Negate,
}

impl CheckedOperator {
    /// The checked form of a binary operator, if it needs one.
    pub fn of(operator: Operator) -> Option<Self> {
        match operator {
            Operator::Plus => Some(Self::Add),
            Operator::Minus => Some(Self::Subtract),
            Operator::Multiply => Some(Self::Multiply),
            _ => None,
        }
    }

    /// Which of these a function is.
    pub fn in_place_of(function: &ScalarUDF) -> Option<Self> {
        Some(function.inner().downcast_ref::<Checked>()?.operator)
    }

    /// The function. Its arguments are integers of one type, which is its result's. Binary operators take
    /// two or more, from left to right: a long sum as so many functions in each other would be planned in a time that
    /// grows with the cube of its length.
    pub fn function(self) -> ScalarUDF {
        ScalarUDF::new_from_impl(Checked {
            operator: self,
            signature: Signature::user_defined(Volatility::Immutable),
        })
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    operator: CheckedOperator,
    signature: Signature,
}

impl Checked {
    /// What is written between two arguments, or before one, and how strongly it binds.
    fn sign(&self) -> (&'static str, u8) {
        let binds = |operator: Operator| operator.precedence();
        match self.operator {
            CheckedOperator::Add => ("+", binds(Operator::Plus)),
            CheckedOperator::Subtract => ("-", binds(Operator::Minus)),
            CheckedOperator::Multiply => ("*", binds(Operator::Multiply)),
            CheckedOperator::Negate => ("-", u8::MAX),
        }
    }
}

/// How strongly the operator of an expression binds; nothing for what needs no parentheses.
fn precedence(expression: &Expr) -> Option<u8> {
    match expression {
        Expr::BinaryExpr(binary) => Some(binary.op.precedence()),
        Expr::ScalarFunction(call) => {
            let checked = call.func.inner().downcast_ref::<Checked>()?;
            (checked.operator != CheckedOperator::Negate).then(|| checked.sign().1)
        }
        _ => None,
    }
}

fn joined(operands: impl Iterator<Item = String>, sign: &str) -> String {
    operands.collect::<Vec<_>>().join(&format!(" {sign} "))
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &'static str {
        match self.operator {
            CheckedOperator::Add => "checked_add",
            CheckedOperator::Subtract => "checked_subtract",
            CheckedOperator::Multiply => "checked_multiply",
            CheckedOperator::Negate => "checked_negate",
        }
    }

    // Written from the arguments where they are: to put them together as the operator first would copy the
    // whole of a long sum once for each of its terms.
    fn display_name(&self, arguments: &[Expr]) -> Result<String> {
        let (sign, binds) = self.sign();
        let shown = |argument: &Expr| match precedence(argument) {
            Some(inner) if inner < binds => format!("({argument})"),
            _ => argument.to_string(),
        };
        match arguments {
            [only] => Ok(format!("({sign} {only})")),
            all => Ok(joined(all.iter().map(shown), sign)),
        }
    }

    fn schema_name(&self, arguments: &[Expr]) -> Result<String> {
        let sign = self.sign().0;
        match arguments {
            [only] => Ok(format!("({sign} {})", only.schema_name())),
            all => Ok(joined(
                all.iter().map(|argument| argument.schema_name().to_string()),
                sign,
            )),
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(types.to_vec())
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types.first() {
            Some(first) => Ok(first.clone()),
            None => internal_err!("{} has no arguments", self.name()),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let kernel = match self.operator {
            CheckedOperator::Add => numeric::add,
            CheckedOperator::Subtract => numeric::sub,
            CheckedOperator::Multiply => numeric::mul,
            CheckedOperator::Negate => {
                return match args.args.as_slice() {
                    [ColumnarValue::Array(values)] => Ok(ColumnarValue::Array(numeric::neg(values)?)),
                    [ColumnarValue::Scalar(value)] => Ok(ColumnarValue::Scalar(value.arithmetic_negate()?)),
                    _ => internal_err!("{} has other arguments", self.name()),
                };
            }
        };
        let mut operands = args.args.into_iter();
        match operands.next() {
            Some(first) => operands.try_fold(first, |sum, next| apply(&sum, &next, kernel)),
            None => internal_err!("{} has no arguments", self.name()),
        }
    }

    /// As the operator's: a sum of what grows, grows.
    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        let mut each = inputs.iter().map(|input| input.sort_properties);
        let Some(first) = each.next() else {
            return Ok(SortProperties::Unordered);
        };
        Ok(match self.operator {
            CheckedOperator::Add => each.fold(first, |sum, next| sum.add(&next)),
            CheckedOperator::Subtract => each.fold(first, |rest, next| rest.sub(&next)),
            CheckedOperator::Negate => -first,
            CheckedOperator::Multiply => SortProperties::Unordered,
        })
    }
}
