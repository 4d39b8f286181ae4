//! Values made of others: lists, structs, maps, unions, and those that are stored elsewhere.

use std::ops::Range;

use arrow::array::{
    Array, ListLikeArray, MapArray, StructArray, UnionArray, downcast_dictionary_array, downcast_run_array,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{ArrowNativeType, DataType};
use arrow::error::ArrowError;

use super::{Values, unwritable};
use crate::error::Result;
use crate::render::column_names::distinct;

/// Lists of any layout.
pub(super) struct List<'a> {
    range: Box<dyn Fn(usize) -> Range<usize> + 'a>,
    pub(super) items: Box<Values<'a>>,
}

impl<'a> List<'a> {
    pub(super) fn new<L: ListLikeArray>(array: &'a L) -> Result<Self> {
        Ok(Self {
            range: Box::new(|row| array.element_range(row)),
            items: Box::new(Values::try_new(array.values().as_ref())?),
        })
    }

    /// The rows of the items of the list at `row`.
    pub(super) fn range(&self, row: usize) -> Range<usize> {
        (self.range)(row)
    }
}

/// Structs. Equal field names are made distinct, since notations have them as keys.
pub(super) struct Struct<'a> {
    pub(super) fields: Vec<(String, Values<'a>)>,
}

impl<'a> Struct<'a> {
    pub(super) fn new(array: &'a StructArray) -> Result<Self> {
        let names = distinct(array.fields().iter().map(|field| field.name().as_str()));
        let fields = names.into_iter().zip(array.columns());
        let fields = fields.map(|(name, child)| Ok((name, Values::try_new(child.as_ref())?)));
        Ok(Self {
            fields: fields.collect::<Result<_>>()?,
        })
    }
}

/// Maps.
pub(super) struct Map<'a> {
    offsets: &'a OffsetBuffer<i32>,
    pub(super) keys: Box<Values<'a>>,
    pub(super) values: Box<Values<'a>>,
}

impl<'a> Map<'a> {
    pub(super) fn new(array: &'a MapArray) -> Result<Self> {
        Ok(Self {
            offsets: array.offsets(),
            keys: Box::new(Values::try_new(array.keys().as_ref())?),
            values: Box::new(Values::try_new(array.values().as_ref())?),
        })
    }

    /// The rows of the entries of the map at `row`.
    pub(super) fn range(&self, row: usize) -> Range<usize> {
        self.offsets[row].as_usize()..self.offsets[row + 1].as_usize()
    }
}

/// Unions: a value is its member's.
pub(super) struct Union<'a> {
    array: &'a UnionArray,
    /// By type id, of which there are at most 128.
    members: Vec<Option<Values<'a>>>,
    none: Box<Values<'a>>,
}

impl<'a> Union<'a> {
    pub(super) fn new(array: &'a UnionArray) -> Result<Self> {
        let mut members: Vec<Option<Values<'a>>> = Vec::new();
        if let DataType::Union(fields, _) = array.data_type() {
            for (id, _) in fields.iter() {
                let place = usize::try_from(id).unwrap_or_default();
                members.resize_with(members.len().max(place + 1), || None);
                members[place] = Some(Values::try_new(array.child(id).as_ref())?);
            }
        }
        Ok(Self {
            array,
            members,
            none: Box::new(Values::none()),
        })
    }

    /// The member that holds the value at `row`, and the row in it.
    pub(super) fn member(&self, row: usize) -> (&Values<'a>, usize) {
        let id = usize::try_from(self.array.type_id(row)).unwrap_or(usize::MAX);
        let member = self.members.get(id).and_then(Option::as_ref);
        (member.unwrap_or(&self.none), self.array.value_offset(row))
    }

    pub(super) fn is_null(&self, row: usize) -> bool {
        let (member, row) = self.member(row);
        member.is_null(row)
    }
}

/// Values that stand at another row of another array: dictionaries and runs.
pub(super) struct Indirect<'a> {
    index: Box<dyn Fn(usize) -> usize + 'a>,
    pub(super) values: Box<Values<'a>>,
}

impl<'a> Indirect<'a> {
    pub(super) fn of_dictionary(array: &'a dyn Array) -> Result<Self> {
        downcast_dictionary_array! {
            array => {
                let keys = array.keys().values();
                Ok(Self {
                    index: Box::new(move |row| keys[row].as_usize()),
                    values: Box::new(Values::try_new(array.values().as_ref())?),
                })
            },
            other => Err(unwritable(other, &ArrowError::NotYetImplemented("a dictionary's keys".to_owned())))
        }
    }

    pub(super) fn of_runs(array: &'a dyn Array) -> Result<Self> {
        downcast_run_array! {
            array => Ok(Self {
                index: Box::new(|row| array.get_physical_index(row)),
                values: Box::new(Values::try_new(array.values().as_ref())?),
            }),
            other => Err(unwritable(other, &ArrowError::NotYetImplemented("run ends".to_owned())))
        }
    }

    /// The row of the value at `row`.
    pub(super) fn index(&self, row: usize) -> usize {
        (self.index)(row)
    }

    pub(super) fn is_null(&self, row: usize) -> bool {
        self.values.is_null(self.index(row))
    }
}
