//! `ADD CONSTRAINT` and `DROP CONSTRAINT`: rules, which every kind of table has. `DROP` finds CHECK
//! constraints too.

use sqlparser::ast::Ident;

use super::Altering;
use crate::catalog::TablePlanner;
use crate::definition::TableKind;
use crate::engine::outcome::Done;
use crate::engine::rules::{Binding, add};
use crate::engine::tables::Tables;
use crate::error::{Code, Error, Result, did_you_mean};
use crate::syntax::Constraint;

impl Altering<'_> {
    /// A further rule. Rows that are there already are not looked at: `CHECK TABLE` does.
    pub(super) async fn add_rule(mut self, constraint: &Constraint) -> Result<Done> {
        if let TableKind::View(_) = self.definition.kind {
            let message = format!("'{}' is a view: it has no rules", self.target.full_name());
            return Err(Error::new(Code::WrongObjectType, message)
                .with_hint("rules belong to its tables")
                .at(self.piece.start()));
        }
        let session = self.session;
        let tables = Tables::new(session.lake().clone(), session.config().clone(), Vec::new());
        let definition = std::sync::Arc::new(self.definition.clone());
        let table = tables.table(&self.target.zone, &definition).await?;
        let state = session.state();
        let binding = Binding {
            session,
            state: &state,
            table: (&self.target.zone.name, &self.target.name),
            schema: table.schema(),
            itself: None,
            statement: Some(self.piece),
        };
        let mut rules = std::mem::take(&mut self.definition.rules);
        add(&binding, &mut rules, constraint).await?;
        self.definition.rules = rules;
        self.publish("altered")
    }

    /// A rule goes.
    pub(super) async fn drop_constraint(mut self, name: &Ident, if_exists: bool) -> Result<Done> {
        let rules = &self.definition.rules;
        let lower = name.value.to_lowercase();
        let exact = rules.iter().position(|rule| rule.name == name.value);
        let alike = || rules.iter().position(|rule| rule.name.to_lowercase() == lower);
        if let Some(position) = exact.or_else(alike) {
            self.definition.rules.remove(position);
            return self.publish("altered");
        }
        let checks = self.checks().await?;
        let exact = checks.iter().find(|check| check.name == name.value);
        let alike = || checks.iter().find(|check| check.name.to_lowercase() == lower);
        if let Some(check) = exact.or_else(alike) {
            return self.drop_check(check).await;
        }
        let full_name = self.target.full_name();
        if if_exists {
            return Ok(Done::new(format!(
                "{full_name} has no constraint {}: nothing was done",
                name.value
            )));
        }
        let names = self.definition.rules.iter().map(|rule| rule.name.as_str());
        let names = names.chain(checks.iter().map(|check| check.name.as_str()));
        let message = format!("table '{full_name}' has no constraint '{}'", name.value);
        Err(Error::new(Code::UndefinedObject, message)
            .with_hint_if(did_you_mean(&name.value, names))
            .at(self.piece.locate(name.span)))
    }
}
