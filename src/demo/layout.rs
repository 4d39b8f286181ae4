//! The sample's text files: its catalog and its scripts, embedded in the program, and how they are
//! laid out in a folder. Refuses a folder that holds something else; keeps what a user changed.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::files;
use crate::error::{Code, Error, Result};

/// A file of the sample lake, by its path in the lake.
macro_rules! embedded {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../", $path)))),*]
    };
}

/// The file that makes a folder a lake, and this one the sample.
const LAKE: (&str, &str) = ("catalog/lake.toml", include_str!("../../catalog/lake.toml"));

const CATALOG: &[(&str, &str)] = embedded![
    "catalog/raw/events.toml",
    "catalog/raw/users.toml",
    "catalog/raw/items.toml",
    "catalog/raw/orders.toml",
    "catalog/raw/readings.toml",
];

const IGNORED: (&str, &str) = (".gitignore", "/data/\n/.weir/\n");

/// Makes [`SCRIPTS`] from the names.
macro_rules! scripts {
    ($($name:literal),* $(,)?) => {
        /// The scripts that make the processed and curated tables, by file name, in the order in
        /// which they run.
        pub const SCRIPTS: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../sql/", $name)))),*];
    };
}

scripts![
    "01_events.sql",
    "02_users.sql",
    "03_items.sql",
    "04_orders.sql",
    "05_readings.sql",
    "06_user_features.sql",
    "07_item_features.sql",
    "08_recommendations.sql",
    "09_daily_sales.sql",
    "10_activity_5m.sql",
    "11_hourly_sales.sql",
    "12_sales_so_far.sql",
    "13_visits.sql",
    "14_reading_runs.sql",
];

/// Writes the sample's catalog, scripts and `.gitignore` into `lake_root`, which is made if it is
/// not there. In a folder that is the sample already only missing files are written.
///
/// # Errors
/// `42809` for a folder that has files and is not a sample lake; otherwise what the disk says.
pub fn lay_out(lake_root: &Path) -> Result<()> {
    refuse_other(lake_root)?;
    // First the file by which the folder is known again, should this be interrupted.
    write_missing(lake_root, LAKE.0, LAKE.1)?;
    write_missing(lake_root, IGNORED.0, IGNORED.1)?;
    for (path, text) in CATALOG {
        write_missing(lake_root, path, text)?;
    }
    for (name, text) in SCRIPTS {
        write_missing(lake_root, &format!("sql/{name}"), text)?;
    }
    Ok(())
}

fn write_missing(lake_root: &Path, path: &str, text: &str) -> Result<()> {
    let path = lake_root.join(path);
    match path.try_exists() {
        Ok(true) => Ok(()),
        Ok(false) => files::write(path, text.as_bytes()),
        Err(error) => Err(Error::io(&path, "look at", error)),
    }
}

fn refuse_other(lake_root: &Path) -> Result<()> {
    let definition = lake_root.join(LAKE.0);
    match fs::read(&definition) {
        Ok(text) if text == LAKE.1.as_bytes() => Ok(()),
        Ok(_) => Err(other(lake_root, "is another lake")),
        Err(error) if error.kind() == ErrorKind::NotFound && is_vacant(lake_root)? => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(other(lake_root, "has other files in it")),
        Err(error) => Err(Error::io(&definition, "read", error)),
    }
}

fn is_vacant(folder: &Path) -> Result<bool> {
    match fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        Err(error) => Err(Error::io(folder, "read", error)),
    }
}

fn other(folder: &Path, why: &str) -> Error {
    let message = format!("folder '{}' is not a sample lake: it {why}", folder.display());
    Error::new(Code::WrongObjectType, message).with_hint("name an empty or a new folder with --lake")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_laid_out_and_keeps_what_was_changed() {
        let folder = tempfile::tempdir().unwrap();
        let lake = folder.path().join("new");
        lay_out(&lake).unwrap();
        let script = lake.join("sql").join(SCRIPTS[0].0);
        assert_eq!(fs::read_to_string(&script).unwrap(), SCRIPTS[0].1);

        fs::write(&script, "-- mine").unwrap();
        fs::remove_file(lake.join("catalog/raw/users.toml")).unwrap();
        lay_out(&lake).unwrap();
        assert_eq!(fs::read_to_string(&script).unwrap(), "-- mine");
        assert!(lake.join("catalog/raw/users.toml").exists());
    }

    #[test]
    fn other_folders_are_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let note = folder.path().join("note.txt");
        fs::write(&note, "").unwrap();
        let error = lay_out(folder.path()).unwrap_err();
        assert_eq!(error.code(), Code::WrongObjectType);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

        fs::remove_file(note).unwrap();
        fs::create_dir(folder.path().join("catalog")).unwrap();
        fs::write(folder.path().join("catalog/lake.toml"), "# another").unwrap();
        let error = lay_out(folder.path()).unwrap_err();
        assert!(error.message().contains("another lake"), "{error}");
    }

    #[test]
    fn the_scripts_stand_in_the_order_of_their_names() {
        assert!(SCRIPTS.is_sorted_by_key(|(name, _)| *name));
        for (name, text) in SCRIPTS {
            assert!(text.starts_with("-- "), "{name} does not say what it makes");
        }
    }
}
