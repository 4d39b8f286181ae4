//! Files with their partition values → a physical scan.
//!
//! Files that a filter on partition columns rules out are dropped first. Where a log knows what is in
//! the files, those out of a filter's range are dropped too, unopened; else the format's own statistics
//! are read (Parquet footers, cached by the runtime and checked against size and time of change), so
//! that the planner knows row counts and ranges. Where each file is sorted, so are the scan's groups of
//! files, which the planner is told.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::pruning::PrunableStatistics;
use datafusion::common::stats::Precision;
use datafusion::common::{
    ColumnStatistics, DFSchema, DataFusionError, Result, ScalarValue, Statistics, project_schema,
};
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfig, FileScanConfigBuilder, ParquetSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{ColumnarValue, Expr};
use datafusion::physical_expr::LexOrdering;
use datafusion::physical_optimizer::pruning::{PruningPredicate, PruningPredicateBuilder};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::metrics::MetricBuilder;
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectMeta, ObjectStore};

use super::fetched::StatementMemory;
use super::footers::Footers;
use super::order::sorted_groups;
use super::parquet::{ColumnFinder, Readers};
use crate::definition::{Column, Compression};
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
    /// The files' statistics, where they are known; else they are read from the files, where those have some.
    pub statistics: Option<Vec<Arc<Statistics>>>,
    /// Whether the format's files say how many rows they have, and what is in them.
    pub has_statistics: bool,
    /// The columns by which the rows of each file are sorted, ascending, NULLs last.
    pub sorted_by: Vec<String>,
    /// For Parquet files that others write: the columns to find in them, whatever order, case and types
    /// they have there.
    pub foreign: Option<Foreign<'a>>,
}

/// Files that others write.
pub(super) struct Foreign<'a> {
    pub columns: &'a [Column],
    /// What stands before a file's path in messages.
    pub prefix: &'a str,
}

