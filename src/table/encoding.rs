//! The first rows of a file → how its columns are encoded.
//!
//! A dictionary of a column whose values hardly repeat is as long as the column itself, and stands before
//! it: whoever wants one page of the file unpacks all of it first. Such a column is written plainly.

use std::collections::HashSet;

use arrow::array::{ArrayRef, RecordBatch};
use datafusion::common::Result;
use datafusion::common::hash_utils::{RandomState, create_hashes};
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

/// How many rows tell something of the others.
const ROWS: usize = 1_024;
/// At most so many rows are looked at.
const ROWS_AT_MOST: usize = 8_192;

/// The properties for a file that begins with the rows `first`.
pub(super) fn of_file(properties: &WriterProperties, first: &RecordBatch) -> WriterProperties {
    let rows = first.num_rows().min(ROWS_AT_MOST);
    if rows < ROWS {
        return properties.clone();
    }
    let schema = first.schema();
    let columns = schema.fields().iter().zip(first.columns());
    let distinct = columns.filter(|(field, column)| {
        !field.data_type().is_nested() && hardly_repeats(&column.slice(0, rows)).unwrap_or(false)
    });
    let mut builder = properties.clone().into_builder();
    for (field, _) in distinct {
        builder = builder.set_column_dictionary_enabled(ColumnPath::new(vec![field.name().clone()]), false);
    }
    builder.build()
}

/// Whether nine values of ten are found once.
fn hardly_repeats(column: &ArrayRef) -> Result<bool> {
    let mut hashes = vec![0; column.len()];
    create_hashes([column], &RandomState::default(), &mut hashes)?;
    let distinct: HashSet<u64> = hashes.iter().copied().collect();
    Ok(distinct.len() * 10 > column.len() * 9)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, StringArray};

    use super::*;

    fn has_dictionary(properties: &WriterProperties, column: &str) -> bool {
        properties.dictionary_enabled(&ColumnPath::from(column))
    }

    fn batch(rows: i64) -> RecordBatch {
        let kind = (0..rows).map(|i| format!("kind {}", i % 7));
        RecordBatch::try_from_iter([
            ("key", Arc::new(Int64Array::from_iter_values(0..rows)) as ArrayRef),
            ("kind", Arc::new(StringArray::from_iter_values(kind)) as ArrayRef),
        ])
        .unwrap()
    }

    #[test]
    fn only_columns_that_repeat_have_a_dictionary() {
        let properties = of_file(&WriterProperties::default(), &batch(5_000));
        assert!(!has_dictionary(&properties, "key"));
        assert!(has_dictionary(&properties, "kind"));
    }

    #[test]
    fn few_rows_tell_nothing() {
        let properties = of_file(&WriterProperties::default(), &batch(100));
        assert!(has_dictionary(&properties, "key"));
    }
}
