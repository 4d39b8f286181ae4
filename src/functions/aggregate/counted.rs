//! `mode`, `entropy`, `histogram`: what the counts of a column's values say.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, MapArray, StructArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{AggregateUDF, GroupsAccumulator};

use super::groups::Grouped;
use super::shell::{expect_arguments, value};
use super::value_counts::{self, Counted, ValueCounts};
use super::{AggregateFunction, Call, Distinct, GroupStates, Rows, Shell};
use crate::functions::documentation::Described;

/// The functions of this file.
pub(super) fn functions() -> Vec<AggregateUDF> {
    [Statistic::Mode, Statistic::Entropy, Statistic::Histogram]
        .map(Shell::udaf)
        .into()
}

/// The states of `mode` over values of `data_type`.
///
/// # Errors
/// If values of that type have no order.
pub fn mode_states(data_type: &DataType) -> Result<Box<dyn GroupsAccumulator>> {
    Ok(Box::new(Grouped(Box::new(CountedStates {
        statistic: Statistic::Mode,
        distinct: false,
        counts: ValueCounts::new(data_type)?,
    }))))
}

/// What is made of the counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Statistic {
    Mode,
    Entropy,
    Histogram,
}

impl AggregateFunction for Statistic {
    fn name(&self) -> &'static str {
        match self {
            Self::Mode => "mode",
            Self::Entropy => "entropy",
            Self::Histogram => "histogram",
        }
    }

    fn described(&self) -> Described {
        match self {
            Self::Mode => MODE,
            Self::Entropy => ENTROPY,
            Self::Histogram => HISTOGRAM,
        }
    }

    fn coerce(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        expect_arguments(self.name(), self.described().syntax, types, 1)?;
        Ok(vec![value(&types[0])])
    }

    fn return_type(&self, types: &[DataType]) -> DataType {
        match self {
            Self::Mode => types[0].clone(),
            Self::Entropy => DataType::Float64,
            Self::Histogram => DataType::Map(Arc::new(entries_field(&types[0])), false),
        }
    }

    fn state_types(&self, types: &[DataType]) -> Vec<(&'static str, DataType)> {
        value_counts::state_types(&types[0])
    }

    fn states(&self, call: &Call<'_>) -> Result<Box<dyn GroupStates>> {
        Ok(Box::new(CountedStates {
            statistic: *self,
            distinct: call.distinct,
            counts: ValueCounts::new(&call.types[0])?,
        }))
    }

    fn distinct(&self) -> Distinct {
        Distinct::Honoured
    }

    fn empty_result(&self) -> Option<ScalarValue> {
        (*self == Self::Entropy).then_some(ScalarValue::Float64(Some(0.0)))
    }
}

const MODE: Described = Described {
    section: "Statistical Functions",
    sentence: "The most frequent value; of several equally frequent ones the smallest. NULLs are ignored, \
        NaNs are one value above all others.",
    source: "SQL:2023 and PostgreSQL `mode`, ties as in this project's cleaning rules",
    syntax: "mode(x)",
    example: "SELECT mode(x) FROM (VALUES (1), (2), (2)) t(x); -- 2",
    arguments: &[("x", "a value of any type that has an order")],
};

const ENTROPY: Described = Described {
    section: "Statistical Functions",
    sentence: "The entropy of the values' frequencies in bits, −Σ p·log2 p; 0 over no rows. NULLs are ignored, \
        NaNs are one value.",
    source: "Shannon (1948); DuckDB `entropy`",
    syntax: "entropy(x)",
    example: "SELECT entropy(x) FROM (VALUES ('a'), ('b')) t(x); -- 1.0",
    arguments: &[("x", "a value of any type that has an order")],
};

const HISTOGRAM: Described = Described {
    section: "Statistical Functions",
    sentence: "A map from each value to how often it occurs, in the order of the values; NULL over no rows. \
        NULLs are ignored, NaNs are one value.",
    source: "DuckDB `histogram`; counts are BIGINT, as `count` gives them",
    syntax: "histogram(x)",
    example: "SELECT histogram(x) FROM (VALUES (2), (1), (2)) t(x); -- {1: 1, 2: 2}",
    arguments: &[("x", "a value of any type that has an order")],
};

