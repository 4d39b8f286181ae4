//! Bounds of floating-point columns, which writers of Parquet give without a word of NaN.
//!
//! NaN is above every number, or below when its sign is set, so that a row group of {1, NaN} whose bounds say
//! {1, 1} would be left out by `x > 5`. Such bounds are no bounds: they are taken out of a footer before it is
//! pruned by, unless something better vouches for the file.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::common::Statistics;
use datafusion::common::stats::Precision;
use futures::FutureExt;
use futures::future::BoxFuture;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::basic::{LogicalType, Type};
use parquet::errors::Result;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::{Statistics as ChunkStatistics, ValueStatistics};
use parquet::schema::types::SchemaDescriptor;

/// Whether a file's known statistics, in the table's terms, bound every floating-point column. They do so where the log of
/// the table has looked for NaN.
pub(super) fn are_bounded(statistics: Option<&Statistics>, is_float: impl Fn(usize) -> bool) -> bool {
    let Some(statistics) = statistics else {
        return false;
    };
    let columns = statistics.column_statistics.iter().enumerate();
    columns
        .filter(|(i, _)| is_float(*i))
        .all(|(_, column)| column.min_value != Precision::Absent && column.max_value != Precision::Absent)
}

/// A reader whose footer has no bounds of floating-point columns.
pub(super) struct Unbounded(pub Box<dyn AsyncFileReader + Send>);

impl AsyncFileReader for Unbounded {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes>> {
        self.0.get_bytes(range)
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, Result<Vec<Bytes>>> {
        self.0.get_byte_ranges(ranges)
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>>> {
        async move { without_bounds(self.0.get_metadata(options).await?) }.boxed()
    }
}

fn without_bounds(metadata: Arc<ParquetMetaData>) -> Result<Arc<ParquetMetaData>> {
    let floats = floats(metadata.file_metadata().schema_descr());
    if !floats.contains(&true) {
        return Ok(metadata);
    }
    let mut builder = metadata.as_ref().clone().into_builder();
    let groups = builder.take_row_groups().into_iter();
    let groups = groups.map(|group| group_without_bounds(group, &floats));
    let groups = groups.collect::<Result<Vec<_>>>()?;
    let index = builder.take_column_index().map(|mut index| {
        for group in &mut index {
            let float = group.iter_mut().zip(&floats).filter(|(_, is_float)| **is_float);
            float.for_each(|(column, _)| *column = ColumnIndexMetaData::NONE);
        }
        index
    });
    Ok(Arc::new(
        builder.set_row_groups(groups).set_column_index(index).build(),
    ))
}

/// Which leaves are floating-point numbers.
fn floats(schema: &SchemaDescriptor) -> Vec<bool> {
    let is_float = |i: usize| {
        let column = schema.column(i);
        matches!(column.physical_type(), Type::FLOAT | Type::DOUBLE)
            || column.logical_type_ref() == Some(&LogicalType::Float16)
    };
    (0..schema.num_columns()).map(is_float).collect()
}

fn group_without_bounds(group: RowGroupMetaData, floats: &[bool]) -> Result<RowGroupMetaData> {
    let mut builder = group.into_builder();
    let columns = builder.take_columns().into_iter().zip(floats);
    let columns = columns.map(|(column, is_float)| match is_float {
        true => column_without_bounds(column),
        false => Ok(column),
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    builder.set_column_metadata(columns).build()
}

/// The count of NULL stays.
fn column_without_bounds(column: ColumnChunkMetaData) -> Result<ColumnChunkMetaData> {
    let unbounded = column.statistics().map(|found| {
        let (distinct, nulls) = (found.distinct_count_opt(), found.null_count_opt());
        match found {
            ChunkStatistics::Float(_) => ChunkStatistics::float(None, None, distinct, nulls, false),
            ChunkStatistics::Double(_) => ChunkStatistics::double(None, None, distinct, nulls, false),
            _ => ChunkStatistics::FixedLenByteArray(ValueStatistics::new(None, None, distinct, nulls, false)),
        }
    });
    let builder = column
        .into_builder()
        .clear_statistics()
        .set_column_index_offset(None)
        .set_column_index_length(None);
    match unbounded {
        Some(statistics) => builder.set_statistics(statistics),
        None => builder,
    }
    .build()
}
