//! A new, empty lake, opened.

use std::path::Path;

use weir::{Lake, LakeOptions, Result};

/// A new lake in `folder`.
pub(crate) async fn new_lake(folder: &Path) -> Result<Lake> {
    Lake::init(folder)?;
    Lake::open(folder, LakeOptions::default()).await
}
