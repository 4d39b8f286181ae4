//! Files and folders: what the lake reads and how it writes.
//!
//! Owns: writing a file so that others see all of it or nothing ([`write_atomically`], [`Staging`],
//! [`DurableStore`], [`Upload`]), and which files of a folder are data ([`list_files`]). It knows neither formats
//! nor tables.

mod cloud;
mod direct;
mod durable;
mod listing;
mod pinned;
mod place;
mod publish;
mod staging;
mod threads;
mod upload;
mod walk;

pub use cloud::{StoreOptions, is_store_url, open_store};
pub use durable::DurableStore;
pub use listing::{DataFile, FolderFilter, Selection, list_files};
pub use pinned::Pinned;
pub use place::{Place, is_pattern};
pub use publish::{OnExisting, Published, sync_folder, sync_tree, write_atomically};
pub use staging::{AtWork, StagedFile, Staging, is_in_use, staging_id};
pub use upload::Upload;
pub use walk::Listings;

#[cfg(test)]
mod tests;
