//! Values of any type as 64-bit keys: equal values have equal keys.
//!
//! Types of at most 64 bits are encoded in order; every NaN is the same key, above all numbers, and
//! -0.0 is 0.0. Wider values are interned: their key is their place in a dictionary.

use std::cmp::Ordering;
use std::hash::BuildHasher;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, PrimitiveArray};
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, DurationMicrosecondType,
    DurationMillisecondType, DurationNanosecondType, DurationSecondType, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, IntervalUnit, IntervalYearMonthType, Time32MillisecondType,
    Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow::row::{RowConverter, SortField};
use datafusion::common::Result;
use datafusion::common::hash_utils::RandomState;
use hashbrown::HashTable;

use crate::functions::failure::internal;

/// A native value as a key in the order of its values.
trait Ordered: Copy {
    fn to_key(self) -> u64;
    fn from_key(key: u64) -> Self;
}

macro_rules! ordered_integer {
    ($flip:expr; $($native:ty),*) => {$(
        impl Ordered for $native {
            fn to_key(self) -> u64 {
                (i128::from(self) as u64) ^ $flip
            }

            fn from_key(key: u64) -> Self {
                (key ^ $flip) as Self
            }
        }
    )*};
}

ordered_integer!(1 << 63; i8, i16, i32, i64);
ordered_integer!(0; u8, u16, u32, u64);

impl Ordered for f64 {
    fn to_key(self) -> u64 {
        let value = match self {
            nan if nan.is_nan() => Self::NAN,
            0.0 => 0.0,
            other => other,
        };
        let bits = value.to_bits();
        // Negative numbers order backwards by their bits.
        if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
    }

    fn from_key(key: u64) -> Self {
        Self::from_bits(if key >> 63 == 1 { key & !(1 << 63) } else { !key })
    }
}

impl Ordered for f32 {
    fn to_key(self) -> u64 {
        f64::from(self).to_key()
    }

    fn from_key(key: u64) -> Self {
        f64::from_key(key) as Self
    }
}

fn encode<T: ArrowPrimitiveType>(array: &ArrayRef) -> Vec<u64>
where
    T::Native: Ordered,
{
    let values = array.as_primitive::<T>().values();
    values.iter().map(|value| value.to_key()).collect()
}

fn decode<T: ArrowPrimitiveType>(keys: impl Iterator<Item = Option<u64>>, data_type: &DataType) -> ArrayRef
where
    T::Native: Ordered,
{
    let values: PrimitiveArray<T> = keys.map(|key| key.map(T::Native::from_key)).collect();
    Arc::new(values.with_data_type(data_type.clone()))
}

/// Calls `$go!(T)` with the Arrow type of a primitive `$data_type` of at most 64 bits.
macro_rules! fixed_type {
    ($data_type:expr, $go:ident, $otherwise:expr) => {
        match $data_type {
            DataType::Int8 => $go!(Int8Type),
            DataType::Int16 => $go!(Int16Type),
            DataType::Int32 => $go!(Int32Type),
            DataType::Int64 => $go!(Int64Type),
            DataType::UInt8 => $go!(UInt8Type),
            DataType::UInt16 => $go!(UInt16Type),
            DataType::UInt32 => $go!(UInt32Type),
            DataType::UInt64 => $go!(UInt64Type),
            DataType::Float32 => $go!(Float32Type),
            DataType::Float64 => $go!(Float64Type),
            DataType::Decimal32(_, _) => $go!(Decimal32Type),
            DataType::Decimal64(_, _) => $go!(Decimal64Type),
            DataType::Date32 => $go!(Date32Type),
            DataType::Date64 => $go!(Date64Type),
            DataType::Time32(TimeUnit::Second) => $go!(Time32SecondType),
            DataType::Time32(TimeUnit::Millisecond) => $go!(Time32MillisecondType),
            DataType::Time64(TimeUnit::Microsecond) => $go!(Time64MicrosecondType),
            DataType::Time64(TimeUnit::Nanosecond) => $go!(Time64NanosecondType),
            DataType::Timestamp(TimeUnit::Second, _) => $go!(TimestampSecondType),
            DataType::Timestamp(TimeUnit::Millisecond, _) => $go!(TimestampMillisecondType),
            DataType::Timestamp(TimeUnit::Microsecond, _) => $go!(TimestampMicrosecondType),
            DataType::Timestamp(TimeUnit::Nanosecond, _) => $go!(TimestampNanosecondType),
            DataType::Duration(TimeUnit::Second) => $go!(DurationSecondType),
            DataType::Duration(TimeUnit::Millisecond) => $go!(DurationMillisecondType),
            DataType::Duration(TimeUnit::Microsecond) => $go!(DurationMicrosecondType),
            DataType::Duration(TimeUnit::Nanosecond) => $go!(DurationNanosecondType),
            DataType::Interval(IntervalUnit::YearMonth) => $go!(IntervalYearMonthType),
            _ => $otherwise,
        }
    };
}

/// Whether values of this type are keys themselves.
pub(super) fn is_fixed(data_type: &DataType) -> bool {
    macro_rules! yes {
        ($t:ty) => {
            true
        };
    }
    matches!(data_type, DataType::Boolean) || fixed_type!(data_type, yes, false)
}

/// The keys of an array of a type that [`is_fixed`]; a NULL's key means nothing.
pub(super) fn fixed_keys(array: &ArrayRef) -> Result<Vec<u64>> {
    macro_rules! go {
        ($t:ty) => {
            Ok(encode::<$t>(array))
        };
    }
    if let Some(values) = array.as_boolean_opt() {
        return Ok(values.values().iter().map(u64::from).collect());
    }
    fixed_type!(
        array.data_type(),
        go,
        Err(internal("key", "the type is not fixed"))
    )
}

