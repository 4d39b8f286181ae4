//! Arrays of text.

use arrow::array::{LargeStringArray, StringArray, StringViewArray};

/// An array of text, of any layout.
#[derive(Clone, Copy)]
pub(super) enum Text<'a> {
    Small(&'a StringArray),
    Large(&'a LargeStringArray),
    View(&'a StringViewArray),
}

impl<'a> Text<'a> {
    pub(super) fn value(&self, row: usize) -> &'a str {
        match self {
            Self::Small(array) => array.value(row),
            Self::Large(array) => array.value(row),
            Self::View(array) => array.value(row),
        }
    }
}
