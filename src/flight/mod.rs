//! The server: Flight SQL over sessions of a lake.
//!
//! Owns the protocol: sessions by token, tickets, wire types, messages, users and how they prove who
//! they are. Everything that a statement does is the engine's: planning, rights, waiting in line, limits
//! of time and memory, history, stopping. Refuses to listen beyond this machine without users and TLS,
//! unless it is told to.

mod actions;
mod credentials;
mod decode;
mod door;
mod encode;
mod ingest;
mod link;
mod metadata;
mod metrics;
mod observe;
mod parameters;
mod poll;
mod reflection;
mod run;
mod server;
mod service;
mod session_options;
mod sessions;
mod sql_info;
mod statements;
mod status;
mod users;
mod wire;
mod xdbc;

pub use server::{ServeOptions, Server, Tls};
pub use users::{User, UserFile, users_file};
