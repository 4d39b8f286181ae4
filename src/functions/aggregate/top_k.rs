//! `approx_top_k`: the most frequent values in bounded memory.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{HashMap, Result, ScalarValue};
use datafusion::logical_expr::AggregateUDF;

use super::key::KeySpace;
use super::shell::{expect_arguments, value};
use super::value_counts::{self, Counted, list, offsets};
use super::{AggregateFunction, Call, GroupStates, Rows, Shell};
use crate::functions::documentation::Described;
use crate::functions::failure::{invalid_argument, wrong_type};

/// The functions of this file.
pub(super) fn functions() -> Vec<AggregateUDF> {
    vec![Shell::udaf(TopK)]
}

const NAME: &str = "approx_top_k";
const LARGEST_K: i64 = 1_000_000;
/// Counters for each value asked for, and at least: below them the answer is exact.
const COUNTERS_PER_VALUE: usize = 8;
const FEWEST_COUNTERS: usize = 1024;
/// Values that only a dictionary still holds, before it is made anew.
const DEAD_VALUES: usize = 8192;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct TopK;

const DESCRIBED: Described = Described {
    section: "Approximate Functions",
    sentence: "The k most frequent values, most frequent first, equally frequent ones in their order; NULL over \
        no rows. Exact up to max(1024, 8k) different values in a group; beyond that the count of a value is \
        wrong by at most 2/max(1024, 8k) of the rows. NULLs are ignored, NaNs are one value.",
    source: "Anderson et al. (2017), a batched Misra–Gries (1982); DuckDB `approx_top_k`",
    syntax: "approx_top_k(x, k)",
    example: "SELECT approx_top_k(x, 1) FROM (VALUES ('a'), ('b'), ('b')) t(x); -- [b]",
    arguments: &[
        ("x", "a value of any type that has an order"),
        ("k", "how many, a constant from 1 to 1000000"),
    ],
};

impl AggregateFunction for TopK {
    fn name(&self) -> &'static str {
        NAME
    }

    fn described(&self) -> Described {
        DESCRIBED
    }

    fn coerce(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        expect_arguments(NAME, DESCRIBED.syntax, types, 2)?;
        if !types[1].is_integer() {
            return Err(wrong_type(NAME, "k", "a whole number", &types[1]));
        }
        Ok(vec![value(&types[0]), DataType::Int64])
    }

    fn return_type(&self, types: &[DataType]) -> DataType {
        DataType::new_list(types[0].clone(), true)
    }

    fn state_types(&self, types: &[DataType]) -> Vec<(&'static str, DataType)> {
        value_counts::state_types(&types[0])
    }

    fn states(&self, call: &Call<'_>) -> Result<Box<dyn GroupStates>> {
        let k = match call.constant(NAME, "k", 1)? {
            ScalarValue::Int64(Some(k @ 1..=LARGEST_K)) => k as usize,
            other => {
                let problem = format!("must be from 1 to {LARGEST_K}, not {other}");
                return Err(invalid_argument(NAME, "k", problem));
            }
        };
        Ok(Box::new(TopStates {
            k,
            counters: FEWEST_COUNTERS.max(k * COUNTERS_PER_VALUE),
            keys: KeySpace::new(&call.types[0])?,
            groups: Vec::new(),
        }))
    }
}

/// The counters of one group: how often a value occurred, less what was deducted from all.
#[derive(Debug, Default)]
struct Counters {
    counts: HashMap<u64, i64>,
}

impl Counters {
    fn add(&mut self, key: u64, times: i64, most: usize) {
        *self.counts.entry(key).or_default() += times;
        if self.counts.len() > most {
            self.purge();
        }
    }

    /// Deducts the median count from every counter and drops the ones that are used up: at least
    /// half of them, so that a row costs constant time on the whole.
    fn purge(&mut self) {
        let mut counts: Vec<i64> = self.counts.values().copied().collect();
        let middle = counts.len() / 2;
        let (_, &mut median, _) = counts.select_nth_unstable(middle);
        self.counts.retain(|_, count| {
            *count -= median;
            *count > 0
        });
    }

    /// The counters by count, then by value.
    fn ranked(&self, keys: &KeySpace) -> Vec<Counted> {
        let mut ranked: Vec<Counted> = self.counts.iter().map(|(&key, &count)| (key, count)).collect();
        ranked.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| keys.compare(a.0, b.0)));
        ranked
    }
}

#[derive(Debug)]
struct TopStates {
    k: usize,
    counters: usize,
    keys: KeySpace,
    groups: Vec<Counters>,
}

