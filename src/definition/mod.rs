//! What the catalog's files say, as values: [`LakeConfig`], [`TableDefinition`]; TOML in and out.
//!
//! A value of these types is checked: types are types, options are options, locations stay inside
//! their zone. What is wrong in a file is said with file, line and column. Nothing here reads or
//! writes a file.

mod edit;
mod format;
mod lake;
mod location;
mod outcome;
mod quantity;
mod read;
mod rule;
mod table;
mod types;

pub use edit::write_table;
pub use format::{Compression, Format, TableFormat, TextOptions};
pub use lake::{INITIAL_LAKE, LakeConfig, LakeLimits, ZoneDefinition};
pub use location::check_location;
pub use outcome::RuleOutcome;
pub use quantity::{duration_from_text, duration_text, size_from_text, size_text};
pub use read::{cast_errors, check_name, place_of_rule, read_lake, read_table};
pub use rule::{CAST_RULE, DEFAULT_THRESHOLD, Dimension, Rule, RuleAction, RuleStatus, Severity};
pub use table::{Column, ExternalTable, ManagedTable, TableDefinition, TableKind, View};
pub use types::{arrow_type, column_type, type_from_text, type_text};

#[cfg(test)]
mod tests;
