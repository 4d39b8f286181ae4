//! How many rows a scan gives at most, by what is known without opening a file: the log's ranges, and the footers and
//! page indexes that are remembered.
//!
//! It tells how much to do at a time. No answer depends on it.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::DFSchema;
use datafusion::datasource::physical_plan::ParquetFileMetrics;
use datafusion::datasource::physical_plan::parquet::metadata::CachedParquetMetaData;
use datafusion::datasource::physical_plan::parquet::{
    PagePruningAccessPlanFilter, ParquetAccessPlan, RowGroupAccess, RowGroupAccessPlanFilter,
};
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::conjunction;
use datafusion::physical_optimizer::pruning::{PruningPredicate, PruningPredicateBuilder};
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use parquet::file::metadata::ParquetMetaData;

use super::provider::ManagedTableProvider;
use super::snapshot::LogFile;
use crate::table::scan::not_ruled_out;

/// Of a table of more files nothing is said: to look at each takes longer than what could be won.
const FILES: usize = 64;

/// What rules rows out.
struct Bounds {
    schema: SchemaRef,
    pruning: Arc<PruningPredicate>,
    pages: PagePruningAccessPlanFilter,
    footers: Arc<FileMetadataCache>,
    metrics: ParquetFileMetrics,
}

impl ManagedTableProvider {
    /// How many rows a scan with these filters, over the table's bare columns, gives at most. `None` if that is not
    /// known.
    pub fn rows_at_most(&self, session: &dyn Session, filters: Vec<Expr>) -> Option<usize> {
        let snapshot = self.snapshot();
        let files = snapshot.files();
        if files.len() > FILES || !snapshot.is_plain() {
            return None;
        }
        let all = || files.iter().map(|file| rows(file)).sum();
        let Some(filter) = conjunction(filters) else {
            return all();
        };
        let schema = snapshot.scan_schema().table_schema();
        let names = DFSchema::try_from(Arc::clone(schema)).ok()?;
        let predicate = session.create_physical_expr(filter, &names).ok()?;
        let pruning = PruningPredicateBuilder::new().with_file_schema(Arc::clone(schema));
        let Some(pruning) = pruning.build(Arc::clone(&predicate)) else {
            return all();
        };
        let known = files.iter().map(|file| Some(file.statistics.as_ref()));
        let kept = not_ruled_out(&pruning, known, schema).ok()?;
        let bounds = Bounds {
            pages: PagePruningAccessPlanFilter::new(&predicate, Arc::clone(schema)),
            schema: Arc::clone(schema),
            pruning,
            footers: session.runtime_env().cache_manager.get_file_metadata_cache(),
            metrics: ParquetFileMetrics::new(0, "", &ExecutionPlanMetricsSet::new()),
        };
        let kept = files.iter().zip(kept).filter(|(_, kept)| *kept);
        kept.map(|(file, _)| bounds.rows(file)).sum()
    }
}

fn rows(file: &LogFile) -> Option<usize> {
    file.rows().and_then(|rows| usize::try_from(rows).ok())
}

impl Bounds {
    fn rows(&self, file: &LogFile) -> Option<usize> {
        let known = self.footers.get(&file.meta.location);
        let known = known.filter(|known| known.is_valid_for(&file.meta));
        let footer = known.and_then(|known| {
            let footer = known.file_metadata.as_any();
            let footer = footer.downcast_ref::<CachedParquetMetaData>()?;
            Some(Arc::clone(footer.parquet_metadata()))
        });
        match footer {
            Some(footer) => Some(self.rows_of_pages(&footer)),
            None => rows(file),
        }
    }

    fn rows_of_pages(&self, footer: &ParquetMetaData) -> usize {
        let (groups, columns) = (footer.row_groups(), footer.file_metadata().schema_descr());
        let all = ParquetAccessPlan::new_all(groups.len());
        let mut left = RowGroupAccessPlanFilter::new(all);
        left.prune_by_statistics(&self.schema, columns, groups, &self.pruning, &self.metrics);
        let left = left.build();
        let left = self
            .pages
            .prune_plan_with_page_index(left, &self.schema, columns, footer, &self.metrics);
        let rows = left
            .inner()
            .iter()
            .zip(groups)
            .map(|(access, group)| match access {
                RowGroupAccess::Skip => 0,
                RowGroupAccess::Scan => usize::try_from(group.num_rows()).unwrap_or_default(),
                RowGroupAccess::Selection(rows) => rows.row_count(),
            });
        rows.sum()
    }
}
