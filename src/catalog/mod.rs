//! The definitions on disk, and DataFusion's view of them.
//!
//! Owns: finding, reading and writing definition files ([`Catalog`]), names in any case, and the
//! catalog traits over them ([`LakeCatalogs`]). A definition that a statement names is read when the
//! statement is planned, so that every process sees what another one wrote; nothing else is touched,
//! and a broken definition is an error for those alone who name it.

mod files;
mod provider;

pub use files::{Catalog, Entry};
pub use provider::{CATALOG, FILES, LakeCatalogs, OFFERED, TablePlanner, split_metadata_name};

#[cfg(test)]
mod tests;
