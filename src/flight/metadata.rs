//! What there is: catalogs, zones, tables, their kinds and keys.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::array::StringArray;
use arrow::compute::kernels::comparison::like;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow_flight::sql::metadata::{GetCatalogsBuilder, GetTablesBuilder};
use arrow_flight::sql::{Command, CommandGetDbSchemas, CommandGetTableTypes, CommandGetTables};
use tonic::Status;

use super::status::refused;
use super::wire::wire_schema;
use super::{sql_info, xdbc};
use crate::catalog::CATALOG;
use crate::engine::{Listed, Session};

const TABLE_TYPES: [&str; 3] = ["TABLE", "VIEW", "SYSTEM TABLE"];

/// The columns that a metadata command answers with; `None` for every other command.
pub(super) fn schema(command: &Command) -> Option<SchemaRef> {
    Some(match command {
        Command::CommandGetCatalogs(_) => GetCatalogsBuilder::new().schema(),
        Command::CommandGetDbSchemas(command) => command.clone().into_builder().schema(),
        Command::CommandGetTables(command) => tables_builder(command).schema(),
        Command::CommandGetTableTypes(_) => CommandGetTableTypes {}.into_builder().schema(),
        Command::CommandGetSqlInfo(_) => sql_info::schema(),
        Command::CommandGetXdbcTypeInfo(_) => xdbc::schema(),
        Command::CommandGetPrimaryKeys(_) => primary_keys(),
        Command::CommandGetExportedKeys(_)
        | Command::CommandGetImportedKeys(_)
        | Command::CommandGetCrossReference(_) => foreign_keys(),
        _ => return None,
    })
}

/// What a metadata command answers with.
///
/// # Errors
/// Unimplemented for every other command.
pub(super) async fn rows(session: &Session, command: &Command) -> Result<RecordBatch, Status> {
    match command {
        Command::CommandGetCatalogs(_) => {
            let mut builder = GetCatalogsBuilder::new();
            builder.append(CATALOG);
            builder.build().map_err(defect)
        }
        Command::CommandGetDbSchemas(command) => zones(session, command),
        Command::CommandGetTables(command) => tables(session, command).await,
        Command::CommandGetTableTypes(_) => {
            let mut builder = CommandGetTableTypes {}.into_builder();
            TABLE_TYPES.iter().for_each(|kind| builder.append(kind));
            builder.build().map_err(defect)
        }
        Command::CommandGetSqlInfo(command) => sql_info::rows(&command.info).map_err(defect),
        Command::CommandGetXdbcTypeInfo(command) => xdbc::rows(command.data_type).map_err(defect),
        other => match schema(other) {
            // No table of a lake has keys that are enforced.
            Some(schema) => Ok(RecordBatch::new_empty(schema)),
            None => Err(Status::unimplemented(format!(
                "{} is not supported",
                other.type_url()
            ))),
        },
    }
}

fn zones(session: &Session, command: &CommandGetDbSchemas) -> Result<RecordBatch, Status> {
    let mut builder = command.clone().into_builder();
    for zone in session.list_zones() {
        builder.append(CATALOG, zone);
    }
    builder.build().map_err(defect)
}

/// No types named is every type.
fn tables_builder(command: &CommandGetTables) -> GetTablesBuilder {
    command.clone().into_builder()
}

async fn tables(session: &Session, command: &CommandGetTables) -> Result<RecordBatch, Status> {
    let patterns = (
        command.db_schema_filter_pattern.clone(),
        command.table_name_filter_pattern.clone(),
    );
    let wanted = move |zone: &str, name: &str| {
        is_like(zone, patterns.0.as_deref()) && is_like(name, patterns.1.as_deref())
    };
    let listed = session
        .list_tables(command.include_schema, wanted)
        .await
        .map_err(refused)?;
    let mut builder = tables_builder(command);
    for table in listed {
        let schema = table.schema.as_ref().map(|schema| told_schema(&table, schema));
        let schema = schema.unwrap_or_else(|| Arc::new(Schema::empty()));
        builder
            .append(CATALOG, &table.zone, &table.name, kind(&table), &schema)
            .map_err(defect)?;
    }
    builder.build().map_err(defect)
}

fn is_like(name: &str, pattern: Option<&str>) -> bool {
    let Some(pattern) = pattern else {
        return true;
    };
    let name = StringArray::from(vec![name]);
    like(&name, &StringArray::new_scalar(pattern)).is_ok_and(|found| found.value(0))
}

fn kind(table: &Listed) -> &'static str {
    match table {
        Listed { is_system: true, .. } => "SYSTEM TABLE",
        Listed { is_view: true, .. } => "VIEW",
        _ => "TABLE",
    }
}

/// A table's columns as a query of it gives them, but for what may be NULL, which the table knows.
fn told_schema(table: &Listed, schema: &SchemaRef) -> SchemaRef {
    let wire = wire_schema(schema);
    let fields = wire.fields().iter().zip(schema.fields()).map(|(wire, own)| {
        let mut metadata = wire.metadata().clone();
        let mut add =
            |key: &str, value: &str| metadata.insert(format!("ARROW:FLIGHT:SQL:{key}"), value.to_owned());
        add("CATALOG_NAME", CATALOG);
        add("SCHEMA_NAME", &table.zone);
        add("TABLE_NAME", &table.name);
        add("IS_AUTO_INCREMENT", "0");
        add(
            "IS_READ_ONLY",
            if table.is_view || table.is_system {
                "1"
            } else {
                "0"
            },
        );
        add("IS_SEARCHABLE", "1");
        let field = wire.as_ref().clone().with_metadata(metadata);
        field.with_nullable(own.is_nullable())
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn primary_keys() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("catalog_name", DataType::Utf8, true),
        Field::new("db_schema_name", DataType::Utf8, true),
        Field::new("table_name", DataType::Utf8, false),
        Field::new("column_name", DataType::Utf8, false),
        Field::new("key_sequence", DataType::Int32, false),
        Field::new("key_name", DataType::Utf8, true),
    ]))
}

fn foreign_keys() -> SchemaRef {
    let side = |side: &str| {
        [
            ("catalog_name", true),
            ("db_schema_name", true),
            ("table_name", false),
            ("column_name", false),
        ]
        .map(|(name, nullable)| Field::new(format!("{side}_{name}"), DataType::Utf8, nullable))
    };
    let mut fields = side("pk").to_vec();
    fields.extend(side("fk"));
    fields.extend([
        Field::new("key_sequence", DataType::Int32, false),
        Field::new("fk_key_name", DataType::Utf8, true),
        Field::new("pk_key_name", DataType::Utf8, true),
        Field::new("update_rule", DataType::UInt8, false),
        Field::new("delete_rule", DataType::UInt8, false),
    ]);
    Arc::new(Schema::new(fields))
}

fn defect(error: impl std::fmt::Display) -> Status {
    Status::internal(error.to_string())
}
