//! `information_schema`: the lake in the standard's terms (ISO/IEC 9075-11).
//!
//! Tables whose columns cannot be told are listed in `tables` alone; `system.tables` says why.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, TimeUnit};
use async_trait::async_trait;
use datafusion::catalog::{MemTable, SchemaProvider, TableProvider};
use datafusion::datasource::TableType;

use super::system::{SystemSchema, batch};
use crate::catalog::{CATALOG, Catalog, TablePlanner};
use crate::definition::{Format, TableDefinition, TableKind, ZoneDefinition, type_text};
use crate::error::Result;

/// Its tables.
pub const INFORMATION_SCHEMA_TABLES: &[&str] = &[
    "check_constraints",
    "columns",
    "information_schema_catalog_name",
    "key_column_usage",
    "referential_constraints",
    "routines",
    "schemata",
    "table_constraints",
    "tables",
    "views",
];

/// The tables of `information_schema`, made when a statement names them.
#[derive(Debug)]
pub(super) struct InformationSchema {
    catalog: Arc<Catalog>,
    planner: Arc<dyn TablePlanner>,
    system: Arc<SystemSchema>,
}

/// A table or view of any schema.
struct Described {
    schema: String,
    name: String,
    kind: &'static str,
    definition: Option<(ZoneDefinition, Arc<TableDefinition>)>,
}

/// A column that may not be NULL: the one constraint that every kind of table can have.
struct NotNull {
    schema: String,
    table: String,
    column: String,
}

impl InformationSchema {
    pub(super) const NAME: &str = "information_schema";

    pub(super) fn new(
        catalog: Arc<Catalog>,
        planner: Arc<dyn TablePlanner>,
        system: Arc<SystemSchema>,
    ) -> Self {
        Self {
            catalog,
            planner,
            system,
        }
    }

    async fn batch(&self, name: &str) -> Result<Option<RecordBatch>> {
        Ok(Some(match name {
            "information_schema_catalog_name" => batch(vec![("catalog_name", texts([CATALOG]))]),
            "schemata" => self.schemata(),
            "tables" => self.tables()?,
            "columns" => self.columns().await?,
            "views" => self.views()?,
            "table_constraints" => table_constraints(&self.not_null().await?),
            "check_constraints" => check_constraints(&self.not_null().await?),
            "key_column_usage" => none(&[
                "constraint_catalog",
                "constraint_schema",
                "constraint_name",
                "table_catalog",
                "table_schema",
                "table_name",
                "column_name",
                "ordinal_position",
                "position_in_unique_constraint",
            ]),
            "referential_constraints" => none(&[
                "constraint_catalog",
                "constraint_schema",
                "constraint_name",
                "unique_constraint_catalog",
                "unique_constraint_schema",
                "unique_constraint_name",
                "match_option",
                "update_rule",
                "delete_rule",
            ]),
            "routines" => routines(),
            _ => return Ok(None),
        }))
    }

    fn schemata(&self) -> RecordBatch {
        let mut names: Vec<&str> = self
            .catalog
            .zones()
            .iter()
            .map(|zone| zone.name.as_str())
            .filter(|zone| self.system.may_read(zone))
            .collect();
        names.extend([SystemSchema::NAME, Self::NAME]);
        let rows = names.len();
        batch(vec![
            ("catalog_name", texts(vec![CATALOG; rows])),
            ("schema_name", texts(names)),
            ("schema_owner", nulls(rows)),
            ("default_character_set_catalog", nulls(rows)),
            ("default_character_set_schema", nulls(rows)),
            ("default_character_set_name", texts(vec!["UTF8"; rows])),
            ("sql_path", nulls(rows)),
        ])
    }

    fn all(&self) -> Result<Vec<Described>> {
        let mut all = Vec::new();
        for zone in self.catalog.zones() {
            if !self.system.may_read(&zone.name) {
                continue;
            }
            for entry in self.catalog.entries(zone)? {
                let definition = entry.definition.ok();
                let is_view = definition
                    .as_ref()
                    .is_some_and(|definition| matches!(definition.kind, TableKind::View(_)));
                all.push(Described {
                    schema: zone.name.clone(),
                    name: entry.name,
                    kind: if is_view { "VIEW" } else { "BASE TABLE" },
                    definition: definition.map(|definition| (zone.clone(), definition)),
                });
            }
        }
        let own = SystemSchema::TABLES.iter().map(|name| (SystemSchema::NAME, name));
        for (schema, name) in own.chain(INFORMATION_SCHEMA_TABLES.iter().map(|name| (Self::NAME, name))) {
            all.push(Described {
                schema: schema.to_owned(),
                name: (*name).to_owned(),
                kind: "VIEW",
                definition: None,
            });
        }
        Ok(all)
    }

