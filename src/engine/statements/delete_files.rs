//! `DELETE FROM t$files WHERE …`: files of an external table, removed.

use std::path::PathBuf;

use arrow::array::{AsArray, RecordBatch};
use futures::TryStreamExt;

use super::target::Target;
use crate::definition::TableKind;
use crate::engine::landing::register;
use crate::engine::outcome::Done;
use crate::engine::session::Session;
use crate::error::{Code, Error, Result};
use crate::storage::sync_folder;
use crate::syntax::{DeleteFiles, Parameters, Piece};

pub(super) async fn execute(
    session: &Session,
    piece: &Piece,
    delete: DeleteFiles,
    parameters: &Parameters,
) -> Result<Done> {
    let target = Target::new(session, &delete.table)?;
    let definition = target.definition(session)?;
    let catalog = session.lake().catalog();
    let place = match &definition.kind {
        TableKind::External(table) => catalog.place(&target.zone, &table.location)?,
        _ => {
            let message = format!(
                "the files of '{}' cannot be removed one by one",
                target.full_name()
            );
            return Err(Error::new(Code::WrongObjectType, message)
                .with_hint("they belong to an external table, or to the engine"));
        }
    };
    if place.local_path().is_none() {
        let message = format!("the files of '{}' are not on the local disk", target.full_name());
        return Err(Error::new(Code::Unsupported, message).with_hint("remove them in their store"));
    }
    let state = session.state();
    let plan = session.plan(&state, piece, parameters).await?;
    let plan = session.physical(&state, piece, &plan).await?;
    let batches: Vec<RecordBatch> = session.stream(&state, piece, plan)?.try_collect().await?;
    let register = register(session.lake(), &target.zone, &definition.name);
    let mut count = 0;
    for (path, hash) in batches.iter().flat_map(files) {
        match std::fs::remove_file(&path) {
            // Somebody else was first.
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(Error::io(&path, "remove", e)),
            Ok(()) => count += 1,
        }
        if let Some(folder) = path.parent() {
            sync_folder(folder)?;
        }
        if let Some(hash) = hash {
            register.remove(&hash)?;
        }
    }
    let files = if count == 1 { "file" } else { "files" };
    Ok(Done {
        message: format!("removed {count} {files} of {}", target.full_name()),
        affected: Some(count),
    })
}

/// The rows' paths and, of landed files, hashes.
fn files(batch: &RecordBatch) -> Vec<(PathBuf, Option<String>)> {
    let texts = |name: &str| -> Vec<Option<String>> {
        let column = batch
            .column_by_name(name)
            .and_then(|column| column.as_string_opt::<i32>());
        let values = column.into_iter().flatten();
        values.map(|value| value.map(str::to_owned)).collect()
    };
    let paths = texts("path")
        .into_iter()
        .map(|path| PathBuf::from(path.unwrap_or_default()));
    paths.zip(texts("hash")).collect()
}
