//! A definition and its storage → something that DataFusion reads from and writes to.
//!
//! `scan` is the one way in which a list of files becomes a scan; [`external`] are tables whose
//! definition owns everything, [`managed`] those whose log does.

pub mod external;
pub mod managed;
mod scan;
mod writer;

pub use external::ExternalTableProvider;
pub use managed::ManagedTableProvider;
