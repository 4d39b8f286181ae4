//! Where operators put what does not fit into memory.
//!
//! A spill file has no name: it is gone when its operator lets it go, and when the process ends in
//! whatever way. Small ones share a file of the system's, so that however many there are few are open.
//! The folder is made when it is first needed. A statement that cannot spill is stopped: of its
//! operators, one that waits for what another could not write would wait for ever.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use bytes::Bytes;
use datafusion::common::runtime::SpawnedTask;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::DiskManager;
use datafusion::execution::spill_file::{SpillFile, SpillWriter, TempFileFactory};
use futures::{Stream, stream};
use parking_lot::Mutex;

use super::queries::{Record, Stop};
use crate::definition::size_text;
use crate::error::{Code, Error};

/// How much of a file is read at a time, and written at a time unless an operator wants it written at
/// once, in bytes.
const CHUNK: usize = 256 << 10;

/// New spill files share a file of the system's until it holds this much, in bytes.
const SHARED: u64 = 8 << 20;

/// The spill files of one opened lake.
#[derive(Debug)]
pub(super) struct Spill {
    folder: PathBuf,
    used: Arc<Used>,
    /// Where the next spill file goes. It lives as long as one of its files.
    open: Mutex<Weak<Segment>>,
}

#[derive(Debug)]
struct Used {
    bytes: AtomicU64,
    limit: u64,
}

/// A file of the system's, without a name, that holds the parts of several spill files.
#[derive(Debug)]
struct Segment {
    file: File,
    end: AtomicU64,
    used: Arc<Used>,
}

impl Spill {
    /// Spills into `folder`, `limit` bytes at most at one time.
    pub(super) fn new(folder: PathBuf, limit: u64) -> Self {
        let used = Arc::new(Used {
            bytes: AtomicU64::new(0),
            limit,
        });
        Self {
            folder,
            used,
            open: Mutex::default(),
        }
    }

    /// The files of one statement, which stops if one of them cannot be written.
    pub(super) fn of_statement(self: &Arc<Self>, record: Record) -> Result<DiskManager> {
        let files = StatementSpill {
            spill: Arc::clone(self),
            record,
        };
        DiskManager::builder()
            .with_temp_file_factory(Arc::new(files))
            .build()
    }

    /// Bytes that lie in spill files now.
    #[cfg(test)]
    pub(super) fn used(&self) -> u64 {
        self.used.bytes.load(Ordering::Relaxed)
    }

    fn segment(&self) -> crate::Result<Arc<Segment>> {
        let mut open = self.open.lock();
        if let Some(segment) = open.upgrade().filter(|s| s.end.load(Ordering::Relaxed) < SHARED) {
            return Ok(segment);
        }
        let made = std::fs::create_dir_all(&self.folder).and_then(|()| tempfile::tempfile_in(&self.folder));
        let segment = Arc::new(Segment {
            file: made.map_err(|e| in_folder(&self.folder, e))?,
            end: AtomicU64::new(0),
            used: Arc::clone(&self.used),
        });
        *open = Arc::downgrade(&segment);
        Ok(segment)
    }

    fn create(&self, record: Option<Record>) -> crate::Result<NamelessFile> {
        Ok(NamelessFile(Arc::new(Inner {
            segment: self.segment()?,
            parts: Mutex::default(),
            folder: self.folder.clone(),
            record,
        })))
    }
}

fn in_folder(folder: &Path, error: io::Error) -> Error {
    Error::io(folder, "spill into", error)
        .with_hint("limits.spill_folder in lake.toml names another folder for what does not fit into memory")
}

impl TempFileFactory for Spill {
    fn create_temp_file(&self, _: &str) -> Result<Arc<dyn SpillFile>> {
        Ok(Arc::new(self.create(None)?))
    }
}

#[derive(Debug)]
struct StatementSpill {
    spill: Arc<Spill>,
    record: Record,
}

impl TempFileFactory for StatementSpill {
    fn create_temp_file(&self, _: &str) -> Result<Arc<dyn SpillFile>> {
        Ok(Arc::new(self.spill.create(Some(self.record.clone()))?))
    }
}

impl Segment {
    /// Writes at the end. Returns where that was.
    fn append(&self, bytes: &[u8]) -> io::Result<u64> {
        let length = bytes.len() as u64;
        let limit = self.used.limit;
        let before = self.used.bytes.fetch_add(length, Ordering::Relaxed);
        if before.saturating_add(length) > limit {
            self.used.bytes.fetch_sub(length, Ordering::Relaxed);
            let message = format!("the spill files' limit of {} is reached", size_text(limit));
            let error = Error::new(Code::DiskFull, message).with_hint(
                "limits.spill in lake.toml gives them more room; --memory gives statements more memory",
            );
            return Err(io::Error::other(error));
        }
        let place = self.end.fetch_add(length, Ordering::Relaxed);
        self.file.write_all_at(bytes, place)?;
        Ok(place)
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        self.used.bytes.fetch_sub(*self.end.get_mut(), Ordering::Relaxed);
    }
}

/// A file without a name.
#[derive(Debug, Clone)]
struct NamelessFile(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    segment: Arc<Segment>,
    /// Where its parts lie, in order. The last one may still grow.
    parts: Mutex<Vec<Part>>,
    folder: PathBuf,
    record: Option<Record>,
}

#[derive(Debug, Clone, Copy)]
struct Part {
    start: u64,
    length: u64,
}

