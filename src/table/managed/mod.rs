//! Managed tables: Parquet files under a Delta log.
//!
//! The log owns columns, partitioning, properties and the list of files; its format and its replay are
//! delta-rs's. Files are written here ([`WriteExec`]) and scanned as plain Parquet, from what the log
//! knows of them. A change is one commit ([`Change`], [`TableLog::commit`]): until then its files are
//! nobody's. Nothing here plans SQL.

mod bound;
mod checks;
mod columns;
mod commit;
mod create;
mod failure;
mod files;
mod history;
mod log;
mod marks;
mod metadata;
mod positions;
mod proven;
mod provider;
mod quarantine;
mod quarantined;
mod rows;
mod schema;
mod snapshot;
mod statistics;
mod transactions;
mod vacuum;
mod write;

pub use checks::LogCheck;
pub use commit::{Change, Reads};
pub use create::NewTable;
pub use files::{BLOOM_FILTERS, Layouts, SMALL_FILE_BYTES};
pub use log::{TableLog, TableLogs};
pub use marks::{Action, MarkExec, Marks};
pub use metadata::METADATA;
pub use positions::{FILE, PositionedTable, ROW};
pub use proven::{Proofs, Proven, ProvenReference};
pub use provider::ManagedTableProvider;
pub use quarantine::{LOAD_ID, QUARANTINED_AT, Quarantine, RULES, StagedQuarantine, quarantine_schema};
pub use quarantined::QuarantineTable;
pub use schema::{COMMENT, refused, stored_type};
pub use snapshot::{LogFile, Snapshot};
pub use vacuum::Unused;
pub use write::{Outcome, Staged, WriteExec};
