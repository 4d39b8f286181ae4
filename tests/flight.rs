//! The server through Flight SQL clients: every call, on a port that is free.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "flight/access.rs"]
mod access;
#[path = "flight/client.rs"]
mod client;
#[path = "flight/fuzz.rs"]
mod fuzz;
#[path = "flight/ingest.rs"]
mod ingest;
#[path = "support/lake.rs"]
mod lake;
#[path = "flight/limits.rs"]
mod limits;
#[path = "flight/metadata.rs"]
mod metadata;
#[path = "flight/operations.rs"]
mod operations;
#[path = "flight/other_server.rs"]
mod other_server;
#[path = "flight/poll.rs"]
mod poll;
#[path = "flight/process.rs"]
mod process;
#[path = "flight/schemas.rs"]
mod schemas;
#[path = "flight/sessions.rs"]
mod sessions;
#[path = "flight/statements.rs"]
mod statements;
#[path = "flight/values.rs"]
mod values;
