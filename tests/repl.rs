//! The shell, driven through a pseudo-terminal as a person would.
//!
//! Nothing here sleeps: each step waits for what it should show. What is expected never stands in what
//! is typed, because a terminal shows that too.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "repl/commands.rs"]
mod commands;
#[path = "repl/editing.rs"]
mod editing;
#[path = "repl/paging.rs"]
mod paging;
#[path = "repl/person.rs"]
mod person;
#[path = "repl/remote.rs"]
mod remote;
#[path = "repl/running.rs"]
mod running;
