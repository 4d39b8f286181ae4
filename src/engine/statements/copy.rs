//! `COPY … TO 'path'`: a query's rows as one file, or as a folder of files a partition.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use arrow::datatypes::SchemaRef;
use datafusion::execution::SessionState;
use futures::TryStreamExt;
use sqlparser::ast::Ident;

use super::write::rows;
use crate::definition::{Compression, Format, TextOptions};
use crate::engine::files::{Files, delimiter};
use crate::engine::outcome::Done;
use crate::engine::session::Session;
use crate::error::{Code, Error, Result, did_you_mean};
use crate::storage::{Place, Upload, is_pattern};
use crate::syntax::{CopyTo, Parameters, Piece};
use crate::table::output::{Output, OutputFormat, clustered, not_empty};

pub(super) async fn execute(
    session: &Session,
    piece: &Piece,
    copy: CopyTo,
    parameters: &Parameters,
) -> Result<Done> {
    let at = || piece.locate(copy.path_span);
    let format = format(piece, &copy)?;
    if is_pattern(&copy.path) {
        let message = format!("'{}' is a pattern, not a path", copy.path);
        return Err(Error::new(Code::InvalidValue, message).at(at()));
    }
    let files = Files::new(session.lake().clone(), session.config().clone(), false);
    let place = files.place(&copy.path).map_err(|e| e.at(at()))?;
    let state = session.state();
    let logical = session.plan(&state, piece, parameters).await?;
    let plan = session.physical(&state, piece, &logical).await?;
    let keys = keys(piece, &copy.partitioned_by, &plan.schema())?;
    // What goes elsewhere is complete here first.
    let stopover = match place.local_path() {
        Some(_) => None,
        None => Some(tempfile::tempdir().map_err(|e| Error::io("a temporary folder", "make", e))?),
    };
    let path = match &stopover {
        Some(folder) => folder.path().join("copy"),
        None => place.local_path().map(PathBuf::from).unwrap_or_default(),
    };
    let schema = plan.schema();
    let output = if keys.is_empty() {
        Output::to_file(&path, format, &schema)
    } else {
        Output::to_folder(&path, format, &schema, keys.clone())
    };
    let mut output = output.map_err(|e| e.at(at()))?;
    let mut batches =
        session.stream_shaped(&state, piece, &logical, plan, move |plan| clustered(plan, &keys));
    let mut count = 0;
    while let Some(batch) = batches.try_next().await? {
        count += batch.num_rows() as u64;
        output.write(&batch).map_err(|e| e.at(at()))?;
    }
    output.finish().map_err(|e| e.at(at()))?;
    if stopover.is_some() {
        upload(&path, &place, &state).await.map_err(|e| e.at(at()))?;
    }
    Ok(Done {
        message: format!("copied {} to '{}'", rows(count), copy.path),
        affected: Some(count),
    })
}

/// As `STORED AS` says, else as the path ends.
fn format(piece: &Piece, copy: &CopyTo) -> Result<OutputFormat> {
    let format = match &copy.format {
        Some((name, span)) => name.parse().map_err(|e: Error| e.at(piece.locate(*span)))?,
        None => Format::of_name(&copy.path).ok_or_else(|| {
            let message = format!("the format of '{}' is not said", copy.path);
            Error::new(Code::InvalidValue, message)
                .with_hint("say STORED AS PARQUET, CSV, JSON or ARROW, or end the path so")
                .at(piece.locate(copy.path_span))
        })?,
    };
    let mut text = TextOptions {
        delimiter: delimiter(&copy.path).unwrap_or(b','),
        ..TextOptions::default()
    };
    for (key, value, span) in &copy.options {
        let written = matches!(key.as_str(), "has_header" | "delimiter" | "quote" | "compression");
        let set = if written {
            text.set(format, key, value)
        } else {
            let message = format!("a copy has no option '{key}'");
            let hint = "the options are has_header, delimiter, quote (csv) and compression (csv, json)";
            Err(Error::new(Code::InvalidValue, message).with_hint(hint))
        };
        set.map_err(|e| e.at(piece.locate(*span)))?;
    }
    let compression = match format {
        Format::Csv | Format::Json => text
            .compression
            .unwrap_or_else(|| Compression::of_file(copy.path.trim_end_matches('/'))),
        _ => Compression::None,
    };
    Ok(OutputFormat {
        format,
        text,
        compression,
    })
}

/// Where the partition columns are: by their names, else by names that differ in case alone.
fn keys(piece: &Piece, names: &[Ident], schema: &SchemaRef) -> Result<Vec<usize>> {
    let key = |name: &Ident| {
        let fields = schema.fields();
        let exact = fields.iter().position(|field| *field.name() == name.value);
        let lower = name.value.to_lowercase();
        let found = exact.or_else(|| {
            fields
                .iter()
                .position(|field| field.name().to_lowercase() == lower)
        });
        found.ok_or_else(|| {
            let known = fields.iter().map(|field| field.name().as_str());
            let message = format!("column '{}' not found in what is copied", name.value);
            Error::new(Code::UndefinedColumn, message)
                .with_hint_if(did_you_mean(&name.value, known))
                .at(piece.locate(name.span))
        })
    };
    names.iter().map(key).collect()
}

/// Sends a complete file or folder to its store.
async fn upload(path: &Path, place: &Place, state: &SessionState) -> Result<()> {
    let failed = |e: &dyn Display| Error::new(Code::Io, format!("cannot write '{place}': {e}"));
    let runtime = state.runtime_env();
    let store = runtime
        .object_store(place.store_url())
        .map_err(|e| failed(&e.strip_backtrace()))?;
    let upload = Upload {
        store,
        prefix: place.prefix().to_owned(),
    };
    if path.is_file() {
        return upload.file(path, place.path()).await;
    }
    let mut there = upload.store.list(Some(place.path()));
    if there.try_next().await.map_err(|e| failed(&e))?.is_some() {
        return Err(not_empty(&place.to_string()));
    }
    drop(there);
    upload.folder(path, place.path()).await
}
