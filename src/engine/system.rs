//! The schema `system`: what the engine knows of itself, as tables.

use std::sync::{Arc, OnceLock};

use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Schema};
use async_trait::async_trait;
use datafusion::catalog::{MemTable, SchemaProvider, TableProvider};
use datafusion::execution::SessionStateDefaults;
use datafusion::logical_expr::Documentation;

use super::checks::History;
use super::queries::Queries;
use super::rights;
use super::sessions::Sessions;
use super::settings;
use super::state::{SharedConfig, aggregate_functions, scalar_functions, window_functions};
use crate::catalog::{Catalog, Entry, TablePlanner};
use crate::definition::{TableDefinition, TableFormat, TableKind, ZoneDefinition, type_text};
use crate::error::Result;
use crate::operators::relation_functions;
use crate::table::ManagedTableProvider;
use crate::table::managed::COMMENT;

/// The tables of `system`, made when a statement names them.
#[derive(Debug)]
pub(super) struct SystemSchema {
    catalog: Arc<Catalog>,
    planner: Arc<dyn TablePlanner>,
    config: SharedConfig,
    queries: Arc<Queries>,
    sessions: Arc<Sessions>,
    checks: Arc<History>,
}

impl SystemSchema {
    pub(super) const NAME: &str = "system";
    pub(super) const TABLES: &[&str] = &[
        "checks",
        "columns",
        "functions",
        "queries",
        "rules",
        "sessions",
        "settings",
        "tables",
    ];

    pub(super) fn new(
        catalog: Arc<Catalog>,
        planner: Arc<dyn TablePlanner>,
        config: SharedConfig,
        queries: Arc<Queries>,
        sessions: Arc<Sessions>,
        checks: Arc<History>,
    ) -> Self {
        Self {
            catalog,
            planner,
            config,
            queries,
            sessions,
            checks,
        }
    }

    async fn batch(&self, name: &str) -> Result<Option<RecordBatch>> {
        Ok(Some(match name {
            "tables" => tables(&self.catalog, &self.config)?,
            "columns" => self.columns().await?,
            "settings" => settings_table(&self.config),
            "functions" => functions(),
            "queries" => self.queries(),
            "sessions" => self.sessions(),
            "rules" => super::rules::rules_table(&self.catalog, &|zone| self.may_read(zone))?,
            "checks" => {
                let loads = super::rules::loads_in_logs(&self.catalog)?;
                self.checks.table(loads, &|zone| self.may_read(zone))?
            }
            _ => return Ok(None),
        }))
    }

    /// Whether the session's principal may read `zone`.
    pub(super) fn may_read(&self, zone: &str) -> bool {
        rights::principal(&self.config.read()).may_read(zone)
    }

    /// Other users' statements are shown to administrators alone.
    fn queries(&self) -> RecordBatch {
        let principal = rights::principal(&self.config.read());
        match principal.is_admin() {
            true => self.queries.table(None),
            false => self.queries.table(Some(&self.sessions.of_user(&principal.user))),
        }
    }

    fn sessions(&self) -> RecordBatch {
        let principal = rights::principal(&self.config.read());
        self.sessions
            .table((!principal.is_admin()).then_some(principal.user.as_str()))
    }

    /// Tables whose columns cannot be told are left out; `system.tables` says why.
    async fn columns(&self) -> Result<RecordBatch> {
        let mut rows = Vec::new();
        for (zone, entry) in entries(&self.catalog)? {
            let Ok(definition) = &entry.definition else {
                continue;
            };
            let Ok(table) = self.planner.table(&zone, definition).await else {
                continue;
            };
            for (position, field) in (1_i64..).zip(table.schema().fields()) {
                rows.push(ColumnRow {
                    zone: zone.name.clone(),
                    table: entry.name.clone(),
                    name: field.name().clone(),
                    position,
                    data_type: type_text(field.data_type()),
                    nullable: field.is_nullable(),
                    partition: is_partition(definition, table.as_ref(), field.name()),
                    comment: column_comment(definition, table.as_ref(), field.name()),
                });
            }
        }
        Ok(batch(vec![
            ("zone", text(rows.iter().map(|row| Some(row.zone.as_str())))),
            (
                "table_name",
                text(rows.iter().map(|row| Some(row.table.as_str()))),
            ),
            (
                "column_name",
                text(rows.iter().map(|row| Some(row.name.as_str()))),
            ),
            (
                "position",
                Arc::new(rows.iter().map(|row| Some(row.position)).collect::<Int64Array>()),
            ),
            (
                "data_type",
                text(rows.iter().map(|row| Some(row.data_type.as_str()))),
            ),
            ("is_nullable", truth(rows.iter().map(|row| row.nullable))),
            ("is_partition", truth(rows.iter().map(|row| row.partition))),
            ("comment", text(rows.iter().map(|row| row.comment.as_deref()))),
        ]))
    }
}

