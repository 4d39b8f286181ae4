//! Definitions → tables that can be planned over.

use std::sync::Arc;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use datafusion::catalog::{MemTable, TableProvider};
use datafusion::datasource::ViewTable;
use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::RwLock;

use super::checks;
use super::failure;
use super::lake::Lake;
use super::landing::register;
use super::pins::Pins;
use super::rights::{self, Role};
use super::session::Session;
use super::state::{SharedConfig, session_state};
use crate::catalog::TablePlanner;
use crate::definition::{ExternalTable, ManagedTable, TableDefinition, TableKind, View, ZoneDefinition};
use crate::error::{Code, Error, Result};
use crate::planner;
use crate::syntax::{AsOf, Parameters, Script};
use crate::table::external::{self, infer_columns};
use crate::table::managed;
use crate::table::{ExternalTableProvider, ManagedTableProvider};

/// Makes tables for one session.
#[derive(Debug)]
pub(super) struct Tables {
    lake: Lake,
    config: SharedConfig,
    /// The views being planned, outermost first: one that leads back to itself is an error.
    views: Vec<String>,
}

impl Tables {
    pub(super) fn new(lake: Lake, config: SharedConfig, views: Vec<String>) -> Self {
        Self { lake, config, views }
    }

    /// What a statement names itself it must be allowed to read; what a view names, its maker was.
    fn check(&self, zone: &ZoneDefinition) -> Result<()> {
        match self.views.is_empty() {
            true => rights::principal(&self.config.read()).check(&zone.name, Role::Read),
            false => Ok(()),
        }
    }

    async fn external(
        &self,
        zone: &ZoneDefinition,
        definition: &TableDefinition,
        table: &ExternalTable,
    ) -> Result<Arc<dyn TableProvider>> {
        let name = format!("{}.{}", zone.name, definition.name);
        let place = self.lake.catalog().place(zone, &table.location)?;
        let table = with_columns(&self.lake, &self.config, zone, &name, table.clone()).await?;
        Ok(Arc::new(ExternalTableProvider::new(name, table, place)))
    }

    /// A managed table as the statement sees it.
    async fn managed(
        &self,
        zone: &ZoneDefinition,
        definition: &TableDefinition,
        table: &ManagedTable,
    ) -> Result<Arc<dyn TableProvider>> {
        let pins: Arc<Pins> = self.config.read().get_extension().unwrap_or_default();
        let provider = managed_table(&self.lake, &pins, zone, definition, table).await?;
        Ok(Arc::new(provider))
    }

    /// A view is planned anew whenever it is named: it shows its tables as they are now.
    async fn view(
        &self,
        zone: &ZoneDefinition,
        definition: &TableDefinition,
        view: &View,
    ) -> Result<Arc<dyn TableProvider>> {
        let name = format!("{}.{}", zone.name, definition.name);
        if self.views.contains(&name) {
            let path = [self.views.as_slice(), std::slice::from_ref(&name)]
                .concat()
                .join(" → ");
            return Err(Error::new(
                Code::InvalidDefinition,
                format!("view '{name}' is part of itself: {path}"),
            ));
        }
        let mut config = self.config.read().clone();
        let default_zone = view.default_zone.as_ref().unwrap_or(&zone.name);
        config.options_mut().catalog.default_schema = default_zone.clone();
        let views = [self.views.as_slice(), std::slice::from_ref(&name)].concat();
        let config = Arc::new(RwLock::new(config));
        let state = session_state(&self.lake, &config, views);
        let of_view = |error: Error| {
            if error.code() == Code::InvalidDefinition {
                // Of another definition: it says which, and where.
                return error;
            }
            let message = format!("view '{name}': {}", error.message());
            Error::new(error.code(), message)
                .with_hint_if(error.hint().map(str::to_owned))
                .with_source(error)
        };
        let piece = match Script::new(&view.query).into_pieces().next() {
            Some(piece) => piece.map_err(of_view)?,
            None => {
                let message = format!("view '{name}': its query is empty");
                return Err(Error::new(Code::InvalidDefinition, message));
            }
        };
        let plan = planner::plan(&state, &piece, &Parameters::default())
            .await
            .map_err(|e| of_view(failure::translate(e, &piece, self.lake.catalog(), default_zone)))?;
        let session = Session::within(self.lake.clone(), config, state.clone());
        let plan = checks::resolve(&session, &state, plan).await.map_err(of_view)?;
        Ok(Arc::new(ViewTable::new(plan, Some(view.query.clone()))))
    }
}