impl Inner {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let start = self.segment.append(bytes).map_err(|error| {
            let error = match error.get_ref().is_some_and(|e| e.is::<Error>()) {
                true => error,
                false => io::Error::other(in_folder(&self.folder, error)),
            };
            self.stop(&error);
            error
        })?;
        let length = bytes.len() as u64;
        let mut parts = self.parts.lock();
        match parts.last_mut() {
            Some(last) if last.start + last.length == start => last.length += length,
            _ => parts.push(Part { start, length }),
        }
        Ok(())
    }

    fn stop(&self, error: &io::Error) {
        let ours = error.get_ref().and_then(|e| e.downcast_ref::<Error>());
        if let (Some(record), Some(error)) = (&self.record, ours) {
            record.stop(Stop::CannotSpill(
                error.code(),
                error.message().into(),
                error.hint().unwrap_or_default().into(),
            ));
        }
    }

    /// Up to [`CHUNK`] bytes from a place; none at the end. Moves the place on.
    fn read_chunk(&self, place: &mut Place) -> io::Result<Vec<u8>> {
        let part = loop {
            let parts = self.parts.lock();
            match parts.get(place.part) {
                Some(part) if place.inside < part.length => break *part,
                Some(_) if place.part + 1 < parts.len() => {
                    *place = Place {
                        part: place.part + 1,
                        inside: 0,
                    };
                }
                _ => return Ok(Vec::new()),
            }
        };
        let length = (part.length - place.inside).min(CHUNK as u64);
        let mut chunk = vec![0; length as usize];
        self.segment
            .file
            .read_exact_at(&mut chunk, part.start + place.inside)?;
        place.inside += length;
        Ok(chunk)
    }
}

/// How far a reader is: in which part, and where in it.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    part: usize,
    inside: u64,
}

impl SpillFile for NamelessFile {
    fn size(&self) -> Option<u64> {
        Some(self.0.parts.lock().iter().map(|part| part.length).sum())
    }

    fn read_stream(&self) -> Result<Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>> {
        let file = Arc::clone(&self.0);
        // The place goes on while others read the same file from its beginning.
        let chunks = stream::try_unfold((file, Place::default()), |(file, mut place)| async move {
            let (file, place, chunk) = SpawnedTask::spawn_blocking(move || {
                let chunk = file.read_chunk(&mut place);
                (file, place, chunk)
            })
            .join_unwind()
            .await
            .map_err(|e| DataFusionError::External(Box::new(e)))?;
            let chunk = chunk.map_err(DataFusionError::IoError)?;
            Ok((!chunk.is_empty()).then(|| (Bytes::from(chunk), (file, place))))
        });
        Ok(Box::pin(chunks))
    }

    fn open_writer(&self) -> Result<Box<dyn SpillWriter>> {
        Ok(Box::new(NamelessWriter {
            file: Arc::clone(&self.0),
            pending: Vec::new(),
        }))
    }
}

/// Gathers what is written piece by piece.
struct NamelessWriter {
    file: Arc<Inner>,
    pending: Vec<u8>,
}

impl Write for NamelessWriter {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if self.pending.len() + buffer.len() > CHUNK {
            self.flush()?;
        }
        match buffer.len() > CHUNK {
            true => self.file.append(buffer)?,
            false => self.pending.extend_from_slice(buffer),
        }
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.pending.is_empty() {
            let written = self.file.append(&self.pending);
            self.pending.clear();
            written?;
        }
        Ok(())
    }
}

impl SpillWriter for NamelessWriter {
    fn finish(&mut self) -> Result<()> {
        Ok(self.flush()?)
    }
}

impl Drop for NamelessWriter {
    fn drop(&mut self) {
        // What fails here has stopped its statement.
        let _ = self.flush();
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
        assert_eq!(file.size(), Some(text.len() as u64));
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
        let mut write = |writer: usize, bytes: &[u8]| {
            writers[writer].write_all(bytes)?;
            writers[writer].flush()
        };
        write(0, &[0; 600]).unwrap();
        let error = write(1, &[0; 600]).unwrap_err();
        let error = error.get_ref().and_then(|e| e.downcast_ref::<Error>()).unwrap();
        assert_eq!(error.code(), Code::DiskFull);
        write(1, &[0; 400]).unwrap();
    }

    #[tokio::test]
    async fn many_files_written_in_turns_share_one_of_the_systems() {
        let folder = tempfile::tempdir().unwrap();
        let spill = Spill::new(folder.path().to_owned(), 1 << 30);
        let files: Vec<_> = (0..500).map(|_| spill.create(None).unwrap()).collect();
        let mut writers: Vec<_> = files.iter().map(|file| file.open_writer().unwrap()).collect();
        for round in 0..3 {
            for (writer, number) in writers.iter_mut().zip(0_usize..) {
                writer.write_all(&vec![(number + round) as u8; number]).unwrap();
                writer.flush().unwrap();
            }
        }
        for (file, number) in files.iter().zip(0_usize..) {
            let rounds = (0..3).flat_map(|round| vec![(number + round) as u8; number]);
            assert_eq!(content(file).await, rounds.collect::<Vec<u8>>());
        }
        let segments: std::collections::HashSet<_> =
            files.iter().map(|file| Arc::as_ptr(&file.0.segment)).collect();
        assert_eq!(segments.len(), 1);
        drop((files, writers));
        assert_eq!(spill.used(), 0);
    }
}
