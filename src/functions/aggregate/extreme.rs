//! `arg_min`, `arg_max` and their kin: the value in the row whose key is smallest or largest.

use std::cmp::Ordering;

use arrow::array::{Array, ArrayRef, UInt64Array};
use arrow::buffer::NullBuffer;
use arrow::compute::take;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::AggregateUDF;

use super::key::is_fixed;
use super::shell::{expect_arguments, value};
use super::slots::{FixedSlots, RowSlots, Slots};
use super::{AggregateFunction, Call, Distinct, GroupStates, Rows, Shell};
use crate::functions::documentation::Described;

/// The functions of this file.
pub(super) fn functions() -> Vec<AggregateUDF> {
    let both = [(false, false), (true, false), (false, true), (true, true)];
    let functions = both.map(|(largest, nulls)| Extreme { largest, nulls });
    functions.map(Shell::udaf).into()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Extreme {
    largest: bool,
    /// Whether a row counts whose value is NULL.
    nulls: bool,
}

impl AggregateFunction for Extreme {
    fn name(&self) -> &'static str {
        match (self.largest, self.nulls) {
            (false, false) => "arg_min",
            (true, false) => "arg_max",
            (false, true) => "arg_min_null",
            (true, true) => "arg_max_null",
        }
    }

    fn aliases(&self) -> &'static [&'static str] {
        match (self.largest, self.nulls) {
            (false, false) => &["min_by", "argmin"],
            (true, false) => &["max_by", "argmax"],
            (false, true) => &["first_by"],
            (true, true) => &["last_by"],
        }
    }

    fn described(&self) -> Described {
        match (self.largest, self.nulls) {
            (false, false) => ARG_MIN,
            (true, false) => ARG_MAX,
            (false, true) => ARG_MIN_NULL,
            (true, true) => ARG_MAX_NULL,
        }
    }

    fn coerce(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        expect_arguments(self.name(), self.described().syntax, types, 2)?;
        Ok(types.iter().map(value).collect())
    }

    fn return_type(&self, types: &[DataType]) -> DataType {
        types[0].clone()
    }

    fn state_types(&self, types: &[DataType]) -> Vec<(&'static str, DataType)> {
        vec![("value", types[0].clone()), ("key", types[1].clone())]
    }

    fn states(&self, call: &Call<'_>) -> Result<Box<dyn GroupStates>> {
        states(*self, &call.types[0], &call.types[1])
    }

    fn distinct(&self) -> Distinct {
        Distinct::Same
    }
}

const ARGUMENTS: &[(&str, &str)] = &[
    ("x", "the value to return, of any type that has an order"),
    ("key", "what is compared, of any type that has an order"),
];

const ARG_MIN: Described = Described {
    section: "General Functions",
    sentence: "The value of x in the row with the smallest key; of several such rows the smallest x. Rows in \
        which x or key is NULL are ignored; a NaN key is above all numbers.",
    source: "DuckDB `arg_min`, Trino and Spark `min_by`; ties by value, so that the answer is the same on \
        every run",
    syntax: "arg_min(x, key)",
    example: "SELECT arg_min(x, k) FROM (VALUES ('a', 2), ('b', 1)) t(x, k); -- b",
    arguments: ARGUMENTS,
};

const ARG_MAX: Described = Described {
    section: "General Functions",
    sentence: "The value of x in the row with the largest key; of several such rows the smallest x. Rows in \
        which x or key is NULL are ignored; a NaN key is above all numbers.",
    source: "DuckDB `arg_max`, Trino and Spark `max_by`; ties by value, so that the answer is the same on \
        every run",
    syntax: "arg_max(x, key)",
    example: "SELECT arg_max(x, k) FROM (VALUES ('a', 2), ('b', 1)) t(x, k); -- a",
    arguments: ARGUMENTS,
};

const ARG_MIN_NULL: Described = Described {
    section: "General Functions",
    sentence: "The value of x in the row with the smallest key, even if that x is NULL; of several such rows \
        the smallest x, NULL last. Rows in which key is NULL are ignored.",
    source: "DuckDB `arg_min_null`; TimescaleDB `first(value, time)`",
    syntax: "arg_min_null(x, key)",
    example: "SELECT arg_min_null(x, k) FROM (VALUES ('a', 2), (NULL, 1)) t(x, k); -- NULL",
    arguments: ARGUMENTS,
};

const ARG_MAX_NULL: Described = Described {
    section: "General Functions",
    sentence: "The value of x in the row with the largest key, even if that x is NULL; of several such rows \
        the smallest x, NULL last. Rows in which key is NULL are ignored.",
    source: "DuckDB `arg_max_null`; TimescaleDB `last(value, time)`",
    syntax: "arg_max_null(x, key)",
    example: "SELECT arg_max_null(x, k) FROM (VALUES (NULL, 2), ('b', 1)) t(x, k); -- NULL",
    arguments: ARGUMENTS,
};

