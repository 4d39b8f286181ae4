//! `catalog/lake.toml`: the lake as a whole.

use super::format::TableFormat;

/// What `lake.toml` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LakeConfig {
    /// The zones, in the file's order. The first is where names without a zone are looked up.
    pub zones: Vec<ZoneDefinition>,
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
"#;
