//! Tables whose definition owns everything: files in a folder that others may write too.
//!
//! A scan lists the folder anew each time, so that what another process added, replaced or removed
//! is seen by the next statement. An insert adds whole files and changes none.

mod files;
mod insert;
mod landed;
mod metadata;
mod partitions;
mod pruning;
mod read;
mod source;
mod traced;

use std::collections::HashSet;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result, Statistics};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::helpers::expr_applicable_for_cols;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::logical_expr::dml::InsertOp;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::Mutex;

pub use files::{format_of, infer_all_columns, infer_columns, infer_columns_of, list};
pub use landed::{Landed, Register, hash_file};
pub use metadata::{METADATA, metadata};
pub use partitions::partition_folders;
pub use traced::{SOURCE, SOURCE_ROW, Sources, TracedTable};

use super::scan::{Foreign, Request, Scan};
use crate::definition::{ExternalTable, Format};
use crate::error::{Code, Error};
use crate::storage::{DataFile, FolderFilter, Place};
use insert::Destination;
use pruning::FolderPruner;

/// An external table, as DataFusion sees it.
#[derive(Debug, Clone)]
pub struct ExternalTableProvider {
    name: String,
    definition: ExternalTable,
    place: Place,
    schema: TableSchema,
    /// These files, and no others.
    only: Option<Vec<DataFile>>,
}

impl ExternalTableProvider {
    /// Table `name` (with its zone, for errors) of files at `place`. The definition has columns: see
    /// [`infer_columns`].
    pub fn new(name: String, definition: ExternalTable, place: Place) -> Self {
        let partitions = definition.partition_schema().fields().clone();
        let schema = TableSchema::builder(definition.file_schema())
            .with_table_partition_cols(partitions)
            .build();
        Self {
            name,
            definition,
            place,
            schema,
            only: None,
        }
    }

    /// The same of these files alone, which lie at the table's place.
    #[must_use]
    pub fn of_files(mut self, files: Vec<DataFile>) -> Self {
        self.only = Some(files);
        self
    }

    /// The scan of the files that the filters leave, and what is wanted of it: all columns of all rows.
    async fn parts<'a>(&'a self, state: &dyn Session, filters: &[Expr]) -> Result<(Scan<'a>, Request<'a>)> {
        let (partition_filters, others): (Vec<Expr>, Vec<Expr>) = filters
            .iter()
            .cloned()
            .partition(|filter| self.is_partition_filter(filter));
        let partition_columns = &self.definition.partition_columns;
        let pruner = FolderPruner::new(state, partition_columns, &partition_filters)?;
        let ruled_out = Mutex::new(HashSet::new());
        let wanted = |folders: &[Vec<String>]| -> crate::error::Result<Vec<bool>> {
            let wanted = pruner.wanted(folders)?;
            let others = folders.iter().zip(&wanted).filter(|(_, wanted)| !**wanted);
            // By name, because a folder that changes is listed again.
            ruled_out.lock().extend(others.map(|(folder, _)| folder.clone()));
            Ok(wanted)
        };
        let folders: Option<FolderFilter<'_>> = pruner.has_filters().then_some(&wanted);
        let store = files::store(&self.name, &self.place, state)?;
        let files = match &self.only {
            Some(files) => files.clone(),
            None => {
                let format = self.definition.format;
                files::files(&self.name, format, &self.place, &store, folders, state).await?
            }
        };
        let partition_values = partitions::values(&self.name, partition_columns, &files)?;
        let foreign = (self.definition.format == Format::Parquet).then_some(Foreign {
            columns: &self.definition.columns,
            prefix: self.place.prefix(),
        });
        let scan = Scan {
            table: &self.name,
            store_url: self.place.store_url().clone(),
            format: files::file_format(&self.name, &self.definition, &self.place, state),
            foreign,
            schema: self.schema.clone(),
            files: files.into_iter().map(|file| file.meta).collect(),
            partition_values,
            statistics: None,
            sorted_by: Vec::new(),
        };
        let request = Request {
            projection: None,
            folders_ruled_out: ruled_out.lock().len(),
            partition_filters,
            other_filters: others,
            limit: None,
        };
        Ok((scan, request))
    }

    fn is_partition_filter(&self, filter: &Expr) -> bool {
        let names = self
            .definition
            .partition_columns
            .iter()
            .map(|column| column.name.as_str());
        let names: Vec<&str> = names.collect();
        !names.is_empty() && expr_applicable_for_cols(&names, filter)
    }
}

impl ExternalTableProvider {
    /// The scan, as a future that hides its type.
    fn scanned<'a>(
        &'a self,
        state: &'a dyn Session,
        projection: Option<&'a Vec<usize>>,
        filters: &'a [Expr],
        limit: Option<usize>,
    ) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
        async move {
            let (scan, mut request) = self.parts(state, filters).await?;
            request.projection = projection;
            request.limit = limit;
            scan.plan(state, request).await
        }
        .boxed()
    }
}

#[async_trait]
impl TableProvider for ExternalTableProvider {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.schema.table_schema())
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

    fn statistics(&self) -> Option<Statistics> {
        None
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

    async fn insert_into(
        &self,
        _state: &dyn Session,
        input: Arc<dyn ExecutionPlan>,
        op: InsertOp,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let unsupported = |what: &str| Error::new(Code::Unsupported, format!("{what} '{}'", self.name));
        if op != InsertOp::Append {
            return Err(unsupported("INSERT OVERWRITE is not supported for external table").into());
        }
        if self.definition.format != Format::Parquet {
            let error = unsupported(&format!(
                "INSERT is not supported for {} table",
                self.definition.format
            ));
            return Err(error.with_hint("rows can be inserted into Parquet tables").into());
        }
        let destination = match self.place.local_path() {
            _ if self.place.has_pattern() => None,
            Some(path) => (!path.is_file()).then(|| Destination::Folder(path.to_owned())),
            // Its own name says whether it is a file: a store has no folders to ask.
            None => Format::of_name(self.place.path().as_ref())
                .is_none()
                .then(|| Destination::Store(self.place.clone())),
        };
        let Some(destination) = destination else {
            let error = unsupported("INSERT is not supported for single-file table");
            return Err(error.with_hint("give the table a folder as its location").into());
        };
        let partition_columns = self.definition.partition_columns.len();
        Ok(Arc::new(insert::InsertExec::new(
            input,
            destination,
            self.schema(),
            partition_columns,
        )))
    }
}
