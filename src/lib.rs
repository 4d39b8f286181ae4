//! **weir**: a SQL query engine over a local data lake.

pub mod definition;
pub mod error;
pub mod syntax;

pub use error::{Error, Result};
