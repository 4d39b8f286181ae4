//! **weir**: a SQL query engine over a local data lake.

pub mod demo;
pub mod error;

pub use error::{Error, Result};
