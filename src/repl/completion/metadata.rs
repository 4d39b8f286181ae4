//! The names in a lake, asked for by SQL when they are first needed.
//!
//! A list is loaded in the background. Completion waits for it a moment and then goes without: the
//! next Tab finds it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

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

/// The first columns of a result, as texts.
pub(in crate::repl) type Texts = Vec<Vec<String>>;

/// What is known of a lake.
pub(in crate::repl) struct Metadata<'a> {
    connection: &'a dyn Connection,
    runtime: Handle,
    zone: RefCell<String>,
    lists: RefCell<HashMap<String, List>>,
}

enum List {
    Loading(Receiver<Texts>, AbortHandle),
    Known(Rc<Texts>),
}

impl<'a> Metadata<'a> {
    pub(in crate::repl) fn new(connection: &'a dyn Connection) -> Self {
        Self {
            connection,
            runtime: Handle::current(),
            zone: RefCell::default(),
            lists: RefCell::default(),
        }
    }

    /// Forgets everything, because a statement may change it, and stops what is being loaded.
    pub(in crate::repl) fn forget(&self) {
        for (_, list) in self.lists.borrow_mut().drain() {
            if let List::Loading(_, task) = list {
                task.abort();
            }
        }
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
        let list = lists.entry(sql.to_owned()).or_insert_with(|| {
            let (sender, receiver) = mpsc::channel();
            let outcomes = self.connection.execute(sql, &Parameters::default());
            let task = self.runtime.spawn(async move {
                // Nobody may wait any more.
                let _ = sender.send(texts(outcomes).await.unwrap_or_default());
            });
            List::Loading(receiver, task.abort_handle())
        });
        if let List::Loading(receiver, _) = list {
            match receiver.recv_timeout(PATIENCE) {
                Ok(rows) => *list = List::Known(Rc::new(rows)),
                Err(_) => return Rc::default(),
            }
        }
        match list {
            List::Known(rows) => Rc::clone(rows),
            List::Loading(..) => Rc::default(),
        }
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
        let zone = zone.map(|zone| format!("{}.", quote::identifier(zone)));
        let table = quote::identifier(table);
        self.first_column(&format!("DESCRIBE {}{table}", zone.unwrap_or_default()))
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
