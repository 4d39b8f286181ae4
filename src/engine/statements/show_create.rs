//! `SHOW CREATE TABLE`: a statement that makes the definition again.

use datafusion::catalog::TableProvider;

use super::create_table::ON_CAST_ERROR;
use super::target::Target;
use crate::definition::{Column, ExternalTable, Rule, TableDefinition, TableKind, View, type_text};
use crate::engine::outcome::{Body, Rows};
use crate::engine::session::Session;
use crate::engine::system::text_column;
use crate::engine::tables::managed_table;
use crate::error::Result;
use crate::syntax::TableName;
use crate::syntax::quote::{identifier, literal};
use crate::table::ManagedTableProvider;
use crate::table::managed::{COMMENT, LogCheck};

pub(super) async fn execute(session: &Session, name: &TableName) -> Result<Body> {
    let target = Target::new(session, name)?;
    let definition = target.definition(session)?;
    let full_name = format!(
        "{}.{}",
        identifier(&target.zone.name),
        identifier(&definition.name)
    );
    let statement = match &definition.kind {
        TableKind::External(table) => external(&full_name, &definition, table),
        TableKind::Managed(table) => {
            let pins = session.pins();
            let table = managed_table(session.lake(), &pins, &target.zone, &definition, table).await?;
            managed(&full_name, &definition, &table)
        }
        TableKind::View(stored) => view(&full_name, &definition, stored),
    };
    Ok(Body::Rows(Rows::of_batch(text_column(
        "create_statement",
        &[statement],
    ))))
}

fn external(name: &str, definition: &TableDefinition, table: &ExternalTable) -> String {
    let mut sql = format!("CREATE EXTERNAL TABLE {name}");
    sql.push_str(&body(&table.columns, definition, &[]));
    sql.push_str(&format!("\nSTORED AS {}", table.format.name().to_uppercase()));
    if !table.partition_columns.is_empty() {
        sql.push_str(&format!(
            "\nPARTITIONED BY ({})",
            columns(&table.partition_columns, ", ")
        ));
    }
    sql.push_str(&format!("\nLOCATION {}", literal(&table.location)));
    if !table.options.is_empty() {
        let options = table
            .options
            .iter()
            .map(|(key, value)| format!("{} {}", literal(key), literal(value)));
        sql.push_str(&format!("\nOPTIONS ({})", options.collect::<Vec<_>>().join(", ")));
    }
    sql.push_str(&about(definition));
    sql
}

fn managed(name: &str, definition: &TableDefinition, table: &ManagedTableProvider) -> String {
    let schema = table.schema();
    let all = schema.fields().iter().map(|field| Column {
        comment: field.metadata().get(COMMENT).cloned(),
        nullable: field.is_nullable(),
        ..Column::new(field.name(), field.data_type().clone())
    });
    let all: Vec<Column> = all.collect();
    let mut sql = format!(
        "CREATE TABLE {name}{}",
        body(&all, definition, &table.snapshot().checks())
    );
    let names = |names: &[String]| {
        names
            .iter()
            .map(|name| identifier(name))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let partitions = table.snapshot().partition_columns();
    if !partitions.is_empty() {
        sql.push_str(&format!("\nPARTITIONED BY ({})", names(partitions)));
    }
    if !table.sorted_by().is_empty() {
        sql.push_str(&format!("\nSORTED BY ({})", names(table.sorted_by())));
    }
    sql.push_str(&about(definition));
    sql
}

/// The clauses that every table has.
fn about(definition: &TableDefinition) -> String {
    let comment = definition
        .comment
        .as_ref()
        .map(|text| format!("\nCOMMENT {}", literal(text)));
    let owner = definition.owner.as_ref();
    let mut properties: Vec<String> = owner
        .map(|text| format!("owner = {}", literal(text)))
        .into_iter()
        .collect();
    if matches!(&definition.kind, TableKind::Managed(table) if table.quarantines_cast_errors) {
        properties.push(format!("{ON_CAST_ERROR} = 'quarantine'"));
    }
    let with = match properties.is_empty() {
        true => String::new(),
        false => format!("\nWITH ({})", properties.join(", ")),
    };
    format!("{}{with}", comment.unwrap_or_default())
}

/// The list of columns, rules and constraints.
fn body(columns: &[Column], definition: &TableDefinition, checks: &[LogCheck]) -> String {
    let columns = (!columns.is_empty()).then(|| self::columns(columns, ",\n  "));
    let items: Vec<String> = columns
        .into_iter()
        .chain(definition.rules.iter().map(Rule::sql))
        .chain(checks.iter().map(check))
        .collect();
    match items.is_empty() {
        true => String::new(),
        false => format!(" (\n  {}\n)", items.join(",\n  ")),
    }
}

fn check(check: &LogCheck) -> String {
    let name = identifier(&check.name);
    format!("CONSTRAINT {name} CHECK ({})", check.as_written())
}

fn columns(columns: &[Column], separator: &str) -> String {
    let column = |column: &Column| {
        let mut sql = format!("{} {}", identifier(&column.name), type_text(&column.data_type));
        if !column.nullable {
            sql.push_str(" NOT NULL");
        }
        if let Some(source) = &column.source {
            sql.push_str(&format!(" SOURCE {}", literal(source)));
        }
        if let Some(comment) = &column.comment {
            sql.push_str(&format!(" COMMENT {}", literal(comment)));
        }
        sql
    };
    columns.iter().map(column).collect::<Vec<_>>().join(separator)
}

fn view(name: &str, definition: &TableDefinition, view: &View) -> String {
    let comment = definition
        .comment
        .as_ref()
        .map(|text| format!("COMMENT {}\n", literal(text)));
    let zone = view
        .default_zone
        .as_ref()
        .map(|zone| format!("USE {};\n", identifier(zone)));
    format!(
        "{}CREATE VIEW {name}\n{}AS {}",
        zone.unwrap_or_default(),
        comment.unwrap_or_default(),
        view.query
    )
}
