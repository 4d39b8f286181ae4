//! The state of one aggregate over many groups, and DataFusion's accumulators made of it.

use std::fmt::Debug;
use std::mem::size_of;

use arrow::array::{Array, ArrayRef, BooleanArray};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};

use crate::functions::failure::internal;

/// Which rows of a batch count, and to which group each belongs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows<'a> {
    groups: &'a [usize],
    filter: Option<&'a BooleanArray>,
}

impl<'a> Rows<'a> {
    /// Every row; row i belongs to `groups[i]`.
    pub(super) fn all(groups: &'a [usize]) -> Self {
        Self { groups, filter: None }
    }

    /// The rows that the filter lets pass and that are valid in `nulls`; `None` is all.
    fn mask(&self, nulls: Option<&NullBuffer>) -> Option<BooleanBuffer> {
        let filter = self.filter.map(|filter| match filter.nulls() {
            Some(known) => filter.values() & known.inner(),
            None => filter.values().clone(),
        });
        match (filter, nulls.filter(|nulls| nulls.null_count() > 0)) {
            (Some(filter), Some(nulls)) => Some(&filter & nulls.inner()),
            (Some(filter), None) => Some(filter),
            (None, Some(nulls)) => Some(nulls.inner().clone()),
            (None, None) => None,
        }
    }

    /// Calls `visit(row, group)` for each row that counts and is valid in `nulls`.
    pub(super) fn each(&self, nulls: Option<&NullBuffer>, mut visit: impl FnMut(usize, usize)) {
        match self.mask(nulls) {
            None => self
                .groups
                .iter()
                .enumerate()
                .for_each(|(row, group)| visit(row, *group)),
            Some(mask) => mask.set_indices().for_each(|row| visit(row, self.groups[row])),
        }
    }
}

/// The state of one aggregate function over groups `0..len`.
///
/// Merging the states of any split of the input gives the state of the whole, up to the rounding
/// that a function documents.
pub(super) trait GroupStates: Debug + Send + Sync {
    /// How many groups there are.
    fn len(&self) -> usize;

    /// Adds empty groups up to `groups`.
    fn resize(&mut self, groups: usize);

    /// Takes rows in.
    fn update(&mut self, values: &[ArrayRef], rows: Rows<'_>) -> Result<()>;

    /// Takes states in that [`state`](GroupStates::state) made.
    fn merge(&mut self, states: &[ArrayRef], rows: Rows<'_>) -> Result<()>;

    /// The results of the first `groups` groups. The state stays what it is.
    fn finish(&mut self, groups: usize) -> Result<ArrayRef>;

    /// The states of the first `groups` groups.
    fn state(&mut self, groups: usize) -> Result<Vec<ArrayRef>>;

    /// Drops the first `groups` groups; the group after them becomes group 0.
    fn forget(&mut self, groups: usize) -> Result<()>;

    /// The same function's state without groups.
    fn fresh(&self) -> Result<Box<dyn GroupStates>>;

    /// Bytes held.
    fn size(&self) -> usize;

    /// Whether rows can be taken out again, exactly.
    fn retracts(&self) -> bool {
        false
    }

    /// Whether a group's state is as large for one row as for many.
    fn is_of_one_size(&self) -> bool {
        false
    }

    /// Takes rows of group 0 out again.
    fn retract(&mut self, _values: &[ArrayRef]) -> Result<()> {
        Err(internal("aggregate", "its rows cannot be taken out"))
    }
}

/// Many groups, as GROUP BY drives them.
#[derive(Debug)]
pub(super) struct Grouped(pub(super) Box<dyn GroupStates>);

impl Grouped {
    fn count(&self, emit_to: EmitTo) -> usize {
        match emit_to {
            EmitTo::All => self.0.len(),
            EmitTo::First(groups) => groups,
        }
    }
}

impl GroupsAccumulator for Grouped {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.0.resize(total);
        self.0.update(values, Rows { groups, filter })
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.0.resize(total);
        self.0.merge(values, Rows::all(groups))
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let groups = self.count(emit_to);
        let results = self.0.finish(groups)?;
        self.0.forget(groups)?;
        Ok(results)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let groups = self.count(emit_to);
        let states = self.0.state(groups)?;
        self.0.forget(groups)?;
        Ok(states)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let rows = values.first().map_or(0, |column| column.len());
        let groups: Vec<usize> = (0..rows).collect();
        let groups = groups.as_slice();
        let mut states = self.0.fresh()?;
        states.resize(rows);
        states.update(values, Rows { groups, filter })?;
        states.state(rows)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.0.size()
    }
}

/// One group, as a query without GROUP BY and a growing window drive it.
#[derive(Debug)]
pub(super) struct Single {
    states: Box<dyn GroupStates>,
    /// As many zeros as the longest batch had rows: they are all of group 0.
    zeros: Vec<usize>,
}

impl Single {
    /// One empty group.
    pub(super) fn new(mut states: Box<dyn GroupStates>) -> Self {
        states.resize(1);
        Self {
            states,
            zeros: Vec::new(),
        }
    }

    fn zeros(&mut self, columns: &[ArrayRef]) -> usize {
        let rows = columns.first().map_or(0, |column| column.len());
        if self.zeros.len() < rows {
            self.zeros.resize(rows, 0);
        }
        rows
    }
}

impl Accumulator for Single {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let rows = self.zeros(values);
        self.states.update(values, Rows::all(&self.zeros[..rows]))
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let rows = self.zeros(states);
        self.states.merge(states, Rows::all(&self.zeros[..rows]))
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        ScalarValue::try_from_array(&self.states.finish(1)?, 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let columns = self.states.state(1)?;
        columns
            .iter()
            .map(|column| ScalarValue::try_from_array(column, 0))
            .collect()
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.zeros.capacity() * size_of::<usize>() + self.states.size()
    }
}
