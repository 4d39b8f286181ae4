//! Where operators put what does not fit into memory.
//!
//! A spill file has no name: it is gone when its operator lets it go, and when the process ends in
//! whatever way. The folder is made when it is first needed.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use datafusion::common::runtime::SpawnedTask;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::spill_file::{SpillFile, SpillWriter, TempFileFactory};
use futures::{Stream, stream};

use crate::definition::size_text;
use crate::error::{Code, Error};

/// How much of a file is read at a time, in bytes.
const CHUNK: usize = 256 << 10;

/// The spill files of one opened lake.
#[derive(Debug)]
pub(super) struct Spill {
    folder: PathBuf,
    used: Arc<Used>,
}

#[derive(Debug)]
struct Used {
    bytes: AtomicU64,
    limit: u64,
}

impl Spill {
    /// Spills into `folder`, `limit` bytes at most at one time.
    pub(super) fn new(folder: PathBuf, limit: u64) -> Self {
        let used = Arc::new(Used {
            bytes: AtomicU64::new(0),
            limit,
        });
        Self { folder, used }
    }

    /// Bytes that lie in spill files now.
    #[cfg(test)]
    pub(super) fn used(&self) -> u64 {
        self.used.bytes.load(Ordering::Relaxed)
    }

    fn create(&self) -> crate::Result<NamelessFile> {
        let made = std::fs::create_dir_all(&self.folder).and_then(|()| tempfile::tempfile_in(&self.folder));
        let file = made.map_err(|e| in_folder(&self.folder, e))?;
        Ok(NamelessFile {
            file: Arc::new(file),
            written: Arc::new(Written {
                bytes: AtomicU64::new(0),
                used: Arc::clone(&self.used),
            }),
            folder: self.folder.clone(),
        })
    }
}

fn in_folder(folder: &Path, error: io::Error) -> Error {
    Error::io(folder, "spill into", error)
        .with_hint("limits.spill_folder in lake.toml names another folder for what does not fit into memory")
}

impl TempFileFactory for Spill {
    fn create_temp_file(&self, _: &str) -> Result<Arc<dyn SpillFile>> {
        Ok(Arc::new(self.create()?))
    }
}

/// A file without a name.
#[derive(Debug)]
struct NamelessFile {
    file: Arc<File>,
    written: Arc<Written>,
    folder: PathBuf,
}

/// What one file holds; taken off the whole when the file goes.
#[derive(Debug)]
struct Written {
    bytes: AtomicU64,
    used: Arc<Used>,
}

impl Written {
    fn add(&self, bytes: u64) -> crate::Result<()> {
        let limit = self.used.limit;
        let before = self.used.bytes.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > limit {
            self.used.bytes.fetch_sub(bytes, Ordering::Relaxed);
            let message = format!("the spill files' limit of {} is reached", size_text(limit));
            return Err(Error::new(Code::DiskFull, message).with_hint(
                "limits.spill in lake.toml gives them more room; --memory gives statements more memory",
            ));
        }
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        let bytes = *self.bytes.get_mut();
        self.used.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl SpillFile for NamelessFile {
    fn size(&self) -> Option<u64> {
        Some(self.written.bytes.load(Ordering::Relaxed))
    }

    fn read_stream(&self) -> Result<Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>> {
        let file = Arc::clone(&self.file);
        // The place goes on while others read the same file from its beginning.
        let chunks = stream::try_unfold((file, 0), |(file, place)| async move {
            let (file, chunk) = SpawnedTask::spawn_blocking(move || {
                let chunk = read_chunk(&file, place);
                (file, chunk)
            })
            .join_unwind()
            .await
            .map_err(|e| DataFusionError::External(Box::new(e)))?;
            let chunk = chunk.map_err(DataFusionError::IoError)?;
            let next = place + chunk.len() as u64;
            Ok((!chunk.is_empty()).then(|| (Bytes::from(chunk), (file, next))))
        });
        Ok(Box::pin(chunks))
    }

    fn open_writer(&self) -> Result<Box<dyn SpillWriter>> {
        Ok(Box::new(NamelessWriter {
            file: Arc::clone(&self.file),
            written: Arc::clone(&self.written),
            folder: self.folder.clone(),
        }))
    }
}

/// Up to [`CHUNK`] bytes from `place`; none at the end.
fn read_chunk(file: &File, place: u64) -> io::Result<Vec<u8>> {
    let mut chunk = vec![0; CHUNK];
    let mut length = 0;
    while length < CHUNK {
        match file.read_at(&mut chunk[length..], place + length as u64) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    chunk.truncate(length);
    Ok(chunk)
}

struct NamelessWriter {
    file: Arc<File>,
    written: Arc<Written>,
    folder: PathBuf,
}

impl Write for NamelessWriter {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.written.add(buffer.len() as u64).map_err(io::Error::other)?;
        let mut file = self.file.as_ref();
        match file.write_all(buffer) {
            Ok(()) => Ok(buffer.len()),
            Err(error) => Err(io::Error::other(in_folder(&self.folder, error))),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl SpillWriter for NamelessWriter {
    fn finish(&mut self) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;

    use super::*;

    async fn content(file: &dyn SpillFile) -> Vec<u8> {
        let chunks: Vec<Bytes> = file.read_stream().unwrap().try_collect().await.unwrap();
        chunks.concat()
    }

    #[tokio::test]
    async fn a_file_is_read_by_several_and_leaves_nothing_behind() {
        let lake = tempfile::tempdir().unwrap();
        let folder = lake.path().join(".weir/spill");
        let spill = Spill::new(folder.clone(), 1 << 20);
        assert!(!folder.exists(), "the folder is made when it is needed");
        let file = spill.create_temp_file("a test").unwrap();
        let text: Vec<u8> = (0..=255).cycle().take(CHUNK + 1000).collect();
        let mut writer = file.open_writer().unwrap();
        writer.write_all(&text).unwrap();
        writer.finish().unwrap();
        let (one, other) = tokio::join!(content(file.as_ref()), content(file.as_ref()));
        assert!(one == text && other == text);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
        assert_eq!(spill.used(), text.len() as u64);
        drop((file, writer));
        assert_eq!(spill.used(), 0);
    }

    #[test]
    fn the_limit_holds_for_all_files_together() {
        let folder = tempfile::tempdir().unwrap();
        let spill = Spill::new(folder.path().to_owned(), 1000);
        let files = [0, 1].map(|_| spill.create_temp_file("a test").unwrap());
        let mut writers = files.each_ref().map(|file| file.open_writer().unwrap());
        writers[0].write_all(&[0; 600]).unwrap();
        let error = writers[1].write_all(&[0; 600]).unwrap_err();
        let error = error.get_ref().and_then(|e| e.downcast_ref::<Error>()).unwrap();
        assert_eq!(error.code(), Code::DiskFull);
        writers[1].write_all(&[0; 400]).unwrap();
    }
}
