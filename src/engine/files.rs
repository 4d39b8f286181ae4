//! Files named in a statement, in place of a table: `FROM 'path'`, `DESCRIBE 'path'`.
//!
//! A path is a file, a folder, a pattern, or a URL in the store of a zone; a relative one begins at the
//! working directory. The format is that of the files' names.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::datasource::TableType;
use futures::FutureExt;
use futures::future::BoxFuture;
use url::Url;

use super::lake::Lake;
use super::rights;
use super::safe;
use super::state::{SharedConfig, session_state};
use crate::definition::{ExternalTable, Format};
use crate::error::{Code, Error, Result, closest};
use crate::storage::Place;
use crate::table::ExternalTableProvider;
use crate::table::external::{format_of, infer_all_columns};

/// Among so many files of a folder one with a similar name is looked for.
const SIBLINGS: usize = 10_000;

/// Makes tables of paths.
#[derive(Debug)]
pub(super) struct Files {
    lake: Lake,
    config: SharedConfig,
    /// Whether the path stands in a view, which may be read from any working directory.
    in_view: bool,
}

impl Files {
    pub(super) fn new(lake: Lake, config: SharedConfig, in_view: bool) -> Self {
        Self {
            lake,
            config,
            in_view,
        }
    }

    /// The table of the files at `path`, as a future that hides its type: what awaits it need not be proved to
    /// change threads through all of DataFusion's plans.
    fn planned<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Arc<dyn TableProvider>>> {
        Self::table(self, path).boxed()
    }

    /// The files at `path` as a table.
    pub(super) async fn table(&self, path: &str) -> Result<Arc<dyn TableProvider>> {
        if !self.in_view {
            rights::principal(&self.config.read()).check_files(&format!("'{path}'"))?;
        }
        let place = self.place(path)?;
        let state = session_state(&self.lake, &self.config, Vec::new());
        let format = match Format::of_name(path) {
            Some(format) => format,
            None => format_of(path, &place, &state)
                .await
                .map_err(|error| gone(error, path))?,
        };
        let mut table = ExternalTable::of_files(format, path);
        table.text.delimiter = delimiter(path).unwrap_or(table.text.delimiter);
        let (columns, partitions) = infer_all_columns(path, &table, &place, &state)
            .await
            .map_err(|error| gone(error, path))?;
        table.columns = columns;
        table
            .columns
            .retain(|column| partitions.iter().all(|p| p.name != column.name));
        table.partition_columns = partitions;
        if table.columns.is_empty() {
            let message = format!("there are no columns in '{path}'");
            return Err(Error::new(Code::CorruptFile, message));
        }
        Ok(Arc::new(ExternalTableProvider::new(
            path.to_owned(),
            table,
            place,
        )))
    }

    /// Where `path` points.
    pub(super) fn place(&self, path: &str) -> Result<Place> {
        if path.is_empty() {
            return Err(Error::new(Code::InvalidValue, "a file needs a name"));
        }
        if path.contains("://") {
            let url = Url::parse(path)
                .map_err(|e| Error::new(Code::InvalidValue, format!("'{path}' is not a URL: {e}")))?;
            safe::check_url(self.config.read().options(), self.lake.catalog(), &url)?;
            return self.lake.catalog().place_of_url(&url);
        }
        if self.in_view && !path.starts_with('/') {
            return Err(Error::new(
                Code::InvalidStatement,
                format!("a view cannot depend on the working directory: '{path}'"),
            )
            .with_hint("name the file by its absolute path, or make an external table of it"));
        }
        let here = std::env::current_dir().map_err(|e| Error::io(".", "find", e))?;
        let options = self.config.read();
        safe::check_path(options.options(), self.lake.catalog(), &here.join(path))?;
        Place::local(&here, path)
    }
}

/// An error about a table whose files are gone, as one about files that are named by their path.
fn gone(error: Error, path: &str) -> Error {
    // A folder without files that could be read is there.
    if error.code() != Code::UndefinedFile || Path::new(path).is_dir() {
        return error;
    }
    let hint = similar(path).or_else(|| {
        let is_relative = !path.starts_with('/') && !path.contains("://");
        let here = std::env::current_dir().ok().filter(|_| is_relative)?;
        Some(format!("it was looked for in '{}'", here.display()))
    });
    Error::new(Code::UndefinedFile, format!("there is no file '{path}'"))
        .with_hint_if(hint)
        .with_source(error)
}

/// A file of the same folder that is called nearly so.
fn similar(path: &str) -> Option<String> {
    let path = Path::new(path);
    let folder = path.parent()?;
    let listed = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    };
    let entries = std::fs::read_dir(listed).ok()?;
    let names = entries
        .take(SIBLINGS)
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let name = closest(path.file_name()?.to_str()?, names)?;
    Some(format!("did you mean '{}'?", folder.join(name).display()))
}

/// What separates the values of a text whose name says so.
pub(super) fn delimiter(path: &str) -> Option<u8> {
    let mut endings = path.rsplit('/').next()?.split('.').skip(1);
    endings.find_map(|ending| match ending.to_lowercase().as_str() {
        "tsv" => Some(b'\t'),
        "psv" => Some(b'|'),
        _ => None,
    })
}

#[async_trait]
impl SchemaProvider for Files {
    fn table_names(&self) -> Vec<String> {
        Vec::new()
    }

    async fn table(&self, name: &str) -> datafusion::error::Result<Option<Arc<dyn TableProvider>>> {
        Ok(Some(self.planned(name).await?))
    }

    async fn table_type(&self, _: &str) -> datafusion::error::Result<Option<TableType>> {
        Ok(Some(TableType::Temporary))
    }

    fn table_exist(&self, _: &str) -> bool {
        true
    }
}
