//! Where files lie: a folder, a file or a pattern of names, on the local disk or in an object store.

use std::fmt;
use std::path::{Path, PathBuf};

use datafusion::execution::object_store::ObjectStoreUrl;
use glob::{MatchOptions, Pattern};
use object_store::path::Path as StorePath;
use url::Url;

use crate::error::{Code, Error, Result};

/// A place that holds files.
#[derive(Debug, Clone)]
pub struct Place {
    store_url: ObjectStoreUrl,
    /// The folder (or the file) in the store.
    path: StorePath,
    /// The same on the local disk.
    local: Option<PathBuf>,
    /// What the names below the folder must be like.
    pattern: Option<Pattern>,
    /// As it was given, for messages.
    text: String,
}

const MATCHING: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// Whether a location has the signs of a pattern: `*`, `?` or `[`.
pub fn is_pattern(location: &str) -> bool {
    location.contains(['*', '?', '['])
}

/// The parts of a location before the first one with a sign of a pattern, and the rest.
fn split_pattern(location: &str) -> (&str, Option<&str>) {
    let Some(sign) = location.find(['*', '?', '[']) else {
        return (location, None);
    };
    let start = location[..sign].rfind('/').map_or(0, |slash| slash + 1);
    (&location[..start], Some(&location[start..]))
}

impl Place {
    /// `location` below the folder `base`; it may be a pattern, unless something has exactly that name.
    ///
    /// # Errors
    /// [`Code::InvalidValue`] for a path that is not UTF-8, or a wrong pattern.
    pub fn local(base: &Path, location: &str) -> Result<Self> {
        let whole = base.join(location);
        let (folder, pattern) = if is_pattern(location) && !whole.exists() {
            let (folder, pattern) = split_pattern(location);
            (base.join(folder), pattern)
        } else {
            (whole.clone(), None)
        };
        let wrong = |e: &dyn fmt::Display| {
            Error::new(
                Code::InvalidValue,
                format!("'{}' cannot be a data path: {e}", whole.display()),
            )
        };
        Ok(Self {
            store_url: ObjectStoreUrl::local_filesystem(),
            path: absolute(&folder).map_err(|e| wrong(&e))?,
            local: Some(folder),
            pattern: pattern.map(Pattern::new).transpose().map_err(|e| wrong(&e))?,
            text: whole.display().to_string(),
        })
    }

    /// `location` below the object store's `base`; it may be a pattern.
    ///
    /// # Errors
    /// [`Code::InvalidValue`] for a URL without a bucket, or a wrong pattern.
    pub fn remote(base: &Url, location: &str) -> Result<Self> {
        let text = format!("{}/{location}", base.as_str().trim_end_matches('/'));
        let wrong = |e: &dyn fmt::Display| {
            Error::new(Code::InvalidValue, format!("'{text}' cannot be a data path: {e}"))
        };
        let (folder, pattern) = split_pattern(location);
        let inside = format!("{}/{folder}", base.path().trim_end_matches('/'));
        let path = StorePath::from_url_path(base.path())
            .and_then(|prefix| StorePath::parse(format!("{prefix}/{}", folder.trim_end_matches('/'))))
            .map_err(|e| wrong(&e))?;
        let origin = &base[..url::Position::BeforePath];
        debug_assert!(inside.starts_with('/'));
        Ok(Self {
            store_url: ObjectStoreUrl::parse(origin).map_err(|e| wrong(&e.strip_backtrace()))?,
            path,
            local: None,
            pattern: pattern.map(Pattern::new).transpose().map_err(|e| wrong(&e))?,
            text,
        })
    }

    /// The store that has the files.
    pub fn store_url(&self) -> &ObjectStoreUrl {
        &self.store_url
    }

    /// The folder (or the file) on the local disk, if it is there.
    pub fn local_path(&self) -> Option<&Path> {
        self.local.as_deref()
    }

    /// The folder (or the file) in its store.
    pub fn path(&self) -> &StorePath {
        &self.path
    }

    /// Whether the names of its files are chosen by a pattern.
    pub fn has_pattern(&self) -> bool {
        self.pattern.is_some()
    }

    /// Whether the pattern, if there is one, has this path below the folder.
    pub(super) fn has(&self, below: &str) -> bool {
        let pattern = self.pattern.as_ref();
        pattern.is_none_or(|pattern| pattern.matches_with(below, MATCHING))
    }

    /// What stands before a file's path in its store, so that its owner knows it.
    pub fn prefix(&self) -> &str {
        if self.local.is_some() {
            "/"
        } else {
            self.store_url.as_str()
        }
    }

    /// A file's path as its owner would write it.
    pub fn display_file(&self, file: &StorePath) -> String {
        format!("{}{file}", self.prefix())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A local path in the terms of the object store: its parts as they are spelled.
fn absolute(path: &Path) -> Result<StorePath, String> {
    let path = std::path::absolute(path).map_err(|e| e.to_string())?;
    let text = path.to_str().ok_or("it is not UTF-8")?;
    StorePath::parse(text.trim_end_matches('/')).map_err(|e| e.to_string())
}
