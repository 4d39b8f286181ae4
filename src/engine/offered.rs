//! Rows from outside, offered to one statement as a table: bulk ingest.
//!
//! The rows are read once, as they come. The statement that reads them is an ordinary one, `INSERT` or
//! `CREATE TABLE AS`, so that rights, rules, limits and history hold for it as for any other, and it is
//! one commit or none.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use parking_lot::Mutex;
use uuid::Uuid;

use super::outcome::Body;
use super::session::Session;
use super::state::SharedConfig;
use crate::catalog::OFFERED;
use crate::error::{Code, Error, Result};
use crate::syntax::quote::identifier;
use crate::syntax::{Parameters, Script, insert_from};

/// What is done with a table that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfExists {
    /// Nothing: it is an error.
    Fail,
    /// Its rows stay.
    Append,
    /// It is replaced.
    Replace,
}

/// Where offered rows go.
#[derive(Debug, Clone)]
pub struct Ingest {
    /// The zone; the session's, if none is named.
    pub zone: Option<String>,
    /// The table.
    pub table: String,
    /// Whether a table that is not there is made.
    pub creates: bool,
    /// What is done with one that is.
    pub if_exists: IfExists,
}

/// The tables that are offered to a session's statements, by a name that nobody can guess.
#[derive(Debug, Default)]
pub(super) struct Offers(Mutex<HashMap<String, Arc<dyn TableProvider>>>);

/// A schema of them.
#[derive(Debug)]
pub(super) struct OfferedSchema(pub SharedConfig);

/// An offer that ends when this is dropped.
struct Offer {
    offers: Arc<Offers>,
    name: String,
}

impl Drop for Offer {
    fn drop(&mut self) {
        self.offers.0.lock().remove(&self.name);
    }
}

/// Rows that can be read once.
struct Once {
    schema: SchemaRef,
    rows: Mutex<Option<BoxStream<'static, Result<RecordBatch>>>>,
    count: Arc<AtomicU64>,
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once")
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

impl PartitionStream for Once {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let rows = self.rows.lock().take();
        let rows = rows.unwrap_or_else(|| {
            let twice = Error::new(Code::Internal, "rows that are offered can be read once");
            stream::iter([Err(twice)]).boxed()
        });
        let count = Arc::clone(&self.count);
        let rows = rows.map_err(DataFusionError::from).inspect_ok(move |batch| {
            count.fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
        });
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), rows))
    }
}

#[async_trait]
impl SchemaProvider for OfferedSchema {
    fn table_names(&self) -> Vec<String> {
        Vec::new()
    }

    async fn table(&self, name: &str) -> datafusion::error::Result<Option<Arc<dyn TableProvider>>> {
        let offers: Option<Arc<Offers>> = self.0.read().get_extension();
        let found = offers.and_then(|offers| offers.0.lock().get(name).cloned());
        Ok(found)
    }

    fn table_exist(&self, name: &str) -> bool {
        let offers: Option<Arc<Offers>> = self.0.read().get_extension();
        offers.is_some_and(|offers| offers.0.lock().contains_key(name))
    }
}

impl Session {
    /// Puts rows into a table, all of them or none, and says how many.
    ///
    /// # Errors
    /// [`Code::UndefinedTable`] or [`Code::DuplicateTable`] as `ingest` wishes; else as of `INSERT` and
    /// `CREATE TABLE AS`, and whatever ends the rows.
    pub async fn ingest(
        &self,
        ingest: Ingest,
        schema: SchemaRef,
        rows: BoxStream<'static, Result<RecordBatch>>,
    ) -> Result<u64> {
        let zone = ingest.zone.clone().unwrap_or_else(|| self.zone());
        let target = format!("{}.{}", identifier(&zone), identifier(&ingest.table));
        let known = self.columns_of(&zone, &ingest.table).await?;
        let name = Uuid::new_v4().simple().to_string();
        let source = format!("{}.{}", identifier(OFFERED), identifier(&name));
        let sql = match (known, ingest.if_exists) {
            (Some(known), IfExists::Append) => {
                let into = columns(schema.fields().iter().map(|field| known.spelled(field.name())));
                let from = columns(schema.fields().iter().map(|field| field.name().as_str()));
                format!("INSERT INTO {target} ({into}) SELECT {from} FROM {source}")
            }
            (Some(_), IfExists::Replace) => {
                format!("CREATE OR REPLACE TABLE {target} AS SELECT * FROM {source}")
            }
            (None, _) if !ingest.creates => {
                let zone = self.lake().catalog().zone(&zone)?;
                return Err(self.lake().catalog().not_found(zone, &ingest.table));
            }
            // One that is there fails by itself, also if another made it meanwhile.
            (Some(_), IfExists::Fail) | (None, _) => {
                format!("CREATE TABLE {target} AS SELECT * FROM {source}")
            }
        };
        let count = Arc::new(AtomicU64::new(0));
        let once = Once {
            schema: Arc::clone(&schema),
            rows: Mutex::new(Some(rows)),
            count: Arc::clone(&count),
        };
        let _offer = self.offer(name, schema, once)?;
        self.written(&sql, &count).await
    }

