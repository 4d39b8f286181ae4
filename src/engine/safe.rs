//! A session that reads the lake and does nothing else: the setting `session.safe`.
//!
//! Owns what such a session refuses: every statement that is not known to read only, and every file
//! that lies neither in the lake's folder nor in a zone's. It is checked where statements run, on what
//! was parsed and planned, whatever front end they came from. Once on it stays on: a text that is run
//! cannot turn it off.

use std::any::Any;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::common::config::{ConfigEntry, ConfigExtension, ConfigOptions, ExtensionOptions};
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::sql::parser::Statement as Standard;

use crate::catalog::Catalog;
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
        true => Err(refused("this session is safe: it reads and writes nothing")
            .with_hint("open another session to write")),
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
        | Statement::SuggestConstraints(_)
        | Statement::ShowFunctions { .. }
        | Statement::Describe(_)
        | Statement::Use { .. }
        | Statement::Set { .. }
        | Statement::Show { .. }
        | Statement::Reset { .. } => true,
        _ => false,
    }
}

fn is_query(statement: &Standard) -> bool {
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

/// Checks the files that a plan reads.
///
/// # Errors
/// [`Code::SafeSession`] if the session is safe and one of them lies outside the lake.
pub(super) fn check_files(
    options: &ConfigOptions,
    catalog: &Catalog,
    plan: &Arc<dyn ExecutionPlan>,
) -> Result<()> {
    if !is_on(options) {
        return Ok(());
    }
    let zones = catalog.zones().iter().map(|zone| catalog.zone_folder(zone));
    let folders: Vec<PathBuf> = std::iter::once(catalog.root().to_owned())
        .chain(zones)
        .filter_map(|folder| folder.canonicalize().ok())
        .collect();
    match outside(plan, &folders) {
        Some(file) => Err(refused(&format!(
            "this session is safe: '{file}' lies outside the lake"
        ))),
        None => Ok(()),
    }
}

/// The first file of the plan that lies in none of the folders.
fn outside(plan: &Arc<dyn ExecutionPlan>, folders: &[PathBuf]) -> Option<String> {
    if let Some(source) = plan.downcast_ref::<DataSourceExec>()
        && let Some(scan) = source.data_source().downcast_ref::<FileScanConfig>()
    {
        let is_local = scan.object_store_url.as_str().starts_with("file://");
        let files = scan.file_groups.iter().flat_map(|group| group.iter());
        for file in files {
            let path = Path::new("/").join(file.object_meta.location.as_ref());
            let real = path.canonicalize().unwrap_or_else(|_| path.clone());
            if !is_local || !folders.iter().any(|folder| real.starts_with(folder)) {
                return Some(path.display().to_string());
            }
        }
    }
    plan.children()
        .into_iter()
        .find_map(|child| outside(child, folders))
}

fn refused(message: &str) -> Error {
    Error::new(Code::SafeSession, message)
}
