//! Raw files as objects: landed in an external table's folder, each content once, and removed by id.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use arrow::compute::{CastOptions, cast_with_options};
use chrono::Utc;

use super::lake::Lake;
use super::session::Session;
use crate::definition::{ExternalTable, TableKind, ZoneDefinition, type_text};
use crate::error::{Code, Error, Result, did_you_mean};
use crate::storage::Staging;
use crate::table::external::{Landed, Register, hash_file, partition_folders};

/// Where files go, and with what.
#[derive(Debug, Clone, Default)]
pub struct Landing {
    /// The table, `zone.table`.
    pub table: String,
    /// A value for each of the table's partition columns.
    pub partition: Vec<(String, String)>,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LandedFile {
    /// Where its content lies.
    pub path: PathBuf,
    /// What names it in `t$files`.
    pub id: String,
    /// Whether it was there already, and nothing was done.
    pub was_there: bool,
}

/// The records of a table's landed files.
pub(super) fn register(lake: &Lake, zone: &ZoneDefinition, table: &str) -> Register {
    Register::new(lake.folder().join(".weir/landed").join(&zone.name).join(table))
}

impl Session {
    /// Lands `file` in the folder of an external table: copied whole under a name of its own, unless its
    /// content is there already.
    ///
    /// # Errors
    /// [`Code::UndefinedTable`], [`Code::WrongObjectType`] for a table that has no folder for files,
    /// [`Code::InvalidValue`] for a name or a partition that the table's files cannot have.
    pub fn land(&self, file: &Path, landing: &Landing) -> Result<LandedFile> {
        let (zone, name) = landing.table.split_once('.').unwrap_or(("", &landing.table));
        let zone = if zone.is_empty() {
            self.zone()
        } else {
            zone.to_owned()
        };
        let catalog = self.lake().catalog();
        let zone = catalog.zone(&zone)?;
        let definition = catalog
            .table(zone, name)?
            .ok_or_else(|| catalog.not_found(zone, name))?;
        let table = match &definition.kind {
            TableKind::External(table) => table,
            _ => return Err(no_folder(&landing.table, "it is no external table")),
        };
        let place = catalog.place(zone, &table.location)?;
        let folder = place
            .local_path()
            .filter(|path| !path.is_file() && !place.has_pattern())
            .ok_or_else(|| no_folder(&landing.table, "its location is no local folder"))?;
        let original = file
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let hidden = original.starts_with(['.', '_']);
        if original.is_empty() || hidden || !table.format.has_name(original) {
            let message = format!("'{}' is not the name of a {} file", file.display(), table.format);
            return Err(Error::new(Code::InvalidValue, message)
                .with_hint("in the table's folder it would be taken for something else"));
        }
        let kind = std::fs::metadata(file).map_err(|e| Error::io(file, "read", e))?;
        if !kind.is_file() {
            return Err(Error::new(
                Code::WrongObjectType,
                format!("'{}' is not a file", file.display()),
            ));
        }
        let hash = hash_file(file)?;
        let landed = Landed {
            file: partition(table, &landing.partition)?.join(named(original, &hash)),
            name: original.to_owned(),
            size: kind.len(),
            tags: landing.tags.clone(),
            landed_at: Utc::now(),
            hash,
        };
        let register = register(self.lake(), zone, &definition.name);
        let landed = register.claim(&landed)?.unwrap_or(landed);
        let path = folder.join(&landed.file);
        let was_there = path.exists();
        if !was_there {
            publish(file, folder, &landed)?;
        }
        Ok(LandedFile {
            path,
            id: landed.id().to_owned(),
            was_there,
        })
    }
}

fn no_folder(table: &str, why: &str) -> Error {
    Error::new(
        Code::WrongObjectType,
        format!("files cannot be landed in '{table}': {why}"),
    )
    .with_hint("CREATE EXTERNAL TABLE … LOCATION 'folder/' makes a table of files")
}

/// `events-0123456789ab.csv.gz` for `events.csv.gz`.
fn named(original: &str, hash: &str) -> String {
    let short = hash.get(..12).unwrap_or(hash);
    match original.split_once('.') {
        Some((stem, endings)) => format!("{stem}-{short}.{endings}"),
        None => format!("{original}-{short}"),
    }
}

/// The folders of a partition, its values checked to be of their columns' types.
fn partition(table: &ExternalTable, given: &[(String, String)]) -> Result<PathBuf> {
    let columns = &table.partition_columns;
    for (name, _) in given {
        if !columns
            .iter()
            .any(|column| column.name.eq_ignore_ascii_case(name))
        {
            let known = columns.iter().map(|column| column.name.as_str());
            let message = format!("'{name}' is not a partition column of the table");
            return Err(Error::new(Code::UndefinedColumn, message).with_hint_if(did_you_mean(name, known)));
        }
    }
    let mut keys: Vec<ArrayRef> = Vec::new();
    for column in columns {
        let mut values = given
            .iter()
            .filter(|(name, _)| column.name.eq_ignore_ascii_case(name));
        let (Some((_, value)), None) = (values.next(), values.next()) else {
            let message = format!("partition column '{}' needs one value", column.name);
            return Err(
                Error::new(Code::InvalidValue, message).with_hint(format!("--partition {}=…", column.name))
            );
        };
        let text: ArrayRef = Arc::new(StringArray::from(vec![value.as_str()]));
        let options = CastOptions {
            safe: false,
            ..CastOptions::default()
        };
        let key = cast_with_options(&text, &column.data_type, &options).map_err(|_| {
            let data_type = type_text(&column.data_type);
            let message = format!(
                "'{value}' is not of type {data_type}, which partition column '{}' has",
                column.name
            );
            Error::new(Code::InvalidValue, message)
        })?;
        keys.push(key);
    }
    let names: Vec<String> = columns
        .iter()
        .map(|column| column.name_in_files().to_owned())
        .collect();
    partition_folders(&names, &keys, 0)
}

/// Copies the file into the folder out of sight, and shows it when it is whole and still the same.
fn publish(file: &Path, folder: &Path, landed: &Landed) -> Result<()> {
    let staging = Staging::new(folder)?;
    let mut staged = staging.create(&landed.file)?;
    let mut from = std::fs::File::open(file).map_err(|e| Error::io(file, "read", e))?;
    std::io::copy(&mut from, &mut staged).map_err(|e| Error::io(folder.join(&landed.file), "write", e))?;
    staged.finish()?;
    if hash_file(&staging.path(&landed.file))? != landed.hash {
        let message = format!("'{}' changed while it was read", file.display());
        return Err(Error::new(Code::ChangedUnderneath, message).with_hint("land it when it is complete"));
    }
    staging.publish().map(drop)
}