    /// Runs `INSERT INTO t VALUES ($1, …)` for many rows, whose columns are called as the placeholders
    /// are, and says how many were inserted; `None` for every other statement, of which nothing is done.
    ///
    /// # Errors
    /// As of the statement.
    pub async fn insert_rows(&self, sql: &str, rows: Vec<RecordBatch>) -> Result<Option<u64>> {
        let mut pieces = Script::new(sql).into_pieces();
        let (Some(Ok(piece)), None) = (pieces.next(), pieces.next()) else {
            return Ok(None);
        };
        let name = Uuid::new_v4().simple().to_string();
        let source = format!("{}.{}", identifier(OFFERED), identifier(&name));
        let (Some(sql), Some(first)) = (insert_from(&piece, &source), rows.first()) else {
            return Ok(None);
        };
        let schema = first.schema();
        let count = Arc::new(AtomicU64::new(0));
        let once = Once {
            schema: Arc::clone(&schema),
            rows: Mutex::new(Some(stream::iter(rows.into_iter().map(Ok)).boxed())),
            count: Arc::clone(&count),
        };
        let _offer = self.offer(name, schema, once)?;
        self.written(&sql, &count).await.map(Some)
    }

    fn offer(&self, name: String, schema: SchemaRef, once: Once) -> Result<Offer> {
        let table = StreamingTable::try_new(schema, vec![Arc::new(once)]);
        let table = table.map_err(|e| self.translated_without_place(e))?;
        let offers: Arc<Offers> = self.config().read().get_extension().unwrap_or_default();
        offers.0.lock().insert(name.clone(), Arc::new(table));
        Ok(Offer { offers, name })
    }

    async fn written(&self, sql: &str, count: &AtomicU64) -> Result<u64> {
        let mut outcomes = self.execute(sql, &Parameters::default());
        let Some(outcome) = outcomes.next().await else {
            return Ok(0);
        };
        match outcome?.body {
            Body::Done(done) => Ok(done.affected.unwrap_or_else(|| count.load(Ordering::Relaxed))),
            Body::Rows(rows) => {
                let answer: Vec<_> = rows.try_collect().await?;
                let inserted = answer.first().and_then(|batch| batch.column_by_name("inserted"));
                let inserted = inserted.and_then(|column| column.as_primitive_opt::<Int64Type>());
                let inserted = inserted
                    .filter(|column| !column.is_empty())
                    .map(|column| column.value(0));
                Ok(inserted.map_or_else(|| count.load(Ordering::Relaxed), i64::unsigned_abs))
            }
        }
    }

    async fn columns_of(&self, zone: &str, table: &str) -> Result<Option<Known>> {
        let (wanted_zone, wanted) = (zone.to_lowercase(), table.to_lowercase());
        let is_it = move |zone: &str, name: &str| zone == wanted_zone && name.to_lowercase() == wanted;
        let listed = self.list_tables(true, is_it).await?.into_iter().next();
        Ok(listed.map(|table| Known(table.schema)))
    }
}

/// The columns of a table, as far as they can be told.
struct Known(Option<SchemaRef>);

impl Known {
    /// The table's spelling of a name in any case.
    fn spelled<'a>(&'a self, name: &'a str) -> &'a str {
        let Some(schema) = &self.0 else {
            return name;
        };
        let mut alike = schema
            .fields()
            .iter()
            .filter(|field| field.name().eq_ignore_ascii_case(name));
        if schema.field_with_name(name).is_ok() {
            return name;
        }
        match (alike.next(), alike.next()) {
            (Some(only), None) => only.name(),
            _ => name,
        }
    }
}

fn columns<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(identifier).collect::<Vec<_>>().join(", ")
}