fn states(function: Extreme, value: &DataType, key: &DataType) -> Result<Box<dyn GroupStates>> {
    Ok(match (is_fixed(value), is_fixed(key)) {
        (true, true) => Box::new(ExtremeStates::<FixedSlots, FixedSlots>::new(
            function, value, key,
        )?),
        (true, false) => Box::new(ExtremeStates::<FixedSlots, RowSlots>::new(function, value, key)?),
        (false, true) => Box::new(ExtremeStates::<RowSlots, FixedSlots>::new(function, value, key)?),
        (false, false) => Box::new(ExtremeStates::<RowSlots, RowSlots>::new(function, value, key)?),
    })
}

/// The smallest key so far and the smallest value with it. For the largest, keys are encoded in
/// descending order.
#[derive(Debug)]
struct ExtremeStates<V, K> {
    function: Extreme,
    types: (DataType, DataType),
    values: V,
    keys: K,
    /// Whether a group has a row at all.
    held: Vec<bool>,
    /// Whether a group's value belongs to an earlier key than its key.
    stale: Vec<bool>,
}

impl<V: Slots, K: Slots> ExtremeStates<V, K> {
    fn new(function: Extreme, value: &DataType, key: &DataType) -> Result<Self> {
        Ok(Self {
            function,
            types: (value.clone(), key.clone()),
            values: V::new(value, false)?,
            keys: K::new(key, function.largest)?,
            held: Vec::new(),
            stale: Vec::new(),
        })
    }

    /// Gives each group its smallest key, and chooses the rows that may have it: those whose key was no
    /// larger than their group's when they came.
    fn improve_keys(&mut self, keys: &K::Batch, nulls: Option<&NullBuffer>, rows: Rows<'_>) -> Chosen {
        let mut chosen = Chosen::default();
        rows.each(nulls, |row, group| {
            let order = match self.held[group] {
                true => self.keys.compare(keys, row, group),
                false => Ordering::Less,
            };
            if order.is_gt() {
                return;
            }
            if order.is_lt() {
                self.keys.set(keys, row, group);
                self.held[group] = true;
                self.stale[group] = true;
            }
            chosen.rows.push(row as u64);
            chosen.groups.push(group);
        });
        chosen
    }

    /// Gives each group the smallest value among its rows with its key.
    fn improve_values(&mut self, values: &ArrayRef, keys: &K::Batch, mut chosen: Chosen) -> Result<()> {
        chosen.retain(|row, group| self.keys.compare(keys, row, group).is_eq());
        let values = take(values, &UInt64Array::from(chosen.rows), None)?;
        let values = self.values.encode(&values)?;
        for (row, group) in chosen.groups.into_iter().enumerate() {
            if self.stale[group] || self.values.compare(&values, row, group).is_lt() {
                self.values.set(&values, row, group);
                self.stale[group] = false;
            }
        }
        Ok(())
    }
}

/// Rows of a batch and the group of each.
#[derive(Debug, Default)]
struct Chosen {
    rows: Vec<u64>,
    groups: Vec<usize>,
}

impl Chosen {
    fn retain(&mut self, keep: impl Fn(usize, usize) -> bool) {
        let rows = std::mem::take(&mut self.rows).into_iter();
        let groups = std::mem::take(&mut self.groups);
        let kept = rows
            .zip(groups)
            .filter(|(row, group)| keep(*row as usize, *group));
        (self.rows, self.groups) = kept.unzip();
    }
}

impl<V: Slots, K: Slots> GroupStates for ExtremeStates<V, K> {
    fn is_of_one_size(&self) -> bool {
        true
    }

    fn len(&self) -> usize {
        self.held.len()
    }

    fn resize(&mut self, groups: usize) {
        let groups = groups.max(self.held.len());
        self.held.resize(groups, false);
        self.stale.resize(groups, false);
        self.values.resize(groups);
        self.keys.resize(groups);
    }

    fn update(&mut self, columns: &[ArrayRef], rows: Rows<'_>) -> Result<()> {
        let (values, keys) = (&columns[0], &columns[1]);
        let value_nulls = values.logical_nulls().filter(|_| !self.function.nulls);
        let nulls = NullBuffer::union(keys.logical_nulls().as_ref(), value_nulls.as_ref());
        let keys = self.keys.encode(keys)?;
        let chosen = self.improve_keys(&keys, nulls.as_ref(), rows);
        self.improve_values(values, &keys, chosen)
    }

    fn merge(&mut self, states: &[ArrayRef], rows: Rows<'_>) -> Result<()> {
        self.update(states, rows)
    }

    fn finish(&mut self, groups: usize) -> Result<ArrayRef> {
        self.values.values(groups, &self.held)
    }

    fn state(&mut self, groups: usize) -> Result<Vec<ArrayRef>> {
        Ok(vec![
            self.values.values(groups, &self.held)?,
            self.keys.values(groups, &self.held)?,
        ])
    }

    fn forget(&mut self, groups: usize) -> Result<()> {
        self.held.drain(..groups);
        self.stale.drain(..groups);
        self.values.forget(groups);
        self.keys.forget(groups);
        Ok(())
    }

    fn fresh(&self) -> Result<Box<dyn GroupStates>> {
        states(self.function, &self.types.0, &self.types.1)
    }

    fn size(&self) -> usize {
        size_of::<Self>()
            + self.held.capacity()
            + self.stale.capacity()
            + self.values.size()
            + self.keys.size()
    }
}
