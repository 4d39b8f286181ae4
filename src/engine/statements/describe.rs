//! `DESCRIBE`: a row a column.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use datafusion::catalog::TableProvider;
use datafusion::datasource::empty::EmptyTable;
use sqlparser::tokenizer::Span;

use super::target::Target;
use crate::catalog::split_metadata_name;
use crate::definition::{TableDefinition, type_text};
use crate::engine::files::Files;
use crate::engine::outcome::{Body, Rows};
use crate::engine::session::Session;
use crate::engine::system::{batch, column_comment, is_partition};
use crate::error::{Code, Error, Result};
use crate::syntax::{Parameters, Piece, TableName};

pub(super) async fn execute(session: &Session, name: &TableName) -> Result<Body> {
    let definition = match Target::new(session, name) {
        // A metadata table has columns, and no definition of its own.
        Ok(target) if split_metadata_name(&target.name).1.is_some() => None,
        Ok(target) => Some(target.definition(session)?),
        Err(error) if error.code() == Code::ReadOnly => None,
        Err(error) => return Err(error),
    };
    let state = session.state();
    let internal = |e| session.translated_without_place(e);
    let schema = state
        .schema_for_ref(datafusion::common::TableReference::from(name))
        .map_err(internal)?;
    let table = schema.table(&name.table).await.map_err(internal)?;
    let table = table.ok_or_else(|| Error::new(Code::UndefinedTable, format!("table '{name}' not found")))?;
    Ok(columns(table.as_ref(), definition.as_deref()))
}

/// `DESCRIBE 'path'`.
pub(super) async fn file(session: &Session, piece: &Piece, path: &str, span: Span) -> Result<Body> {
    let files = Files::new(session.lake().clone(), session.config().clone(), false);
    let table = files.table(path).await.map_err(|e| e.at(piece.locate(span)))?;
    Ok(columns(table.as_ref(), None))
}

/// `DESCRIBE SELECT …`.
pub(super) async fn query(session: &Session, piece: &Piece, parameters: &Parameters) -> Result<Body> {
    let plan = session.plan(&session.state(), piece, parameters).await?;
    let schema = Arc::clone(plan.schema().inner());
    Ok(columns(&EmptyTable::new(schema), None))
}

fn columns(table: &dyn TableProvider, definition: Option<&TableDefinition>) -> Body {
    let schema = table.schema();
    let column = |get: &dyn Fn(&arrow::datatypes::Field) -> Option<String>| -> ArrayRef {
        Arc::new(
            schema
                .fields()
                .iter()
                .map(|field| get(field))
                .collect::<StringArray>(),
        )
    };
    let yes = |truth: bool| Some(if truth { "YES" } else { "NO" }.to_owned());
    Body::Rows(Rows::of_batch(batch(vec![
        ("column_name", column(&|field| Some(field.name().clone()))),
        ("data_type", column(&|field| Some(type_text(field.data_type())))),
        ("is_nullable", column(&|field| yes(field.is_nullable()))),
        (
            "is_partition",
            column(&|field| yes(definition.is_some_and(|d| is_partition(d, table, field.name())))),
        ),
        (
            "comment",
            column(&|field| definition.and_then(|d| column_comment(d, table, field.name()))),
        ),
    ])))
}
