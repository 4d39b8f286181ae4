//! `weir add`: files landed in a raw table, a line each on stdout.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::said;
use crate::batch;
use crate::engine::{Lake, LakeOptions, Landing};
use crate::error::{Code, Error, Result};

/// Lands the files one after the other; the first that cannot be ends it.
pub(super) async fn run(
    lake: &Path,
    files: &[PathBuf],
    landing: &Landing,
    options: LakeOptions,
) -> Result<(), Code> {
    let lake = Lake::open(lake, options).await.map_err(said)?;
    let session = lake.session();
    for file in files {
        let landed = session.land(file, landing).map_err(said)?;
        let line = format!("{}  {}\n", landed.id, landed.path.display());
        let written = std::io::stdout().write_all(line.as_bytes());
        written.map_err(|e| said(Error::io("stdout", "write", e)))?;
        if landed.was_there {
            batch::note(&format!(
                "'{}' is there already: nothing was done",
                file.display()
            ));
        }
    }
    Ok(())
}
