//! `ALTER TABLE`: what each kind of table lets change, chosen here.

mod checks;
mod external;
mod managed;
mod rules;

use super::create_table::{ON_CAST_ERROR, now};
use super::target::Target;
use crate::definition::{TableDefinition, TableKind, cast_errors, check_name};
use crate::engine::outcome::Done;
use crate::engine::session::Session;
use crate::error::{Code, Error, Result};
use crate::syntax::{Alter, AlterAction, Expectation, Piece, Property, TableName};

pub(super) async fn execute(session: &Session, piece: &Piece, alter: Alter) -> Result<Done> {
    let target = Target::new(session, &alter.table)?;
    let definition = target.definition(session)?;
    let altering = Altering {
        session,
        piece,
        target: Target {
            name: definition.name.clone(),
            ..target
        },
        definition: definition.as_ref().clone(),
    };
    match alter.action {
        AlterAction::RenameTo(name) => altering.rename(&name),
        AlterAction::Set(properties) => altering.set(&properties),
        AlterAction::AddRule(constraint) => altering.add_rule(&constraint).await,
        AlterAction::DropConstraint { name, if_exists } => altering.drop_constraint(&name, if_exists).await,
        action => match definition.kind.clone() {
            TableKind::External(table) => altering.external(table, action).await,
            TableKind::Managed(table) => altering.managed(&table, action).await,
            TableKind::View(_) => Err(altering.is_a_view(&alter.table)),
        },
    }
}

/// A table being changed.
struct Altering<'a> {
    session: &'a Session,
    piece: &'a Piece,
    target: Target,
    definition: TableDefinition,
}

impl Altering<'_> {
    fn is_a_view(&self, name: &TableName) -> Error {
        let message = format!("'{}' is a view, not a table", self.target.full_name());
        Error::new(Code::WrongObjectType, message)
            .with_hint("CREATE OR REPLACE VIEW changes its query")
            .at(self.piece.locate(name.span))
    }

    /// Another name for whatever it is: its definition's file is named anew, its files stay where they are.
    fn rename(mut self, name: &TableName) -> Result<Done> {
        let place = || self.piece.locate(name.span);
        if let Some(zone) = name.zone.as_ref().filter(|zone| **zone != self.target.zone.name) {
            let message = format!("a table of zone '{}' stays in it", self.target.zone.name);
            return Err(Error::new(Code::Unsupported, message)
                .with_hint(format!("CREATE TABLE {zone}.… AS SELECT copies it"))
                .at(place()));
        }
        check_name("table", &name.table).map_err(|e| e.at(place()))?;
        let old = std::mem::replace(&mut self.definition.name, name.table.clone());
        self.refer_to_new_name(&old);
        self.definition.updated_at = Some(now());
        let catalog = self.session.lake().catalog();
        catalog
            .rename(&self.target.zone, &old, &self.definition)
            .map_err(|e| e.at(place()))?;
        let zone = &self.target.zone.name;
        Ok(Done::new(format!(
            "renamed {zone}.{old} to {zone}.{}",
            name.table
        )))
    }

    /// Rules that refer to the table itself, which was called `old`, go on doing so.
    fn refer_to_new_name(&mut self, old: &str) {
        let zone = &self.target.zone.name;
        for rule in &mut self.definition.rules {
            let (Expectation::ForeignKey { table, .. }
            | Expectation::Accurate { table, .. }
            | Expectation::Stable { table, .. }) = &mut rule.expectation
            else {
                continue;
            };
            let is_own_zone = table
                .0
                .zone
                .as_ref()
                .is_none_or(|own| own.eq_ignore_ascii_case(zone));
            if is_own_zone && table.0.table.to_lowercase() == old.to_lowercase() {
                self.definition.name.clone_into(&mut table.0.table);
            }
        }
    }

    fn set(mut self, properties: &[Property]) -> Result<Done> {
        for property in properties {
            if let (ON_CAST_ERROR, TableKind::Managed(table)) =
                (property.name.as_str(), &mut self.definition.kind)
            {
                let place = self.piece.locate(property.span);
                table.quarantines_cast_errors = cast_errors(&property.value).map_err(|e| e.at(place))?;
                continue;
            }
            if property.name != "owner" {
                let message = format!(
                    "'{}' has no property '{}'",
                    self.target.full_name(),
                    property.name
                );
                return Err(Error::new(Code::Unsupported, message)
                    .with_hint(
                        "the properties that can be set are 'owner' and, of managed tables, 'on_cast_error'",
                    )
                    .at(self.piece.locate(property.span)));
            }
            self.definition.owner = Some(property.value.clone());
        }
        self.publish("altered")
    }

    /// Writes the changed definition.
    fn publish(mut self, what: &str) -> Result<Done> {
        self.definition.updated_at = Some(now());
        let catalog = self.session.lake().catalog();
        catalog.publish(
            &self.target.zone,
            &self.definition,
            crate::storage::OnExisting::Replace,
        )?;
        Ok(Done::new(format!("{what} {}", self.target.full_name())))
    }
}
