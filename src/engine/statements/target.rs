//! The table that a statement names: its zone, and its definition if it has one.

use std::sync::Arc;

use crate::catalog::CATALOG;
use crate::definition::{TableDefinition, ZoneDefinition};
use crate::engine::session::Session;
use crate::error::{Code, Error, Result};
use crate::syntax::TableName;

/// A name, resolved to its zone.
pub(super) struct Target {
    pub zone: ZoneDefinition,
    pub name: String,
}

impl Target {
    /// Where `name` points, whether or not anything is there.
    ///
    /// # Errors
    /// [`Code::UndefinedZone`]; [`Code::ReadOnly`] for the schemas that the engine itself fills.
    pub(super) fn new(session: &Session, name: &TableName) -> Result<Self> {
        if let Some(catalog) = name.catalog.as_deref().filter(|catalog| *catalog != CATALOG) {
            return Err(
                Error::new(Code::UndefinedZone, format!("there is no catalog '{catalog}'"))
                    .with_hint(format!("the catalog is '{CATALOG}', and can be left out")),
            );
        }
        let zone = name.zone.clone().unwrap_or_else(|| session.zone());
        if matches!(zone.as_str(), "system" | "information_schema") {
            return Err(Error::new(
                Code::ReadOnly,
                format!("the tables of '{zone}' cannot be changed"),
            )
            .with_hint("they show what the engine knows"));
        }
        Ok(Self {
            zone: session.lake().catalog().zone(&zone)?.clone(),
            name: name.table.clone(),
        })
    }

    /// The definition of what is there.
    pub(super) fn existing(&self, session: &Session) -> Result<Option<Arc<TableDefinition>>> {
        session.lake().catalog().table(&self.zone, &self.name)
    }

    /// The definition.
    ///
    /// # Errors
    /// [`Code::UndefinedTable`].
    pub(super) fn definition(&self, session: &Session) -> Result<Arc<TableDefinition>> {
        self.existing(session)?
            .ok_or_else(|| session.lake().catalog().not_found(&self.zone, &self.name))
    }

    /// `zone.table`.
    pub(super) fn full_name(&self) -> String {
        format!("{}.{}", self.zone.name, self.name)
    }
}
