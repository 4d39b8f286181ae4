//! Files with their partition values → a physical scan.
//!
//! Files that a filter on partition columns rules out are dropped first; of the rest the format's
//! own statistics are read (Parquet footers, cached by the runtime and checked against size and time
//! of change), so that the planner knows row counts and ranges.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::stats::Precision;
use datafusion::common::{DFSchema, Result, ScalarValue, Statistics, project_schema};
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{ColumnarValue, Expr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::metrics::MetricBuilder;
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectMeta, ObjectStore};

use crate::error::{Code, Error, without_layers};

/// The metric of a scan for the files that its partition filters, or a limit, ruled out.
pub const FILES_PRUNED_METRIC: &str = "files_pruned_in_planning";

/// What is scanned.
pub(super) struct Scan<'a> {
    /// The table, for errors.
    pub table: &'a str,
    /// Where the files lie.
    pub store_url: ObjectStoreUrl,
    /// How they are read.
    pub format: Arc<dyn FileFormat>,
    /// File columns, then partition columns.
    pub schema: TableSchema,
    /// The files.
    pub files: Vec<ObjectMeta>,
    /// A column of values, one a file, for each partition column.
    pub partition_values: Vec<ArrayRef>,
}

/// What a query wants of it.
pub(super) struct Request<'a> {
    pub projection: Option<&'a Vec<usize>>,
    /// Filters that read partition columns alone, and hold exactly.
    pub partition_filters: Vec<Expr>,
    /// Whether there are others, so that a limit says nothing about the number of files.
    pub has_other_filters: bool,
    pub limit: Option<usize>,
}

impl Scan<'_> {
    /// The physical plan.
    pub(super) async fn plan(
        self,
        state: &dyn Session,
        request: Request<'_>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let files = self.partitioned_files(state, &request.partition_filters)?;
        let files = if state.config().collect_statistics() {
            self.with_statistics(state, files).await?
        } else {
            files
        };
        let limit = request.limit.filter(|_| !request.has_other_filters);
        let files = first_files(files, limit);
        let pruned = self.files.len() - files.len();
        if files.is_empty() {
            let schema = project_schema(self.schema.table_schema(), request.projection)?;
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let statistics = merged_statistics(&files, self.schema.table_schema())?;
        let groups = FileGroup::new(files).split_files(state.config().target_partitions());
        let source = self.format.file_source(self.schema.clone());
        if pruned > 0 {
            MetricBuilder::new(source.metrics())
                .global_counter(FILES_PRUNED_METRIC)
                .add(pruned);
        }
        let config = FileScanConfigBuilder::new(self.store_url, source)
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_projection_indices(request.projection.cloned())?
            .with_limit(request.limit)
            .build();
        self.format.create_physical_plan(state, config).await
    }

    /// The files that the filters leave, with their partition values.
    fn partitioned_files(&self, state: &dyn Session, filters: &[Expr]) -> Result<Vec<PartitionedFile>> {
        let kept = self.kept(state, filters)?;
        let mut files = Vec::with_capacity(self.files.len());
        for (i, meta) in self.files.iter().enumerate() {
            if kept.as_ref().is_some_and(|kept| !kept.value(i)) {
                continue;
            }
            let values = self
                .partition_values
                .iter()
                .map(|column| ScalarValue::try_from_array(column, i));
            let values = values.collect::<Result<Vec<_>>>()?;
            files.push(PartitionedFile::new_from_meta(meta.clone()).with_partition_values(values));
        }
        Ok(files)
    }

    /// Evaluates the filters once over the partition values of all files.
    fn kept(&self, state: &dyn Session, filters: &[Expr]) -> Result<Option<BooleanArray>> {
        let Some(filter) = conjunction(filters.to_vec()) else {
            return Ok(None);
        };
        let schema = Arc::new(arrow::datatypes::Schema::new(
            self.schema.table_partition_cols().clone(),
        ));
        let df_schema = DFSchema::try_from(Arc::clone(&schema))?;
        let predicate = state.create_physical_expr(filter, &df_schema)?;
        let options = RecordBatchOptions::new().with_row_count(Some(self.files.len()));
        let values = RecordBatch::try_new_with_options(schema, self.partition_values.clone(), &options)?;
        let kept = match predicate.evaluate(&values)? {
            ColumnarValue::Array(array) => array,
            scalar @ ColumnarValue::Scalar(_) => scalar.into_array(self.files.len())?,
        };
        let kept = kept.as_boolean();
        Ok(Some(
            kept.iter().map(|value| Some(value.unwrap_or(false))).collect(),
        ))
    }

    async fn with_statistics(
        &self,
        state: &dyn Session,
        files: Vec<PartitionedFile>,
    ) -> Result<Vec<PartitionedFile>> {
        let store = state.runtime_env().object_store(&self.store_url)?;
        let at_once = state.config_options().execution.meta_fetch_concurrency.get();
        futures::stream::iter(files)
            .map(|file| self.file_with_statistics(state, &store, file))
            .buffered(at_once)
            .try_collect()
            .await
    }

    async fn file_with_statistics(
        &self,
        state: &dyn Session,
        store: &Arc<dyn ObjectStore>,
        file: PartitionedFile,
    ) -> Result<PartitionedFile> {
        let schema = Arc::clone(self.schema.file_schema());
        let found = self
            .format
            .infer_stats_and_ordering(state, store, schema, &file.object_meta)
            .await
            .map_err(|e| unreadable(self.table, &file.object_meta, e))?;
        let has_null = file.partition_values.iter().any(ScalarValue::is_null);
        let mut file = file
            .with_statistics(Arc::new(found.statistics))
            .with_ordering(found.ordering);
        if has_null {
            mend_null_partitions(&mut file);
        }
        Ok(file)
    }
}

