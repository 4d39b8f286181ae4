//! Where the new table's files lie, and how its definition comes into the catalog.

use std::path::{Path, PathBuf};

use super::{Creation, now};
use crate::definition::{Rule, TableDefinition, TableKind, check_location};
use crate::error::{Code, Error, Result};
use crate::storage::OnExisting;
use crate::syntax::CreateTable;

/// How many random characters end the name of a folder that the engine made.
const FOLDER_ID: usize = 8;

impl Creation<'_> {
    pub(super) fn folder(&self) -> PathBuf {
        self.session.lake().catalog().zone_folder(&self.target.zone)
    }

    /// A location as the definition has it; an absolute one may be given if it is in the zone.
    pub(super) fn relative(&self, location: &str) -> Result<String> {
        if let Some(url) = self.target.zone.url() {
            let inside = location.strip_prefix(url.as_str().trim_end_matches('/'));
            return check_location(inside.unwrap_or(location).trim_start_matches('/'));
        }
        let folder = self.folder();
        let inside = Path::new(location)
            .strip_prefix(&folder)
            .ok()
            .and_then(Path::to_str);
        let slash = if location.ends_with('/') { "/" } else { "" };
        let location = match inside {
            Some(inside) => check_location(&format!("{inside}{slash}")),
            None => check_location(location),
        };
        let location = location.map_err(|e| {
            let hint = e.hint().map(str::to_owned);
            let folder = folder.display();
            Error::new(e.code(), e.message()).with_hint(format!(
                "{}; the zone's folder is '{folder}'",
                hint.unwrap_or_default()
            ))
        })?;
        let is_folder = folder.join(&location).is_dir() && !location.ends_with('/');
        Ok(if is_folder {
            format!("{location}/")
        } else {
            location
        })
    }

    /// A new folder in the zone: its location and its path.
    pub(super) fn fresh_folder(&self) -> Result<(String, PathBuf)> {
        if self.target.zone.url().is_some() {
            let message = format!(
                "zone '{}' lies in an object store: tables are not made there",
                self.target.zone.name
            );
            return Err(Error::new(Code::Unsupported, message)
                .with_hint("make it in a zone on the local disk, or COPY … TO a file in the store"));
        }
        let zone = self.folder();
        std::fs::create_dir_all(&zone).map_err(|e| Error::io(&zone, "make the folder", e))?;
        let folder = tempfile::Builder::new()
            .prefix(&format!("{}-", self.target.name))
            .rand_bytes(FOLDER_ID)
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777))
            .tempdir_in(&zone)
            .map_err(|e| Error::io(&zone, "write into", e))?
            .keep();
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        Ok((format!("{name}/"), folder))
    }

    pub(super) fn publish(&self, table: &CreateTable, kind: TableKind, rules: Vec<Rule>) -> Result<()> {
        let now = now();
        let old = match self.on_existing {
            OnExisting::Replace => self.target.existing(self.session).ok().flatten(),
            OnExisting::Keep => None,
        };
        let mut definition = match old {
            Some(old) => TableDefinition {
                kind,
                ..old.as_ref().clone()
            },
            None => TableDefinition::new(&self.target.name, kind),
        };
        definition.created_at = definition.created_at.or(Some(now));
        definition.updated_at = Some(now);
        definition.owner = self.properties.owner.clone().or(definition.owner);
        definition.rules = rules;
        definition.comment = table.comment.clone().or(definition.comment);
        let catalog = self.session.lake().catalog();
        catalog.publish(&self.target.zone, &definition, self.on_existing)
    }

    /// Takes the replaced table's folder away if the engine had made it; says so if it cannot.
    pub(super) fn remove_replaced(&self, old: Option<&TableDefinition>) -> String {
        let Some(TableKind::External(old)) = old.map(|definition| &definition.kind) else {
            return String::new();
        };
        let prefix = format!("{}-", self.target.name);
        let id = old
            .location
            .strip_prefix(&prefix)
            .and_then(|rest| rest.strip_suffix('/'));
        if !id.is_some_and(|id| id.len() == FOLDER_ID && id.chars().all(|c| c.is_ascii_alphanumeric())) {
            return String::new();
        }
        let folder = self.folder().join(&old.location);
        match std::fs::remove_dir_all(&folder) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                format!(
                    "; the old files in '{}' could not be removed: {e}",
                    folder.display()
                )
            }
            _ => String::new(),
        }
    }
}
