//! Cleaning as window functions: `fill_mean(x) OVER (PARTITION BY g)`, `ffill(x) OVER (… ORDER BY t)`.
//!
//! Owns what they are called, which types they take, what stands in their `OVER`, and what they say of
//! themselves. A function is one over whole partitions ([`Whole`]), which no order concerns, or one over
//! sorted rows ([`Ordered`]). The operator that runs them over many partitions at once is elsewhere; as
//! DataFusion's own window functions they compute one partition with the same kernels.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::expr::Sort;
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{
    Documentation, Expr, PartitionEvaluator, Signature, Volatility, WindowFrame, WindowFrameBound, WindowUDF,
    WindowUDFImpl,
};
use datafusion::physical_plan::PhysicalExpr;
use datafusion::physical_plan::expressions::Literal;

use super::ordered::{Fill, Ordered, Run};
use super::whole::{Whole, Work};
use crate::error::{Code, Error};
use crate::functions::aggregate::{number, value};
use crate::functions::documentation::Described;
use crate::functions::failure::{internal, invalid_argument, wrong_count, wrong_type};

/// A function that cleans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cleaning {
    /// One over whole partitions.
    Whole(Whole),
    /// One over the rows of a partition in their order.
    Ordered(Ordered),
}

/// The cleaning function that `function` is, if it is one.
pub fn cleaning(function: &WindowUDF) -> Option<Cleaning> {
    let function = function.inner().downcast_ref::<CleaningFunction>();
    function.map(|function| function.cleaning)
}

/// Every cleaning function.
pub(super) fn functions() -> Vec<WindowUDF> {
    let whole = Whole::ALL.into_iter().map(Cleaning::Whole);
    let ordered = Ordered::ALL.into_iter().map(Cleaning::Ordered);
    whole.chain(ordered).map(CleaningFunction::udf).collect()
}

impl Cleaning {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Whole(whole) => whole.name(),
            Self::Ordered(ordered) => ordered.name(),
        }
    }

    fn described(self) -> Described {
        match self {
            Self::Whole(whole) => whole.described(),
            Self::Ordered(ordered) => ordered.described(),
        }
    }

    /// The fewest and the most arguments that a call has, the order's key not counted.
    fn counts(self) -> (usize, usize) {
        match self {
            Self::Whole(Whole::IqrOutlier | Whole::CapIqr) => (1, 2),
            Self::Whole(Whole::Winsorize) => (3, 3),
            Self::Ordered(Ordered::Ffill | Ordered::Bfill) => (1, 2),
            _ => (1, 1),
        }
    }

    /// The call's arguments as the function computes with them: with the key of its order, if it needs one.
    ///
    /// # Errors
    /// [`Code::InvalidStatement`] if its `OVER` says what it cannot mean.
    pub(super) fn over(
        self,
        mut args: Vec<Expr>,
        order_by: &[Sort],
        frame: &WindowFrame,
    ) -> Result<Vec<Expr>> {
        let (least, most) = self.counts();
        if !(least..=most).contains(&args.len()) {
            return Err(wrong_count(self.name(), self.described().syntax, args.len()));
        }
        let from_first = matches!(&frame.start_bound, WindowFrameBound::Preceding(rows) if rows.is_null());
        let to_last = matches!(&frame.end_bound, WindowFrameBound::Following(rows) if rows.is_null());
        // What stands there if nothing was written, of whatever unit.
        let to_this = frame.end_bound == WindowFrameBound::CurrentRow;
        match self {
            Self::Whole(_) if !order_by.is_empty() => {
                return Err(self.misplaced("takes no ORDER BY: it looks at the whole partition"));
            }
            Self::Ordered(Ordered::InterpolateLinear) => {
                let [Sort { expr, .. }] = order_by else {
                    return Err(self.misplaced("needs the key that it interpolates over: ORDER BY one key"));
                };
                args.push(expr.clone());
            }
            Self::Ordered(_) if order_by.is_empty() => {
                return Err(self.misplaced("needs an order: ORDER BY a key"));
            }
            _ => {}
        }
        let is_ordered = matches!(self, Self::Ordered(_));
        if !from_first || !(to_last || (to_this && is_ordered)) {
            return Err(self.misplaced("takes no frame: it looks at the whole partition"));
        }
        Ok(args)
    }

    fn misplaced(self, problem: &str) -> datafusion::error::DataFusionError {
        let error = Error::new(Code::InvalidStatement, format!("'{}' {problem}", self.name()));
        error
            .with_hint(format!("call it as {}", self.described().syntax))
            .into()
    }

    /// The types its arguments are cast to.
    fn coerce(self, types: &[DataType]) -> Result<Vec<DataType>> {
        let (least, most) = self.counts();
        let key = usize::from(self == Self::Ordered(Ordered::InterpolateLinear));
        if !(least..=most + key).contains(&types.len()) {
            return Err(wrong_count(self.name(), self.described().syntax, types.len()));
        }
        let first = match self {
            Self::Whole(Whole::FillMode) | Self::Ordered(Ordered::Ffill | Ordered::Bfill) => value(&types[0]),
            _ => number(self.name(), "x", &types[0])?,
        };
        let mut coerced = vec![first];
        for (found, (argument, _)) in types.iter().zip(self.described().arguments).skip(1) {
            coerced.push(match self {
                Self::Ordered(_) if found.is_integer() || found.is_null() => DataType::Int64,
                Self::Ordered(_) => return Err(wrong_type(self.name(), argument, "a whole number", found)),
                Self::Whole(_) => number(self.name(), argument, found)?,
            });
        }
        if let (Self::Ordered(Ordered::InterpolateLinear), Some(key)) = (self, types.get(1)) {
            coerced.push(interpolation_key(key)?);
        }
        Ok(coerced)
    }

    fn return_type(self, types: &[DataType]) -> DataType {
        match self {
            Self::Whole(Whole::IqrOutlier) => DataType::Boolean,
            Self::Whole(Whole::FillMode) | Self::Ordered(Ordered::Ffill | Ordered::Bfill) => types[0].clone(),
            _ => DataType::Float64,
        }
    }
}

