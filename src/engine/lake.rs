//! A lake, opened.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};

use super::failure;
use super::session::Session;
use super::workers::Workers;
use crate::catalog::Catalog;
use crate::error::Result;
use crate::table::managed::TableLogs;

/// A lake, opened: what all its sessions share. Cheap to clone.
///
/// ```no_run
/// use futures::StreamExt;
/// use weir::{Lake, LakeOptions, Parameters};
///
/// # async fn example() -> weir::Result<()> {
/// let lake = Lake::open("shop".as_ref(), LakeOptions::default()).await?;
/// let mut outcomes = lake.session().execute("SELECT count(*) FROM raw.events", &Parameters::default());
/// while let Some(outcome) = outcomes.next().await {
///     println!("{:?}", outcome?.body);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Lake {
    catalog: Arc<Catalog>,
    runtime: Arc<RuntimeEnv>,
    workers: Arc<Workers>,
    logs: Arc<TableLogs>,
    options: LakeOptions,
}

/// How a lake is opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LakeOptions {
    /// How many threads compute, and into how many parts a statement's work is split; `None` is one
    /// a core.
    pub threads: Option<NonZeroUsize>,
}

impl Lake {
    /// Makes an empty lake in `folder`.
    ///
    /// # Errors
    /// [`Code::DuplicateTable`](crate::error::Code::DuplicateTable) if there is one already.
    pub fn init(folder: &Path) -> Result<()> {
        Catalog::init(folder)
    }

    /// Opens the lake in `folder`. Its definitions are read when statements name them.
    ///
    /// # Errors
    /// [`Code::NoLake`](crate::error::Code::NoLake) if there is none,
    /// [`Code::InvalidDefinition`](crate::error::Code::InvalidDefinition) if `lake.toml` is wrong.
    pub async fn open(folder: &Path, options: LakeOptions) -> Result<Self> {
        let catalog = Arc::new(Catalog::open(folder)?);
        let runtime = RuntimeEnvBuilder::new()
            .build_arc()
            .map_err(failure::without_place)?;
        Ok(Self {
            catalog,
            runtime,
            workers: Arc::new(Workers::new(options.threads)?),
            logs: Arc::default(),
            options,
        })
    }

    /// A session with the default settings.
    pub fn session(&self) -> Session {
        Session::new(self.clone())
    }

    /// The lake's folder.
    pub fn folder(&self) -> &Path {
        self.catalog.root()
    }

    pub(super) fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// The logs of the managed tables.
    pub(super) fn logs(&self) -> &TableLogs {
        &self.logs
    }

    pub(super) fn options(&self) -> LakeOptions {
        self.options
    }

    pub(super) fn workers(&self) -> &Workers {
        &self.workers
    }

    pub(super) fn runtime(&self) -> &Arc<RuntimeEnv> {
        &self.runtime
    }
}
