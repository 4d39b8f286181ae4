//! From a value of any Arrow type to its text.
//!
//! [`Values`] is made once a column and batch: it resolves the types, so that a value is written
//! without looking at them again and, but for nested ones, without allocating. It is the only place
//! where an array becomes text; a format chooses one of three notations: plain text ([`Values::text`]),
//! JSON ([`Values::json`]) or a SQL literal ([`Values::sql`]).

mod identifier;
mod interval;
mod json;
mod nested;
mod notation;
mod scalar;
mod sql;
mod text;
mod zoned;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::buffer::NullBuffer;
use arrow::datatypes::DataType;

use self::nested::{Indirect, List, Map, Struct, Union};
use self::scalar::Scalar;
use self::text::Text;
use crate::error::{Code, Error, Result};

pub(super) use identifier::write_identifier;
pub(super) use json::write_string as write_json_string;

/// The values of one array, ready to be written.
pub(super) struct Values<'a> {
    nulls: Option<&'a NullBuffer>,
    kind: Kind<'a>,
}

/// What the values are.
enum Kind<'a> {
    Null,
    Text(Text<'a>),
    Scalar(Scalar<'a>),
    List(List<'a>),
    Struct(Struct<'a>),
    Map(Map<'a>),
    Union(Union<'a>),
    Indirect(Indirect<'a>),
}

/// The columns of a batch, ready to be written.
pub(super) fn columns(batch: &RecordBatch) -> Result<Vec<Column<'_>>> {
    let fields = batch.schema_ref().fields().iter();
    let columns = fields.zip(batch.columns());
    columns
        .map(|(field, array)| Column::try_new(field.name(), array.as_ref()))
        .collect()
}

/// A column's values, whose errors say which column it is.
pub(super) struct Column<'a> {
    name: &'a str,
    values: Values<'a>,
}

impl<'a> Column<'a> {
    fn try_new(name: &'a str, array: &'a dyn Array) -> Result<Self> {
        let values = Values::try_new(array).map_err(|error| in_column(name, &error))?;
        Ok(Self { name, values })
    }

    /// As [`Values::is_null`].
    pub(super) fn is_null(&self, row: usize) -> bool {
        self.values.is_null(row)
    }

    /// As [`Values::text`].
    pub(super) fn text<'s>(&'s self, row: usize, scratch: &'s mut String) -> Result<&'s str> {
        let text = self.values.text(row, scratch);
        text.map_err(|error| in_column(self.name, &error))
    }

    /// As [`Values::json`].
    pub(super) fn json(&self, row: usize, out: &mut String) -> Result<()> {
        let written = self.values.json(row, out);
        written.map_err(|error| in_column(self.name, &error))
    }

    /// As [`Values::sql`].
    pub(super) fn sql(&self, row: usize, out: &mut String) -> Result<()> {
        let written = self.values.sql(row, out);
        written.map_err(|error| in_column(self.name, &error))
    }
}

fn in_column(name: &str, error: &Error) -> Error {
    Error::new(error.code(), format!("column '{name}': {}", error.message()))
}

impl<'a> Values<'a> {
    pub(super) fn try_new(array: &'a dyn Array) -> Result<Self> {
        Ok(Self {
            nulls: array.nulls(),
            kind: Kind::try_new(array)?,
        })
    }

    /// NULL at every row.
    fn none() -> Self {
        Self {
            nulls: None,
            kind: Kind::Null,
        }
    }

    /// Whether the value is NULL, in itself or in what it refers to.
    pub(super) fn is_null(&self, row: usize) -> bool {
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) {
            return true;
        }
        match &self.kind {
            Kind::Null => true,
            Kind::Union(union) => union.is_null(row),
            Kind::Indirect(indirect) => indirect.is_null(row),
            _ => false,
        }
    }

    /// The plain text of a value that is not NULL: a borrowed one, or one put into `scratch`. Nested
    /// values are JSON.
    pub(super) fn text<'s>(&'s self, row: usize, scratch: &'s mut String) -> Result<&'s str> {
        scratch.clear();
        match &self.kind {
            Kind::Null => {}
            Kind::Text(text) => return Ok(text.value(row)),
            Kind::Scalar(scalar) => scalar.write(row, scratch)?,
            Kind::Union(union) => {
                let (member, row) = union.member(row);
                return member.text(row, scratch);
            }
            Kind::Indirect(indirect) => return indirect.values.text(indirect.index(row), scratch),
            Kind::List(_) | Kind::Struct(_) | Kind::Map(_) => self.json(row, scratch)?,
        }
        Ok(scratch)
    }
}

impl<'a> Kind<'a> {
    fn try_new(array: &'a dyn Array) -> Result<Self> {
        use DataType as T;
        Ok(match array.data_type() {
            T::Null => Self::Null,
            T::Utf8 => Self::Text(Text::Small(array.as_string())),
            T::LargeUtf8 => Self::Text(Text::Large(array.as_string())),
            T::Utf8View => Self::Text(Text::View(array.as_string_view())),
            T::List(_) => Self::List(List::new(array.as_list::<i32>())?),
            T::LargeList(_) => Self::List(List::new(array.as_list::<i64>())?),
            T::ListView(_) => Self::List(List::new(array.as_list_view::<i32>())?),
            T::LargeListView(_) => Self::List(List::new(array.as_list_view::<i64>())?),
            T::FixedSizeList(_, _) => Self::List(List::new(array.as_fixed_size_list())?),
            T::Struct(_) => Self::Struct(Struct::new(array.as_struct())?),
            T::Map(_, _) => Self::Map(Map::new(array.as_map())?),
            T::Union(_, _) => Self::Union(Union::new(array.as_union())?),
            T::Dictionary(_, _) => Self::Indirect(Indirect::of_dictionary(array)?),
            T::RunEndEncoded(_, _) => Self::Indirect(Indirect::of_runs(array)?),
            _ => Self::Scalar(Scalar::new(array)?),
        })
    }
}

/// A value has no text: a time beyond the calendar, say.
fn unwritable(data_type: &DataType, error: &arrow::error::ArrowError) -> Error {
    let name = super::type_name(data_type);
    Error::new(
        Code::DataException,
        format!("cannot write a value of type {name}: {error}"),
    )
}