/// What a query wants of it.
pub(super) struct Request<'a> {
    pub projection: Option<&'a Vec<usize>>,
    /// How many folders hold no file that is wanted, and were not opened.
    pub folders_ruled_out: usize,
    /// Filters that read partition columns alone, and hold exactly.
    pub partition_filters: Vec<Expr>,
    /// Others, with which a limit says nothing about the number of files.
    pub other_filters: Vec<Expr>,
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
        let files = if self.statistics.is_some() {
            self.in_range(state, files, &request.other_filters)?
        } else if self.has_statistics && state.config().collect_statistics() {
            self.with_statistics(state, files).await?
        } else {
            files
        };
        let files = self.with_virtual_columns(files);
        let limit = request.limit.filter(|_| request.other_filters.is_empty());
        let files = first_files(files, limit);
        let pruned = request.folders_ruled_out + self.files.len() - files.len();
        if files.is_empty() {
            let schema = project_schema(self.schema.table_schema(), request.projection)?;
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let statistics = merged_statistics(&files, self.schema.table_schema())?;
        let (groups, order) = self.groups(files, state.config().target_partitions());
        let source = self.format.file_source(self.schema.clone());
        if pruned > 0 {
            MetricBuilder::new(source.metrics())
                .global_counter(FILES_PRUNED_METRIC)
                .add(pruned);
        }
        let mut config = FileScanConfigBuilder::new(self.store_url.clone(), source)
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_output_ordering(order)
            .with_projection_indices(request.projection.cloned())?
            .with_limit(request.limit);
        if let Some(foreign) = &self.foreign {
            let finder = ColumnFinder::new(self.table, foreign.columns);
            config = config.with_expr_adapter(Some(Arc::new(finder)));
        }
        let plan = self.format.create_physical_plan(state, config.build()).await?;
        self.opened(state, plan, !request.other_filters.is_empty())
    }

    /// The files as groups to be read at a time, and the order that each group is in.
    fn groups(&self, files: Vec<PartitionedFile>, threads: usize) -> (Vec<FileGroup>, Vec<LexOrdering>) {
        match sorted_groups(&files, self.schema.table_schema(), &self.sorted_by, threads) {
            Some((groups, order)) => (groups, vec![order]),
            None => (FileGroup::new(files).split_files(threads), Vec::new()),
        }
    }

    /// The same scan, its files opened as they have to be.
    fn opened(
        &self,
        state: &dyn Session,
        plan: Arc<dyn ExecutionPlan>,
        is_filtered: bool,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let scan = plan
            .downcast_ref::<DataSourceExec>()
            .and_then(|exec| exec.data_source().downcast_ref::<FileScanConfig>());
        let Some((scan, source)) = scan.and_then(|scan| {
            let source = scan.file_source().downcast_ref::<ParquetSource>()?.clone();
            Some((scan.clone(), source))
        }) else {
            return Ok(plan);
        };
        let runtime = state.runtime_env();
        let readers = Readers::new(
            runtime.object_store(&self.store_url)?,
            runtime.cache_manager.get_file_metadata_cache(),
            // Foreign files have theirs since their statistics were read.
            is_filtered && self.foreign.is_none(),
            self.schema.table_schema(),
            state.config().get_extension::<StatementMemory>(),
        );
        let source = source.with_parquet_file_reader_factory(Arc::new(readers));
        let config = FileScanConfigBuilder::from(scan).with_source(Arc::new(source));
        Ok(DataSourceExec::from_data_source(config.build()))
    }

    /// The files, their statistics those of every column: of one that their reader adds nothing is known.
    fn with_virtual_columns(&self, mut files: Vec<PartitionedFile>) -> Vec<PartitionedFile> {
        let columns = self.schema.table_schema().fields().len();
        for statistics in files.iter_mut().filter_map(|file| file.statistics.as_mut()) {
            if statistics.column_statistics.len() < columns {
                let unknown = ColumnStatistics::new_unknown();
                Arc::make_mut(statistics)
                    .column_statistics
                    .resize(columns, unknown);
            }
        }
        files
    }

    /// Leaves out all files but those at these positions.
    pub(super) fn keep(&mut self, positions: &[u32]) -> Result<()> {
        let indices = UInt32Array::from(positions.to_vec());
        let values = self.partition_values.iter();
        self.partition_values = values
            .map(|values| arrow::compute::take(values, &indices, None))
            .collect::<Result<_, _>>()?;
        let at = |position: &u32| *position as usize;
        self.files = positions.iter().map(|p| self.files[at(p)].clone()).collect();
        let known = self.statistics.take();
        self.statistics = known.map(|known| positions.iter().map(|p| Arc::clone(&known[at(p)])).collect());
        Ok(())
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
            let mut file = PartitionedFile::new_from_meta(meta.clone()).with_partition_values(values);
            if let Some(known) = &self.statistics {
                file.statistics = Some(Arc::clone(&known[i]));
            }
            files.push(file);
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

    /// The files whose known ranges do not rule them out.
    fn in_range(
        &self,
        state: &dyn Session,
        files: Vec<PartitionedFile>,
        filters: &[Expr],
    ) -> Result<Vec<PartitionedFile>> {
        let Some(filter) = conjunction(filters.to_vec()) else {
            return Ok(files);
        };
        let schema = self.schema.schema_without_virtual_columns();
        let df_schema = DFSchema::try_from(Arc::clone(schema))?;
        // A filter that reads more than the files have says nothing of them.
        let Ok(predicate) = state.create_physical_expr(filter, &df_schema) else {
            return Ok(files);
        };
        let pruning = PruningPredicateBuilder::new().with_file_schema(Arc::clone(schema));
        let Some(pruning) = pruning.build(predicate) else {
            return Ok(files);
        };
        let known = files.iter().map(|file| file.statistics.as_deref());
        let kept = not_ruled_out(&pruning, known, schema)?;
        let kept = files.into_iter().zip(kept).filter(|(_, kept)| *kept);
        Ok(kept.map(|(file, _)| file).collect())
    }

    async fn with_statistics(
        &self,
        state: &dyn Session,
        files: Vec<PartitionedFile>,
    ) -> Result<Vec<PartitionedFile>> {
        let store = state.runtime_env().object_store(&self.store_url)?;
        if let Some(foreign) = &self.foreign {
            let footers = Footers {
                table: self.table,
                prefix: foreign.prefix,
                columns: foreign.columns,
                store,
                runtime: state.runtime_env(),
                at_once: state.config_options().execution.meta_fetch_concurrency.get(),
            };
            let mut files = footers.with_facts(&self.store_url, files).await?;
            let with_null =
                |file: &&mut PartitionedFile| file.partition_values.iter().any(ScalarValue::is_null);
            files.iter_mut().filter(with_null).for_each(mend_null_partitions);
            return Ok(files);
        }
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
            .map_err(|e| unreadable(self.table, &format!("/{}", file.object_meta.location), e))?;
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

/// Which files are not ruled out by what is known of them.
pub(super) fn not_ruled_out<'a>(
    pruning: &PruningPredicate,
    known: impl Iterator<Item = Option<&'a Statistics>>,
    schema: &SchemaRef,
) -> Result<Vec<bool>> {
    let known = known.map(|statistics| bounds(statistics, schema));
    pruning.prune(&PrunableStatistics::new(known.collect(), Arc::clone(schema)))
}

/// The statistics with every bound taken for a value: to rule a file out, a bound is enough.
fn bounds(statistics: Option<&Statistics>, schema: &SchemaRef) -> Arc<Statistics> {
    let Some(statistics) = statistics else {
        return Arc::new(Statistics::new_unknown(schema));
    };
    let mut statistics = statistics.clone();
    for column in &mut statistics.column_statistics {
        for bound in [&mut column.min_value, &mut column.max_value] {
            if let Precision::Inexact(value) = bound {
                *bound = Precision::Exact(value.clone());
            }
        }
    }
    Arc::new(statistics)
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

/// That a file's footer cannot be read, or that the file changed since it was listed.
pub(super) fn unreadable(table: &str, file: &str, error: DataFusionError) -> Error {
    if let DataFusionError::ObjectStore(inner) = error.find_root()
        && let object_store::Error::NotFound { .. } | object_store::Error::Precondition { .. } =
            inner.as_ref()
    {
        return Error::new(
            Code::ChangedUnderneath,
            format!("file '{file}' of table '{table}' was changed or removed while it was read"),
        )
        .with_hint("run the statement again");
    }
    Error::new(
        Code::CorruptFile,
        format!(
            "cannot read '{file}' of table '{table}': {}",
            without_layers(&error.find_root().strip_backtrace())
        ),
    )
    .with_hint(match Compression::of_file(file) {
        Compression::None => "the file is damaged, incomplete, or of another format than the table says",
        _ => "files of this format are compressed within and not as a whole: unpack it",
    })
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
