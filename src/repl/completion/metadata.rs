//! The names in a lake, asked for by SQL when they are first needed.
//!
//! A list is loaded in the background. Completion waits for it a moment and then goes without: the
//! next Tab finds it. It is loaded again after a statement that may change it, and when it is old:
//! others may work on the lake.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use futures::StreamExt;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::Names;
use crate::connection::Connection;
use crate::engine::{Body, Outcomes};
use crate::error::{Code, Error, Result};
use crate::syntax::Parameters;
use crate::syntax::quote;

/// How long typing may be held up.
const PATIENCE: Duration = Duration::from_millis(300);
/// When a list is old.
const OLD: Duration = Duration::from_secs(60);

/// The first columns of a result, as texts.
pub(in crate::repl) type Texts = Vec<Vec<String>>;

/// What is known of a lake.
pub(in crate::repl) struct Metadata<'a> {
    connection: &'a dyn Connection,
    runtime: Handle,
    zone: RefCell<String>,
    lists: RefCell<HashMap<String, List>>,
    deadline: Cell<Instant>,
}

/// A list that is known, or being loaded, or both while it is loaded again.
#[derive(Default)]
struct List {
    known: Option<(Rc<Texts>, Instant)>,
    loading: Option<(Receiver<Texts>, AbortHandle)>,
}

impl List {
    fn is_fresh(&self) -> bool {
        self.known
            .as_ref()
            .is_some_and(|(_, since)| since.elapsed() < OLD)
    }
}

impl<'a> Metadata<'a> {
    pub(in crate::repl) fn new(connection: &'a dyn Connection) -> Self {
        Self {
            connection,
            runtime: Handle::current(),
            zone: RefCell::default(),
            lists: RefCell::default(),
            deadline: Cell::new(Instant::now()),
        }
    }

    /// Forgets everything, because a statement may have changed it.
    pub(in crate::repl) fn forget(&self) {
        self.stop();
        self.lists.borrow_mut().clear();
    }

    /// Stops what is being loaded.
    pub(in crate::repl) fn stop(&self) {
        for list in self.lists.borrow_mut().values_mut() {
            if let Some((_, task)) = list.loading.take() {
                task.abort();
            }
        }
    }

    /// Begins a completion, which may wait from now on.
    pub(in crate::repl) fn begin(&self) {
        self.deadline.set(Instant::now() + PATIENCE);
    }

    /// Asks for the current zone.
    pub(in crate::repl) async fn refresh_zone(&self) -> Result<()> {
        let sql = "SHOW datafusion.catalog.default_schema";
        let rows = texts(self.connection.execute(sql, &Parameters::default())).await?;
        if let Some([_, zone]) = rows.first().map(Vec::as_slice) {
            self.zone.replace(zone.clone());
        }
        Ok(())
    }

    /// The current zone, as it was last asked for.
    pub(in crate::repl) fn zone(&self) -> String {
        self.zone.borrow().clone()
    }

    /// The rows of `sql`, if they are there in time. What cannot be known is an empty list.
    fn list(&self, sql: &str) -> Rc<Texts> {
        let mut lists = self.lists.borrow_mut();
        let list = lists.entry(sql.to_owned()).or_default();
        if !list.is_fresh() {
            let (receiver, _) = list.loading.get_or_insert_with(|| self.load(sql));
            let wait = self.deadline.get().saturating_duration_since(Instant::now());
            if let Ok(rows) = receiver.recv_timeout(wait) {
                list.known = Some((Rc::new(rows), Instant::now()));
                list.loading = None;
            }
        }
        let known = list.known.as_ref();
        known.map(|(rows, _)| Rc::clone(rows)).unwrap_or_default()
    }

    fn load(&self, sql: &str) -> (Receiver<Texts>, AbortHandle) {
        let (sender, receiver) = mpsc::channel();
        let outcomes = self.connection.execute(sql, &Parameters::default());
        let task = self.runtime.spawn(async move {
            // Nobody may wait any more.
            let _ = sender.send(texts(outcomes).await.unwrap_or_default());
        });
        (receiver, task.abort_handle())
    }

    fn first_column(&self, sql: &str) -> Vec<String> {
        let rows = self.list(sql);
        rows.iter().filter_map(|row| row.first().cloned()).collect()
    }
}

impl Names for Metadata<'_> {
    fn tables(&self) -> Vec<(String, String)> {
        let rows = self.list("SELECT zone, name FROM system.tables ORDER BY zone, name");
        let pair = |row: &Vec<String>| Some((row.first()?.clone(), row.get(1)?.clone()));
        rows.iter().filter_map(pair).collect()
    }

    fn columns(&self, zone: Option<&str>, table: &str) -> Vec<String> {
        let zone = zone.map_or_else(|| self.zone(), str::to_owned);
        let (zone, table) = (quote::identifier(&zone), quote::identifier(table));
        self.first_column(&format!("DESCRIBE {zone}.{table}"))
    }

    fn functions(&self) -> Vec<String> {
        self.first_column("SELECT DISTINCT name FROM system.functions ORDER BY name")
    }

    fn settings(&self) -> Vec<String> {
        self.first_column("SELECT name FROM system.settings ORDER BY name")
    }

    fn current_zone(&self) -> String {
        self.zone()
    }
}

/// The rows of the first result as texts; NULL is the empty text.
pub(in crate::repl) async fn texts(mut outcomes: Outcomes) -> Result<Texts> {
    let Some(outcome) = outcomes.next().await else {
        return Ok(Texts::new());
    };
    let Body::Rows(mut rows) = outcome?.body else {
        return Ok(Texts::new());
    };
    let mut texts = Texts::new();
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        let columns = batch.columns().iter().map(|column| cast(column, &DataType::Utf8));
        let columns = columns.collect::<std::result::Result<Vec<_>, _>>();
        let columns = columns.map_err(|e| Error::new(Code::Internal, e.to_string()).with_source(e))?;
        for row in 0..batch.num_rows() {
            let text = |column: &arrow::array::ArrayRef| match column.is_null(row) {
                true => String::new(),
                false => column.as_string::<i32>().value(row).to_owned(),
            };
            texts.push(columns.iter().map(text).collect());
        }
    }
    Ok(texts)
}
