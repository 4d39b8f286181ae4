//! The names in a lake, asked for by SQL when they are first needed.
//!
//! A list is loaded in the background. Completion waits for it a moment and then goes without: the
//! next Tab finds it. It is loaded again after a statement that may change it, and when it is old:
//! others may work on the lake.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use futures::StreamExt;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::{Column, Described, Names, Table};
use crate::connection::Connection;
use crate::engine::{Body, Outcomes};
use crate::error::{Code, Error, Result};
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
    /// The names of the tables of a list, in lower case, and that list.
    table_names: RefCell<(Rc<Texts>, HashSet<String>)>,
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
            table_names: RefCell::default(),
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

    /// Ends it: from now on only what is known counts.
    pub(in crate::repl) fn end(&self) {
        self.deadline.set(Instant::now());
    }

    /// Begins to ask for what Tab will want, without waiting for it.
    pub(in crate::repl) fn prepare(&self) {
        for sql in [TABLES, FUNCTIONS, TABLE_FUNCTIONS, SETTINGS] {
            self.list(sql);
        }
    }

    /// Whether the lake is known to have a table of that name, in any zone.
    pub(in crate::repl) fn is_table(&self, name: &str) -> bool {
        let rows = self.list(TABLES);
        let mut names = self.table_names.borrow_mut();
        if !Rc::ptr_eq(&names.0, &rows) {
            let all = rows.iter().filter_map(|row| row.get(1));
            let all = all.map(|name| name.to_lowercase()).collect();
            *names = (rows, all);
        }
        names.1.contains(&name.to_lowercase())
    }

    /// The value of a setting, if there is such a one.
    pub(in crate::repl) async fn setting(&self, name: &str) -> Result<Option<String>> {
        let sql = format!("SHOW {name}");
        let rows = texts(self.connection.aside(&sql)).await?;
        Ok(rows.first().and_then(|row| row.get(1).cloned()))
    }

    /// Asks for the current zone.
    pub(in crate::repl) async fn refresh_zone(&self) -> Result<()> {
        if let Some(zone) = self.setting("datafusion.catalog.default_schema").await? {
            self.zone.replace(zone);
        }
        Ok(())
    }

    /// The current zone, as it was last asked for.
    pub(in crate::repl) fn zone(&self) -> String {
        self.zone.borrow().clone()
    }

    /// The rows of `sql`, if they are there in time. What cannot be known is an empty list; what is old
    /// is better than to wait.
    fn list(&self, sql: &str) -> Rc<Texts> {
        let mut lists = self.lists.borrow_mut();
        let list = lists.entry(sql.to_owned()).or_default();
        if !list.is_fresh() {
            let (receiver, _) = list.loading.get_or_insert_with(|| self.load(sql));
            let wait = match list.known {
                None => self.deadline.get().saturating_duration_since(Instant::now()),
                Some(_) => Duration::ZERO,
            };
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
        let outcomes = self.connection.aside(sql);
        let task = self.runtime.spawn(async move {
            // Nobody may wait any more.
            let _ = sender.send(texts(outcomes).await.unwrap_or_default());
        });
        (receiver, task.abort_handle())
    }

    /// The first two columns of `sql`.
    fn pairs(&self, sql: &str) -> Vec<Described> {
        let rows = self.list(sql);
        let pair = |row: &Vec<String>| Some((row.first()?.clone(), row.get(1).cloned().unwrap_or_default()));
        rows.iter().filter_map(pair).collect()
    }
}

const TABLES: &str = "SELECT zone, name, coalesce(kind, 'broken') AS kind, coalesce(format, '') AS format \
                      FROM system.tables ORDER BY zone, name";
const FUNCTIONS: &str = "SELECT name, max(coalesce(syntax, '')) AS syntax FROM system.functions \
                         WHERE kind <> 'table' GROUP BY name ORDER BY name";
const TABLE_FUNCTIONS: &str = "SELECT name, coalesce(syntax, '') AS syntax FROM system.functions \
                               WHERE kind = 'table' ORDER BY name";
const SETTINGS: &str = "SELECT name, value FROM system.settings ORDER BY name";
/// Formats whose files say how many rows they have.
const COUNTING: &[&str] = &["parquet", "delta"];

impl Names for Metadata<'_> {
    fn tables(&self) -> Vec<Table> {
        let table = |row: &Vec<String>| {
            let [zone, name, kind, format] = row.as_slice() else {
                return None;
            };
            Some(Table {
                zone: zone.clone(),
                name: name.clone(),
                kind: format!("{kind} {format}").trim_end().to_owned(),
            })
        };
        self.list(TABLES).iter().filter_map(table).collect()
    }

    fn rows(&self, table: &Table) -> Option<u64> {
        if !COUNTING.iter().any(|format| table.kind.ends_with(format)) {
            return None;
        }
        let (zone, name) = (quote::identifier(&table.zone), quote::identifier(&table.name));
        let rows = self.list(&format!("SELECT count(*) FROM {zone}.{name}"));
        rows.first()?.first()?.parse().ok()
    }

    fn columns(&self, zone: Option<&str>, table: &str) -> Vec<Column> {
        let zone = zone.map_or_else(|| self.zone(), str::to_owned);
        let (zone, table) = (quote::identifier(&zone), quote::identifier(table));
        let columns = self.pairs(&format!("DESCRIBE {zone}.{table}"));
        let column = |(name, data_type)| Column { name, data_type };
        columns.into_iter().map(column).collect()
    }

    fn functions(&self) -> Vec<Described> {
        self.pairs(FUNCTIONS)
    }

    fn table_functions(&self) -> Vec<Described> {
        self.pairs(TABLE_FUNCTIONS)
    }

    fn settings(&self) -> Vec<Described> {
        self.pairs(SETTINGS)
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
