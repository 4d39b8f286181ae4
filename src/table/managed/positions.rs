//! A managed table with the place of each row beside it: which file, and where in it.
//!
//! What changes rows reads them through this, says by [`FILE`] and [`ROW`] which it changes
//! ([`super::Marks`]), and reads the others again to keep them.

use std::sync::Arc;

use arrow::array::{ArrayRef, UInt32Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, Result, Statistics};
use datafusion::datasource::TableType;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use futures::FutureExt;
use futures::future::BoxFuture;
use parquet::arrow::RowNumber;

use super::ManagedTableProvider;
use crate::table::scan::Request;

/// The position of a row's file among the snapshot's files (UInt32).
pub const FILE: &str = "__weir_file";
/// The position of a row in its file, from 0 (Int64).
pub const ROW: &str = "__weir_row";

/// A managed table whose rows know their places: its columns in the log's order, then [`FILE`] and
/// [`ROW`].
#[derive(Debug)]
pub struct PositionedTable {
    table: ManagedTableProvider,
    schema: SchemaRef,
    /// Only these files, by their positions; `None` is all.
    only: Option<Vec<u32>>,
}

impl PositionedTable {
    /// The whole table.
    pub fn new(table: ManagedTableProvider) -> Self {
        let mut fields = table.schema().fields().to_vec();
        fields.push(Arc::new(Field::new(FILE, DataType::UInt32, false)));
        fields.push(Arc::new(row_field()));
        Self {
            table,
            schema: Arc::new(Schema::new(fields)),
            only: None,
        }
    }

    /// Only the rows of these files.
    #[must_use]
    pub fn of_files(mut self, files: Vec<u32>) -> Self {
        self.only = Some(files);
        self
    }
}

fn row_field() -> Field {
    Field::new(ROW, DataType::Int64, false).with_extension_type(RowNumber)
}

impl PositionedTable {
    /// The scan, as a future that hides its type.
    fn scanned<'a>(
        &'a self,
        state: &'a dyn Session,
        projection: Option<&'a Vec<usize>>,
        filters: &'a [Expr],
    ) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
        async move {
            let mut scan = self.table.files(state)?;
            let columns = self.table.schema().fields().len();
            let all: Vec<usize> = (0..columns + 2).collect();
            let snapshot = self.table.snapshot();
            // Behind the table's columns of a scan come the file and then the row.
            let position = |i: &usize| {
                if *i < columns {
                    snapshot.scan_position(*i)
                } else {
                    *i
                }
            };
            let projection: Vec<usize> = projection.unwrap_or(&all).iter().map(position).collect();
            let mut partitions = scan.schema.table_partition_cols().to_vec();
            partitions.push(Arc::new(Field::new(FILE, DataType::UInt32, false)));
            scan.schema = TableSchema::builder(Arc::clone(scan.schema.file_schema()))
                .with_table_partition_cols(partitions)
                .with_virtual_columns(vec![Arc::new(row_field())])
                .build();
            let files: ArrayRef = Arc::new(UInt32Array::from_iter_values((0_u32..).take(scan.files.len())));
            scan.partition_values.push(files);
            scan.statistics = scan
                .statistics
                .map(|known| known.iter().map(|s| positioned(s)).collect());
            if let Some(only) = &self.only {
                scan.keep(only)?;
            }
            let (partition_filters, other_filters): (Vec<Expr>, Vec<Expr>) = filters
                .iter()
                .cloned()
                .partition(|filter| self.table.is_partition_filter(filter));
            let request = Request {
                folders_ruled_out: 0,
                projection: Some(&projection),
                partition_filters,
                other_filters,
                limit: None,
            };
            scan.plan(state, request).await
        }
        .boxed()
    }
}

#[async_trait]
impl TableProvider for PositionedTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        self.table.supports_filters_pushdown(filters)
    }

    fn scan<'me, 'state, 'columns, 'filters, 'scan>(
        &'me self,
        state: &'state dyn Session,
        projection: Option<&'columns Vec<usize>>,
        filters: &'filters [Expr],
        _limit: Option<usize>,
    ) -> BoxFuture<'scan, Result<Arc<dyn ExecutionPlan>>>
    where
        'me: 'scan,
        'state: 'scan,
        'columns: 'scan,
        'filters: 'scan,
    {
        self.scanned(state, projection, filters)
    }
}

/// A file's statistics with those of the two columns more.
fn positioned(statistics: &Statistics) -> Arc<Statistics> {
    let mut statistics = statistics.clone();
    for _ in [FILE, ROW] {
        statistics.column_statistics.push(ColumnStatistics {
            null_count: Precision::Exact(0),
            ..ColumnStatistics::new_unknown()
        });
    }
    Arc::new(statistics)
}