fn entry_fields(value: &DataType) -> Fields {
    let key = Field::new("key", value.clone(), false);
    Fields::from(vec![key, Field::new("value", DataType::Int64, true)])
}

fn entries_field(value: &DataType) -> Field {
    Field::new("entries", DataType::Struct(entry_fields(value)), false)
}

#[derive(Debug)]
struct CountedStates {
    statistic: Statistic,
    distinct: bool,
    counts: ValueCounts,
}

impl CountedStates {
    /// How often a value counts.
    fn times(&self, count: i64) -> i64 {
        if self.distinct { 1 } else { count }
    }

    fn modes(&self, groups: usize) -> Result<ArrayRef> {
        let keys = &self.counts.keys;
        let buckets = self.counts.buckets(groups);
        let modes = buckets.groups().map(|entries| {
            let best = entries.iter().copied().reduce(|best, entry| {
                let order = self.times(entry.1).cmp(&self.times(best.1));
                let order = order.then_with(|| keys.compare(best.0, entry.0));
                if order.is_gt() { entry } else { best }
            });
            best.map(|(key, _)| key)
        });
        keys.values(modes.collect::<Vec<_>>().into_iter())
    }

    fn entropies(&self, groups: usize) -> ArrayRef {
        let buckets = self.counts.buckets(groups);
        let entropies = buckets.groups().map(|entries| {
            let mut counts: Vec<i64> = entries.iter().map(|entry| self.times(entry.1)).collect();
            // In one order, so that the sum rounds alike however the rows arrived.
            counts.sort_unstable();
            entropy(&counts)
        });
        Arc::new(Float64Array::from_iter_values(entropies))
    }

    fn histograms(&self, groups: usize) -> Result<ArrayRef> {
        let mut buckets = self.counts.buckets(groups);
        buckets.sort(&self.counts.keys);
        let entries: &[Counted] = buckets.entries();
        let keys = self
            .counts
            .keys
            .values(entries.iter().map(|entry| Some(entry.0)))?;
        let counts = Int64Array::from_iter_values(entries.iter().map(|entry| self.times(entry.1)));
        let data_type = self.counts.keys.data_type();
        let columns: Vec<ArrayRef> = vec![keys, Arc::new(counts)];
        let entries = StructArray::try_new(entry_fields(data_type), columns, None)?;
        let found: NullBuffer = buckets.groups().map(|entries| !entries.is_empty()).collect();
        let field = Arc::new(entries_field(data_type));
        Ok(Arc::new(MapArray::try_new(
            field,
            buckets.offsets()?,
            entries,
            Some(found),
            false,
        )?))
    }
}

fn entropy(counts: &[i64]) -> f64 {
    let total = counts.iter().sum::<i64>() as f64;
    let terms = counts.iter().map(|&count| {
        let count = count as f64;
        count / total * (total / count).log2()
    });
    terms.sum::<f64>() + 0.0
}

impl GroupStates for CountedStates {
    fn len(&self) -> usize {
        self.counts.len()
    }

    fn resize(&mut self, groups: usize) {
        self.counts.resize(groups);
    }

    fn update(&mut self, values: &[ArrayRef], rows: Rows<'_>) -> Result<()> {
        self.counts.update(&values[0], rows)
    }

    fn merge(&mut self, states: &[ArrayRef], rows: Rows<'_>) -> Result<()> {
        self.counts.merge(states, rows)
    }

    fn finish(&mut self, groups: usize) -> Result<ArrayRef> {
        match self.statistic {
            Statistic::Mode => self.modes(groups),
            Statistic::Entropy => Ok(self.entropies(groups)),
            Statistic::Histogram => self.histograms(groups),
        }
    }

    fn state(&mut self, groups: usize) -> Result<Vec<ArrayRef>> {
        self.counts.state(groups)
    }

    fn forget(&mut self, groups: usize) -> Result<()> {
        self.counts.forget(groups)
    }

    fn fresh(&self) -> Result<Box<dyn GroupStates>> {
        Ok(Box::new(Self {
            statistic: self.statistic,
            distinct: self.distinct,
            counts: ValueCounts::new(self.counts.keys.data_type())?,
        }))
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.counts.size()
    }

    fn retracts(&self) -> bool {
        true
    }

    fn retract(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.counts.retract(&values[0])
    }
}
