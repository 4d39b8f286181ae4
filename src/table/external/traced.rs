//! An external table whose rows know where they come from: which file, and which row of it.
//!
//! A load reads through this, so that a row that is kept aside can be told by its place.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, StringViewArray, UInt32Array};
use arrow::compute::kernels::numeric::add;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt32Type};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::TableType;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use futures::FutureExt;
use futures::future::BoxFuture;
use object_store::ObjectMeta;
use parking_lot::Mutex;
use parquet::arrow::RowNumber;

use super::ExternalTableProvider;
use crate::definition::Format;

/// The file of a row, by its number among the [`Sources`] (UInt32).
pub const SOURCE: &str = "__weir_source";
/// The position of a row in its file, from 0 (Int64).
pub const SOURCE_ROW: &str = "__weir_source_row";

/// Files that rows come from, by numbers.
#[derive(Debug, Default)]
pub struct Sources(Mutex<Vec<String>>);

/// How the files of a scan are numbered.
#[derive(Debug)]
enum Numbering {
    /// By a list, which has their names.
    Listed(Arc<Sources>),
    /// By their names alone: two files may have one number, and a file has it in every scan.
    ByName,
}

impl Numbering {
    fn numbers(&self, prefix: &str, files: &[ObjectMeta]) -> UInt32Array {
        match self {
            Self::Listed(sources) => sources.numbers(prefix, files),
            Self::ByName => files
                .iter()
                .map(|file| Some(hash_of(file.location.as_ref())))
                .collect(),
        }
    }
}

/// FNV-1a.
fn hash_of(name: &str) -> u32 {
    name.bytes().fold(0x811C_9DC5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

impl Sources {
    /// Numbers for the files of a scan: new ones each time, since two scans may find other files.
    fn numbers(&self, prefix: &str, files: &[ObjectMeta]) -> UInt32Array {
        let mut known = self.0.lock();
        let first = known.len();
        known.extend(files.iter().map(|file| format!("{prefix}{}", file.location)));
        let last = known.len();
        (first..last).map(|n| u32::try_from(n).ok()).collect()
    }

    /// The names of files, of which `numbers` has one a row, and the rows' numbers, which people count
    /// from 1.
    ///
    /// # Errors
    /// Arrow's own.
    pub fn places(
        &self,
        numbers: &ArrayRef,
        rows: &ArrayRef,
    ) -> Result<(ArrayRef, ArrayRef), arrow::error::ArrowError> {
        let known = self.0.lock();
        let numbers = numbers.as_primitive::<UInt32Type>();
        let name = |number: Option<u32>| known.get(usize::try_from(number?).ok()?).map(String::as_str);
        let names: StringViewArray = numbers.iter().map(name).collect();
        Ok((Arc::new(names), add(rows, &Int64Array::new_scalar(1))?))
    }
}

/// An external table's columns, then [`SOURCE`] and [`SOURCE_ROW`].
#[derive(Debug)]
pub struct TracedTable {
    table: ExternalTableProvider,
    files: Numbering,
    schema: SchemaRef,
}

impl TracedTable {
    /// The table's rows, their files numbered among `sources`.
    pub fn new(table: ExternalTableProvider, sources: Arc<Sources>) -> Self {
        Self::numbered(table, Numbering::Listed(sources))
    }

    /// The table's rows, their files numbered by their names: as long as a file is there its rows keep their
    /// places, whatever others are scanned.
    pub fn by_name(table: ExternalTableProvider) -> Self {
        Self::numbered(table, Numbering::ByName)
    }

    fn numbered(table: ExternalTableProvider, files: Numbering) -> Self {
        let mut fields = table.schema().fields().to_vec();
        fields.push(Arc::new(source_field()));
        fields.push(Arc::new(row_field()));
        Self {
            table,
            files,
            schema: Arc::new(Schema::new(fields)),
        }
    }
}

fn source_field() -> Field {
    Field::new(SOURCE, DataType::UInt32, false)
}

fn row_field() -> Field {
    Field::new(SOURCE_ROW, DataType::Int64, false).with_extension_type(RowNumber)
}

impl TracedTable {
    /// The scan, as a future that hides its type.
    fn scanned<'a>(
        &'a self,
        state: &'a dyn Session,
        projection: Option<&'a Vec<usize>>,
        filters: &'a [Expr],
        limit: Option<usize>,
    ) -> BoxFuture<'a, Result<Arc<dyn ExecutionPlan>>> {
        async move {
            let (mut scan, mut request) = self.table.parts(state, filters).await?;
            let numbers = self.files.numbers(self.table.place.prefix(), &scan.files);
            scan.partition_values.push(Arc::new(numbers));
            let (in_files, in_folders) = (
                Arc::clone(scan.schema.file_schema()),
                scan.schema.table_partition_cols().to_vec(),
            );
            let (files, folders) = (in_files.fields().len(), in_folders.len());
            let mut folder_fields = in_folders;
            folder_fields.push(Arc::new(source_field()));
            // A scan has the files' columns first. Parquet's reader numbers rows beside its columns; the
            // others' as one more of them.
            let is_parquet = self.table.definition.format == Format::Parquet;
            let row = match is_parquet {
                true => files + folders + 1,
                false => files,
            };
            let builder = match is_parquet {
                true => TableSchema::builder(in_files).with_virtual_columns(vec![Arc::new(row_field())]),
                false => {
                    let mut fields = in_files.fields().to_vec();
                    fields.push(Arc::new(Field::new(SOURCE_ROW, DataType::Int64, false)));
                    TableSchema::builder(Arc::new(Schema::new(fields)))
                }
            };
            scan.schema = builder.with_table_partition_cols(folder_fields).build();
            let shift = usize::from(!is_parquet);
            let position = |i: usize| match i {
                i if i < files => i,
                i if i <= files + folders => i + shift,
                _ => row,
            };
            let all: Vec<usize> = (0..files + folders + 2).collect();
            let projection: Vec<usize> = projection.unwrap_or(&all).iter().map(|i| position(*i)).collect();
            request.projection = Some(&projection);
            request.limit = limit;
            scan.plan(state, request).await
        }
        .boxed()
    }
}

#[async_trait]
impl TableProvider for TracedTable {
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