    fn tables(&self) -> Result<RecordBatch> {
        let all = self.all()?;
        let rows = all.len();
        let insertable = all.iter().map(|table| {
            let other_files = table.definition.as_ref().is_some_and(|(_, definition)| {
                matches!(&definition.kind, TableKind::External(files) if files.format != Format::Parquet)
            });
            yes(table.kind == "BASE TABLE" && !other_files)
        });
        Ok(batch(vec![
            ("table_catalog", texts(vec![CATALOG; rows])),
            (
                "table_schema",
                texts(all.iter().map(|table| table.schema.as_str())),
            ),
            ("table_name", texts(all.iter().map(|table| table.name.as_str()))),
            ("table_type", texts(all.iter().map(|table| table.kind))),
            ("self_referencing_column_name", nulls(rows)),
            ("reference_generation", nulls(rows)),
            ("user_defined_type_catalog", nulls(rows)),
            ("user_defined_type_schema", nulls(rows)),
            ("user_defined_type_name", nulls(rows)),
            ("is_insertable_into", texts(insertable)),
            ("is_typed", texts(vec!["NO"; rows])),
            ("commit_action", nulls(rows)),
        ]))
    }

    /// The columns of every table whose columns can be told.
    async fn fields(&self) -> Result<Vec<(String, String, Vec<Field>)>> {
        let mut found = Vec::new();
        for table in self.all()? {
            let schema = match &table.definition {
                Some((zone, definition)) => self
                    .planner
                    .table(zone, definition)
                    .await
                    .ok()
                    .map(|t| t.schema()),
                None if table.schema == SystemSchema::NAME => {
                    let own = self.system.table(&table.name).await.ok().flatten();
                    own.map(|table| table.schema())
                }
                None => None,
            };
            if let Some(schema) = schema {
                let fields = schema.fields().iter().map(|field| field.as_ref().clone());
                found.push((table.schema, table.name, fields.collect()));
            }
        }
        Ok(found)
    }

    async fn columns(&self) -> Result<RecordBatch> {
        let tables = self.fields().await?;
        let rows: Vec<(&str, &str, i32, &Field)> = tables
            .iter()
            .flat_map(|(schema, table, fields)| {
                let numbered = (1..).zip(fields);
                numbered.map(move |(position, field)| (schema.as_str(), table.as_str(), position, field))
            })
            .collect();
        let count = rows.len();
        let types = rows.iter().map(|(_, _, _, field)| type_text(field.data_type()));
        let numbers = |get: fn(&DataType) -> Option<i32>| -> ArrayRef {
            Arc::new(
                rows.iter()
                    .map(|(_, _, _, field)| get(field.data_type()))
                    .collect::<Int32Array>(),
            )
        };
        let positions: Int32Array = rows.iter().map(|(_, _, position, _)| Some(*position)).collect();
        Ok(batch(vec![
            ("table_catalog", texts(vec![CATALOG; count])),
            ("table_schema", texts(rows.iter().map(|row| row.0))),
            ("table_name", texts(rows.iter().map(|row| row.1))),
            ("column_name", texts(rows.iter().map(|row| row.3.name()))),
            ("ordinal_position", Arc::new(positions)),
            ("column_default", nulls(count)),
            (
                "is_nullable",
                texts(rows.iter().map(|row| yes(row.3.is_nullable()))),
            ),
            ("data_type", texts(types)),
            ("character_maximum_length", numbers(|_| None)),
            ("character_octet_length", numbers(|_| None)),
            ("numeric_precision", numbers(precision)),
            ("numeric_precision_radix", numbers(radix)),
            ("numeric_scale", numbers(scale)),
            ("datetime_precision", numbers(datetime_precision)),
            ("interval_type", nulls(count)),
            ("interval_precision", numbers(|_| None)),
            ("character_set_name", nulls(count)),
            ("collation_name", nulls(count)),
            ("is_identity", texts(vec!["NO"; count])),
            ("is_generated", texts(vec!["NEVER"; count])),
            ("generation_expression", nulls(count)),
            ("is_updatable", texts(vec!["NO"; count])),
        ]))
    }

    fn views(&self) -> Result<RecordBatch> {
        let all = self.all()?;
        let views: Vec<(&Described, &str)> = all
            .iter()
            .filter_map(|table| match &table.definition.as_ref()?.1.kind {
                TableKind::View(view) => Some((table, view.query.as_str())),
                _ => None,
            })
            .collect();
        let rows = views.len();
        Ok(batch(vec![
            ("table_catalog", texts(vec![CATALOG; rows])),
            (
                "table_schema",
                texts(views.iter().map(|(view, _)| view.schema.as_str())),
            ),
            (
                "table_name",
                texts(views.iter().map(|(view, _)| view.name.as_str())),
            ),
            ("view_definition", texts(views.iter().map(|(_, query)| *query))),
            ("check_option", texts(vec!["NONE"; rows])),
            ("is_updatable", texts(vec!["NO"; rows])),
            ("is_insertable_into", texts(vec!["NO"; rows])),
        ]))
    }

    async fn not_null(&self) -> Result<Vec<NotNull>> {
        let tables = self.fields().await?.into_iter();
        let constrained = tables.filter(|(schema, _, _)| schema != SystemSchema::NAME);
        Ok(constrained
            .flat_map(|(schema, table, fields)| {
                let strict = fields.into_iter().filter(|field| !field.is_nullable());
                strict.map(move |field| NotNull {
                    schema: schema.clone(),
                    table: table.clone(),
                    column: field.name().clone(),
                })
            })
            .collect())
    }
}

