//! The program from outside: each test runs the real binary over a temporary lake of its own and looks
//! at stdout, stderr, the exit code and the files that it leaves.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "cli/add.rs"]
mod add;
#[path = "cli/demo.rs"]
mod demo;
#[path = "cli/disk.rs"]
mod disk;
#[path = "cli/errors.rs"]
mod errors;
#[path = "cli/formats.rs"]
mod formats;
#[path = "cli/lake.rs"]
mod lake;
#[path = "cli/output.rs"]
mod output;
#[path = "cli/parameters.rs"]
mod parameters;
#[path = "cli/process.rs"]
mod process;
#[path = "cli/program.rs"]
mod program;
#[path = "cli/sources.rs"]
mod sources;
