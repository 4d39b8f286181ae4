//! `COMMENT ON`: words about a table or a column, kept in its definition.

use sqlparser::ast::Ident;

use super::create_table::now;
use super::target::Target;
use crate::definition::{Column, TableDefinition, TableKind};
use crate::engine::outcome::Done;
use crate::engine::session::Session;
use crate::engine::tables;
use crate::error::{Code, Error, Result, did_you_mean};
use crate::storage::OnExisting;
use crate::syntax::{Comment, CommentTarget, Piece};

pub(super) async fn execute(session: &Session, piece: &Piece, comment: Comment) -> Result<Done> {
    let (name, column) = match &comment.target {
        CommentTarget::Table(name) => (name, None),
        CommentTarget::Column { table, column } => (table, Some(column)),
    };
    let target = Target::new(session, name)?;
    let mut definition = target.definition(session)?.as_ref().clone();
    match column {
        None => definition.comment.clone_from(&comment.text),
        Some(column) => of_column(session, piece, &target, &mut definition, column, comment.text).await?,
    }
    definition.updated_at = Some(now());
    let catalog = session.lake().catalog();
    catalog.publish(&target.zone, &definition, OnExisting::Replace)?;
    let of = column.map(|column| format!(".{}", column.value));
    Ok(Done::new(format!(
        "commented on {}.{}{}",
        target.zone.name,
        definition.name,
        of.unwrap_or_default()
    )))
}

async fn of_column(
    session: &Session,
    piece: &Piece,
    target: &Target,
    definition: &mut TableDefinition,
    name: &Ident,
    text: Option<String>,
) -> Result<()> {
    let full_name = target.full_name();
    let table = match &definition.kind {
        TableKind::External(table) => table.clone(),
        TableKind::Managed(table) => {
            let pins = session.pins();
            let table = tables::managed_table(session.lake(), &pins, &target.zone, definition, table).await?;
            let change = table.snapshot().with_comment(&name.value, text);
            let change = change.map_err(|e| e.at(piece.locate(name.span)))?;
            table
                .log()
                .commit(table.name(), table.snapshot(), &change)
                .await?;
            return Ok(());
        }
        TableKind::View(_) => {
            let message = format!("'{full_name}' is a view: its columns have no comments of their own");
            return Err(Error::new(Code::WrongObjectType, message).at(piece.locate(name.span)));
        }
    };
    let (lake, config) = (session.lake(), session.config());
    let mut table = tables::with_columns(lake, config, &target.zone, &full_name, table).await?;
    let known: Vec<String> = table.all_columns().map(|column| column.name.clone()).collect();
    let mut columns: Vec<&mut Column> = table
        .columns
        .iter_mut()
        .chain(&mut table.partition_columns)
        .collect();
    let lower = name.value.to_lowercase();
    let found = known
        .iter()
        .position(|known| *known == name.value)
        .or_else(|| known.iter().position(|known| known.to_lowercase() == lower));
    let Some(found) = found else {
        let message = format!("column '{}' of table '{full_name}' not found", name.value);
        return Err(Error::new(Code::UndefinedColumn, message)
            .with_hint_if(did_you_mean(&name.value, &known))
            .at(piece.locate(name.span)));
    };
    columns[found].comment = text;
    definition.kind = TableKind::External(table);
    Ok(())
}
