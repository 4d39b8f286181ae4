//! **weir**: a SQL query engine over a local data lake.

pub mod batch;
pub mod catalog;
pub mod cli;
pub mod connection;
pub mod definition;
pub mod demo;
pub mod engine;
pub mod error;
mod planner;
pub mod render;
pub mod repl;
pub mod storage;
pub mod syntax;
pub mod table;

pub use engine::{Lake, LakeOptions, Session};
pub use error::{Error, Result};
pub use syntax::Parameters;
