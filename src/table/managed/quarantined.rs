//! `t$quarantine`: the rows that committed loads kept aside, as DataFusion sees them.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::TableType;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use futures::FutureExt;
use futures::future::BoxFuture;
use object_store::ObjectMeta;

use super::ManagedTableProvider;
use super::quarantine::quarantine_schema;
use crate::error::{Code, Error};
use crate::table::scan::{Request, Scan};

/// Rows that were kept aside.
#[derive(Debug)]
pub struct QuarantineTable {
    name: String,
    schema: SchemaRef,
    files: Vec<ObjectMeta>,
}

impl QuarantineTable {
    /// What the table's version shows.
    ///
    /// # Errors
    /// What the disk says.
    pub async fn of(table: &ManagedTableProvider) -> crate::error::Result<Self> {
        let loads = table.log().quarantines(table.snapshot()).await?;
        Self::of_loads(table, &loads)
    }

    /// What these loads kept aside.
    ///
    /// # Errors
    /// What the disk says.
    pub fn of_loads(table: &ManagedTableProvider, loads: &[String]) -> crate::error::Result<Self> {
        let mut files = Vec::new();
        for load in loads {
            for path in table.log().quarantine_files(load)? {
                files.push(meta(path)?);
            }
        }
        Ok(Self {
            name: format!("{}$quarantine", table.name()),
            schema: quarantine_schema(&table.schema()),
            files,
        })
    }
}

fn meta(path: PathBuf) -> crate::error::Result<ObjectMeta> {
    let found = std::fs::metadata(&path).map_err(|e| Error::io(&path, "look at", e))?;
    let location = object_store::path::Path::from_absolute_path(&path)
        .map_err(|e| Error::new(Code::InvalidValue, e.to_string()))?;
    let modified = found.modified().map_err(|e| Error::io(&path, "look at", e))?;
    Ok(ObjectMeta {
        location,
        last_modified: modified.into(),
        size: found.len(),
        e_tag: None,
        version: None,
    })
}

impl QuarantineTable {
    /// The scan, as a future that hides its type.
    fn scanned<'a>(
        &'a self,
        state: &'a dyn Session,
        projection: Option<&'a Vec<usize>>,
        filters: &'a [Expr],
        limit: Option<usize>,
    ) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
        async move {
            let options = state.default_table_options().parquet;
            let scan = Scan {
                table: &self.name,
                store_url: ObjectStoreUrl::local_filesystem(),
                format: Arc::new(ParquetFormat::new().with_options(options)),
                schema: TableSchema::builder(Arc::clone(&self.schema)).build(),
                files: self.files.clone(),
                partition_values: Vec::new(),
                foreign: None,
                statistics: None,
                sorted_by: Vec::new(),
            };
            let request = Request {
                folders_ruled_out: 0,
                projection,
                partition_filters: Vec::new(),
                other_filters: filters.to_vec(),
                limit,
            };
            scan.plan(state, request).await
        }
        .boxed()
    }
}

#[async_trait]
impl TableProvider for QuarantineTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
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
}
