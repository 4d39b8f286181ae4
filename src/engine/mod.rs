//! A lake, opened: from a text to results.
//!
//! [`Lake`] owns what all share (catalog, caches, runtime); a [`Session`] is one user's view of it
//! (settings, current zone). [`Session::execute`] is the one door for SQL: it splits the text, parses
//! and runs each statement, and yields an [`Outcome`] a statement. Statements of our own are executed
//! in `statements`; everything else is planned by `planner` and run by DataFusion (`run`), within the
//! lake's `memory`, `spill` folder and `admission`. Every statement has a [`Record`] (`queries`).

mod accounted;
mod admission;
mod caret;
mod checks;
mod conversion;
mod culprit;
mod elsewhere;
mod explain;
mod failure;
mod few_rows;
mod files;
mod information_schema;
mod lake;
mod landing;
mod limits;
mod memory;
mod misfits;
mod offered;
mod options;
mod outcome;
mod pins;
mod prepared;
mod prepared_statements;
mod progress;
mod queries;
mod recorded;
mod rights;
mod rules;
mod run;
mod safe;
mod session;
mod sessions;
mod settings;
mod spill;
mod sql_words;
mod state;
mod statements;
mod system;
mod tables;
mod workers;

pub use elsewhere::Elsewhere;
pub use information_schema::INFORMATION_SCHEMA_TABLES;
pub use lake::{Lake, LakeOptions, Usage};
pub use landing::{LandedFile, Landing};
pub use offered::{IfExists, Ingest};
pub use outcome::{Body, Done, KEEP_WHOLE, Outcome, Outcomes, Rows};
pub use prepared::{Answers, Listed, Prepared};
pub use progress::Progress;
pub use queries::{ProgressSnapshot, QueryState, Record, Told, Totals};
pub use rights::{Principal, Role, Roles};
pub use session::Session;
pub use sessions::Origin;

/// The tables of the schema `system`.
pub const SYSTEM_TABLES: &[&str] = system::SystemSchema::TABLES;
