//! Rows that a load kept aside: files beside the table's own, in a folder a load.
//!
//! They are written and synced before the table's commit, which names the load. A load's rows are shown
//! if the table's log has committed it, and until the log says that they were put through the gate
//! again: so they appear with the load or not at all, and are replayed once. Both are kept as
//! application transactions, which outlive the entries of the log. What no commit names is swept by
//! `VACUUM`.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int64Array, RecordBatch, StringViewArray, TimestampMicrosecondArray, new_null_array,
};
use arrow::compute::BatchCoalescer;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};
use deltalake_core::kernel::Transaction;
use parking_lot::Mutex;
use uuid::Uuid;

use super::commit::Change;
use super::files::Layouts;
use super::log::TableLog;
use super::snapshot::Snapshot;
use super::write::may_be_named;
use crate::error::{Code, Error, Result};
use crate::operators::validate::{Aside, aside_schema};
use crate::storage::{AtWork, Staging};
use crate::table::external::Sources;
use crate::table::writer::PartitionedWriter;

/// The folder of a table in which its quarantine lies.
pub(super) const FOLDER: &str = "_quarantine";
/// The load that kept the row aside.
pub const LOAD_ID: &str = "_load_id";
/// The fingerprint of the rules that it broke.
pub const RULES: &str = "_rules";
/// When it was kept aside.
pub const QUARANTINED_AT: &str = "_quarantined_at";

/// What a quarantine has for a table of these columns.
pub fn quarantine_schema(columns: &Schema) -> SchemaRef {
    let mut fields = aside_schema(columns).fields().to_vec();
    let text = |name| Arc::new(Field::new(name, DataType::Utf8View, true));
    fields.extend([text(LOAD_ID), text(RULES)]);
    fields.extend([
        text("_source_file"),
        Arc::new(Field::new("_source_row", DataType::Int64, true)),
    ]);
    let moment = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    fields.push(Arc::new(Field::new(QUARANTINED_AT, moment, true)));
    Arc::new(Schema::new(fields))
}

/// The transaction that says that a load was committed.
fn load_app(load: &str) -> String {
    format!("weir.load:{load}")
}

/// The transaction that says that the rows of a load were replayed.
fn replayed_app(load: &str) -> String {
    format!("weir.replayed:{load}")
}

/// Takes the rows of one load.
#[derive(Debug)]
pub struct Quarantine {
    folder: PathBuf,
    log: PathBuf,
    load: Uuid,
    layouts: Layouts,
    fingerprint: String,
    at: DateTime<Utc>,
    sources: Option<Arc<Sources>>,
    open: Mutex<Option<Open>>,
}

struct Open {
    staging: Arc<Staging>,
    writers: HashMap<usize, Arc<Mutex<Writer>>>,
}

/// Gathers the few rows that come at a time: a file takes many at once far more quickly.
struct Writer {
    rows: BatchCoalescer,
    file: PartitionedWriter,
}

/// How many rows are gathered.
const GATHERED: usize = 4096;

impl Writer {
    fn write(&mut self, rows: RecordBatch) -> Result<()> {
        self.rows.push_batch(rows).map_err(defect)?;
        self.write_gathered()
    }

    fn write_gathered(&mut self) -> Result<()> {
        while let Some(rows) = self.rows.next_completed_batch() {
            self.file.write(&rows)?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        self.rows.finish_buffered_batch().map_err(defect)?;
        self.write_gathered()?;
        self.file.finish().map(drop)
    }
}

fn defect(error: ArrowError) -> Error {
    let message = format!("cannot gather rows that are kept aside: {error}");
    Error::new(Code::Internal, message).with_source(error)
}

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Open")
    }
}

/// The rows of a load that is not committed yet. Dropped, it takes them with it.
#[derive(Debug)]
pub struct StagedQuarantine {
    folder: PathBuf,
    log: PathBuf,
    load: Uuid,
    kept: bool,
    _at_work: AtWork,
}

