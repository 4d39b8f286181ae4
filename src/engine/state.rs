//! DataFusion's session state, as this engine needs it.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::catalog::SchemaProvider;
use datafusion::common::config::{ConfigNonZeroUsize, SpillCompression};
use datafusion::execution::{FunctionRegistry, SessionState, SessionStateBuilder, SessionStateDefaults};
use datafusion::logical_expr::planner::ExprPlanner;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};
use datafusion::optimizer::{Analyzer, AnalyzerRule};
use datafusion::prelude::SessionConfig;
use parking_lot::RwLock;

use super::files::Files;
use super::information_schema::InformationSchema;
use super::lake::Lake;
use super::offered::{OfferedSchema, Offers};
use super::pins::Pins;
use super::safe::Safety;
use super::system::SystemSchema;
use super::tables::Tables;
use crate::catalog::{CATALOG, FILES, LakeCatalogs, OFFERED};
use crate::planner::{CheckedArithmetic, ConstantRows, ExactTimes, LiftSubqueries, UseProofs};
use crate::{functions, operators, planner};

/// A session's settings, shared with the tables that show them.
pub(super) type SharedConfig = Arc<RwLock<SessionConfig>>;

/// How many sorts share the memory, in each partition.
const SORTS_AT_A_TIME: usize = 8;

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
        .with_extension(Arc::new(Offers::default()))
        .with_collect_statistics(true);
    config = Pins::new_in(config).with_option_extension(lake.limits());
    if let Some(threads) = lake.options().threads {
        config = config.with_target_partitions(threads.get());
    }
    config.options_mut().extensions.insert(Safety::default());
    config.options_mut().execution.spill_compression = SpillCompression::Lz4Frame;
    let parser = &mut config.options_mut().sql_parser;
    parser.collect_spans = true;
    // Names keep their case; the planner finds them in any.
    parser.enable_ident_normalization = false;
    enforce(&mut config);
    config
}

/// Fits what each sort keeps back for merging into the memory that a statement may have: with a small
/// limit, or many sorts at a time, it is less than usual.
pub(super) fn fit_sorts(config: &mut SessionConfig, memory: usize) {
    let share = memory / (config.target_partitions() * SORTS_AT_A_TIME);
    // All settings are copied when one is changed.
    if config.options().execution.sort_spill_reservation_bytes > share {
        config.options_mut().execution.sort_spill_reservation_bytes = share;
    }
}

/// Functions such as `now()` keep the time zone that was set when they were made: they are made anew.
pub(super) fn follow_settings(state: &mut SessionState) {
    if state.config_options().execution.time_zone.is_none() {
        return;
    }
    let options = state.config_options();
    let functions = state.scalar_functions().values();
    let anew: Vec<_> = functions
        .filter_map(|function| function.inner().with_updated_config(options))
        .collect();
    for function in anew {
        // It takes the place of one that is there.
        drop(state.register_udf(Arc::new(function)));
    }
}

/// Settings that must hold whatever else is set.
pub(super) fn enforce(config: &mut SessionConfig) {
    // Ungrouped `min(a), min(c + 1)` would build a filter from `a` alone and drop rows of `c`.
    // Setting `enable_dynamic_filter_pushdown` turns it on again.
    config
        .options_mut()
        .optimizer
        .enable_aggregate_dynamic_filter_pushdown = false;
    // An exchange that spills has one reader and several writers. With more than a batch in a file, two that
    // write at once open two files, and the reader waits for more of the first while what it was promised
    // lies in the second and the writers wait for it: for ever.
    if let Ok(a_batch) = ConfigNonZeroUsize::try_new(1) {
        config.options_mut().execution.max_spill_file_size_bytes = a_batch;
    }
}

/// A state over the lake's catalog. `views` are the views whose planning led here, outermost first.
pub(super) fn session_state(lake: &Lake, config: &SharedConfig, views: Vec<String>) -> SessionState {
    let in_view = !views.is_empty();
    let tables = Arc::new(Tables::new(lake.clone(), Arc::clone(config), views));
    let system = Arc::new(SystemSchema::new(
        Arc::clone(lake.catalog()),
        Arc::clone(&tables) as _,
        Arc::clone(config),
        Arc::clone(lake.queries()),
        Arc::clone(lake.sessions()),
        Arc::clone(lake.checks()),
    ));
    let information_schema = InformationSchema::new(
        Arc::clone(lake.catalog()),
        Arc::clone(&tables) as _,
        Arc::clone(&system),
    );
    let files = Files::new(lake.clone(), Arc::clone(config), in_view);
    let others: BTreeMap<String, Arc<dyn SchemaProvider>> = BTreeMap::from([
        (SystemSchema::NAME.to_owned(), system as _),
        (
            InformationSchema::NAME.to_owned(),
            Arc::new(information_schema) as _,
        ),
        (FILES.to_owned(), Arc::new(files) as _),
        (
            OFFERED.to_owned(),
            Arc::new(OfferedSchema(Arc::clone(config))) as _,
        ),
    ]);
    let catalogs = LakeCatalogs::new(Arc::clone(lake.catalog()), tables, others);
    let builder = SessionStateBuilder::new()
        .with_default_features()
        .with_expr_planners(expression_planners())
        .with_scalar_functions(scalar_functions())
        .with_aggregate_functions(aggregate_functions())
        .with_window_functions(window_functions())
        .with_analyzer_rules(analyzer_rules())
        .with_config(config.read().clone())
        .with_runtime_env(Arc::clone(lake.runtime()))
        .with_catalog_list(Arc::new(catalogs))
        .with_analyzer_rule(Arc::new(CheckedArithmetic))
        .with_analyzer_rule(Arc::new(ExactTimes))
        .with_query_planner(Arc::new(planner::Planner));
    let rules = operators::optimizer_rules().into_iter();
    rules
        .fold(builder, |builder, rule| builder.with_optimizer_rule(rule))
        .with_optimizer_rule(Arc::new(UseProofs))
        .build()
}

/// What operators stand for: ours before DataFusion's.
fn expression_planners() -> Vec<Arc<dyn ExprPlanner>> {
    let mut all: Vec<Arc<dyn ExprPlanner>> = vec![Arc::new(planner::Intervals)];
    all.extend(SessionStateDefaults::default_expr_planners());
    all
}

/// Every scalar function: DataFusion's and ours.
pub(super) fn scalar_functions() -> Vec<Arc<ScalarUDF>> {
    let mut all = SessionStateDefaults::default_scalar_functions();
    all.extend(functions::scalar());
    all
}

/// Every window function: DataFusion's and ours.
pub(super) fn window_functions() -> Vec<Arc<WindowUDF>> {
    let mut all = SessionStateDefaults::default_window_functions();
    all.extend(functions::window());
    all
}

fn analyzer_rules() -> Vec<Arc<dyn AnalyzerRule + Send + Sync>> {
    let first: [Arc<dyn AnalyzerRule + Send + Sync>; 3] = [
        Arc::new(ConstantRows),
        Arc::new(planner::PassOrderKeys),
        Arc::new(LiftSubqueries),
    ];
    first.into_iter().chain(Analyzer::new().rules).collect()
}

/// Every aggregate function: DataFusion's and ours.
pub(super) fn aggregate_functions() -> Vec<Arc<AggregateUDF>> {
    let mut all = SessionStateDefaults::default_aggregate_functions();
    all.extend(functions::aggregate());
    all
}
