//! How the sample's files come to be: under a temporary name, moved to their place when complete, so
//! that a reader sees a whole file or none.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::error::{Code, Error, Result};

/// A file that appears at its path when it is published, and not at all if it is dropped before.
pub(super) struct NewFile {
    path: PathBuf,
    temporary: PathBuf,
    file: BufWriter<File>,
    published: bool,
}

impl NewFile {
    /// Begins the file at `path`, whose folder is made if need be.
    pub(super) fn create(path: PathBuf) -> Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| Error::io(folder, "create", error))?;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        // The process is named, so that two at work on one lake do not write into one file.
        let temporary = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
        let file = File::create(&temporary).map_err(|error| Error::io(&temporary, "create", error))?;
        Ok(Self {
            path,
            temporary,
            file: BufWriter::new(file),
            published: false,
        })
    }

    /// Moves the complete file to its place.
    pub(super) fn publish(mut self) -> Result<()> {
        let moved = self
            .file
            .flush()
            .and_then(|()| fs::rename(&self.temporary, &self.path));
        moved.map_err(|error| Error::io(&self.path, "write", error))?;
        self.published = true;
        Ok(())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.published {
            // What cannot be removed is a hidden file that no table reads.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Writes a small file in one go.
pub(super) fn write(path: PathBuf, bytes: &[u8]) -> Result<()> {
    let mut file = NewFile::create(path)?;
    file.write_all(bytes)
        .map_err(|error| Error::io(file.path(), "write", error))?;
    file.publish()
}

/// Makes `folder` an empty one.
pub(super) fn clear(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io(folder, "remove", error)),
        _ => fs::create_dir_all(folder).map_err(|error| Error::io(folder, "create", error)),
    }
}

/// A Parquet file, compressed with zstd.
pub(super) struct ParquetFile {
    path: PathBuf,
    writer: ArrowWriter<NewFile>,
}

impl ParquetFile {
    pub(super) fn create(path: PathBuf, schema: SchemaRef) -> Result<Self> {
        let file = NewFile::create(path.clone())?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .build();
        let writer =
            ArrowWriter::try_new(file, schema, Some(properties)).map_err(|error| failure(&path, &error))?;
        Ok(Self { path, writer })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer
            .write(batch)
            .map_err(|error| failure(&self.path, &error))
    }

    pub(super) fn publish(self) -> Result<()> {
        let path = self.path;
        let file = self.writer.into_inner().map_err(|error| failure(&path, &error))?;
        file.publish()
    }
}

/// A format's writer failed at `path`: because of the disk, if an input/output error is the cause.
pub(super) fn failure(path: &Path, error: &(dyn std::error::Error + 'static)) -> Error {
    let mut cause = Some(error);
    while let Some(at) = cause {
        if let Some(error) = at.downcast_ref::<io::Error>() {
            return Error::io(path, "write", io::Error::new(error.kind(), error.to_string()));
        }
        cause = at.source();
    }
    Error::new(
        Code::Internal,
        format!("cannot write '{}': {error}", path.display()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_published_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b.txt");
        drop(NewFile::create(path.clone()).unwrap());
        assert_eq!(fs::read_dir(folder.path().join("a")).unwrap().count(), 0);

        write(path.clone(), b"whole").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        clear(&folder.path().join("a")).unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn a_full_disk_is_told_from_a_defect() {
        let full = io::Error::new(io::ErrorKind::StorageFull, "no space");
        let error = parquet::errors::ParquetError::External(Box::new(full));
        assert_eq!(failure(Path::new("x"), &error).code(), Code::DiskFull);
        let error = parquet::errors::ParquetError::General("odd".into());
        assert_eq!(failure(Path::new("x"), &error).code(), Code::Internal);
    }
}
