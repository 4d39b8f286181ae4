//! Where a table's files may lie: inside its zone.

use std::path::{Component, Path, PathBuf};

use crate::error::{Code, Error, Result};

/// Checks that `location`, as a definition has it, stays inside its zone's folder, and gives it
/// without `.` and `..`. A trailing `/` is kept: it says that a folder is meant.
///
/// # Errors
/// [`Code::InvalidValue`] for a location that is empty, absolute, a URL, or climbs out.
pub fn check_location(location: &str) -> Result<String> {
    if location.contains("://") {
        return Err(
            Error::new(Code::InvalidValue, format!("location '{location}' is a URL")).with_hint(
                "a location is a path relative to its zone's folder; give the zone itself another path",
            ),
        );
    }
    let outside = || {
        Error::new(
            Code::InvalidValue,
            format!("location '{location}' lies outside its zone"),
        )
        .with_hint("a location is a path relative to its zone's folder, such as 'events/'")
    };
    let mut inside = PathBuf::new();
    for component in Path::new(location).components() {
        match component {
            Component::Normal(part) => inside.push(part),
            Component::CurDir => {}
            Component::ParentDir => {
                if !inside.pop() {
                    return Err(outside());
                }
            }
            Component::RootDir | Component::Prefix(_) => return Err(outside()),
        }
    }
    match inside.to_str() {
        Some("") | None => Err(
            Error::new(Code::InvalidValue, "a location cannot be the zone's own folder")
                .with_hint("give the table a folder of its own in it, such as 'events/'"),
        ),
        Some(path) if location.ends_with('/') => Ok(format!("{path}/")),
        Some(path) => Ok(path.to_owned()),
    }
}
