//! `sum`, of which a sum of integers that does not fit into BIGINT is an error. DataFusion's own wraps
//! around.
//!
//! Everything is DataFusion's `sum`; integers are summed as decimals of 38 digits, which no number of
//! rows overflows, and the result is taken back.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, AsArray, BooleanArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, Field, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions_aggregate::sum::Sum;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, EmitTo, GroupsAccumulator, ReversedUDAF,
    SetMonotonicity, Signature,
};

use crate::error::{Code, Error};
use crate::functions::documentation::Described;

/// What integers are summed as.
const WIDE: DataType = DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0);

const DESCRIBED: Described = Described {
    section: "General Functions",
    sentence: "The sum; NULL over no rows. NULLs are ignored. A sum of integers that does not fit into BIGINT is an \
        error.",
    source: "the SQL standard",
    syntax: "sum(x)",
    example: "SELECT sum(x) FROM (VALUES (1), (2), (NULL)) AS t(x); -- 3",
    arguments: &[("x", "a number")],
};

pub(super) fn functions() -> Vec<AggregateUDF> {
    vec![AggregateUDF::new_from_impl(CheckedSum::default())]
}

#[derive(Debug, Default, PartialEq, Eq, Hash)]
struct CheckedSum(Sum);

/// Whether sums of this type are widened.
fn is_widened(result: &DataType) -> bool {
    matches!(result, DataType::Int64 | DataType::UInt64)
}

fn wide_field(field: &FieldRef) -> FieldRef {
    Arc::new(Field::new(field.name(), WIDE, true))
}

fn widened(args: AccumulatorArgs<'_>) -> AccumulatorArgs<'_> {
    AccumulatorArgs {
        return_field: wide_field(&args.return_field),
        ..args
    }
}

fn widen(values: &ArrayRef) -> Result<ArrayRef> {
    Ok(arrow::compute::cast(values, &WIDE)?)
}

fn all_widened(values: &[ArrayRef]) -> Result<Vec<ArrayRef>> {
    values.iter().map(widen).collect()
}

/// A sum as `result`, if it fits.
fn narrow(sums: &ArrayRef, result: &DataType) -> Result<ArrayRef> {
    let options = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    cast_with_options(sums, result, &options).map_err(|error| out_of_range().with_source(error).into())
}

/// That a sum of integers does not fit into its type.
pub fn out_of_range() -> Error {
    Error::new(Code::NumericOutOfRange, "a sum is too large for its type, BIGINT")
        .with_hint("sum(CAST(x AS DECIMAL(38, 0))) has room for it")
}

impl AggregateUDFImpl for CheckedSum {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn signature(&self) -> &Signature {
        self.0.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.0.return_type(types)
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        if !is_widened(args.return_type()) {
            return self.0.state_fields(args);
        }
        let return_field = wide_field(&args.return_field);
        self.0.state_fields(StateFieldsArgs { return_field, ..args })
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let result = args.return_field.data_type().clone();
        if !is_widened(&result) {
            return self.0.accumulator(args);
        }
        let inner = self.0.accumulator(widened(args))?;
        Ok(Box::new(Widened { inner, result }))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let result = args.return_field.data_type().clone();
        if !is_widened(&result) {
            return self.0.create_sliding_accumulator(args);
        }
        if args.is_distinct {
            return Ok(Box::new(DistinctInFrame {
                counts: HashMap::new(),
                sum: 0,
                result,
            }));
        }
        let inner = self.0.create_sliding_accumulator(widened(args))?;
        Ok(Box::new(Widened { inner, result }))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        self.0.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        let result = args.return_field.data_type().clone();
        if !is_widened(&result) {
            return self.0.create_groups_accumulator(args);
        }
        let inner = self.0.create_groups_accumulator(widened(args))?;
        Ok(Box::new(Widened { inner, result }))
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.0.order_sensitivity()
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.0.set_monotonicity(data_type)
    }

    fn documentation(&self) -> Option<&Documentation> {
        static DOCUMENTATION: LazyLock<Documentation> = LazyLock::new(|| DESCRIBED.documentation(&[]));
        Some(&DOCUMENTATION)
    }
}

/// A wide sum, taken back at its end.
#[derive(Debug)]
struct Widened<A: ?Sized> {
    result: DataType,
    inner: Box<A>,
}

impl Accumulator for Widened<dyn Accumulator> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.update_batch(&all_widened(values)?)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.retract_batch(&all_widened(values)?)
    }

    fn supports_retract_batch(&self) -> bool {
        self.inner.supports_retract_batch()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let wide = self.inner.evaluate()?.to_array()?;
        ScalarValue::try_from_array(&narrow(&wide, &self.result)?, 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.inner.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.inner.merge_batch(states)
    }

    fn size(&self) -> usize {
        self.inner.size()
    }
}

/// The sum of a sliding frame's distinct integers. DataFusion's own wraps around.
#[derive(Debug)]
struct DistinctInFrame {
    /// How many rows of the frame have each value.
    counts: HashMap<i128, u64>,
    sum: i128,
    result: DataType,
}

impl Accumulator for DistinctInFrame {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for value in widen(&values[0])?
            .as_primitive::<Decimal128Type>()
            .iter()
            .flatten()
        {
            let count = self.counts.entry(value).or_default();
            *count += 1;
            if *count == 1 {
                self.sum += value;
            }
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for value in widen(&values[0])?
            .as_primitive::<Decimal128Type>()
            .iter()
            .flatten()
        {
            if let Entry::Occupied(mut known) = self.counts.entry(value) {
                *known.get_mut() -= 1;
                if *known.get() == 0 {
                    known.remove();
                    self.sum -= value;
                }
            }
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let sum = (!self.counts.is_empty()).then_some(self.sum);
        let wide = ScalarValue::Decimal128(sum, DECIMAL128_MAX_PRECISION, 0).to_array()?;
        ScalarValue::try_from_array(&narrow(&wide, &self.result)?, 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn merge_batch(&mut self, _: &[ArrayRef]) -> Result<()> {
        Err(Error::new(Code::Internal, "a sliding frame is not merged with another").into())
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.counts.capacity() * size_of::<(i128, u64)>()
    }
}

impl GroupsAccumulator for Widened<dyn GroupsAccumulator> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.inner
            .update_batch(&all_widened(values)?, groups, filter, total)
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.inner.merge_batch(values, groups, total)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        narrow(&self.inner.evaluate(emit_to)?, &self.result)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.inner.state(emit_to)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.inner.convert_to_state(&all_widened(values)?, filter)
    }

    fn size(&self) -> usize {
        self.inner.size()
    }
}
