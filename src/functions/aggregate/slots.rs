//! One value a group, which only ever gives way to another: what `arg_min` and `arg_max` keep.

use std::cmp::Ordering;
use std::fmt::Debug;

use arrow::array::{Array, ArrayRef, new_null_array};
use arrow::buffer::NullBuffer;
use arrow::compute::SortOptions;
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, Rows as RowFormat, SortField};
use datafusion::common::Result;

use super::key::{fixed_keys, fixed_values, one_column};

/// One value a group of a type known when it is made; NULL is after every value.
pub(super) trait Slots: Debug + Send + Sync + Sized + 'static {
    /// A batch's values in the form in which they are kept.
    type Batch;

    /// No groups.
    fn new(data_type: &DataType, descending: bool) -> Result<Self>;

    /// Prepares a batch.
    fn encode(&self, array: &ArrayRef) -> Result<Self::Batch>;

    /// Where a batch's value stands against a group's.
    fn compare(&self, batch: &Self::Batch, row: usize, group: usize) -> Ordering;

    /// Gives a group a batch's value.
    fn set(&mut self, batch: &Self::Batch, row: usize, group: usize);

    /// The first `groups` groups' values, NULL where `held` is false.
    fn values(&self, groups: usize, held: &[bool]) -> Result<ArrayRef>;

    /// Adds groups without a value.
    fn resize(&mut self, groups: usize);

    /// Drops the first groups.
    fn forget(&mut self, groups: usize);

    /// Bytes held.
    fn size(&self) -> usize;
}

/// A batch's values as keys in their order; a NULL's key means nothing.
#[derive(Debug)]
pub(super) struct FixedBatch {
    keys: Vec<u64>,
    nulls: Option<NullBuffer>,
}

impl FixedBatch {
    fn slot(&self, row: usize) -> (bool, u64) {
        match &self.nulls {
            Some(nulls) if nulls.is_null(row) => (true, 0),
            _ => (false, self.keys[row]),
        }
    }
}

/// Values of at most 64 bits.
#[derive(Debug)]
pub(super) struct FixedSlots {
    data_type: DataType,
    descending: bool,
    /// Whether it is NULL, and the key.
    values: Vec<(bool, u64)>,
}

impl Slots for FixedSlots {
    type Batch = FixedBatch;

    fn new(data_type: &DataType, descending: bool) -> Result<Self> {
        Ok(Self {
            data_type: data_type.clone(),
            descending,
            values: Vec::new(),
        })
    }

    fn encode(&self, array: &ArrayRef) -> Result<Self::Batch> {
        let mut keys = fixed_keys(array)?;
        if self.descending {
            keys.iter_mut().for_each(|key| *key ^= u64::MAX);
        }
        let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0).cloned();
        Ok(FixedBatch { keys, nulls })
    }

    fn compare(&self, batch: &Self::Batch, row: usize, group: usize) -> Ordering {
        batch.slot(row).cmp(&self.values[group])
    }

    fn set(&mut self, batch: &Self::Batch, row: usize, group: usize) {
        self.values[group] = batch.slot(row);
    }

    fn values(&self, groups: usize, held: &[bool]) -> Result<ArrayRef> {
        let flip = if self.descending { u64::MAX } else { 0 };
        let keys = self.values[..groups].iter().zip(held);
        let keys = keys.map(|(&(null, key), &held)| (held && !null).then_some(key ^ flip));
        fixed_values(keys, &self.data_type)
    }

    fn resize(&mut self, groups: usize) {
        self.values.resize(groups, (true, 0));
    }

    fn forget(&mut self, groups: usize) {
        self.values.drain(..groups);
    }

    fn size(&self) -> usize {
        self.values.capacity() * size_of::<(bool, u64)>()
    }
}

/// Values of any type, in Arrow's row format, whose bytes are in the order of the values.
#[derive(Debug)]
pub(super) struct RowSlots {
    converter: RowConverter,
    values: Vec<Vec<u8>>,
    null: Vec<u8>,
    bytes: usize,
}

impl Slots for RowSlots {
    type Batch = RowFormat;

    fn new(data_type: &DataType, descending: bool) -> Result<Self> {
        let options = SortOptions {
            descending,
            nulls_first: false,
        };
        let converter = RowConverter::new(vec![SortField::new_with_options(data_type.clone(), options)])?;
        let null = converter.convert_columns(&[new_null_array(data_type, 1)])?;
        Ok(Self {
            null: null.row(0).data().to_vec(),
            converter,
            values: Vec::new(),
            bytes: 0,
        })
    }

    fn encode(&self, array: &ArrayRef) -> Result<Self::Batch> {
        Ok(self.converter.convert_columns(std::slice::from_ref(array))?)
    }

    fn compare(&self, batch: &Self::Batch, row: usize, group: usize) -> Ordering {
        batch.row(row).data().cmp(self.values[group].as_slice())
    }

    fn set(&mut self, batch: &Self::Batch, row: usize, group: usize) {
        let slot = &mut self.values[group];
        self.bytes -= slot.capacity();
        slot.clear();
        slot.extend_from_slice(batch.row(row).data());
        self.bytes += slot.capacity();
    }

    fn values(&self, groups: usize, held: &[bool]) -> Result<ArrayRef> {
        let parser = self.converter.parser();
        let rows = self.values[..groups].iter().zip(held);
        let rows = rows.map(|(row, &held)| parser.parse(if held { row } else { &self.null }));
        one_column(self.converter.convert_rows(rows)?)
    }

    fn resize(&mut self, groups: usize) {
        self.values.resize(groups, Vec::new());
    }

    fn forget(&mut self, groups: usize) {
        let dropped = self.values.drain(..groups);
        self.bytes -= dropped.map(|row| row.capacity()).sum::<usize>();
    }

    fn size(&self) -> usize {
        self.values.capacity() * size_of::<Vec<u8>>() + self.bytes + self.converter.size()
    }
}
