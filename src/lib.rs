//! **weir**: a SQL query engine over a local data lake.

pub mod error;
pub mod render;

pub use error::{Error, Result};
