//! The answer of a load: one row of counts.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};
use uuid::Uuid;

use crate::engine::outcome::{Body, Rows};
use crate::engine::system::batch;

/// What a load did. Always input = what it wrote or deleted + quarantined + dropped.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// The load's own id, which its commit bears.
    pub load_id: Uuid,
    /// The version that it made; the one that it saw, if there was nothing to do.
    pub version: u64,
    /// The rows that it was given.
    pub input: u64,
    pub inserted: Option<u64>,
    pub updated: Option<u64>,
    pub deleted: Option<u64>,
    /// The rows that were kept aside.
    pub quarantined: u64,
    /// The rows that were left out.
    pub dropped: u64,
    /// The rows that were written although they break a rule.
    pub warned: u64,
    /// The files that were read, and those that had been loaded before.
    pub files: Option<(u64, u64)>,
}

impl Answer {
    /// As the statement's one row.
    pub(crate) fn into_body(self) -> Body {
        let number =
            |n: u64| -> ArrayRef { Arc::new(Int64Array::from(vec![i64::try_from(n).unwrap_or(i64::MAX)])) };
        let load: ArrayRef = Arc::new(StringArray::from(vec![self.load_id.to_string()]));
        let mut columns = vec![
            ("load_id", load),
            ("version", number(self.version)),
            ("input", number(self.input)),
        ];
        let counts = [
            ("inserted", self.inserted),
            ("updated", self.updated),
            ("deleted", self.deleted),
        ];
        columns.extend(
            counts
                .into_iter()
                .filter_map(|(name, count)| Some((name, number(count?)))),
        );
        columns.extend([
            ("quarantined", number(self.quarantined)),
            ("dropped", number(self.dropped)),
            ("warned", number(self.warned)),
        ]);
        if let Some((loaded, skipped)) = self.files {
            columns.extend([("files", number(loaded)), ("skipped_files", number(skipped))]);
        }
        Body::Rows(Rows::of_batch(batch(columns)))
    }
}
