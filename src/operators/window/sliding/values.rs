//! What calls over frames hold: the values of the rows that frames to come may need, and results that
//! wait until their rows come out.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::buffer::NullBuffer;
use arrow::compute::prep_null_mask_filter;
use arrow::datatypes::DataType;
use datafusion::common::Result;

use crate::error::{Code, Error};

/// The values of some rows.
pub(super) struct Rows {
    pub(super) count: usize,
    /// `None` where nothing but the row counts.
    values: Option<ArrayRef>,
    /// Which rows count, if not all do.
    pub(super) present: Option<NullBuffer>,
}

impl Rows {
    /// The values of `count` rows, of which those that `filter` lets pass count.
    pub(super) fn new(count: usize, values: Option<ArrayRef>, filter: Option<&ArrayRef>) -> Result<Self> {
        let passed = filter.map(|filter| {
            let filter = filter.as_boolean();
            let filter = if filter.null_count() > 0 {
                prep_null_mask_filter(filter)
            } else {
                filter.clone()
            };
            NullBuffer::new(filter.values().clone())
        });
        let present = values.as_ref().and_then(|values| values.logical_nulls());
        Ok(Self {
            count,
            present: NullBuffer::union(present.as_ref(), passed.as_ref()),
            values,
        })
    }

    /// The values as numbers of one type.
    pub(super) fn primitive<T: ArrowPrimitiveType>(&self) -> Result<&PrimitiveArray<T>> {
        let values = self.values.as_ref();
        let values = values.and_then(|values| values.as_primitive_opt::<T>());
        values.ok_or_else(|| Error::new(Code::Internal, "a frame's values came as another type").into())
    }
}

/// The values of rows that frames to come may need.
pub(super) struct Values<T> {
    values: Vec<T>,
    /// Empty as long as there is no NULL.
    present: Vec<bool>,
    /// The row of `values[0]`.
    first: usize,
}

impl<T: Copy + Default> Values<T> {
    /// None yet, from row `first` on.
    pub(super) fn from_row(first: usize) -> Self {
        Self {
            values: Vec::new(),
            present: Vec::new(),
            first,
        }
    }

    pub(super) fn extend(&mut self, values: impl Iterator<Item = T>, present: Option<&NullBuffer>) {
        let before = self.values.len();
        self.values.extend(values);
        match present {
            Some(present) => {
                self.present.resize(before, true);
                self.present.extend(present.iter());
            }
            None if !self.present.is_empty() => self.present.resize(self.values.len(), true),
            None => {}
        }
    }

    /// `None` for NULL.
    pub(super) fn get(&self, row: usize) -> Option<T> {
        let at = row - self.first;
        let present = self.present.is_empty() || self.present[at];
        present.then(|| self.values[at])
    }

    /// Lets go of the values before `row`.
    pub(super) fn release(&mut self, row: usize) {
        let gone = row - self.first;
        if gone * 2 < self.values.len() {
            return;
        }
        self.values.drain(..gone);
        if !self.present.is_empty() {
            self.present.drain(..gone);
        }
        self.first = row;
    }

    /// Bytes held.
    pub(super) fn size(&self) -> usize {
        self.values.capacity() * size_of::<T>() + self.present.capacity()
    }
}

/// Results whose rows did not come out yet.
pub(super) struct Results<O: ArrowPrimitiveType> {
    values: Vec<O::Native>,
    present: Vec<bool>,
    data_type: DataType,
}

impl<O: ArrowPrimitiveType> Results<O> {
    /// None yet, of that type.
    pub(super) fn new(data_type: DataType) -> Self {
        Self {
            values: Vec::new(),
            present: Vec::new(),
            data_type,
        }
    }

    pub(super) fn push(&mut self, result: Option<O::Native>) {
        self.values.push(result.unwrap_or_default());
        self.present.push(result.is_some());
    }

    /// The first `rows` results.
    pub(super) fn take(&mut self, rows: usize) -> ArrayRef {
        let later = self.values.split_off(rows);
        let values = std::mem::replace(&mut self.values, later);
        let later = self.present.split_off(rows);
        let present = std::mem::replace(&mut self.present, later);
        let nulls = present.contains(&false).then(|| NullBuffer::from(present));
        let array = PrimitiveArray::<O>::new(values.into(), nulls);
        Arc::new(array.with_data_type(self.data_type.clone()))
    }

    /// Bytes held.
    pub(super) fn size(&self) -> usize {
        self.values.capacity() * size_of::<O::Native>() + self.present.capacity()
    }
}
