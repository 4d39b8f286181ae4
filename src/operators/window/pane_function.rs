//! The pane of a moment as a scalar function, so that plans over it keep their order.
//!
//! Not a function of SQL: it carries its grid with it, and appears in plans alone. It rises with its
//! argument, which the optimizer is told.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::grid::Grid;

/// What of the pane is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Part {
    /// Its number.
    Index,
    /// Where it begins.
    Start,
    /// Where it ends.
    End,
}

/// The pane of a moment.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct PaneFunction {
    grid: Grid,
    part: Part,
    /// Whose rows: for the error about a NULL.
    function: &'static str,
    column: String,
    name: String,
    signature: Signature,
}

impl PaneFunction {
    /// `part` of the pane that `column` lies in.
    pub(super) fn udf(grid: Grid, part: Part, function: &'static str, column: &str) -> Arc<ScalarUDF> {
        let what = match part {
            Part::Index => "pane",
            Part::Start => "pane_start",
            Part::End => "pane_end",
        };
        Arc::new(ScalarUDF::new_from_impl(Self {
            name: format!("{what}[{}]", grid.describe()),
            grid,
            part,
            function,
            column: column.to_owned(),
            signature: Signature::any(1, Volatility::Immutable),
        }))
    }

    /// The call of it.
    pub(super) fn call(udf: Arc<ScalarUDF>, time: Expr) -> Expr {
        udf.call(vec![time])
    }

    fn compute(&self, column: &ArrayRef) -> Result<ArrayRef> {
        let time = self.grid.time();
        let (ticks, nulls) = time.ticks(column)?;
        if nulls.is_some_and(|nulls| nulls.null_count() > 0) {
            return Err(time.missing(self.function, &self.column));
        }
        let mut values = Vec::with_capacity(ticks.len());
        match self.part {
            Part::Index => self.grid.each(&ticks, |pane| values.push(pane.index))?,
            Part::Start => self.grid.each(&ticks, |pane| values.push(pane.start))?,
            Part::End => self.grid.each(&ticks, |pane| values.push(pane.end))?,
        }
        match self.part {
            Part::Index => Ok(Arc::new(Int64Array::from(values))),
            Part::Start | Part::End => time.array(values),
        }
    }
}

impl ScalarUDFImpl for PaneFunction {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(match self.part {
            Part::Index => DataType::Int64,
            Part::Start | Part::End => self.grid.time().data_type().clone(),
        })
    }

    fn is_nullable(&self, _args: &[Expr], _schema: &dyn datafusion::common::ExprSchema) -> bool {
        false
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [argument] = args.args.as_slice() else {
            return Err(crate::error::Error::new(
                crate::error::Code::Internal,
                format!("{} takes one argument", self.name),
            )
            .into());
        };
        match argument {
            ColumnarValue::Array(column) => Ok(ColumnarValue::Array(self.compute(column)?)),
            ColumnarValue::Scalar(value) => {
                let result = self.compute(&value.to_array()?)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?))
            }
        }
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        let sorted = inputs.first().map(|input| input.sort_properties);
        Ok(sorted.unwrap_or(SortProperties::Unordered))
    }
}
