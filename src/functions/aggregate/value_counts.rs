//! How often each value occurs in each group: the state that mode, entropy and histogram share.

use std::mem::size_of;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, Int64Type};
use datafusion::common::{HashMap, Result};

use super::Rows;
use super::key::KeySpace;
use crate::functions::failure::internal;

/// A value's key and its count.
pub(super) type Counted = (u64, i64);

/// Counts by group and value.
#[derive(Debug)]
pub(super) struct ValueCounts {
    /// The values' keys.
    pub(super) keys: KeySpace,
    counts: HashMap<(usize, u64), i64>,
    groups: usize,
}

/// The entries of a run of groups, group by group.
#[derive(Debug)]
pub(super) struct Buckets {
    entries: Vec<Counted>,
    ends: Vec<usize>,
}

impl Buckets {
    /// The entries of each group.
    pub(super) fn groups(&self) -> impl Iterator<Item = &[Counted]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts
            .zip(&self.ends)
            .map(|(start, &end)| &self.entries[start..end])
    }

    /// Sorts each group's entries by value.
    pub(super) fn sort(&mut self, keys: &KeySpace) {
        let mut start = 0;
        for &end in &self.ends {
            self.entries[start..end].sort_unstable_by(|a, b| keys.compare(a.0, b.0));
            start = end;
        }
    }

    /// Where each group's entries begin and end, as Arrow has it.
    pub(super) fn offsets(&self) -> Result<OffsetBuffer<i32>> {
        offsets(self.ends.iter().copied())
    }

    /// Every entry.
    pub(super) fn entries(&self) -> &[Counted] {
        &self.entries
    }
}

/// Ends as Arrow's offsets.
pub(super) fn offsets(ends: impl Iterator<Item = usize>) -> Result<OffsetBuffer<i32>> {
    let mut offsets = vec![0_i32];
    for end in ends {
        let end = i32::try_from(end).map_err(|_| {
            crate::Error::new(
                crate::error::Code::OutOfMemory,
                "an aggregate holds more than two thousand million values in one batch of groups",
            )
        })?;
        offsets.push(end);
    }
    Ok(OffsetBuffer::new(ScalarBuffer::from(offsets)))
}

/// The state's columns for values of `data_type`: lists of values and of their counts.
pub(super) fn state_types(data_type: &DataType) -> Vec<(&'static str, DataType)> {
    vec![
        ("values", DataType::new_list(data_type.clone(), true)),
        ("counts", DataType::new_list(DataType::Int64, true)),
    ]
}

/// A list column without NULL lists.
pub(super) fn list(offsets: OffsetBuffer<i32>, values: ArrayRef) -> Result<ArrayRef> {
    let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
    Ok(Arc::new(ListArray::try_new(field, offsets, values, None)?))
}

impl ValueCounts {
    /// No groups yet, for values of `data_type`.
    pub(super) fn new(data_type: &DataType) -> Result<Self> {
        Ok(Self {
            keys: KeySpace::new(data_type)?,
            counts: HashMap::default(),
            groups: 0,
        })
    }

    /// How many groups there are.
    pub(super) fn len(&self) -> usize {
        self.groups
    }

    /// Adds empty groups.
    pub(super) fn resize(&mut self, groups: usize) {
        self.groups = self.groups.max(groups);
    }

    /// Counts the non-NULL values of a batch.
    pub(super) fn update(&mut self, values: &ArrayRef, rows: Rows<'_>) -> Result<()> {
        let keys = self.keys.keys(values)?;
        rows.each(values.logical_nulls().as_ref(), |row, group| {
            *self.counts.entry((group, keys[row])).or_default() += 1;
        });
        Ok(())
    }

    /// Takes the counts of group 0's values back.
    pub(super) fn retract(&mut self, values: &ArrayRef) -> Result<()> {
        let keys = self.keys.keys(values)?;
        let nulls = values.logical_nulls();
        for (row, &key) in keys.iter().enumerate() {
            if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                continue;
            }
            match self.counts.get_mut(&(0, key)) {
                Some(count) if *count > 1 => *count -= 1,
                Some(_) => {
                    self.counts.remove(&(0, key));
                }
                None => {
                    return Err(internal(
                        "aggregate",
                        "a value left the frame that never entered it",
                    ));
                }
            }
        }
        Ok(())
    }

    /// Adds states up.
    pub(super) fn merge(&mut self, states: &[ArrayRef], rows: Rows<'_>) -> Result<()> {
        let [values, counts] = states else {
            return Err(internal("aggregate", "a state of counts has two columns"));
        };
        let (values, counts) = (values.as_list::<i32>(), counts.as_list::<i32>());
        let keys = self.keys.keys(values.values())?;
        let times = counts.values().as_primitive::<Int64Type>().values();
        let (from, shift) = (values.value_offsets(), counts.value_offsets());
        rows.each(values.nulls(), |row, group| {
            let first = shift[row] as usize;
            let run = from[row] as usize..from[row + 1] as usize;
            for (i, &key) in keys[run].iter().enumerate() {
                *self.counts.entry((group, key)).or_default() += times[first + i];
            }
        });
        Ok(())
    }

    /// The first `groups` groups' entries, in no order within a group.
    pub(super) fn buckets(&self, groups: usize) -> Buckets {
        let mut ends = vec![0; groups];
        for (group, _) in self.counts.keys() {
            if let Some(end) = ends.get_mut(*group) {
                *end += 1;
            }
        }
        let mut total = 0;
        for end in &mut ends {
            // For now where the group starts: filling it moves this to its end.
            (*end, total) = (total, total + *end);
        }
        let mut entries = vec![(0, 0); total];
        for (&(group, key), &count) in &self.counts {
            if let Some(end) = ends.get_mut(group) {
                entries[*end] = (key, count);
                *end += 1;
            }
        }
        Buckets { entries, ends }
    }

    /// The first `groups` groups as lists.
    pub(super) fn state(&self, groups: usize) -> Result<Vec<ArrayRef>> {
        let buckets = self.buckets(groups);
        let values = self
            .keys
            .values(buckets.entries().iter().map(|entry| Some(entry.0)))?;
        let counts = buckets.entries().iter().map(|entry| entry.1);
        let counts = arrow::array::Int64Array::from_iter_values(counts);
        Ok(vec![
            list(buckets.offsets()?, values)?,
            list(buckets.offsets()?, Arc::new(counts))?,
        ])
    }

    /// Drops the first `groups` groups.
    pub(super) fn forget(&mut self, groups: usize) -> Result<()> {
        if groups >= self.groups {
            *self = Self::new(self.keys.data_type())?;
            return Ok(());
        }
        let held = std::mem::take(&mut self.counts).into_iter();
        let kept = held.filter(|((group, _), _)| *group >= groups);
        self.counts = kept
            .map(|((group, key), count)| ((group - groups, key), count))
            .collect();
        self.groups -= groups;
        Ok(())
    }

    /// Bytes held.
    pub(super) fn size(&self) -> usize {
        self.counts.capacity() * (size_of::<((usize, u64), i64)>() + 1) + self.keys.size()
    }
}
