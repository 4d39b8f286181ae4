//! Files and folders: what the lake reads and how it writes.
//!
//! Owns: writing a file so that others see all of it or nothing ([`write_atomically`], [`Staging`],
//! [`DurableStore`]), and which files of a folder are data ([`list_files`]). It knows neither formats
//! nor tables.

mod durable;
mod listing;
mod pinned;
mod place;
mod publish;
mod staging;

pub use durable::DurableStore;
pub use listing::{DataFile, FolderFilter, Selection, list_files};
pub use pinned::Pinned;
pub use place::{Place, is_pattern};
pub use publish::{OnExisting, Published, sync_folder, write_atomically};
pub use staging::{AtWork, StagedFile, Staging, is_in_use, staging_id};

#[cfg(test)]
mod tests;
