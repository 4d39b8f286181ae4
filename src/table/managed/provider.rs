//! A version of a managed table, as DataFusion sees it.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::TableType;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::helpers::expr_applicable_for_cols;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::dml::InsertOp;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use futures::FutureExt;
use futures::future::BoxFuture;

use super::files::Layouts;
use super::log::TableLog;
use super::proven::{Proofs, Proven};
use super::snapshot::Snapshot;
use super::write::{Outcome, WriteExec};
use crate::error::{Code, Error};
use crate::table::scan::{Request, Scan};

/// A managed table at one version.
#[derive(Debug, Clone)]
pub struct ManagedTableProvider {
    name: String,
    log: Arc<TableLog>,
    snapshot: Arc<Snapshot>,
    sorted_by: Vec<String>,
    /// Whether it is a past version, which nothing can be written to.
    past: bool,
    /// What has been proven of its rows.
    proofs: Option<Proofs>,
}

impl ManagedTableProvider {
    /// Table `name` (with its zone, for errors) at `snapshot`, whose new files are sorted by `sorted_by`.
    pub fn new(name: String, log: Arc<TableLog>, snapshot: Arc<Snapshot>, sorted_by: Vec<String>) -> Self {
        Self {
            name,
            log,
            snapshot,
            sorted_by,
            past: false,
            proofs: None,
        }
    }

    /// The same table, of whose rows is proven what `proofs` finds.
    #[must_use]
    pub fn with_proofs(mut self, proofs: Proofs) -> Self {
        self.proofs = Some(proofs);
        self
    }

    /// What has been proven of its rows.
    pub fn proven(&self) -> Proven {
        let proofs = self.proofs.as_ref();
        proofs.map_or_else(Proven::default, |Proofs(find)| find(&self.snapshot))
    }

    /// The same table, to be read only.
    #[must_use]
    pub fn into_past(mut self) -> Self {
        self.past = true;
        self
    }

    /// Its name with its zone.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its log.
    pub fn log(&self) -> &Arc<TableLog> {
        &self.log
    }

    /// The version that it shows.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// The columns by which its new files are sorted.
    pub fn sorted_by(&self) -> &[String] {
        &self.sorted_by
    }

    /// The layout of its new files.
    ///
    /// # Errors
    /// [`Code::UndefinedColumn`] if the definition sorts by a column that the log does not have;
    /// [`Code::ReadOnly`] for a past version.
    pub fn layouts(&self) -> crate::error::Result<Arc<Layouts>> {
        if self.past {
            let message = format!("a past version of table '{}' cannot be changed", self.name);
            return Err(Error::new(Code::ReadOnly, message).with_hint("RESTORE TABLE brings one back"));
        }
        let folder = self.log.folder().to_owned();
        Layouts::of(folder, &self.snapshot, &self.sorted_by).map(Arc::new)
    }

    pub(super) fn is_partition_filter(&self, filter: &Expr) -> bool {
        let names = self.snapshot.partition_columns().iter().map(String::as_str);
        let names: Vec<&str> = names.collect();
        !names.is_empty() && expr_applicable_for_cols(&names, filter)
    }

    /// The scan of all files, before any of them is ruled out.
    pub(super) fn files(&self, state: &dyn Session) -> Result<Scan<'_>> {
        if !self.snapshot.is_plain() {
            let message = format!(
                "table '{}' has rows marked as deleted, or columns under other names in its files",
                self.name
            );
            return Err(Error::new(Code::Unsupported, message)
                .with_hint("let the program that made it rewrite its files (REORG, or OPTIMIZE)")
                .into());
        }
        let options = state.default_table_options().parquet;
        let files = self.snapshot.files();
        Ok(Scan {
            table: &self.name,
            store_url: ObjectStoreUrl::local_filesystem(),
            format: Arc::new(ParquetFormat::new().with_options(options)),
            schema: self.snapshot.scan_schema().clone(),
            files: files.iter().map(|file| file.meta.clone()).collect(),
            partition_values: self.snapshot.partition_values(files)?,
            foreign: None,
            statistics: Some(files.iter().map(|file| Arc::clone(&file.statistics)).collect()),
            sorted_by: self.snapshot.sorted_by(),
        })
    }
}

impl ManagedTableProvider {
    /// The scan, as a future that hides its type.
    fn scanned<'a>(
        &'a self,
        state: &'a dyn Session,
        projection: Option<&'a Vec<usize>>,
        filters: &'a [Expr],
        limit: Option<usize>,
    ) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
        async move {
            let all: Vec<usize> = (0..self.snapshot.schema().fields().len()).collect();
            let projection = projection.unwrap_or(&all).iter();
            let projection: Vec<usize> = projection.map(|i| self.snapshot.scan_position(*i)).collect();
            let (partition_filters, others): (Vec<Expr>, Vec<Expr>) = filters
                .iter()
                .cloned()
                .partition(|filter| self.is_partition_filter(filter));
            let request = Request {
                folders_ruled_out: 0,
                projection: Some(&projection),
                partition_filters,
                other_filters: others,
                limit,
            };
            self.files(state)?.plan(state, request).await
        }
        .boxed()
    }
}

#[async_trait]
impl TableProvider for ManagedTableProvider {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.snapshot.schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let support = |filter: &&Expr| {
            if self.is_partition_filter(filter) {
                TableProviderFilterPushDown::Exact
            } else {
                TableProviderFilterPushDown::Inexact
            }
        };
        Ok(filters.iter().map(support).collect())
    }

    fn scan<'me, 'state, 'columns, 'filters, 'scan>(
        &'me self,
        state: &'state dyn Session,
        projection: Option<&'columns Vec<usize>>,
        filters: &'filters [Expr],
        limit: Option<usize>,
    ) -> BoxFuture<'scan, Result<Arc<dyn ExecutionPlan>>>
    where
        'me: 'scan,
        'state: 'scan,
        'columns: 'scan,
        'filters: 'scan,
    {
        self.scanned(state, projection, filters, limit)
    }

    /// For `EXPLAIN`: the statement itself commits what the operator stages.
    async fn insert_into(
        &self,
        _state: &dyn Session,
        input: Arc<dyn ExecutionPlan>,
        _op: InsertOp,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(WriteExec::new(
            input,
            self.layouts()?,
            Outcome::default(),
        )?))
    }
}
