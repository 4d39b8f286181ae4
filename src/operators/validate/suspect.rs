//! Screened keys as a condition of a plan: true of the rows whose key others may have.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::BooleanArray;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::screen::Screened;

#[derive(Debug)]
struct Suspect {
    screened: Arc<Screened>,
    signature: Signature,
}

/// Whether a row with the key `parts`, no part of which is NULL, may have another's.
pub fn may_repeat(screened: &Arc<Screened>, parts: Vec<Expr>) -> Expr {
    ScalarUDF::new_from_impl(Suspect {
        screened: Arc::clone(screened),
        signature: Signature::variadic_any(Volatility::Immutable),
    })
    .call(parts)
}

impl PartialEq for Suspect {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.screened, &other.screened)
    }
}

impl Eq for Suspect {}

impl Hash for Suspect {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.screened).hash(state);
    }
}

impl ScalarUDFImpl for Suspect {
    fn name(&self) -> &str {
        "may_repeat"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let parts = arguments.args.into_iter().map(|part| part.into_array(rows));
        let suspect = self
            .screened
            .are_suspect(&parts.collect::<Result<Vec<_>>>()?, rows)?;
        Ok(ColumnarValue::Array(Arc::new(BooleanArray::from(suspect))))
    }
}