/// The managed table of a definition, at the version that the statement sees.
pub(super) async fn managed_table(
    lake: &Lake,
    pins: &Pins,
    zone: &ZoneDefinition,
    definition: &TableDefinition,
    table: &ManagedTable,
) -> Result<ManagedTableProvider> {
    let name = format!("{}.{}", zone.name, definition.name);
    let log = lake
        .logs()
        .log(&lake.catalog().zone_folder(zone).join(&table.location));
    let snapshot = pins.snapshot(&log, None).await.map_err(|error| {
        let message = format!("table '{name}': {}", error.message());
        Error::new(error.code(), message)
            .with_hint_if(error.hint().map(str::to_owned))
            .with_source(error)
    })?;
    let provider = ManagedTableProvider::new(name, log, snapshot, table.sorted_by.clone());
    if !definition.rules.iter().any(checks::can_be_proven) {
        return Ok(provider);
    }
    let (root, folder) = (lake.folder().to_owned(), provider.log().folder().to_owned());
    let rules = definition.rules.clone();
    let find = move |snapshot: &managed::Snapshot| checks::proven(&root, &folder, &rules, snapshot);
    Ok(provider.with_proofs(managed::Proofs(Arc::new(find))))
}

/// `table` (`name` with its zone, for errors) with the columns of its files if it says none.
pub(super) async fn with_columns(
    lake: &Lake,
    config: &SharedConfig,
    zone: &ZoneDefinition,
    name: &str,
    mut table: ExternalTable,
) -> Result<ExternalTable> {
    if table.columns.is_empty() {
        let place = lake.catalog().place(zone, &table.location)?;
        let state = session_state(lake, config, Vec::new());
        let (columns, partitions) = infer_columns(name, &table, &place, &state).await?;
        table.columns = columns;
        if table.partition_columns.is_empty() {
            table.partition_columns = partitions;
        }
        let partitions = &table.partition_columns;
        table
            .columns
            .retain(|column| partitions.iter().all(|p| p.name != column.name));
    }
    Ok(table)
}

/// What `t$suffix` shows of a table, if its kind has that.
pub(super) async fn metadata(
    lake: &Lake,
    config: &SharedConfig,
    zone: &ZoneDefinition,
    definition: &TableDefinition,
    suffix: &str,
) -> Result<Option<RecordBatch>> {
    match &definition.kind {
        TableKind::External(table) => {
            let name = format!("{}.{}", zone.name, definition.name);
            let table = with_columns(lake, config, zone, &name, table.clone()).await?;
            let place = lake.catalog().place(zone, &table.location)?;
            let state = session_state(lake, config, Vec::new());
            let landed = register(lake, zone, &definition.name).all()?;
            external::metadata(&name, &table, &place, &state, suffix, &landed).await
        }
        TableKind::Managed(table) => {
            let pins: Arc<Pins> = config.read().get_extension().unwrap_or_default();
            let table = managed_table(lake, &pins, zone, definition, table).await?;
            Ok(match suffix {
                "files" => Some(table.snapshot().files_table()?),
                "partitions" => Some(table.snapshot().partitions_table(table.name())?),
                "history" => Some(table.log().history()?),
                _ => None,
            })
        }
        TableKind::View(_) => Ok(None),
    }
}

