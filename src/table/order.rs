//! Files whose rows are sorted → groups of files that are sorted as a whole.
//!
//! A group is read from its first file to its last, so that its files must not overlap: each begins where
//! the one before has ended, by what is known of their ranges. NULLs come last in a file, and NaN behind
//! every number, and neither is in a range: a file that may have one of them has a group of its own.

use std::sync::Arc;

use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::stats::Precision;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfig};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};

/// As many groups are read at a time for the sake of their order, even by fewer threads.
const GROUPS: usize = 8;

/// Of more files than these no order is sought: it compares each with every group.
const FILES: usize = 4096;

/// How the rows of every file are sorted: ascending, NULLs last.
pub(super) const OPTIONS: SortOptions = SortOptions {
    descending: false,
    nulls_first: false,
};

/// Groups that are sorted by `columns` each, for about `threads` of them. `None` if the files overlap
/// so that too many groups would be read at a time, or are too many.
pub(super) fn sorted_groups(
    files: &[PartitionedFile],
    schema: &SchemaRef,
    columns: &[String],
    threads: usize,
) -> Option<(Vec<FileGroup>, LexOrdering)> {
    if files.len() > FILES {
        return None;
    }
    let positions = columns.iter().map_while(|name| schema.index_of(name).ok());
    let positions: Vec<usize> = positions.collect();
    let order = positions.iter().map(|i| {
        let column = Arc::new(Column::new(schema.field(*i).name(), *i));
        PhysicalSortExpr::new(column, OPTIONS)
    });
    let order = LexOrdering::new(order)?;
    let ranged = |file: &&PartitionedFile| positions.iter().all(|i| has_range(file, schema, *i));
    let (ranged, alone): (Vec<&PartitionedFile>, Vec<_>) = files.iter().partition(ranged);
    let mut groups: Vec<FileGroup> = alone
        .into_iter()
        .map(|file| FileGroup::new(vec![file.clone()]))
        .collect();
    if !ranged.is_empty() {
        let together = [FileGroup::new(ranged.into_iter().cloned().collect())];
        // What cannot be compared has no order, and is read without one.
        let in_order = FileScanConfig::split_groups_by_statistics_with_target_partitions(
            schema,
            &together,
            &order,
            threads.saturating_sub(groups.len()).max(1),
        );
        groups.extend(in_order.ok()?);
    }
    (groups.len() <= threads.max(GROUPS)).then_some((groups, order))
}

/// Whether every value of a column of the file is known to lie in a range.
fn has_range(file: &PartitionedFile, schema: &SchemaRef, column: usize) -> bool {
    let float = matches!(
        schema.field(column).data_type(),
        DataType::Float16 | DataType::Float32 | DataType::Float64
    );
    let statistics = file.statistics.as_ref();
    let known = statistics.and_then(|statistics| statistics.column_statistics.get(column));
    !float
        && known.is_some_and(|known| {
            known.null_count == Precision::Exact(0)
                && known.min_value.get_value().is_some()
                && known.max_value.get_value().is_some()
        })
}