struct ColumnRow {
    zone: String,
    table: String,
    name: String,
    position: i64,
    data_type: String,
    nullable: bool,
    partition: bool,
    comment: Option<String>,
}

/// Whether `name` is a partition column of the table.
pub(super) fn is_partition(definition: &TableDefinition, table: &dyn TableProvider, name: &str) -> bool {
    match (&definition.kind, managed(table)) {
        (TableKind::External(table), _) => table.partition_columns.iter().any(|column| column.name == name),
        (_, Some(table)) => table
            .snapshot()
            .partition_columns()
            .iter()
            .any(|column| column == name),
        _ => false,
    }
}

fn managed(table: &dyn TableProvider) -> Option<&ManagedTableProvider> {
    table.downcast_ref::<ManagedTableProvider>()
}

/// The comment of the table's column `name`.
pub(super) fn column_comment(
    definition: &TableDefinition,
    table: &dyn TableProvider,
    name: &str,
) -> Option<String> {
    match (&definition.kind, managed(table)) {
        (TableKind::External(table), _) => {
            let column = table.all_columns().find(|column| column.name == name)?;
            column.comment.clone()
        }
        (_, Some(table)) => {
            let schema = table.snapshot().schema();
            schema
                .field_with_name(name)
                .ok()?
                .metadata()
                .get(COMMENT)
                .cloned()
        }
        _ => None,
    }
}

fn entries(catalog: &Catalog) -> Result<Vec<(ZoneDefinition, Entry)>> {
    let mut all = Vec::new();
    for zone in catalog.zones() {
        all.extend(
            catalog
                .entries(zone)?
                .into_iter()
                .map(|entry| (zone.clone(), entry)),
        );
    }
    Ok(all)
}

/// `system.tables`: a row a definition, those that are broken with their error.
pub(super) fn tables(catalog: &Catalog, config: &SharedConfig) -> Result<RecordBatch> {
    let mut entries = entries(catalog)?;
    let principal = rights::principal(&config.read());
    entries.retain(|(zone, _)| principal.may_read(&zone.name));
    let good = |get: fn(&TableDefinition) -> Option<String>| -> ArrayRef {
        let values = entries
            .iter()
            .map(|(_, entry)| entry.definition.as_ref().ok().and_then(|d| get(d)));
        Arc::new(values.collect::<StringArray>())
    };
    let moments = |get: fn(&TableDefinition) -> Option<chrono::DateTime<chrono::Utc>>| -> ArrayRef {
        let values = entries.iter().map(|(_, entry)| {
            let definition = entry.definition.as_ref().ok()?;
            get(definition).map(|moment| moment.timestamp_micros())
        });
        Arc::new(values.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
    };
    let errors: Vec<Option<String>> = entries
        .iter()
        .map(|(_, entry)| entry.definition.as_ref().err().map(|error| error.report()))
        .collect();
    Ok(batch(vec![
        (
            "zone",
            text(entries.iter().map(|(zone, _)| Some(zone.name.as_str()))),
        ),
        (
            "name",
            text(entries.iter().map(|(_, entry)| Some(entry.name.as_str()))),
        ),
        ("kind", good(|d| Some(kind(d).to_owned()))),
        (
            "format",
            good(|d| format(d).map(|format| format.name().to_owned())),
        ),
        ("location", good(|d| location(d).map(str::to_owned))),
        ("owner", good(|d| d.owner.clone())),
        ("comment", good(|d| d.comment.clone())),
        ("tags", good(tags)),
        ("created_at", moments(|d| d.created_at)),
        ("updated_at", moments(|d| d.updated_at)),
        ("error", text(errors.iter().map(Option::as_deref))),
    ]))
}

fn kind(definition: &TableDefinition) -> &'static str {
    match definition.kind {
        TableKind::External(_) => "external",
        TableKind::Managed(_) => "managed",
        TableKind::View(_) => "view",
    }
}

fn format(definition: &TableDefinition) -> Option<TableFormat> {
    match &definition.kind {
        TableKind::External(table) => Some(TableFormat::Files(table.format)),
        TableKind::Managed(_) => Some(TableFormat::Delta),
        TableKind::View(_) => None,
    }
}

fn location(definition: &TableDefinition) -> Option<&str> {
    match &definition.kind {
        TableKind::External(table) => Some(&table.location),
        TableKind::Managed(table) => Some(&table.location),
        TableKind::View(_) => None,
    }
}

/// `domain=web, pii=yes`.
fn tags(definition: &TableDefinition) -> Option<String> {
    let tags: Vec<String> = definition
        .tags
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    (!tags.is_empty()).then(|| tags.join(", "))
}

