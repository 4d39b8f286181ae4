//! **weir**: a SQL query engine over a local data lake.
//!
//! A lake is a folder: a catalog of definitions (TOML) over zones of tables (files). [`Lake::open`]
//! opens one, [`Session::execute`] is the one door for SQL, and data flows one way: text →
//! [`syntax`] → [`planner`] → DataFusion's plan → [`engine`] → [`connection`] → a front end.
//!
//! # Where to look
//!
//! A module imports only from the steps above it in this list (a test reads the edges):
//!
//! | step | module | owns |
//! |---|---|---|
//! | 0 | [`error`] | the one public error: the table of codes, kinds, exit codes; carets; "did you mean" |
//! | 1 | [`storage`] | files and folders: atomic publish, staging, listing |
//! | 1 | [`syntax`] | text → tokens → [`Statement`](syntax::Statement); splitting; parameters; own grammar |
//! | 2 | [`definition`] | what the catalog's files say, as checked values; TOML in and out; types as text |
//! | 3 | [`functions`] | the SQL functions that DataFusion lacks, one file a family |
//! | 4 | [`operators`] | what DataFusion's plans lack: relation functions, their nodes, operators, rules |
//! | 5 | [`table`] | a definition and its files → something to read from and write to |
//! | 6 | [`catalog`] | the definitions on disk, and DataFusion's catalog traits over them |
//! | 7 | [`planner`] | a statement → a logical plan: names in any case, parameters, refused modifiers |
//! | 8 | [`engine`] | the opened lake, sessions, the statements' executors, settings, `system` tables |
//! | 9 | [`connection`] | the trait that front ends speak |
//! | 9 | [`render`] | one list of result formats, and the progress of a running statement |
//! | 10 | [`batch`] | scripts: texts run from their first statement to their last |
//! | 10 | [`repl`] | the shell: editing, completion, dot commands, cancellation |
//! | 10 | [`flight`] | the server: Flight SQL over sessions, users and tokens, metrics |
//! | 10 | [`demo`] | the sample lake: its generator, catalog and scripts |
//! | 11 | [`cli`] | the command line: arguments as typed, options as resolved, exit codes |
//!
//! To find the home of …
//!
//! - a **statement**: its grammar in [`syntax`] (`create.rs`, `alter.rs`, `copy.rs`, `show.rs`, `parse.rs`), its executor
//!   in `engine/statements/`, one file a group;
//! - a **function**: `functions/`, with its documentation; one that takes a **relation** (`HOP(t, …)`):
//!   `operators/`, one folder an operator; a **shape in FROM** (`PIVOT`, `TABLESAMPLE`, `ASOF JOIN`):
//!   `planner/shapes/`;
//! - a **setting**: `engine/settings.rs` (DataFusion's), `engine/limits.rs` (ours); a **system table**:
//!   `engine/system.rs`; `information_schema`: `engine/information_schema.rs`; a table's own (`t$files`):
//!   `engine/tables.rs`, per kind; a **statement's record**: `engine/queries/`; what **rules said**:
//!   `engine/checks/`;
//! - a **limit**: `engine/memory/`, `engine/spill.rs`, `engine/admission.rs`; what is run again: `engine/run.rs`;
//! - a **file format** of tables: `definition/format.rs` (options), `table/external/read/` (reader),
//!   `table/output/` (writer);
//! - a **result format**: `render/`, one file a format;
//! - an **error code**: `error/code.rs`; DataFusion's errors become ours in `engine/failure.rs`;
//! - a **rule**: its grammar in `syntax/rule.rs`, its value in `definition/rule.rs`, fitted to a table in
//!   `engine/rules/`, evaluated in `operators/validate/`; a load's way through them in
//!   `engine/statements/managed/passage/`; its quarantine in `table/managed/quarantine.rs`; conditions on texts
//!   that come again and again: `operators/per_value/`;
//! - a **key of a definition file**: `definition/read.rs` (in) and `definition/edit.rs` (out);
//! - a **dot command** of the shell: `repl/command/`;
//! - a **call of Flight SQL**: `flight/service.rs`; what it answers in `flight/run.rs`, `flight/metadata.rs`,
//!   `flight/actions.rs`; who may do what: `engine/rights.rs`; users: `flight/users/`;
//! - a **flag**: `cli/args.rs` (as typed) and `cli/options.rs` (as resolved).

pub mod batch;
pub mod catalog;
pub mod cli;
pub mod connection;
pub mod definition;
pub mod demo;
pub mod engine;
pub mod error;
pub mod flight;
pub mod functions;
pub mod operators;
pub mod planner;
pub mod render;
pub mod repl;
pub mod storage;
pub mod syntax;
pub mod table;

pub use engine::{Lake, LakeOptions, Session};
pub use error::{Error, Result};
pub use syntax::Parameters;
