//! Parquet files under a table's columns: their footers checked and their statistics translated when a
//! scan is planned, their columns found and widened when it runs.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};
use bytes::Bytes;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{ColumnStatistics, ScalarValue, Statistics};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::datasource::physical_plan::parquet::{
    CachedParquetFileReaderFactory, ParquetFileReaderFactory,
};
use datafusion::error::Result;
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column as ColumnExpr;
use datafusion::physical_expr_adapter::{
    DefaultPhysicalExprAdapter, PhysicalExprAdapter, PhysicalExprAdapterFactory,
};
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::FutureExt;
use futures::future::BoxFuture;
use object_store::ObjectStore;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};

use super::conform::check;
use super::fetched::{Counted, StatementMemory};
use super::float_bounds::{Unbounded, are_bounded};
use crate::definition::Column;
use crate::storage::Pinned;

/// INT96 has nanoseconds and no range to speak of; in microseconds every date that it can say fits.
pub(super) const INT96_UNIT: &str = "us";

/// What a footer says of its file, in the table's terms.
pub(super) fn facts(
    table: &str,
    file: &str,
    columns: &[Column],
    metadata: &ParquetMetaData,
) -> Result<Statistics> {
    let schema = Arc::new(file_schema(metadata)?);
    let matched = check(table, file, columns, schema.fields())?;
    // Read with the file's own types: those of the table would be taken for the file's.
    let positions: Vec<usize> = matched.iter().copied().flatten().collect();
    let own = Arc::new(schema.project(&positions)?);
    let found = DFParquetMetadata::statistics_from_parquet_metadata(metadata, &own)?;
    let mut of_columns = found.column_statistics.into_iter();
    let mut statistics = Statistics::new_unknown(&Schema::empty());
    statistics.num_rows = found.num_rows;
    statistics.total_byte_size = found.total_byte_size;
    statistics.column_statistics = columns
        .iter()
        .zip(&matched)
        .map(|(column, position)| match position {
            Some(_) => translated(of_columns.next().unwrap_or_default(), &column.data_type),
            None => absent(&column.data_type, found.num_rows),
        })
        .collect();
    Ok(statistics)
}

/// A file's columns as its reader gives them.
pub(super) fn file_schema(metadata: &ParquetMetaData) -> Result<Schema> {
    let file = metadata.file_metadata();
    let schema = parquet::arrow::parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata())?;
    let fields = schema.fields().iter().map(|field| {
        let is_int96 = file.schema_descr().columns().iter().any(|column| {
            column.path().parts().first() == Some(field.name())
                && column.physical_type() == parquet::basic::Type::INT96
        });
        match field.data_type() {
            DataType::Timestamp(TimeUnit::Nanosecond, zone) if is_int96 => {
                let data_type = DataType::Timestamp(TimeUnit::Microsecond, zone.clone());
                Arc::new(field.as_ref().clone().with_data_type(data_type))
            }
            _ => Arc::clone(field),
        }
    });
    Ok(Schema::new_with_metadata(
        fields.collect::<Fields>(),
        schema.metadata().clone(),
    ))
}

/// Statistics of a column in its file's type, in its table's.
fn translated(mut column: ColumnStatistics, to: &DataType) -> ColumnStatistics {
    let bound = |bound: &Precision<ScalarValue>| {
        let cast = |value: &ScalarValue| value.cast_to(to).ok();
        match bound {
            // Writers leave NaN out of a column's bounds.
            Precision::Exact(value) | Precision::Inexact(value) if value.data_type().is_floating() => {
                Precision::Absent
            }
            Precision::Exact(value) => cast(value).map_or(Precision::Absent, Precision::Exact),
            Precision::Inexact(value) => cast(value).map_or(Precision::Absent, Precision::Inexact),
            Precision::Absent => Precision::Absent,
        }
    };
    column.min_value = bound(&column.min_value);
    column.max_value = bound(&column.max_value);
    column.sum_value = Precision::Absent;
    if to.is_nested() {
        column = ColumnStatistics::new_unknown();
    }
    column
}

/// Statistics of a column that the file does not have.
fn absent(data_type: &DataType, rows: Precision<usize>) -> ColumnStatistics {
    let mut column = ColumnStatistics::new_unknown();
    column.null_count = rows;
    if let Ok(null) = ScalarValue::try_from(data_type)
        && !data_type.is_nested()
    {
        column.min_value = Precision::Exact(null.clone());
        column.max_value = Precision::Exact(null);
    }
    column
}

/// Makes, for each file, what finds the table's columns in it.
#[derive(Debug)]
pub(super) struct ColumnFinder {
    table: String,
    columns: HashMap<String, Column>,
}

impl ColumnFinder {
    pub(super) fn new(table: &str, columns: &[Column]) -> Self {
        let by_name = |column: &Column| (column.name.clone(), column.clone());
        Self {
            table: table.to_owned(),
            columns: columns.iter().map(by_name).collect(),
        }
    }
}

