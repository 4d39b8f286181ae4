//! `SHOW CREATE TABLE`: a statement that makes the definition again.

use super::target::Target;
use crate::definition::{Column, ExternalTable, TableDefinition, TableKind, View, type_text};
use crate::engine::outcome::{Body, Rows};
use crate::engine::session::Session;
use crate::engine::system::text_column;
use crate::error::Result;
use crate::syntax::TableName;
use crate::syntax::quote::{identifier, literal};

pub(super) fn execute(session: &Session, name: &TableName) -> Result<Body> {
    let target = Target::new(session, name)?;
    let definition = target.definition(session)?;
    let full_name = format!(
        "{}.{}",
        identifier(&target.zone.name),
        identifier(&definition.name)
    );
    let statement = match &definition.kind {
        TableKind::External(table) => external(&full_name, &definition, table),
        TableKind::View(stored) => view(&full_name, &definition, stored),
    };
    Ok(Body::Rows(Rows::of_batch(text_column(
        "create_statement",
        &[statement],
    ))))
}

fn external(name: &str, definition: &TableDefinition, table: &ExternalTable) -> String {
    let mut sql = format!("CREATE EXTERNAL TABLE {name}");
    if !table.columns.is_empty() {
        sql.push_str(&format!(" (\n  {}\n)", columns(&table.columns, ",\n  ")));
    }
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
    if let Some(comment) = &definition.comment {
        sql.push_str(&format!("\nCOMMENT {}", literal(comment)));
    }
    if let Some(owner) = &definition.owner {
        sql.push_str(&format!("\nWITH (owner = {})", literal(owner)));
    }
    sql
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