impl Quarantine {
    /// Of the load `load` into the table of `log`, whose rules have this fingerprint.
    ///
    /// # Errors
    /// [`Code::Internal`] for columns that cannot be written.
    pub fn new(log: &TableLog, columns: &Schema, load: Uuid, fingerprint: String) -> Result<Self> {
        let folder = log.folder().join(FOLDER).join(load.to_string());
        Ok(Self {
            layouts: Layouts::new(folder.clone(), quarantine_schema(columns), &[], &[], &[])?,
            folder,
            log: log.folder().to_owned(),
            load,
            fingerprint,
            at: Utc::now(),
            sources: None,
            open: Mutex::new(None),
        })
    }

    /// The same, of rows that come from these files.
    #[must_use]
    pub fn with_sources(mut self, sources: Option<Arc<Sources>>) -> Self {
        self.sources = sources;
        self
    }

    fn writer(&self, stream: usize) -> Result<Arc<Mutex<Writer>>> {
        let mut open = self.open.lock();
        if open.is_none() {
            *open = Some(Open {
                staging: Arc::new(Staging::new(&self.folder)?),
                writers: HashMap::new(),
            });
        }
        let Some(open) = open.as_mut() else {
            return Err(Error::new(Code::Internal, "a quarantine is not open"));
        };
        if let Some(writer) = open.writers.get(&stream) {
            return Ok(Arc::clone(writer));
        }
        let staging = Arc::clone(&open.staging);
        let layout = self.layouts.layout.clone();
        let file = PartitionedWriter::new(staging, stream, &self.layouts.schema, layout)?;
        let rows = BatchCoalescer::new(Arc::clone(&self.layouts.schema), GATHERED);
        let writer = Arc::new(Mutex::new(Writer { rows, file }));
        open.writers.insert(stream, Arc::clone(&writer));
        Ok(writer)
    }

    /// Takes rows that have all of a quarantine's columns, as they are.
    ///
    /// # Errors
    /// What the disk says.
    pub fn write_again(&self, rows: &RecordBatch) -> Result<()> {
        let rows = RecordBatch::try_new(Arc::clone(&self.layouts.schema), rows.columns().to_vec())
            .map_err(|e| Error::new(Code::Internal, e.to_string()))?;
        self.writer(usize::MAX)?.lock().write(rows)
    }

    /// Everything is on the disk, if there is anything.
    ///
    /// # Errors
    /// What the disk says.
    pub fn finish(&self) -> Result<Option<StagedQuarantine>> {
        let Some(open) = self.open.lock().take() else {
            return Ok(None);
        };
        for (_, writer) in open.writers {
            let writer = Arc::try_unwrap(writer)
                .map_err(|_| Error::new(Code::Internal, "a writer outlived its statement"))?;
            writer.into_inner().finish()?;
        }
        let staging = Arc::try_unwrap(open.staging)
            .map_err(|_| Error::new(Code::Internal, "a writer outlived its statement"))?;
        let at_work = staging.publish()?;
        // The folder of the load, and that of all loads, may be new.
        self.folder
            .ancestors()
            .skip(1)
            .take(2)
            .try_for_each(crate::storage::sync_folder)?;
        Ok(Some(StagedQuarantine {
            folder: self.folder.clone(),
            log: self.log.clone(),
            load: self.load,
            kept: false,
            _at_work: at_work,
        }))
    }
}

impl Aside for Quarantine {
    fn write(
        &self,
        stream: usize,
        rows: &RecordBatch,
        origin: Option<&(ArrayRef, ArrayRef)>,
    ) -> datafusion::error::Result<()> {
        let count = rows.num_rows();
        let text = |text: &str| -> ArrayRef {
            Arc::new(StringViewArray::from_iter_values(std::iter::repeat_n(
                text, count,
            )))
        };
        let mut columns = rows.columns().to_vec();
        columns.push(text(&self.load.to_string()));
        columns.push(text(&self.fingerprint));
        let (file, row) = match (origin, &self.sources) {
            (Some((file, row)), Some(sources)) => sources.places(file, row)?,
            _ => (
                new_null_array(&DataType::Utf8View, count),
                Arc::new(Int64Array::new_null(count)) as ArrayRef,
            ),
        };
        columns.extend([file, row]);
        let at = TimestampMicrosecondArray::from_value(self.at.timestamp_micros(), count);
        columns.push(Arc::new(at.with_timezone("UTC")));
        let rows = RecordBatch::try_new(Arc::clone(&self.layouts.schema), columns)?;
        self.writer(stream)?.lock().write(rows)?;
        Ok(())
    }
}