impl TopStates {
    /// Makes the dictionary anew when most of its values are counted no longer.
    fn sweep(&mut self) -> Result<()> {
        if self.keys.interned() < DEAD_VALUES {
            return Ok(());
        }
        let alive: usize = self.groups.iter().map(|group| group.counts.len()).sum();
        if self.keys.interned() < 2 * alive + DEAD_VALUES {
            return Ok(());
        }
        let mut keys = KeySpace::new(self.keys.data_type())?;
        for group in &mut self.groups {
            let held: Vec<Counted> = group.counts.drain().collect();
            let values = self.keys.values(held.iter().map(|entry| Some(entry.0)))?;
            let anew = keys.keys(&values)?;
            group.counts = anew.into_iter().zip(held.iter().map(|entry| entry.1)).collect();
        }
        self.keys = keys;
        Ok(())
    }

    fn values(&self, ranked: &[Vec<Counted>]) -> Result<ArrayRef> {
        let keys = ranked.iter().flatten().map(|entry| Some(entry.0));
        list(ends(ranked)?, self.keys.values(keys)?)
    }

    fn ranked(&self, groups: usize, most: usize) -> Vec<Vec<Counted>> {
        let groups = self.groups[..groups].iter();
        groups
            .map(|group| {
                let mut ranked = group.ranked(&self.keys);
                ranked.truncate(most);
                ranked
            })
            .collect()
    }
}

fn ends(ranked: &[Vec<Counted>]) -> Result<arrow::buffer::OffsetBuffer<i32>> {
    offsets(ranked.iter().scan(0, |end, entries| {
        *end += entries.len();
        Some(*end)
    }))
}

impl GroupStates for TopStates {
    fn len(&self) -> usize {
        self.groups.len()
    }

    fn resize(&mut self, groups: usize) {
        let groups = groups.max(self.groups.len());
        self.groups.resize_with(groups, Counters::default);
    }

    fn update(&mut self, columns: &[ArrayRef], rows: Rows<'_>) -> Result<()> {
        let keys = self.keys.keys(&columns[0])?;
        let most = self.counters;
        rows.each(columns[0].logical_nulls().as_ref(), |row, group| {
            self.groups[group].add(keys[row], 1, most);
        });
        self.sweep()
    }

    fn merge(&mut self, states: &[ArrayRef], rows: Rows<'_>) -> Result<()> {
        let (values, counts) = (states[0].as_list::<i32>(), states[1].as_list::<i32>());
        let keys = self.keys.keys(values.values())?;
        let times = counts.values().as_primitive::<Int64Type>().values();
        let (from, shift) = (values.value_offsets(), counts.value_offsets());
        let most = self.counters;
        rows.each(values.nulls(), |row, group| {
            let held = &mut self.groups[group];
            let first = shift[row] as usize;
            let run = from[row] as usize..from[row + 1] as usize;
            for (i, &key) in keys[run].iter().enumerate() {
                held.add(key, times[first + i], most);
            }
        });
        self.sweep()
    }

    fn finish(&mut self, groups: usize) -> Result<ArrayRef> {
        let ranked = self.ranked(groups, self.k);
        let lists = self.values(&ranked)?;
        let found = ranked.iter().map(|entries| !entries.is_empty());
        let lists = lists.as_list::<i32>().clone().into_parts();
        let (field, offsets, values, _) = lists;
        let nulls = Some(found.collect());
        Ok(Arc::new(arrow::array::ListArray::try_new(
            field, offsets, values, nulls,
        )?))
    }

    fn state(&mut self, groups: usize) -> Result<Vec<ArrayRef>> {
        let ranked = self.ranked(groups, usize::MAX);
        let counts = Int64Array::from_iter_values(ranked.iter().flatten().map(|entry| entry.1));
        Ok(vec![
            self.values(&ranked)?,
            list(ends(&ranked)?, Arc::new(counts))?,
        ])
    }

    fn forget(&mut self, groups: usize) -> Result<()> {
        self.groups.drain(..groups);
        if self.groups.is_empty() {
            self.keys = KeySpace::new(self.keys.data_type())?;
        }
        Ok(())
    }

    fn fresh(&self) -> Result<Box<dyn GroupStates>> {
        Ok(Box::new(Self {
            k: self.k,
            counters: self.counters,
            keys: KeySpace::new(self.keys.data_type())?,
            groups: Vec::new(),
        }))
    }

    fn size(&self) -> usize {
        let counters: usize = self.groups.iter().map(|group| group.counts.capacity()).sum();
        self.groups.capacity() * size_of::<Counters>()
            + counters * (size_of::<Counted>() + 1)
            + self.keys.size()
    }
}
