//! DataFusion's session state, as this engine needs it.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::catalog::SchemaProvider;
use datafusion::execution::{SessionState, SessionStateBuilder, SessionStateDefaults};
use datafusion::logical_expr::{AggregateUDF, ScalarUDF};
use datafusion::prelude::SessionConfig;
use parking_lot::RwLock;

use super::lake::Lake;
use super::safe::Safety;
use super::system::SystemSchema;
use super::tables::Tables;
use crate::catalog::{CATALOG, LakeCatalogs};
use crate::functions;

/// A session's settings, shared with the tables that show them.
pub(super) type SharedConfig = Arc<RwLock<SessionConfig>>;

/// The settings that a session begins with.
pub(super) fn initial_config(lake: &Lake) -> SessionConfig {
    let first_zone = lake
        .catalog()
        .zones()
        .first()
        .map_or("raw", |zone| zone.name.as_str());
    let mut config = SessionConfig::new()
        .with_create_default_catalog_and_schema(false)
        .with_default_catalog_and_schema(CATALOG, first_zone)
        .with_information_schema(false)
        .with_collect_statistics(true);
    if let Some(threads) = lake.options().threads {
        config = config.with_target_partitions(threads.get());
    }
    config.options_mut().extensions.insert(Safety::default());
    let parser = &mut config.options_mut().sql_parser;
    parser.collect_spans = true;
    // Names keep their case; the planner finds them in any.
    parser.enable_ident_normalization = false;
    enforce(&mut config);
    config
}

/// Settings that must hold whatever else is set.
pub(super) fn enforce(config: &mut SessionConfig) {
    // Ungrouped `min(a), min(c + 1)` would build a filter from `a` alone and drop rows of `c`.
    // Setting `enable_dynamic_filter_pushdown` turns it on again.
    config
        .options_mut()
        .optimizer
        .enable_aggregate_dynamic_filter_pushdown = false;
}

/// A state over the lake's catalog. `views` are the views whose planning led here, outermost first.
pub(super) fn session_state(lake: &Lake, config: &SharedConfig, views: Vec<String>) -> SessionState {
    let tables = Arc::new(Tables::new(lake.clone(), Arc::clone(config), views));
    let system: Arc<dyn SchemaProvider> = Arc::new(SystemSchema::new(
        Arc::clone(lake.catalog()),
        Arc::clone(&tables) as _,
        Arc::clone(config),
    ));
    let others = BTreeMap::from([(SystemSchema::NAME.to_owned(), system)]);
    let catalogs = LakeCatalogs::new(Arc::clone(lake.catalog()), tables, others);
    SessionStateBuilder::new()
        .with_default_features()
        .with_scalar_functions(scalar_functions())
        .with_aggregate_functions(aggregate_functions())
        .with_config(config.read().clone())
        .with_runtime_env(Arc::clone(lake.runtime()))
        .with_catalog_list(Arc::new(catalogs))
        .build()
}

/// Every scalar function: DataFusion's and ours.
pub(super) fn scalar_functions() -> Vec<Arc<ScalarUDF>> {
    let mut all = SessionStateDefaults::default_scalar_functions();
    all.extend(functions::scalar());
    all
}

/// Every aggregate function: DataFusion's and ours.
pub(super) fn aggregate_functions() -> Vec<Arc<AggregateUDF>> {
    let mut all = SessionStateDefaults::default_aggregate_functions();
    all.extend(functions::aggregate());
    all
}
