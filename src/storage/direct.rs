//! Small reads of local files, done where they are asked for.
//!
//! A few pages lie in the system's cache as a rule: to hand their reading to another thread, and to be woken by it,
//! takes longer than the reading.

use std::fs::{File, Metadata};
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::LazyLock;
use std::time::SystemTime;

use bytes::Bytes;
use object_store::local::LocalFileSystem;
use object_store::path::Path;

/// Knows where files lie.
static LOCAL: LazyLock<LocalFileSystem> = LazyLock::new(LocalFileSystem::new);

/// More than this may keep a thread for long.
const BYTES_AT_MOST: u64 = 1 << 20;

/// The ranges of the file, which must be in the state `e_tag` if one is given. `None` where another way of reading has
/// to do it, or to say why it cannot be done.
pub(super) fn read(location: &Path, ranges: &[Range<u64>], e_tag: Option<&str>) -> Option<Vec<Bytes>> {
    let lengths = ranges.iter().map(|range| range.end.checked_sub(range.start));
    if lengths.sum::<Option<u64>>()? > BYTES_AT_MOST {
        return None;
    }
    let file = File::open(LOCAL.path_to_filesystem(location).ok()?).ok()?;
    if let Some(expected) = e_tag
        && state(&file.metadata().ok()?) != expected
    {
        return None;
    }
    let read = ranges.iter().map(|range| {
        let mut bytes = vec![0; usize::try_from(range.end - range.start).ok()?];
        file.read_exact_at(&mut bytes, range.start).ok()?;
        Some(Bytes::from(bytes))
    });
    read.collect()
}

/// The state of a file in the words of `object_store`'s local store. Should it say it otherwise one day, no file is
/// found to be in the wanted state here, and all are read through it.
fn state(metadata: &Metadata) -> String {
    let modified = metadata.modified().ok();
    let modified = modified.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    let modified = modified.unwrap_or_default().as_micros();
    format!("{:x}-{modified:x}-{:x}", metadata.ino(), metadata.len())
}

#[cfg(test)]
mod tests {
    use object_store::{ObjectStore, ObjectStoreExt};

    use super::*;

    fn location(path: &std::path::Path) -> Path {
        Path::from_absolute_path(path).unwrap()
    }

    fn one(location: &Path, range: Range<u64>, e_tag: Option<&str>) -> Option<Vec<Bytes>> {
        read(location, std::slice::from_ref(&range), e_tag)
    }

    #[tokio::test]
    async fn it_reads_what_the_store_reads() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a b%.txt");
        std::fs::write(&path, "0123456789").unwrap();
        let location = location(&path);
        let listed = LOCAL.head(&location).await.unwrap();
        let ranges = [7..10, 2..4];
        let read = read(&location, &ranges, listed.e_tag.as_deref());
        assert_eq!(read, Some(LOCAL.get_ranges(&location, &ranges).await.unwrap()));
    }

    #[test]
    fn it_leaves_to_others_what_it_cannot_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let file = location(&path);
        assert_eq!(one(&file, 0..1, None), None);
        std::fs::write(&path, "0123").unwrap();
        assert_eq!(one(&file, 2..5, None), None);
        assert_eq!(one(&file, 0..1, Some("another state")), None);
        assert_eq!(one(&file, 0..BYTES_AT_MOST + 1, None), None);
        assert_eq!(one(&file, 1..3, None), Some(vec![Bytes::from("12")]));
    }
}