/// A managed table as it was.
pub(super) async fn past_table(
    lake: &Lake,
    pins: &Pins,
    zone: &ZoneDefinition,
    definition: &TableDefinition,
    as_of: &AsOf,
) -> Result<ManagedTableProvider> {
    let name = format!("{}.{}", zone.name, definition.name);
    let TableKind::Managed(table) = &definition.kind else {
        let message = format!("'{name}' has no versions: it is not a managed table");
        return Err(Error::new(Code::WrongObjectType, message));
    };
    let log = lake
        .logs()
        .log(&lake.catalog().zone_folder(zone).join(&table.location));
    let found = async {
        let version = match as_of {
            AsOf::Version(version) => *version,
            AsOf::Timestamp(moment) => log.version_at(moment)?,
        };
        pins.snapshot(&log, Some(version)).await
    };
    let snapshot = found.await.map_err(|error| {
        let message = format!("table '{name}': {}", error.message());
        Error::new(error.code(), message)
            .with_hint_if(error.hint().map(str::to_owned))
            .with_source(error)
    })?;
    let provider = ManagedTableProvider::new(name, log, snapshot, table.sorted_by.clone());
    Ok(provider.into_past())
}

impl Tables {
    /// The table as the statement sees it; a future that hides its type, so that what awaits it need not be
    /// proved to change threads through all of DataFusion's plans.
    fn planned<'a>(
        &'a self,
        zone: &'a ZoneDefinition,
        definition: &'a TableDefinition,
    ) -> BoxFuture<'a, Result<Arc<dyn TableProvider>>> {
        async move {
            match &definition.kind {
                TableKind::External(table) => self.external(zone, definition, table).await,
                TableKind::Managed(table) => self.managed(zone, definition, table).await,
                TableKind::View(view) => self.view(zone, definition, view).await,
            }
        }
        .boxed()
    }

    /// What `t$suffix` shows; hidden likewise.
    fn told<'a>(
        &'a self,
        zone: &'a ZoneDefinition,
        definition: &'a TableDefinition,
        suffix: &'a str,
    ) -> BoxFuture<'a, Result<Option<Arc<dyn TableProvider>>>> {
        async move {
            if let Some(as_of) = AsOf::from_suffix(suffix) {
                let pins: Arc<Pins> = self.config.read().get_extension().unwrap_or_default();
                let table = past_table(&self.lake, &pins, zone, definition, &as_of).await?;
                return Ok(Some(Arc::new(table) as _));
            }
            if let ("quarantine", TableKind::Managed(table)) = (suffix, &definition.kind) {
                let pins: Arc<Pins> = self.config.read().get_extension().unwrap_or_default();
                let table = managed_table(&self.lake, &pins, zone, definition, table).await?;
                return Ok(Some(Arc::new(managed::QuarantineTable::of(&table).await?) as _));
            }
            let batch = metadata(&self.lake, &self.config, zone, definition, suffix).await?;
            let Some(batch) = batch else { return Ok(None) };
            let table =
                MemTable::try_new(batch.schema(), vec![vec![batch]]).map_err(failure::without_place)?;
            Ok(Some(Arc::new(table) as _))
        }
        .boxed()
    }
}

#[async_trait]
impl TablePlanner for Tables {
    async fn table(
        &self,
        zone: &ZoneDefinition,
        definition: &Arc<TableDefinition>,
    ) -> Result<Arc<dyn TableProvider>> {
        self.check(zone)?;
        self.planned(zone, definition).await
    }

    async fn metadata(
        &self,
        zone: &ZoneDefinition,
        definition: &Arc<TableDefinition>,
        suffix: &str,
    ) -> Result<Option<Arc<dyn TableProvider>>> {
        self.check(zone)?;
        self.told(zone, definition, suffix).await
    }

    fn metadata_suffixes(&self, definition: &TableDefinition) -> &'static [&'static str] {
        match &definition.kind {
            TableKind::External(_) => external::METADATA,
            TableKind::Managed(_) => managed::METADATA,
            TableKind::View(_) => &[],
        }
    }
}
