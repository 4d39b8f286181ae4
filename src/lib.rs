//! **weir**: a SQL query engine over a local data lake.

pub mod definition;
pub mod demo;
pub mod error;
pub mod functions;
pub mod render;
pub mod storage;
pub mod syntax;
pub mod table;

pub use error::{Error, Result};
