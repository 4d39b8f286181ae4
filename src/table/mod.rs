//! A definition and its storage → something that DataFusion reads from and writes to.
//!
//! `scan` is the one way in which a list of files becomes a scan; [`external`] are tables whose
//! definition owns everything, [`managed`] those whose log does.

mod clustered;
mod conform;
mod encoding;
pub mod external;
mod fetched;
mod float_bounds;
mod footers;
pub mod managed;
mod order;
pub mod output;
mod parquet;
mod rows;
mod scan;
mod writer;
mod writing;

pub use external::ExternalTableProvider;
pub use fetched::StatementMemory;
pub use managed::ManagedTableProvider;
pub use scan::FILES_PRUNED_METRIC;