/// `system.settings`: a row a setting, as the session has it.
pub(super) fn settings_table(config: &SharedConfig) -> RecordBatch {
    let entries = settings::entries(&config.read());
    batch(vec![
        ("name", text(entries.iter().map(|entry| Some(entry.key.as_str())))),
        ("value", text(entries.iter().map(|entry| entry.value.as_deref()))),
        (
            "description",
            text(entries.iter().map(|entry| Some(entry.description))),
        ),
    ])
}

struct Function {
    name: String,
    kind: &'static str,
    documentation: Option<Documentation>,
}

impl Function {
    /// How it is called, by this of its names: the documentation has one for all.
    fn syntax(&self) -> Option<String> {
        let syntax = self.documentation.as_ref()?.syntax_example.trim();
        let call = syntax.split_once('(');
        let documented = call.filter(|(name, _)| {
            let is_word = |c: char| c.is_alphanumeric() || c == '_';
            name.chars().all(is_word) && !name.eq_ignore_ascii_case(&self.name)
        });
        Some(match documented {
            Some((_, arguments)) => format!("{}({arguments}", self.name),
            None => syntax.to_owned(),
        })
    }
}

/// `system.functions`: a row a function and alias.
pub(super) fn functions() -> RecordBatch {
    static FUNCTIONS: OnceLock<RecordBatch> = OnceLock::new();
    FUNCTIONS.get_or_init(functions_batch).clone()
}

fn functions_batch() -> RecordBatch {
    let mut all: Vec<Function> = Vec::new();
    let mut add = |kind, name: &str, aliases: &[String], documentation: Option<&Documentation>| {
        for name in std::iter::once(name).chain(aliases.iter().map(String::as_str)) {
            all.push(Function {
                name: name.to_owned(),
                kind,
                documentation: documentation.cloned(),
            });
        }
    };
    for f in scalar_functions() {
        add("scalar", f.name(), f.aliases(), f.documentation());
    }
    for f in aggregate_functions() {
        add("aggregate", f.name(), f.aliases(), f.documentation());
    }
    for f in window_functions() {
        add("window", f.name(), f.aliases(), f.documentation());
    }
    for f in SessionStateDefaults::default_table_functions() {
        add("table", f.name(), &[], None);
    }
    for f in relation_functions() {
        let signature = f.signature();
        add("table", signature.name, &[], Some(&signature.documentation()));
    }
    all.sort_unstable_by(|a, b| (&a.name, a.kind).cmp(&(&b.name, b.kind)));
    all.dedup_by(|a, b| a.name == b.name && a.kind == b.kind);
    let documented = |get: fn(&Documentation) -> Option<&str>| -> ArrayRef {
        text(
            all.iter()
                .map(|f| f.documentation.as_ref().and_then(get).map(str::trim)),
        )
    };
    let syntaxes: Vec<Option<String>> = all.iter().map(Function::syntax).collect();
    batch(vec![
        ("name", text(all.iter().map(|f| Some(f.name.as_str())))),
        ("kind", text(all.iter().map(|f| Some(f.kind)))),
        ("syntax", text(syntaxes.iter().map(Option::as_deref))),
        ("description", documented(|d| Some(&d.description))),
        ("example", documented(|d| d.sql_example.as_deref())),
    ])
}

fn text<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

fn truth(values: impl Iterator<Item = bool>) -> ArrayRef {
    Arc::new(values.map(Some).collect::<BooleanArray>())
}

/// Columns of one length as a batch.
pub(super) fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let empty = || RecordBatch::new_empty(Arc::new(Schema::empty()));
    let nullable = columns.into_iter().map(|(name, column)| (name, column, true));
    RecordBatch::try_from_iter_with_nullable(nullable).unwrap_or_else(|_| empty())
}

/// A batch of one text column.
pub(super) fn text_column(name: &str, values: &[String]) -> RecordBatch {
    debug_assert_eq!(text(std::iter::empty()).data_type(), &DataType::Utf8);
    batch(vec![(
        name,
        text(values.iter().map(|value| Some(value.as_str()))),
    )])
}

#[async_trait]
impl SchemaProvider for SystemSchema {
    fn table_names(&self) -> Vec<String> {
        Self::TABLES.iter().map(|name| (*name).to_owned()).collect()
    }

    async fn table(&self, name: &str) -> datafusion::error::Result<Option<Arc<dyn TableProvider>>> {
        let Some(batch) = self.batch(&name.to_lowercase()).await? else {
            return Ok(None);
        };
        let table = MemTable::try_new(batch.schema(), vec![vec![batch]])?;
        Ok(Some(Arc::new(table)))
    }

    async fn table_type(
        &self,
        name: &str,
    ) -> datafusion::error::Result<Option<datafusion::datasource::TableType>> {
        let known = self.table_exist(name);
        Ok(known.then_some(datafusion::datasource::TableType::View))
    }

    fn table_exist(&self, name: &str) -> bool {
        Self::TABLES.contains(&name.to_lowercase().as_str())
    }
}
