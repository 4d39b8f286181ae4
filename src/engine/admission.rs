//! How many statements compute at one time. The others wait, first come, first served.
//!
//! What reads no table waits for nobody: settings, definitions, `system` and `information_schema`
//! answer whatever else runs. A result that its reader has not read to its end keeps its place.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::catalog::information_schema::INFORMATION_SCHEMA;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::LogicalPlan;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::queries::Record;
use super::system::SystemSchema;
use crate::error::{Code, Error, Result};

/// How many statements may wait. More than that is a defect of the clients, and is said so.
const WAITING_AT_MOST: usize = 1000;

/// The places of one opened lake.
#[derive(Debug)]
pub(super) struct Admission {
    places: Arc<Semaphore>,
    all: usize,
    waiting: AtomicUsize,
}

/// A place among the statements that compute.
#[derive(Debug)]
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
}

impl Admission {
    pub(super) fn new(places: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(places)),
            all: places,
            waiting: AtomicUsize::new(0),
        }
    }

    /// How many statements compute, and how many wait.
    pub(super) fn counts(&self) -> (usize, usize) {
        let free = self.places.available_permits();
        (
            self.all.saturating_sub(free),
            self.waiting.load(Ordering::Relaxed),
        )
    }

    /// A place, as soon as there is one.
    ///
    /// # Errors
    /// [`Code::TooManyStatements`] if too many wait already.
    pub(super) async fn place(&self, record: &Record) -> Result<Place> {
        if let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(Place { _permit: permit });
        }
        let waiting = Waiting::new(&self.waiting);
        if waiting.before >= WAITING_AT_MOST {
            let message = format!(
                "{WAITING_AT_MOST} statements wait already for {} to end",
                self.all
            );
            return Err(Error::new(Code::TooManyStatements, message)
                .with_hint("try again later; limits.running in lake.toml lets more compute at one time"));
        }
        record.queue();
        let permit = Arc::clone(&self.places).acquire_owned().await;
        record.admit();
        match permit {
            Ok(permit) => Ok(Place { _permit: permit }),
            Err(_) => Err(Error::new(Code::Internal, "the queue of statements is closed")),
        }
    }
}

/// One that waits; given up, it waits no more.
struct Waiting<'a> {
    count: &'a AtomicUsize,
    before: usize,
}

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        let before = count.fetch_add(1, Ordering::Relaxed);
        Self { count, before }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether a plan reads what the engine knows of itself, and nothing else.
pub(super) fn is_metadata(plan: &LogicalPlan) -> bool {
    let mut is_metadata = true;
    let visited = plan.apply_with_subqueries(|node| {
        is_metadata &= match node {
            LogicalPlan::TableScan(scan) => scan.table_name.schema().is_some_and(|zone| {
                zone.eq_ignore_ascii_case(SystemSchema::NAME) || zone.eq_ignore_ascii_case(INFORMATION_SCHEMA)
            }),
            LogicalPlan::Dml(_)
            | LogicalPlan::Copy(_)
            | LogicalPlan::Extension(_)
            | LogicalPlan::RecursiveQuery(_) => false,
            _ => true,
        };
        Ok(match is_metadata {
            true => TreeNodeRecursion::Continue,
            false => TreeNodeRecursion::Stop,
        })
    });
    visited.is_ok() && is_metadata
}
