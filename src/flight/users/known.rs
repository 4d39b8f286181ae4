//! The users as their file has them now, read again when it has changed.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;

use super::file::{User, UserFile};
use crate::error::Result;

/// What differs when a file was written: its writer publishes another file each time.
type Stamp = Option<(u64, u64, u32, SystemTime)>;

type ByName = Arc<HashMap<String, User>>;

/// The users of a lake.
#[derive(Debug)]
pub(super) struct Known {
    file: UserFile,
    read: Mutex<Option<(Stamp, ByName)>>,
}

impl Known {
    pub(super) fn new(file: UserFile) -> Self {
        Self {
            file,
            read: Mutex::default(),
        }
    }

    /// All, by name.
    ///
    /// # Errors
    /// As of [`UserFile::users`].
    pub(super) fn users(&self) -> Result<ByName> {
        let now = self.stamp();
        let mut read = self.read.lock();
        if let Some((stamp, users)) = read.as_ref()
            && *stamp == now
        {
            return Ok(Arc::clone(users));
        }
        let users = self.file.users()?.into_iter();
        let users: ByName = Arc::new(users.map(|user| (user.name.clone(), user)).collect());
        *read = Some((now, Arc::clone(&users)));
        Ok(users)
    }

    fn stamp(&self) -> Stamp {
        let metadata = std::fs::metadata(self.file.path()).ok()?;
        let modified = metadata.modified().ok()?;
        Some((metadata.ino(), metadata.len(), metadata.mode(), modified))
    }
}