/// A key has distances: it is a number or a moment.
fn interpolation_key(found: &DataType) -> Result<DataType> {
    match found {
        DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 | DataType::Time32(_) => {
            Ok(found.clone())
        }
        DataType::Time64(_) | DataType::Duration(_) => Ok(found.clone()),
        DataType::UInt64 => Ok(DataType::Float64),
        found if found.is_integer() => Ok(DataType::Int64),
        found if found.is_numeric() => Ok(DataType::Float64),
        _ => {
            let name = Ordered::InterpolateLinear.name();
            Err(wrong_type(
                name,
                "the key of ORDER BY",
                "a number or a moment",
                found,
            ))
        }
    }
}

/// The value of a constant DOUBLE among a call's arguments.
pub(super) fn constant(function: &str, argument: &str, expr: &Arc<dyn PhysicalExpr>) -> Result<f64> {
    use datafusion::common::ScalarValue;
    match expr.downcast_ref::<Literal>().map(Literal::value) {
        Some(ScalarValue::Float64(Some(value))) if value.is_finite() => Ok(*value),
        Some(ScalarValue::Float64(Some(_))) => Err(invalid_argument(function, argument, "must be finite")),
        Some(ScalarValue::Int64(Some(value))) => Ok(*value as f64),
        Some(value) if value.is_null() => Err(invalid_argument(function, argument, "must not be NULL")),
        Some(_) => Err(internal(function, "a constant of an unexpected type")),
        None => Err(invalid_argument(function, argument, "must be a constant")),
    }
}

/// A cleaning function in DataFusion's clothes.
#[derive(Debug)]
struct CleaningFunction {
    cleaning: Cleaning,
    signature: Signature,
    documentation: Documentation,
}

impl CleaningFunction {
    fn udf(cleaning: Cleaning) -> WindowUDF {
        WindowUDF::from(Self {
            cleaning,
            signature: Signature::user_defined(Volatility::Immutable),
            documentation: cleaning.described().documentation(&[cleaning.name()]),
        })
    }
}

impl PartialEq for CleaningFunction {
    fn eq(&self, other: &Self) -> bool {
        self.cleaning == other.cleaning
    }
}

impl Eq for CleaningFunction {}

impl Hash for CleaningFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.cleaning.hash(state);
    }
}

impl WindowUDFImpl for CleaningFunction {
    fn name(&self) -> &str {
        self.cleaning.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        // An error from here would reach the user as text without its code; `field` refuses the types.
        Ok(self.cleaning.coerce(types).unwrap_or_else(|_| types.to_vec()))
    }

    fn field(&self, args: WindowUDFFieldArgs) -> Result<FieldRef> {
        let types = args.input_fields().iter().map(|field| field.data_type().clone());
        let types = self.cleaning.coerce(&types.collect::<Vec<_>>())?;
        let data_type = self.cleaning.return_type(&types);
        Ok(Arc::new(Field::new(args.name(), data_type, true)))
    }

    fn partition_evaluator(&self, args: PartitionEvaluatorArgs) -> Result<Box<dyn PartitionEvaluator>> {
        let exprs = args.input_exprs();
        Ok(match self.cleaning {
            Cleaning::Whole(whole) => Box::new(WholeEvaluator(whole.work(exprs)?)),
            Cleaning::Ordered(ordered) => Box::new(OrderedEvaluator(ordered.fill(exprs)?)),
        })
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// One partition of a function over whole partitions.
#[derive(Debug)]
struct WholeEvaluator(Work);

impl PartitionEvaluator for WholeEvaluator {
    fn evaluate_all(&mut self, values: &[ArrayRef], _rows: usize) -> Result<ArrayRef> {
        self.0.of_one_partition(&values[0])
    }
}

/// One partition of a function over sorted rows.
#[derive(Debug)]
struct OrderedEvaluator(Fill);

impl PartitionEvaluator for OrderedEvaluator {
    fn evaluate_all(&mut self, values: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        let run = Run {
            rows: 0..rows,
            continues: false,
        };
        let runs = if rows == 0 { Vec::new() } else { vec![run] };
        self.0.fill(values, &runs, &mut None)
    }
}