impl PhysicalExprAdapterFactory for ColumnFinder {
    fn create(&self, logical: SchemaRef, physical: SchemaRef) -> Result<Arc<dyn PhysicalExprAdapter>> {
        let of_field = |field: &FieldRef| match self.columns.get(field.name()) {
            Some(column) => column.clone(),
            None => Column::new(field.name(), field.data_type().clone()),
        };
        let columns: Vec<Column> = logical.fields().iter().map(of_field).collect();
        let matched = check(&self.table, "(changed meanwhile)", &columns, physical.fields())?;
        // A column is found by its name in the table; what the table does not have keeps clear of that.
        let mut names: Vec<String> = (0..physical.fields().len())
            .map(|i| format!("\u{0}{i}"))
            .collect();
        for (column, position) in columns.iter().zip(matched) {
            if let Some(position) = position {
                names[position].clone_from(&column.name);
            }
        }
        let renamed = physical.fields().iter().zip(names);
        let renamed = renamed.map(|(field, name)| field.as_ref().clone().with_name(name));
        let renamed = Arc::new(Schema::new(renamed.collect::<Vec<Field>>()));
        Ok(Arc::new(FoundColumns {
            inner: DefaultPhysicalExprAdapter::new(logical, renamed),
            physical,
        }))
    }
}

/// Expressions over a table's columns → over a file's.
#[derive(Debug)]
struct FoundColumns {
    inner: DefaultPhysicalExprAdapter,
    physical: SchemaRef,
}

impl PhysicalExprAdapter for FoundColumns {
    fn rewrite(&self, expression: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
        let rewritten = self.inner.rewrite(expression)?;
        let own_name = |expression: Arc<dyn PhysicalExpr>| {
            Ok(match expression.downcast_ref::<ColumnExpr>() {
                Some(column) => {
                    let name = self.physical.field(column.index()).name();
                    Transformed::yes(Arc::new(ColumnExpr::new(name, column.index())) as _)
                }
                None => Transformed::no(expression),
            })
        };
        rewritten.transform(own_name).data()
    }
}

/// How files are opened.
#[derive(Debug)]
pub(super) struct Readers {
    store: Arc<dyn ObjectStore>,
    cache: Arc<FileMetadataCache>,
    /// Whether the page indexes are kept with the footers, for those who seek few rows.
    keeps_pages: bool,
    /// Which of the table's columns have floating-point numbers in them.
    floats: Vec<bool>,
    /// Where what they fetch is counted.
    memory: Option<Arc<StatementMemory>>,
}

impl Readers {
    pub(super) fn new(
        store: Arc<dyn ObjectStore>,
        cache: Arc<FileMetadataCache>,
        keeps_pages: bool,
        table: &Schema,
        memory: Option<Arc<StatementMemory>>,
    ) -> Self {
        let floats = table.fields().iter();
        Self {
            store,
            cache,
            keeps_pages,
            floats: floats.map(|field| has_floats(field.data_type())).collect(),
            memory,
        }
    }
}

fn has_floats(data_type: &DataType) -> bool {
    match data_type {
        DataType::List(inner) | DataType::LargeList(inner) | DataType::FixedSizeList(inner, _) => {
            has_floats(inner.data_type())
        }
        DataType::Map(inner, _) => has_floats(inner.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| has_floats(field.data_type())),
        other => other.is_floating(),
    }
}

impl ParquetFileReaderFactory for Readers {
    fn create_reader(
        &self,
        partition: usize,
        file: PartitionedFile,
        size_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let is_float = |column: usize| self.floats.get(column) == Some(&true);
        let are_bounded = !self.floats.contains(&true) || are_bounded(file.statistics.as_deref(), is_float);
        // Each file is read only while it is in the state that was listed, if it was listed with one.
        let store = Arc::new(Pinned::new(Arc::clone(&self.store), &file.object_meta));
        let mut reader = CachedParquetFileReaderFactory::new(store, Arc::clone(&self.cache))
            .create_reader(partition, file, size_hint, metrics)?;
        if self.keeps_pages {
            reader = Box::new(WithPages(reader));
        }
        let reader = match are_bounded {
            true => reader,
            false => Box::new(Unbounded(reader)),
        };
        Ok(match &self.memory {
            Some(memory) => Box::new(Counted::new(reader, Arc::clone(memory))),
            None => reader,
        })
    }
}

/// A reader whose footer has the page index with it. The scan would fetch and parse the index of each file anew in
/// every statement; so it is kept where the footer is.
struct WithPages(Box<dyn AsyncFileReader + Send>);

impl AsyncFileReader for WithPages {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, parquet::errors::Result<Bytes>> {
        self.0.get_bytes(range)
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, parquet::errors::Result<Vec<Bytes>>> {
        self.0.get_byte_ranges(ranges)
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, parquet::errors::Result<Arc<ParquetMetaData>>> {
        let options = options.cloned().unwrap_or_default();
        let options = options.with_page_index_policy(PageIndexPolicy::Optional);
        async move { self.0.get_metadata(Some(&options)).await }.boxed()
    }
}
