//! `catalog/lake.toml`: the lake as a whole.

use url::Url;

use super::format::Format;
use crate::storage::StoreOptions;

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
    pub format: Format,
    /// How its object store is reached, beside what the environment says.
    pub store: StoreOptions,
}

impl ZoneDefinition {
    /// Its place in an object store, if that is where it lies.
    pub fn url(&self) -> Option<Url> {
        self.path.contains("://").then(|| Url::parse(&self.path).ok())?
    }
}

impl LakeConfig {
    /// The zone of that name.
    pub fn zone(&self, name: &str) -> Option<&ZoneDefinition> {
        self.zones.iter().find(|zone| zone.name == name)
    }
}

/// What a new lake's `lake.toml` says.
pub const INITIAL_LAKE: &str = r#"# A lake: three zones, each a schema in SQL and a folder of tables.
# A zone's path is relative to the lake's folder, or absolute.

[zones.raw]          # files as they arrived
path = "data/raw"
format = "parquet"

[zones.processed]    # cleaned and typed
path = "data/processed"
format = "parquet"

[zones.curated]      # made for its readers
path = "data/curated"
format = "parquet"
"#;
