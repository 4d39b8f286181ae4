//! `catalog/lake.toml`: the lake as a whole.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::format::TableFormat;

/// What `lake.toml` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LakeConfig {
    /// The zones, in the file's order. The first is where names without a zone are looked up.
    pub zones: Vec<ZoneDefinition>,
    /// What the lake and its statements may take.
    pub limits: LakeLimits,
}

/// `[limits]` of `lake.toml`: what the lake and its statements may take. What is not said is chosen
/// when the lake is opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LakeLimits {
    /// What caches and statements together may hold, in bytes.
    pub memory: Option<u64>,
    /// How many statements compute at one time.
    pub running: Option<NonZeroUsize>,
    /// What may lie in spill files, in bytes.
    pub spill: Option<u64>,
    /// Where they lie: a folder, absolute or relative to the lake's.
    pub spill_folder: Option<String>,
    /// How long a statement may take.
    pub statement_timeout: Option<Duration>,
    /// How long a statement's rows may wait for their reader.
    pub idle_timeout: Option<Duration>,
    /// What one statement's operators may hold, in bytes.
    pub statement_memory: Option<u64>,
}

/// A zone: a schema of the lake and the folder that holds its tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneDefinition {
    /// Its name in SQL.
    pub name: String,
    /// Its folder, absolute or relative to the lake's.
    pub path: String,
    /// The format of tables that do not say theirs.
    pub format: TableFormat,
}

impl LakeConfig {
    /// The zone of that name.
    pub fn zone(&self, name: &str) -> Option<&ZoneDefinition> {
        self.zones.iter().find(|zone| zone.name == name)
    }
}

/// What a new lake's `lake.toml` says.
pub const INITIAL_LAKE: &str = r#"# A lake: three zones, each a schema in SQL and a folder of tables.
# A zone's path is relative to the lake's folder, or absolute. Its format is what CREATE TABLE makes:
# files of a format, or "delta": a managed table, Parquet files under a Delta log.

[zones.raw]          # files as they arrived
path = "data/raw"
format = "parquet"

[zones.processed]    # cleaned and typed
path = "data/processed"
format = "delta"

[zones.curated]      # made for its readers
path = "data/curated"
format = "delta"

# What the lake and its statements may take; without these, a share of the machine.
# [limits]
# memory = "8GB"               # caches and statements together
# running = 8                  # statements that compute at one time; the others wait
# spill = "100GB"              # what does not fit into memory, in .weir/spill or
# spill_folder = "/fast/disk"  # elsewhere
# statement_timeout = "10min"
# statement_memory = "2GB"
# idle_timeout = "5min"        # rows that nobody takes
"#;
