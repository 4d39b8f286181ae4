//! `DROP TABLE` and `DROP VIEW`: the definition goes, an external table's files stay.

use super::target::Target;
use crate::definition::TableKind;
use crate::engine::outcome::Done;
use crate::engine::session::Session;
use crate::error::{Code, Error, Result};
use crate::syntax::{DropObject, ObjectKind};

pub(super) fn execute(session: &Session, object: &DropObject) -> Result<Done> {
    let mut target = Target::new(session, &object.name)?;
    let catalog = session.lake().catalog();
    let Some(name) = catalog.resolve(&target.zone, &target.name)? else {
        if object.if_exists {
            return Ok(Done::new(format!(
                "there is no {}: nothing was done",
                target.full_name()
            )));
        }
        let error = catalog.not_found(&target.zone, &target.name);
        let message = format!("{} '{}' not found", object.kind, target.full_name());
        return Err(Error::new(error.code(), message).with_hint_if(error.hint().map(str::to_owned)));
    };
    target.name = name;
    // A broken definition can be dropped as either.
    let definition = target.existing(session).ok().flatten();
    let kind = definition.as_deref().map(|definition| match definition.kind {
        TableKind::External(_) | TableKind::Managed(_) => ObjectKind::Table,
        TableKind::View(_) => ObjectKind::View,
    });
    if let Some(kind) = kind.filter(|kind| *kind != object.kind) {
        let message = format!("'{}' is a {kind}, not a {}", target.full_name(), object.kind);
        let drop = kind.to_string().to_uppercase();
        return Err(Error::new(Code::WrongObjectType, message).with_hint(format!("DROP {drop} drops it")));
    }
    catalog.remove(&target.zone, &target.name)?;
    let files = match definition.as_deref().map(|definition| &definition.kind) {
        Some(TableKind::External(table)) => {
            let folder = catalog.zone_folder(&target.zone).join(&table.location);
            format!("; its files stay in '{}'", folder.display())
        }
        Some(TableKind::Managed(table)) => {
            let folder = catalog.zone_folder(&target.zone).join(&table.location);
            session.lake().logs().forget(&folder);
            "; its files go at the next VACUUM".to_owned()
        }
        _ => String::new(),
    };
    Ok(Done::new(format!(
        "dropped {} {}{files}",
        object.kind,
        target.full_name()
    )))
}