/// DataFusion takes every partition value for a value that is not NULL, which makes `count(p)` wrong.
fn mend_null_partitions(file: &mut PartitionedFile) {
    let Some(statistics) = &mut file.statistics else {
        return;
    };
    let statistics = Arc::make_mut(statistics);
    let first = statistics.column_statistics.len() - file.partition_values.len();
    let rows = statistics.num_rows;
    for (column, value) in statistics.column_statistics[first..]
        .iter_mut()
        .zip(&file.partition_values)
    {
        if value.is_null() {
            column.null_count = rows;
            column.min_value = Precision::Absent;
            column.max_value = Precision::Absent;
            column.distinct_count = Precision::Absent;
        }
    }
}

fn unreadable(table: &str, file: &ObjectMeta, error: datafusion::error::DataFusionError) -> Error {
    let path = file.location.as_ref();
    Error::new(
        Code::CorruptFile,
        format!(
            "cannot read '/{path}' of table '{table}': {}",
            without_layers(&error.find_root().strip_backtrace())
        ),
    )
    .with_hint("the file is damaged, incomplete, or of another format than the table says")
    .with_source(error)
}

/// Where no filter can take rows away, the files that hold the first `limit` rows are enough.
fn first_files(mut files: Vec<PartitionedFile>, limit: Option<usize>) -> Vec<PartitionedFile> {
    let Some(limit) = limit else { return files };
    let mut rows = 0;
    let mut needed = 0;
    for file in &files {
        if rows >= limit {
            break;
        }
        needed += 1;
        match file.statistics.as_ref().map(|statistics| statistics.num_rows) {
            Some(Precision::Exact(count)) => rows += count,
            _ => return files,
        }
    }
    files.truncate(needed);
    files
}

fn merged_statistics(files: &[PartitionedFile], schema: &SchemaRef) -> Result<Statistics> {
    let all: Option<Vec<&Statistics>> = files.iter().map(|file| file.statistics.as_deref()).collect();
    match all {
        Some(all) => Statistics::try_merge_iter(all, schema),
        None => Ok(Statistics::new_unknown(schema)),
    }
}
