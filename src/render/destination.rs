//! Where results go: stdout, or a file that appears when all of it is written.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::{Format, RenderOptions, Renderer};
use crate::error::{Error, Result};

/// Where results are to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// This process's stdout.
    Stdout,
    /// A file; one that is there is replaced when all of it was written, and not before.
    File(PathBuf),
}

/// An open output with its renderer.
pub struct OpenDestination {
    renderer: Renderer,
    pending: Option<Pending>,
}

/// A file beside its place, and its place.
type Pending = (NamedTempFile, PathBuf);

impl OpenDestination {
    /// Opens `destination`. Whether it is a file is not the options' to say.
    ///
    /// # Errors
    /// What the operating system says, with the path.
    pub fn open(destination: &Destination, format: Format, options: RenderOptions) -> Result<Self> {
        let Destination::File(path) = destination else {
            let renderer = Renderer::new(format, Box::new(std::io::stdout()), options);
            return Ok(Self {
                renderer,
                pending: None,
            });
        };
        let (file, pending) = open_file(path)?;
        let options = RenderOptions {
            to_file: pending.is_some(),
            ..options
        };
        Ok(Self {
            renderer: Renderer::new(format, Box::new(file), options),
            pending,
        })
    }

    /// What results are given to.
    pub fn renderer(&mut self) -> &mut Renderer {
        &mut self.renderer
    }

    /// Writes out what is left and puts the file in its place.
    ///
    /// # Errors
    /// What the operating system says, with the path.
    pub fn finish(self) -> Result<()> {
        self.renderer.finish()?;
        let Some((file, path)) = self.pending else {
            return Ok(());
        };
        file.as_file()
            .sync_all()
            .map_err(|e| Error::io(&path, "sync", e))?;
        file.persist(&path)
            .map_err(|e| Error::io(&path, "write", e.error))?;
        Ok(())
    }
}

/// A device or a pipe is written to directly; a file is written beside its place first.
fn open_file(path: &Path) -> Result<(Box<dyn Write + Send>, Option<Pending>)> {
    let wrong = |e| Error::io(path, "write", e);
    if path.exists() && !path.is_file() {
        let file = OpenOptions::new().write(true).open(path).map_err(wrong)?;
        return Ok((Box::new(file), None));
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let pending = tempfile::Builder::new()
        .prefix(".")
        .permissions(permissions_of(path))
        .tempfile_in(folder)
        .map_err(wrong)?;
    let file: File = pending.reopen().map_err(wrong)?;
    Ok((Box::new(file), Some((pending, path.to_owned()))))
}

/// Those of the file that is replaced; for a new one, what the umask leaves of read and write.
fn permissions_of(path: &Path) -> std::fs::Permissions {
    match std::fs::metadata(path) {
        Ok(metadata) => metadata.permissions(),
        Err(_) => std::os::unix::fs::PermissionsExt::from_mode(0o666),
    }
}
