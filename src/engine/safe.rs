//! A session that reads the lake and does nothing else: the setting `session.safe`.
//!
//! Owns what such a session refuses: every statement that is not known to read only, and every file
//! that a statement names and that lies neither in the lake's folder nor in a zone's. It is checked where
//! statements run, before anything is opened, whatever front end they came from. Once on it stays on: a
//! text that is run cannot turn it off.

use std::any::Any;
use std::path::{Component, Path, PathBuf};

use datafusion::common::config::{ConfigEntry, ConfigExtension, ConfigOptions, ExtensionOptions};
use datafusion::sql::parser::Statement as Standard;
use url::{Position, Url};

use crate::catalog::Catalog;
use crate::definition::ZoneDefinition;
use crate::error::{Code, Error, Result};
use crate::syntax::Statement;

/// The setting's full name.
pub(super) const SETTING: &str = "session.safe";

const KEY: &str = "safe";

/// What a session may do.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Safety {
    safe: bool,
}

impl ConfigExtension for Safety {
    const PREFIX: &'static str = "session";
}

impl ExtensionOptions for Safety {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn cloned(&self) -> Box<dyn ExtensionOptions> {
        Box::new(*self)
    }

    fn set(&mut self, key: &str, value: &str) -> datafusion::error::Result<()> {
        self.safe = match (key, value.to_lowercase().as_str()) {
            (KEY, "true" | "on") => true,
            (KEY, "false" | "off") => false,
            _ => {
                let message = format!("'{value}' is neither true nor false");
                return Err(Error::new(Code::InvalidValue, message).into());
            }
        };
        Ok(())
    }

    fn entries(&self) -> Vec<ConfigEntry> {
        vec![ConfigEntry {
            key: SETTING.to_owned(),
            value: Some(self.safe.to_string()),
            description: "Refuse writes, and files outside the lake; stays on until the session ends.",
        }]
    }
}

/// Whether the session is safe.
pub(super) fn is_on(options: &ConfigOptions) -> bool {
    options
        .extensions
        .get::<Safety>()
        .is_some_and(|safety| safety.safe)
}

/// Whether a setting may be changed from `before` to `after`.
///
/// # Errors
/// [`Code::SafeSession`] if that would end a session's safety.
pub(super) fn check_setting(before: &ConfigOptions, after: &ConfigOptions) -> Result<()> {
    match is_on(before) && !is_on(after) {
        true => Err(refused("this session stays safe").with_hint("open another session to write")),
        false => Ok(()),
    }
}

/// Checks a statement before anything of it is done.
///
/// # Errors
/// [`Code::SafeSession`] if the session is safe and the statement is not known to read only.
pub(super) fn check_statement(options: &ConfigOptions, statement: &Statement) -> Result<()> {
    match is_on(options) && !reads_only(statement) {
        true => Err(
            refused("this session is safe: it reads the lake and changes nothing")
                .with_hint("open another session to write"),
        ),
        false => Ok(()),
    }
}

fn reads_only(statement: &Statement) -> bool {
    match statement {
        Statement::Query(query) => match query.as_ref() {
            Standard::Explain(explain) => is_query(&explain.statement),
            statement => is_query(statement),
        },
        Statement::ShowTables { .. }
        | Statement::ShowCreate(_)
        | Statement::ShowPartitions(_)
        | Statement::CheckTable(_)
        | Statement::SuggestConstraints(_)
        | Statement::ShowFunctions { .. }
        | Statement::Describe(_)
        | Statement::DescribeQuery(_)
        | Statement::Use { .. }
        | Statement::Set { .. }
        // What is prepared is checked when it is executed.
        | Statement::Prepare(_)
        | Statement::Execute { .. }
        | Statement::Deallocate { .. }
        | Statement::Show { .. }
        | Statement::Reset { .. } => true,
        _ => false,
    }
}

/// Whether a statement is a query that writes nothing.
pub(super) fn is_query(statement: &Standard) -> bool {
    matches!(
        statement,
        Standard::Statement(inner) if matches!(
            inner.as_ref(),
            sqlparser::ast::Statement::Query(query) if is_select(&query.body)
        )
    )
}

/// `WITH … INSERT` is a query to the parser.
fn is_select(body: &sqlparser::ast::SetExpr) -> bool {
    use sqlparser::ast::SetExpr as S;
    match body {
        S::Select(select) => select.into.is_none(),
        S::Query(query) => is_select(&query.body),
        S::SetOperation { left, right, .. } => is_select(left) && is_select(right),
        S::Values(_) | S::Table(_) => true,
        _ => false,
    }
}

/// Checks a file, folder or pattern of the local disk that a statement names, before any of it is opened.
///
/// # Errors
/// [`Code::SafeSession`] if the session is safe and the path lies outside the lake, links resolved.
pub(super) fn check_path(options: &ConfigOptions, catalog: &Catalog, path: &Path) -> Result<()> {
    if !is_on(options) {
        return Ok(());
    }
    let zones = catalog.zones().iter().map(|zone| catalog.zone_folder(zone));
    let mut folders = std::iter::once(catalog.root().to_owned()).chain(zones);
    let real = resolved(path);
    match folders.any(|folder| real.starts_with(resolved(&folder))) {
        true => Ok(()),
        false => Err(outside(&path.display().to_string())),
    }
}

/// Checks a file, folder or pattern of an object store that a statement names.
///
/// # Errors
/// [`Code::SafeSession`] if the session is safe and the URL lies in no zone.
pub(super) fn check_url(options: &ConfigOptions, catalog: &Catalog, url: &Url) -> Result<()> {
    let lies_in = |zone: Url| {
        let folder = zone.path().trim_end_matches('/');
        zone[..Position::BeforePath] == url[..Position::BeforePath]
            && url
                .path()
                .strip_prefix(folder)
                .is_some_and(|rest| rest.starts_with('/'))
    };
    let mut zones = catalog.zones().iter().filter_map(ZoneDefinition::url);
    match !is_on(options) || zones.any(lies_in) {
        true => Ok(()),
        false => Err(outside(url.as_str())),
    }
}

fn outside(file: &str) -> Error {
    refused(&format!("this session is safe: '{file}' lies outside the lake"))
        .with_hint("open another session, or land the file in a table of the lake")
}

/// The path without links and `..`: what exists of it by the disk, the rest (a pattern) as written.
fn resolved(path: &Path) -> PathBuf {
    let existing = path.ancestors().find_map(|ancestor| {
        let real = ancestor.canonicalize().ok()?;
        Some((real, path.strip_prefix(ancestor).ok()?))
    });
    match existing {
        Some((real, rest)) => rest.components().fold(real, |mut real, component| {
            match component {
                Component::ParentDir => drop(real.pop()),
                component => real.push(component),
            }
            real
        }),
        None => path.to_owned(),
    }
}

fn refused(message: &str) -> Error {
    Error::new(Code::SafeSession, message)
}
