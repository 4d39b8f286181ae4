//! A lake, opened.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use datafusion::execution::DiskManager;
use datafusion::execution::cache::cache_manager::CacheManagerConfig;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};

use super::admission::Admission;
use super::checks::History;
use super::failure;
use super::limits::Limits;
use super::memory::{LakeMemory, StatementPool, default_limit};
use super::queries::{Queries, QueryState};
use super::rights::Principal;
use super::session::Session;
use super::sessions::{Origin, Sessions};
use super::spill::Spill;
use super::workers::Workers;
use crate::catalog::Catalog;
use crate::error::Result;
use crate::storage::open_store;
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
    memory: Arc<LakeMemory>,
    spill: Arc<Spill>,
    admission: Arc<Admission>,
    queries: Arc<Queries>,
    sessions: Arc<Sessions>,
    checks: Arc<History>,
    limits: Limits,
    options: LakeOptions,
}

/// How a lake is opened. What is `None` is as `lake.toml` says, and then as it is by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LakeOptions {
    /// How many threads compute, and into how many parts a statement's work is split; by default one
    /// a core.
    pub threads: Option<NonZeroUsize>,
    /// What caches and statements together may hold, in bytes; by default a part of the machine's
    /// memory, or of its control group's.
    pub memory: Option<u64>,
    /// How many statements compute at one time; by default two a thread, and four at least.
    pub running: Option<NonZeroUsize>,
    /// How long a statement may take unless its session says otherwise; by default for ever.
    pub statement_timeout: Option<Duration>,
}

/// What an opened lake takes at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Statements that compute.
    pub running: usize,
    /// Statements that wait for others to end.
    pub waiting: usize,
    /// Bytes that statements hold.
    pub memory: u64,
    /// Bytes that caches and statements may hold.
    pub memory_limit: u64,
    /// Bytes that cached footers of files hold.
    pub cache: u64,
    /// Statements that ended and gave all they had to give.
    pub finished: u64,
    /// Statements that ended with an error.
    pub failed: u64,
    /// Statements that were stopped before their end.
    pub cancelled: u64,
}

/// What may lie in spill files, where `lake.toml` does not say it.
const SPILL_BYTES: u64 = 100 << 30;

/// How many statements compute at one time, a thread and at least.
const RUNNING_PER_THREAD: usize = 2;
const RUNNING_AT_LEAST: usize = 4;

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
        let said = catalog.limits();
        let memory = options.memory.or(said.memory).unwrap_or_else(default_limit);
        let memory = Arc::new(LakeMemory::new(memory));
        let spill_folder = catalog.root().join(match &said.spill_folder {
            Some(folder) => Path::new(folder),
            None => Path::new(".weir/spill"),
        });
        let spill = Arc::new(Spill::new(spill_folder, said.spill.unwrap_or(SPILL_BYTES)));
        let caches = memory.cache_limits();
        let cache_config = CacheManagerConfig::default()
            .with_metadata_cache_limit(caches.footers)
            .with_file_statistics_cache_limit(caches.statistics)
            // Folders are listed anew for each statement.
            .with_list_files_cache_limit(0);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(StatementPool::new(Arc::clone(&memory), "planning")))
            .with_disk_manager_builder(DiskManager::builder().with_temp_file_factory(Arc::clone(&spill) as _))
            .with_cache_manager(cache_config)
            .build_arc()
            .map_err(failure::without_place)?;
        for zone in catalog.zones() {
            if let Some(url) = zone.url() {
                let origin = url[..url::Position::BeforePath].parse::<url::Url>();
                if let Ok(origin) = origin {
                    runtime.register_object_store(&origin, open_store(&url, &zone.store)?);
                }
            }
        }
        let threads = options
            .threads
            .or_else(|| std::thread::available_parallelism().ok());
        let by_threads = threads.map_or(1, NonZeroUsize::get) * RUNNING_PER_THREAD;
        let running = options.running.or(said.running).map(NonZeroUsize::get);
        let limits = Limits {
            statement_timeout: options
                .statement_timeout
                .or(said.statement_timeout)
                .unwrap_or_default(),
            idle_timeout: said.idle_timeout.unwrap_or_default(),
            statement_memory: said.statement_memory.unwrap_or_default(),
        };
        Ok(Self {
            checks: Arc::new(History::new(catalog.root())),
            catalog,
            runtime,
            workers: Arc::new(Workers::new(options.threads)?),
            logs: Arc::default(),
            memory,
            spill,
            admission: Arc::new(Admission::new(
                running.unwrap_or(by_threads.max(RUNNING_AT_LEAST)),
            )),
            queries: Arc::new(Queries::new()),
            sessions: Arc::default(),
            limits,
            options,
        })
    }

    /// A session with the default settings.
    pub fn session(&self) -> Session {
        self.session_for(Principal::default(), Origin::default())
    }

    /// A session with the default settings, for somebody else than who runs the program.
    pub fn session_for(&self, principal: Principal, origin: Origin) -> Session {
        Session::new(self.clone(), principal, origin)
    }

    /// Stops the running statement of that id, as `KILL QUERY` does.
    ///
    /// # Errors
    /// [`Code::UndefinedQuery`](crate::error::Code::UndefinedQuery).
    pub fn kill(&self, id: &str) -> Result<()> {
        self.queries.kill(id)
    }

    /// What statements and caches take now.
    pub fn usage(&self) -> Usage {
        let (running, waiting) = self.admission.counts();
        let footers = self
            .runtime
            .cache_manager
            .get_file_metadata_cache()
            .list_entries();
        Usage {
            running,
            waiting,
            memory: self.memory.held() as u64,
            memory_limit: self.memory.limit(),
            cache: footers.values().map(|entry| entry.size_bytes as u64).sum(),
            finished: self.queries.ended(QueryState::Finished),
            failed: self.queries.ended(QueryState::Failed),
            cancelled: self.queries.ended(QueryState::Cancelled),
        }
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

    pub(super) fn workers(&self) -> &Arc<Workers> {
        &self.workers
    }

    pub(super) fn memory(&self) -> &Arc<LakeMemory> {
        &self.memory
    }

    pub(super) fn spill(&self) -> &Arc<Spill> {
        &self.spill
    }

    pub(super) fn admission(&self) -> &Admission {
        &self.admission
    }

    pub(super) fn queries(&self) -> &Arc<Queries> {
        &self.queries
    }

    pub(super) fn sessions(&self) -> &Arc<Sessions> {
        &self.sessions
    }

    /// What rules said of the lake's tables.
    pub(super) fn checks(&self) -> &Arc<History> {
        &self.checks
    }

    /// The limits of a new session's statements.
    pub(super) fn limits(&self) -> Limits {
        self.limits
    }

    pub(super) fn runtime(&self) -> &Arc<RuntimeEnv> {
        &self.runtime
    }
}
