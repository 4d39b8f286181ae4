//! `CREATE VIEW`.

use datafusion::common::TableReference;
use datafusion::sql::parser::Statement as Standard;
use sqlparser::ast;

use super::create_table::now;
use super::target::Target;
use crate::definition::{TableDefinition, TableKind, View, check_name};
use crate::engine::outcome::Done;
use crate::engine::session::Session;
use crate::engine::state::session_state;
use crate::error::{Code, Error, Result};
use crate::planner::spell_out;
use crate::storage::OnExisting;
use crate::syntax::{CreateView, Piece, parameter_names};

pub(super) async fn execute(session: &Session, piece: &Piece, view: CreateView) -> Result<Done> {
    let target = Target::new(session, &view.name)?;
    let place = || piece.locate(view.name.span);
    check_name("view", &target.name).map_err(|e| e.at(place()))?;
    let existing = session.lake().catalog().resolve(&target.zone, &target.name)?;
    let full_name = target.full_name();
    if existing.is_some() && view.if_not_exists {
        return Ok(Done::new(format!("{full_name} exists already: nothing was done")));
    }
    if existing.is_some() && !view.or_replace {
        return Err(
            Error::new(Code::DuplicateTable, format!("'{full_name}' exists already"))
                .with_hint("CREATE OR REPLACE replaces it, IF NOT EXISTS keeps it")
                .at(place()),
        );
    }
    let old = if existing.is_some() {
        target.existing(session).ok().flatten()
    } else {
        None
    };
    if old
        .as_deref()
        .is_some_and(|old| !matches!(old.kind, TableKind::View(_)))
    {
        return Err(Error::new(
            Code::WrongObjectType,
            format!("'{full_name}' is a table, not a view"),
        )
        .with_hint("drop the table first")
        .at(place()));
    }
    if let Some(name) = parameter_names(piece).first() {
        return Err(Error::new(
            Code::InvalidStatement,
            format!("a view cannot depend on parameter '${name}'"),
        )
        .at(place()));
    }
    // Planned once now, so that a view that cannot work, or is part of itself, is not made.
    if !session.principal().may_name_files {
        // A view reads for its maker, who may not name files here.
        session.plan_for_any_data(&session.state(), piece).await?;
    }
    let state = session_state(session.lake(), session.config(), vec![full_name.clone()]);
    session.plan_for_any_data(&state, piece).await?;

    let zone = session.zone();
    let mut query = Standard::Statement(Box::new(ast::Statement::Query(view.query)));
    spell_out(&mut query);
    let depends_on_zone = state
        .resolve_table_references(&query)
        .map_err(|e| session.translated(e, piece))?
        .iter()
        .any(|table| matches!(table, TableReference::Bare { .. }));
    let now = now();
    let mut definition = match old {
        Some(old) => old.as_ref().clone(),
        None => TableDefinition::new(&target.name, TableKind::View(View::default())),
    };
    definition.kind = TableKind::View(View {
        query: view.sql,
        default_zone: (depends_on_zone && zone != target.zone.name).then_some(zone),
    });
    definition.created_at = definition.created_at.or(Some(now));
    definition.updated_at = Some(now);
    definition.comment = view.comment.or(definition.comment);
    let on_existing = if view.or_replace {
        OnExisting::Replace
    } else {
        OnExisting::Keep
    };
    session
        .lake()
        .catalog()
        .publish(&target.zone, &definition, on_existing)?;
    Ok(Done::new(format!("created view {full_name}")))
}
