//! One aggregate function as DataFusion's `AggregateUDFImpl`.

use std::fmt::Debug;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, GroupsAccumulator, Signature, Volatility,
};
use datafusion::physical_plan::PhysicalExpr;
use datafusion::physical_plan::expressions::Literal;

use super::groups::{GroupStates, Grouped, Single};
use super::sliding::Sliding;
use crate::error::{Code, Error};
use crate::functions::documentation::Described;
use crate::functions::failure::{invalid_argument, wrong_count, wrong_type};

/// What DISTINCT does to an aggregate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Distinct {
    /// Nothing: the result is the same.
    Same,
    /// The state honours it.
    Honoured,
    /// It is refused.
    Refused,
}

/// What is known of a call when its states are made.
#[derive(Debug)]
pub(super) struct Call<'a> {
    /// The arguments' types, coerced.
    pub(super) types: Vec<DataType>,
    /// Whether DISTINCT was said.
    pub(super) distinct: bool,
    exprs: &'a [Arc<dyn PhysicalExpr>],
}

impl Call<'_> {
    /// The value of an argument that must be constant.
    pub(super) fn constant(&self, function: &str, argument: &str, index: usize) -> Result<ScalarValue> {
        let literal = self.exprs.get(index).and_then(|e| e.downcast_ref::<Literal>());
        match literal {
            Some(literal) => Ok(literal.value().clone()),
            None => Err(invalid_argument(function, argument, "must be a constant")),
        }
    }
}

/// What a family says of a function.
pub(super) trait AggregateFunction: Debug + Eq + Hash + Send + Sync + 'static {
    /// Its name.
    fn name(&self) -> &'static str;

    /// Other names for it.
    fn aliases(&self) -> &'static [&'static str] {
        &[]
    }

    /// Its documentation.
    fn described(&self) -> Described;

    /// The types its arguments are cast to; those types stay themselves.
    fn coerce(&self, types: &[DataType]) -> Result<Vec<DataType>>;

    /// The result's type, from coerced arguments.
    fn return_type(&self, types: &[DataType]) -> DataType;

    /// The state's columns.
    fn state_types(&self, types: &[DataType]) -> Vec<(&'static str, DataType)>;

    /// An empty state.
    fn states(&self, call: &Call<'_>) -> Result<Box<dyn GroupStates>>;

    /// What DISTINCT does.
    fn distinct(&self) -> Distinct {
        Distinct::Refused
    }

    /// The result over no rows, if it is not NULL.
    fn empty_result(&self) -> Option<ScalarValue> {
        None
    }
}

/// A function in DataFusion's clothes.
#[derive(Debug)]
pub(super) struct Shell<F> {
    function: F,
    signature: Signature,
    aliases: Vec<String>,
    documentation: Documentation,
}

impl<F: AggregateFunction> Shell<F> {
    /// The function as DataFusion registers it.
    pub(super) fn udaf(function: F) -> AggregateUDF {
        let mut names = vec![function.name()];
        names.extend(function.aliases());
        AggregateUDF::new_from_impl(Self {
            signature: Signature::user_defined(Volatility::Immutable),
            aliases: function.aliases().iter().map(|&alias| alias.to_owned()).collect(),
            documentation: function.described().documentation(&names),
            function,
        })
    }

    fn states(&self, args: &AccumulatorArgs<'_>) -> Result<Box<dyn GroupStates>> {
        if args.is_distinct && self.function.distinct() == Distinct::Refused {
            let name = self.function.name();
            let error = Error::new(Code::Unsupported, format!("{name} does not take DISTINCT here"));
            return Err(error
                .with_hint(format!(
                    "select the distinct rows in a subquery and apply {name} to them"
                ))
                .into());
        }
        self.function.states(&Call {
            types: args
                .expr_fields
                .iter()
                .map(|field| field.data_type().clone())
                .collect(),
            distinct: args.is_distinct,
            exprs: args.exprs,
        })
    }
}

impl<F: AggregateFunction> PartialEq for Shell<F> {
    fn eq(&self, other: &Self) -> bool {
        self.function == other.function
    }
}

impl<F: AggregateFunction> Eq for Shell<F> {}

impl<F: AggregateFunction> Hash for Shell<F> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.hash(state);
    }
}

impl<F: AggregateFunction> AggregateUDFImpl for Shell<F> {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        // An error from here would reach the user as text without its code: the types stay as they
        // are, and `return_type` refuses them.
        Ok(self.function.coerce(types).unwrap_or_else(|_| types.to_vec()))
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(self.function.return_type(&self.function.coerce(types)?))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let types: Vec<DataType> = args
            .input_fields
            .iter()
            .map(|field| field.data_type().clone())
            .collect();
        let columns = self.function.state_types(&types).into_iter();
        Ok(columns
            .map(|(name, data_type)| {
                let name = format_state_name(args.name, name);
                Arc::new(Field::new(name, data_type, true))
            })
            .collect())
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Single::new(self.states(&args)?)))
    }

    fn groups_accumulator_supported(&self, _args: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Grouped(self.states(&args)?)))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Sliding::new(self.states(&args)?)))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn default_value(&self, data_type: &DataType) -> Result<ScalarValue> {
        match self.function.empty_result() {
            Some(value) => Ok(value),
            None => ScalarValue::try_from(data_type),
        }
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// The type of `data_type`'s values, without the encoding.
pub(super) fn plain(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Dictionary(_, values) => plain(values),
        DataType::RunEndEncoded(_, values) => plain(values.data_type()),
        // SQL has no such type; nothing is lost.
        DataType::Float16 => DataType::Float32,
        other => other.clone(),
    }
}

/// What a value of any type is cast to: itself, without the encoding. NULL alone has no type of its
/// own, and becomes one that every state can hold.
pub(in crate::functions) fn value(data_type: &DataType) -> DataType {
    match plain(data_type) {
        DataType::Null => DataType::Boolean,
        other => other,
    }
}

/// Checks the number of arguments.
pub(super) fn expect_arguments(
    function: &str,
    syntax: &str,
    types: &[DataType],
    wanted: usize,
) -> Result<()> {
    if types.len() == wanted {
        return Ok(());
    }
    Err(wrong_count(function, syntax, types.len()))
}

/// DOUBLE for any number, else an error.
pub(in crate::functions) fn number(function: &str, argument: &str, data_type: &DataType) -> Result<DataType> {
    let found = plain(data_type);
    if found.is_numeric() || found.is_null() {
        return Ok(DataType::Float64);
    }
    Err(wrong_type(function, argument, "a number", data_type))
}
