//! The last result, kept as long as it is not too large.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use crate::error::{Code, Error, Result};

/// How much memory a result may hold.
const LIMIT_BYTES: usize = 64 << 20;

/// The last result.
#[derive(Debug, Default)]
pub(super) enum Last {
    /// There was none yet.
    #[default]
    Nothing,
    /// All of it.
    Kept(SchemaRef, Vec<RecordBatch>),
    /// There was one, but it was too large.
    TooLarge,
    /// There was one, but its end was not waited for.
    Cut,
}

impl Last {
    /// The result.
    ///
    /// # Errors
    /// [`Code::InvalidStatement`] if there is none, or none any more.
    pub(super) fn get(&self) -> Result<(SchemaRef, Vec<RecordBatch>)> {
        match self {
            Self::Kept(schema, batches) => Ok((SchemaRef::clone(schema), batches.clone())),
            Self::Cut => Err(
                Error::new(Code::InvalidStatement, "the last result was left before its end")
                    .with_hint("run its statement again"),
            ),
            Self::Nothing => Err(Error::new(Code::InvalidStatement, "there is no result yet")),
            Self::TooLarge => Err(Error::new(
                Code::InvalidStatement,
                format!(
                    "the last result is larger than {} MiB and was not kept",
                    LIMIT_BYTES >> 20
                ),
            )
            .with_hint("run its statement again, with .once FILE before it to keep it in a file")),
        }
    }
}

/// Collects a result as it comes.
pub(super) struct Keeper {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    bytes: usize,
    /// Whether these are all rows there are.
    pub(super) is_whole: bool,
}

impl Keeper {
    pub(super) fn new(schema: SchemaRef) -> Self {
        Self {
            schema,
            batches: Vec::new(),
            bytes: 0,
            is_whole: false,
        }
    }

    pub(super) fn add(&mut self, batch: &RecordBatch) {
        self.bytes += batch.get_array_memory_size();
        if self.is_full() {
            self.batches = Vec::new();
        } else {
            self.batches.push(batch.clone());
        }
    }

    /// Whether the result is too large to be kept.
    pub(super) fn is_full(&self) -> bool {
        self.bytes > LIMIT_BYTES
    }

    /// The result.
    pub(super) fn finish(self) -> Last {
        match self.is_full() {
            true => Last::TooLarge,
            false if !self.is_whole => Last::Cut,
            false => Last::Kept(self.schema, self.batches),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Int64Array};
    use std::sync::Arc;

    #[test]
    fn what_is_too_large_is_let_go() {
        let column: ArrayRef = Arc::new(Int64Array::from_value(1, 1 << 20));
        let batch = RecordBatch::try_from_iter([("a", column)]).unwrap();
        let mut keeper = Keeper::new(batch.schema());
        keeper.add(&batch);
        for _ in 0..8 {
            keeper.add(&batch);
        }
        assert!(keeper.is_full() && keeper.batches.is_empty());
        assert!(keeper.finish().get().unwrap_err().hint().is_some());

        let mut keeper = Keeper::new(batch.schema());
        keeper.add(&batch);
        keeper.is_whole = true;
        let (_, kept) = keeper.finish().get().unwrap();
        assert!(Keeper::new(batch.schema()).finish().get().is_err());
        assert_eq!(kept, [batch]);
        assert!(Last::default().get().is_err());
    }
}