/// The values of keys; `None` is NULL.
pub(super) fn fixed_values(
    keys: impl Iterator<Item = Option<u64>>,
    data_type: &DataType,
) -> Result<ArrayRef> {
    macro_rules! go {
        ($t:ty) => {
            Ok(decode::<$t>(keys, data_type))
        };
    }
    if *data_type == DataType::Boolean {
        let values: BooleanArray = keys.map(|key| key.map(|key| key != 0)).collect();
        return Ok(Arc::new(values));
    }
    fixed_type!(data_type, go, Err(internal("key", "the type is not fixed")))
}

/// The keys of one column's values.
#[derive(Debug)]
pub(super) enum KeySpace {
    /// Keys in the order of the values.
    Fixed(DataType),
    /// Keys are places in a dictionary.
    Interned(Interner),
}

impl KeySpace {
    /// For values of `data_type`.
    pub(super) fn new(data_type: &DataType) -> Result<Self> {
        if is_fixed(data_type) {
            return Ok(Self::Fixed(data_type.clone()));
        }
        Ok(Self::Interned(Interner::new(data_type)?))
    }

    /// The type of the values.
    pub(super) fn data_type(&self) -> &DataType {
        match self {
            Self::Fixed(data_type) => data_type,
            Self::Interned(interner) => &interner.data_type,
        }
    }

    /// The key of each value; a NULL's key means nothing.
    pub(super) fn keys(&mut self, array: &ArrayRef) -> Result<Vec<u64>> {
        match self {
            Self::Fixed(_) => fixed_keys(array),
            Self::Interned(interner) => interner.keys(array),
        }
    }

    /// The values of keys; `None` is NULL.
    pub(super) fn values(&self, keys: impl Iterator<Item = Option<u64>>) -> Result<ArrayRef> {
        match self {
            Self::Fixed(data_type) => fixed_values(keys, data_type),
            Self::Interned(interner) => interner.values(keys),
        }
    }

    /// The order of two keys' values.
    pub(super) fn compare(&self, a: u64, b: u64) -> Ordering {
        match self {
            Self::Fixed(_) => a.cmp(&b),
            Self::Interned(interner) => interner.row(a).cmp(interner.row(b)),
        }
    }

    /// How many values are held that only keys refer to.
    pub(super) fn interned(&self) -> usize {
        match self {
            Self::Fixed(_) => 0,
            Self::Interned(interner) => interner.ends.len(),
        }
    }

    /// Bytes held.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Fixed(_) => 0,
            Self::Interned(interner) => interner.size(),
        }
    }
}

/// A dictionary of values in Arrow's row format, whose bytes are in the order of the values.
#[derive(Debug)]
pub(super) struct Interner {
    data_type: DataType,
    converter: RowConverter,
    hasher: RandomState,
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// A row that is NULL, for answers.
    null: Vec<u8>,
    places: HashTable<usize>,
}

impl Interner {
    fn new(data_type: &DataType) -> Result<Self> {
        let converter = RowConverter::new(vec![SortField::new(data_type.clone())])?;
        let null = arrow::array::new_null_array(data_type, 1);
        let null = converter.convert_columns(&[null])?.row(0).data().to_vec();
        Ok(Self {
            data_type: data_type.clone(),
            converter,
            hasher: RandomState::default(),
            bytes: Vec::new(),
            ends: Vec::new(),
            null,
            places: HashTable::new(),
        })
    }

    fn row(&self, key: u64) -> &[u8] {
        row_of(&self.bytes, &self.ends, key as usize)
    }

    fn keys(&mut self, array: &ArrayRef) -> Result<Vec<u64>> {
        let rows = self.converter.convert_columns(std::slice::from_ref(array))?;
        let nulls = array.logical_nulls();
        let mut keys = Vec::with_capacity(array.len());
        for (i, row) in rows.iter().enumerate() {
            let null = nulls.as_ref().is_some_and(|nulls| nulls.is_null(i));
            keys.push(if null { 0 } else { self.intern(row.data()) });
        }
        Ok(keys)
    }

    fn intern(&mut self, row: &[u8]) -> u64 {
        let Self {
            hasher,
            bytes,
            ends,
            places,
            ..
        } = self;
        let hash = hasher.hash_one(row);
        if let Some(place) = places.find(hash, |&place| row_of(bytes, ends, place) == row) {
            return *place as u64;
        }
        let place = ends.len();
        bytes.extend_from_slice(row);
        ends.push(bytes.len());
        places.insert_unique(hash, place, |&place| hasher.hash_one(row_of(bytes, ends, place)));
        place as u64
    }

    fn values(&self, keys: impl Iterator<Item = Option<u64>>) -> Result<ArrayRef> {
        let parser = self.converter.parser();
        let rows = keys.map(|key| parser.parse(key.map_or(&self.null, |key| self.row(key))));
        one_column(self.converter.convert_rows(rows)?)
    }

    fn size(&self) -> usize {
        self.bytes.capacity()
            + (self.ends.capacity() + self.places.capacity()) * size_of::<usize>()
            + self.converter.size()
    }
}

fn row_of<'a>(bytes: &'a [u8], ends: &[usize], place: usize) -> &'a [u8] {
    let start = if place == 0 { 0 } else { ends[place - 1] };
    &bytes[start..ends[place]]
}

/// The column of a one-column row format.
pub(super) fn one_column(columns: Vec<ArrayRef>) -> Result<ArrayRef> {
    let column = columns.into_iter().next();
    column.ok_or_else(|| internal("key", "a row lost its column"))
}