impl NotNull {
    fn name(&self) -> String {
        format!("{}_{}_not_null", self.table, self.column)
    }
}

fn table_constraints(all: &[NotNull]) -> RecordBatch {
    let rows = all.len();
    batch(vec![
        ("constraint_catalog", texts(vec![CATALOG; rows])),
        (
            "constraint_schema",
            texts(all.iter().map(|of| of.schema.as_str())),
        ),
        ("constraint_name", texts(all.iter().map(NotNull::name))),
        ("table_catalog", texts(vec![CATALOG; rows])),
        ("table_schema", texts(all.iter().map(|of| of.schema.as_str()))),
        ("table_name", texts(all.iter().map(|of| of.table.as_str()))),
        ("constraint_type", texts(vec!["CHECK"; rows])),
        ("is_deferrable", texts(vec!["NO"; rows])),
        ("initially_deferred", texts(vec!["NO"; rows])),
        ("enforced", texts(vec!["YES"; rows])),
    ])
}

fn check_constraints(all: &[NotNull]) -> RecordBatch {
    let clause = |of: &NotNull| format!("{} IS NOT NULL", crate::syntax::quote::identifier(&of.column));
    batch(vec![
        ("constraint_catalog", texts(vec![CATALOG; all.len()])),
        (
            "constraint_schema",
            texts(all.iter().map(|of| of.schema.as_str())),
        ),
        ("constraint_name", texts(all.iter().map(NotNull::name))),
        ("check_clause", texts(all.iter().map(clause))),
    ])
}

fn routines() -> RecordBatch {
    let functions = super::system::functions();
    let rows = functions.num_rows();
    let names = functions
        .column_by_name("name")
        .map_or_else(|| nulls(rows), Arc::clone);
    batch(vec![
        ("specific_catalog", texts(vec![CATALOG; rows])),
        ("specific_name", Arc::clone(&names)),
        ("routine_catalog", texts(vec![CATALOG; rows])),
        ("routine_name", names),
        ("routine_type", texts(vec!["FUNCTION"; rows])),
        ("routine_body", texts(vec!["EXTERNAL"; rows])),
        ("external_language", nulls(rows)),
    ])
}

/// Columns without rows.
fn none(names: &[&str]) -> RecordBatch {
    batch(names.iter().map(|name| (*name, nulls(0))).collect())
}

fn texts<T: AsRef<str>>(values: impl IntoIterator<Item = T>) -> ArrayRef {
    Arc::new(values.into_iter().map(Some).collect::<StringArray>())
}

fn nulls(rows: usize) -> ArrayRef {
    Arc::new(StringArray::new_null(rows))
}

fn yes(truth: bool) -> &'static str {
    if truth { "YES" } else { "NO" }
}

/// In binary digits for binary numbers, in decimal digits for decimal ones.
fn precision(data_type: &DataType) -> Option<i32> {
    match data_type {
        DataType::Decimal128(precision, _) | DataType::Decimal256(precision, _) => {
            Some(i32::from(*precision))
        }
        DataType::Float16 => Some(11),
        DataType::Float32 => Some(24),
        DataType::Float64 => Some(53),
        _ if data_type.is_integer() => i32::try_from(8 * data_type.primitive_width()?).ok(),
        _ => None,
    }
}

fn radix(data_type: &DataType) -> Option<i32> {
    match data_type {
        DataType::Decimal128(..) | DataType::Decimal256(..) => Some(10),
        _ => precision(data_type).map(|_| 2),
    }
}

fn scale(data_type: &DataType) -> Option<i32> {
    match data_type {
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => Some(i32::from(*scale)),
        _ => data_type.is_integer().then_some(0),
    }
}

/// Digits of a second's fraction.
fn datetime_precision(data_type: &DataType) -> Option<i32> {
    match data_type {
        DataType::Date32 | DataType::Date64 => Some(0),
        DataType::Timestamp(unit, _) | DataType::Time32(unit) | DataType::Time64(unit) => Some(match unit {
            TimeUnit::Second => 0,
            TimeUnit::Millisecond => 3,
            TimeUnit::Microsecond => 6,
            TimeUnit::Nanosecond => 9,
        }),
        _ => None,
    }
}

#[async_trait]
impl SchemaProvider for InformationSchema {
    fn table_names(&self) -> Vec<String> {
        INFORMATION_SCHEMA_TABLES
            .iter()
            .map(|name| (*name).to_owned())
            .collect()
    }

    async fn table(&self, name: &str) -> datafusion::error::Result<Option<Arc<dyn TableProvider>>> {
        let Some(batch) = self.batch(&name.to_lowercase()).await? else {
            return Ok(None);
        };
        Ok(Some(Arc::new(MemTable::try_new(
            batch.schema(),
            vec![vec![batch]],
        )?)))
    }

    async fn table_type(&self, name: &str) -> datafusion::error::Result<Option<TableType>> {
        Ok(self.table_exist(name).then_some(TableType::View))
    }

    fn table_exist(&self, name: &str) -> bool {
        INFORMATION_SCHEMA_TABLES.contains(&name.to_lowercase().as_str())
    }
}
