//! The definitions as DataFusion's catalog, schemas and tables.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, CatalogProviderList, SchemaProvider, TableProvider};
use datafusion::datasource::TableType;
use datafusion::error::Result;

use super::files::Catalog;
use crate::definition::{TableDefinition, TableKind, ZoneDefinition};
use crate::error::{Code, Error, closest};

/// The one catalog's name.
pub const CATALOG: &str = "lake";

/// The schema whose tables are files, by path. It is not listed, and no zone can be called so.
pub const FILES: &str = "'";

/// The schema of tables that are offered to one statement. It is not listed, and no zone can be called so.
pub const OFFERED: &str = "<";

/// Makes a table of a definition. The engine gives it, since a view is planned and a schema inferred
/// with means that the catalog does not have.
#[async_trait]
pub trait TablePlanner: Debug + Send + Sync {
    /// The table of `definition` in `zone`.
    async fn table(
        &self,
        zone: &ZoneDefinition,
        definition: &Arc<TableDefinition>,
    ) -> crate::Result<Arc<dyn TableProvider>>;

    /// The metadata table `$suffix` (in lower case) of `definition`, if its kind has one of that name.
    async fn metadata(
        &self,
        zone: &ZoneDefinition,
        definition: &Arc<TableDefinition>,
        suffix: &str,
    ) -> crate::Result<Option<Arc<dyn TableProvider>>>;

    /// The metadata tables that `definition`'s kind has, by suffix.
    fn metadata_suffixes(&self, definition: &TableDefinition) -> &'static [&'static str];
}

/// The table and, for `t$files`, what of it is meant, in lower case.
pub fn split_metadata_name(name: &str) -> (&str, Option<String>) {
    match name.split_once('$') {
        Some((table, suffix)) => (table, Some(suffix.to_lowercase())),
        None => (name, None),
    }
}

/// Every catalog there is: one, named [`CATALOG`], with a schema for each zone and the schemas given
/// from above (`system`, `information_schema`).
#[derive(Debug, Clone)]
pub struct LakeCatalogs {
    lake: Arc<LakeSchemas>,
}

#[derive(Debug)]
struct LakeSchemas {
    catalog: Arc<Catalog>,
    planner: Arc<dyn TablePlanner>,
    others: BTreeMap<String, Arc<dyn SchemaProvider>>,
}

#[derive(Debug)]
struct ZoneSchema {
    catalog: Arc<Catalog>,
    planner: Arc<dyn TablePlanner>,
    zone: ZoneDefinition,
}

impl LakeCatalogs {
    /// A catalog whose tables are made by `planner`, with further schemas by name.
    pub fn new(
        catalog: Arc<Catalog>,
        planner: Arc<dyn TablePlanner>,
        others: BTreeMap<String, Arc<dyn SchemaProvider>>,
    ) -> Self {
        let lake = LakeSchemas {
            catalog,
            planner,
            others,
        };
        Self { lake: Arc::new(lake) }
    }
}

impl CatalogProviderList for LakeCatalogs {
    fn register_catalog(&self, _: String, _: Arc<dyn CatalogProvider>) -> Option<Arc<dyn CatalogProvider>> {
        None
    }

    fn catalog_names(&self) -> Vec<String> {
        vec![CATALOG.to_owned()]
    }

    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        name.eq_ignore_ascii_case(CATALOG)
            .then(|| Arc::clone(&self.lake) as _)
    }
}

impl CatalogProvider for LakeSchemas {
    fn schema_names(&self) -> Vec<String> {
        let zones = self.catalog.zones().iter().map(|zone| zone.name.clone());
        let others = self
            .others
            .keys()
            .filter(|name| *name != FILES && *name != OFFERED);
        zones.chain(others.cloned()).collect()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        let name = name.to_lowercase();
        let name = name.as_str();
        if let Some(other) = self.others.get(name) {
            return Some(Arc::clone(other));
        }
        let zone = self.catalog.zone(name).ok()?;
        Some(Arc::new(ZoneSchema {
            catalog: Arc::clone(&self.catalog),
            planner: Arc::clone(&self.planner),
            zone: zone.clone(),
        }))
    }
}

impl ZoneSchema {
    async fn provider(&self, name: &str) -> crate::Result<Option<Arc<dyn TableProvider>>> {
        let (table, suffix) = split_metadata_name(name);
        let Some(definition) = self.catalog.table(&self.zone, table)? else {
            return Ok(None);
        };
        let Some(suffix) = suffix else {
            return self.planner.table(&self.zone, &definition).await.map(Some);
        };
        match self.planner.metadata(&self.zone, &definition, &suffix).await? {
            Some(table) => Ok(Some(table)),
            None => Err(self.no_metadata(&definition, &suffix)),
        }
    }

    fn no_metadata(&self, definition: &TableDefinition, suffix: &str) -> Error {
        let name = format!("{}.{}", self.zone.name, definition.name);
        let known = self.planner.metadata_suffixes(definition);
        let hint = closest(suffix, known).map(|near| format!("did you mean '{name}${near}'?"));
        let hint = hint.unwrap_or_else(|| match known {
            [] => "a view has no metadata tables".to_owned(),
            _ => {
                let known: Vec<String> = known.iter().map(|suffix| format!("{name}${suffix}")).collect();
                format!("there are {}", known.join(", "))
            }
        });
        let message = format!("'{name}' has no metadata table '${suffix}'");
        Error::new(Code::UndefinedTable, message).with_hint(hint)
    }
}

#[async_trait]
impl SchemaProvider for ZoneSchema {
    fn table_names(&self) -> Vec<String> {
        self.catalog.names(&self.zone).unwrap_or_default()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        Ok(self.provider(name).await?)
    }

    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        let (table, suffix) = split_metadata_name(name);
        let definition = self.catalog.table(&self.zone, table)?;
        Ok(definition.map(|definition| match definition.kind {
            _ if suffix.is_some() => TableType::View,
            TableKind::External(_) | TableKind::Managed(_) => TableType::Base,
            TableKind::View(_) => TableType::View,
        }))
    }

    fn table_exist(&self, name: &str) -> bool {
        let (table, _) = split_metadata_name(name);
        matches!(self.catalog.resolve(&self.zone, table), Ok(Some(_)))
    }
}