impl Drop for Quarantine {
    fn drop(&mut self) {
        if self.open.get_mut().take().is_some() {
            // Out of sight until it is published: nobody misses it, and what stays is swept later.
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

impl StagedQuarantine {
    /// The load is committed.
    pub fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for StagedQuarantine {
    fn drop(&mut self) {
        if !self.kept && !may_be_named(&self.log, &self.load.to_string()) {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

impl Change {
    /// The rows that the load kept aside are shown from this change on.
    pub fn show_quarantine(&mut self, load: Uuid) {
        self.transactions
            .push(Transaction::new(load_app(&load.to_string()), 1));
    }

    /// The rows that `load` kept aside were replayed by this change.
    pub fn hide_quarantine(&mut self, load: &str) {
        self.transactions.push(Transaction::new(replayed_app(load), 1));
    }
}

/// The transaction that says that a file was copied into the table.
fn copied_app(file: &str) -> String {
    format!("weir.copied:{file}")
}

impl Change {
    /// The file that `identity` tells from every other is in the table from this change on.
    pub fn file_copied(&mut self, identity: &str) {
        self.transactions.push(Transaction::new(copied_app(identity), 1));
    }
}

impl TableLog {
    /// Which of these files `snapshot` has taken in, by their identities.
    ///
    /// # Errors
    /// What the disk says.
    pub async fn copied(&self, snapshot: &Snapshot, identities: &[String]) -> Result<Vec<bool>> {
        let transactions = self.transactions(snapshot).await?;
        let known = identities
            .iter()
            .map(|identity| transactions.contains_key(&copied_app(identity)));
        Ok(known.collect())
    }
}

impl TableLog {
    /// The loads whose quarantined rows `snapshot` shows.
    ///
    /// # Errors
    /// What the disk says; as [`TableLog::latest`].
    pub async fn quarantines(&self, snapshot: &Snapshot) -> Result<Vec<String>> {
        let mut loads = self.quarantine_folders()?;
        if loads.is_empty() {
            return Ok(loads);
        }
        let transactions = self.transactions(snapshot).await?;
        loads.retain(|load| {
            transactions.contains_key(&load_app(load)) && !transactions.contains_key(&replayed_app(load))
        });
        loads.sort_unstable();
        Ok(loads)
    }

    /// The loads that have a folder, whether or not they were committed.
    fn quarantine_folders(&self) -> Result<Vec<String>> {
        let folder = self.folder().join(FOLDER);
        let listing = match std::fs::read_dir(&folder) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            listing => listing.map_err(|e| Error::io(&folder, "list", e))?,
        };
        let mut loads = Vec::new();
        for entry in listing {
            let name = entry.map_err(|e| Error::io(&folder, "list", e))?.file_name();
            let load = name.to_str().filter(|name| Uuid::parse_str(name).is_ok());
            loads.extend(load.map(str::to_owned));
        }
        Ok(loads)
    }

    /// The files of a load's quarantined rows.
    ///
    /// # Errors
    /// What the disk says.
    pub fn quarantine_files(&self, load: &str) -> Result<Vec<PathBuf>> {
        let folder = self.folder().join(FOLDER).join(load);
        let wrong = |e| Error::io(&folder, "list", e);
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(wrong)? {
            let path = entry.map_err(wrong)?.path();
            if path.extension().is_some_and(|ending| ending == "parquet") {
                files.push(path);
            }
        }
        files.sort_unstable();
        Ok(files)
    }

    /// The files that the quarantine needs, in folders that are shown.
    ///
    /// # Errors
    /// As [`TableLog::quarantines`].
    pub(super) async fn needed_quarantine(&self, snapshot: &Snapshot) -> Result<HashSet<PathBuf>> {
        let mut needed = HashSet::new();
        for load in self.quarantines(snapshot).await? {
            needed.extend(self.quarantine_files(&load)?);
        }
        Ok(needed)
    }
}
