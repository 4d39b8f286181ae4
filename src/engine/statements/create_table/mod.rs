//! `CREATE [EXTERNAL] TABLE`, with and without a query.
//!
//! The files come first and the definition last, so that a table is there whole or not at all. A
//! table made from a query gets a fresh folder; replaced, its readers see the old one or the new.

mod columns;
mod managed;
mod publish;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::Schema;
use chrono::{DateTime, Utc};
use datafusion::catalog::TableProvider;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::logical_expr::dml::InsertOp;
use sqlparser::tokenizer::Span;

use self::columns::declare;
use super::target::Target;
use super::write;
use crate::definition::{
    Column, ExternalTable, Format, Rule, TableFormat, TableKind, TextOptions, cast_errors, check_name,
};
use crate::engine::outcome::{Body, Done};
use crate::engine::rules::{Binding, made, made_checks};
use crate::engine::session::Session;
use crate::error::{Code, Error, Result};
use crate::operators::validate::empty_rows;
use crate::storage::{OnExisting, Place};
use crate::syntax::{Check, ColumnSpec, CreateTable, ExternalSource, Parameters, Piece, Property};
use crate::table::ExternalTableProvider;
use crate::table::external::infer_columns;
use crate::table::managed::LogCheck;

pub(super) async fn execute(
    session: &Session,
    piece: &Piece,
    table: CreateTable,
    parameters: &Parameters,
) -> Result<Body> {
    let target = Target::new(session, &table.name)?;
    check_name("table", &target.name).map_err(|e| e.at(piece.locate(table.name.span)))?;
    let on_existing = match existing(session, &target, &table)? {
        Existing::Stays => {
            return Ok(Body::Done(Done::new(format!(
                "{} exists already: nothing was done",
                target.full_name()
            ))));
        }
        Existing::Refused(error) => return Err(error.at(piece.locate(table.name.span))),
        Existing::None => OnExisting::Keep,
        Existing::Replaced => OnExisting::Replace,
    };
    let creation = Creation {
        session,
        piece,
        target,
        on_existing,
        properties: Properties::read(piece, &table.properties)?,
    };
    let managed = table.external.is_none() && creation.target.zone.format == TableFormat::Delta;
    if let Some((name, span)) = table.sorted_by.first().filter(|_| !managed) {
        let message = format!("only a managed table is kept sorted, by '{name}' or anything else");
        return Err(Error::new(Code::Unsupported, message)
            .with_hint("managed tables are in zones whose format is \"delta\"")
            .at(piece.locate(*span)));
    }
    creation.refuse_unkept(&table, managed)?;
    match (&table.external, &table.query) {
        (Some(source), _) => creation.external(&table, source).await.map(Body::Done),
        (None, Some(_)) if managed => creation.managed_of_query(&table, parameters).await,
        (None, None) if managed => creation.managed(&table).await,
        (None, Some(_)) => creation.of_query(&table, parameters).await.map(Body::Done),
        (None, None) => creation.empty(&table).await.map(Body::Done),
    }
}

enum Existing {
    None,
    Stays,
    Replaced,
    Refused(Error),
}

/// What becomes of a table that is there. A broken definition can be replaced too.
fn existing(session: &Session, target: &Target, table: &CreateTable) -> Result<Existing> {
    let Some(name) = session.lake().catalog().resolve(&target.zone, &target.name)? else {
        return Ok(Existing::None);
    };
    if table.if_not_exists {
        return Ok(Existing::Stays);
    }
    let full_name = format!("{}.{name}", target.zone.name);
    if !table.or_replace {
        return Ok(Existing::Refused(
            Error::new(
                Code::DuplicateTable,
                format!("table '{full_name}' exists already"),
            )
            .with_hint("CREATE OR REPLACE replaces it, IF NOT EXISTS keeps it"),
        ));
    }
    if name != target.name {
        return Ok(Existing::Refused(
            Error::new(
                Code::DuplicateTable,
                format!("table '{full_name}' differs in case alone"),
            )
            .with_hint(format!("replace it by its own name: \"{name}\"")),
        ));
    }
    match target.existing(session) {
        Ok(Some(definition)) if matches!(definition.kind, TableKind::View(_)) => Ok(Existing::Refused(
            Error::new(
                Code::WrongObjectType,
                format!("'{full_name}' is a view, not a table"),
            )
            .with_hint("drop the view first"),
        )),
        _ => Ok(Existing::Replaced),
    }
}

/// A table being made.
struct Creation<'a> {
    session: &'a Session,
    piece: &'a Piece,
    target: Target,
    on_existing: OnExisting,
    properties: Properties,
}

/// `WITH (…)`.
#[derive(Debug, Default)]
struct Properties {
    owner: Option<String>,
    on_cast_error: Option<(bool, Span)>,
}

impl Properties {
    fn read(piece: &Piece, written: &[Property]) -> Result<Self> {
        let mut properties = Self::default();
        for property in written {
            let place = || piece.locate(property.span);
            match property.name.as_str() {
                "owner" => properties.owner = Some(property.value.clone()),
                ON_CAST_ERROR => {
                    let quarantines = cast_errors(&property.value).map_err(|e| e.at(place()))?;
                    properties.on_cast_error = Some((quarantines, property.span));
                }
                other => {
                    let message = format!("a table has no property '{other}'");
                    return Err(Error::new(Code::Unsupported, message)
                        .with_hint("the properties that can be set here are 'owner' and 'on_cast_error'")
                        .at(place()));
                }
            }
        }
        Ok(properties)
    }
}

/// The property that says what becomes of rows whose values do not convert.
pub(super) const ON_CAST_ERROR: &str = "on_cast_error";

impl Creation<'_> {
    /// Files that are there already.
    async fn external(&self, table: &CreateTable, source: &ExternalSource) -> Result<Done> {
        let place = || self.piece.locate(source.location_span);
        let format: Format =
            source
                .format
                .parse()
                .map_err(|e: Error| match self.piece.locate_word(&source.format) {
                    Some(place) => e.at(place),
                    None => e,
                })?;
        let mut external = ExternalTable {
            format,
            options: BTreeMap::new(),
            text: TextOptions::default(),
            location: self.relative(&source.location).map_err(|e| e.at(place()))?,
            columns: self.columns(&table.columns)?,
            partition_columns: Vec::new(),
        };
        for (key, value, span) in &table.options {
            let checked = external.text.set(format, key, value);
            checked.map_err(|e| e.at(self.piece.locate(*span)))?;
            external.options.insert(key.clone(), value.clone());
        }
        let catalog = self.session.lake().catalog();
        let files = catalog
            .place(&self.target.zone, &external.location)
            .map_err(|e| e.at(place()))?;
        let path = self.folder().join(&external.location);
        let partitions = self.partition_specs(table, &mut external.columns)?;
        if external.columns.is_empty() {
            if files.local_path().is_some_and(|path| !path.exists()) {
                let message = format!("there is no file or folder '{files}'");
                return Err(Error::new(Code::UndefinedFile, message)
                    .with_hint("give the columns, or a location that has files")
                    .at(place()));
            }
            let state = self.session.state();
            let name = self.target.full_name();
            let (columns, found) = infer_columns(&name, &external, &files, &state)
                .await
                .map_err(|e| e.at(place()))?;
            external.columns = columns;
            external.partition_columns = if partitions.is_empty() { found } else { partitions };
            let names: Vec<String> = external
                .partition_columns
                .iter()
                .map(|c| c.name.clone())
                .collect();
            external.columns.retain(|column| !names.contains(&column.name));
        } else {
            external.partition_columns = partitions;
            let here = files.local_path().is_some() && !files.has_pattern();
            if here && !path.exists() && external.location.ends_with('/') {
                std::fs::create_dir_all(&path).map_err(|e| Error::io(&path, "make the folder", e))?;
            }
            if here && !path.exists() {
                let error = Error::new(
                    Code::UndefinedFile,
                    format!("there is no file '{}'", path.display()),
                );
                return Err(error.with_hint("end a folder's location with '/'").at(place()));
            }
        }
        self.check_columns(&external)?;
        let rules = self.rules(table, external.all_columns()).await?;
        self.publish(table, TableKind::External(external), rules)?;
        Ok(Done::new(format!(
            "created external table {}",
            self.target.full_name()
        )))
    }

    /// A table without rows.
    async fn empty(&self, table: &CreateTable) -> Result<Done> {
        let mut columns = self.columns(&table.columns)?;
        let partition_columns = self.partition_specs(table, &mut columns)?;
        let mut external = parquet(String::new(), columns, partition_columns);
        self.check_columns(&external)?;
        let rules = self.rules(table, external.all_columns()).await?;
        (external.location, _) = self.fresh_folder()?;
        self.publish(table, TableKind::External(external), rules)?;
        Ok(Done::new(format!("created table {}", self.target.full_name())))
    }

    /// A table of a query's rows.
    async fn of_query(&self, table: &CreateTable, parameters: &Parameters) -> Result<Done> {
        let state = self.session.state();
        let plan = self.session.plan(&state, self.piece, parameters).await?;
        let plan = self.as_declared(plan, &table.columns)?;
        let (plan, mut columns, mut partition_columns) = self.arrange(plan, &table.partitioned_by)?;
        declare(&table.columns, columns.iter_mut().chain(&mut partition_columns));
        let mut external = parquet(String::new(), columns, partition_columns);
        self.check_columns(&external)?;
        let rules = self.rules(table, external.all_columns()).await?;
        let folder;
        (external.location, folder) = self.fresh_folder()?;
        let old = self.target.existing(self.session).ok().flatten();
        let written = self.write(&state, plan, &external, &folder).await;
        let published = written.and_then(|count| {
            self.publish(table, TableKind::External(external), rules)?;
            Ok(count)
        });
        match published {
            Ok(count) => {
                let left = self.remove_replaced(old.as_deref());
                Ok(Done {
                    message: format!(
                        "created table {} ({}){left}",
                        self.target.full_name(),
                        write::rows(count)
                    ),
                    affected: Some(count),
                })
            }
            Err(error) => {
                // Nothing names the folder: what cannot be removed of it is in nobody's way.
                let _ = std::fs::remove_dir_all(&folder);
                Err(error)
            }
        }
    }

    /// The rules that the statement defines, over the table's columns.
    async fn rules<'c>(
        &self,
        table: &CreateTable,
        columns: impl Iterator<Item = &'c Column>,
    ) -> Result<Vec<Rule>> {
        let state = self.session.state();
        made(&self.binding(&state, columns)?, &table.rules).await
    }

    /// The CHECK constraints that the statement defines beside `rules`, over these columns; the lengths that it
    /// declares are some.
    fn checks<'c>(
        &self,
        table: &CreateTable,
        columns: impl Iterator<Item = &'c Column>,
        rules: &[Rule],
    ) -> Result<Vec<LogCheck>> {
        let state = self.session.state();
        let declared = table.columns.iter().chain(&table.partitioned_by);
        let lengths = declared.filter_map(ColumnSpec::length_check);
        let checks: Vec<Check> = table.checks.iter().cloned().chain(lengths).collect();
        made_checks(&self.binding(&state, columns)?, &checks, rules)
    }

    fn binding<'b, 'c>(
        &'b self,
        state: &'b SessionState,
        columns: impl Iterator<Item = &'c Column>,
    ) -> Result<Binding<'b>> {
        let fields: Vec<_> = columns.map(Column::field).collect();
        let schema = Arc::new(Schema::new(fields));
        // The catalog has no such table yet, or the one that is replaced.
        let itself = empty_rows(&schema).map_err(|e| self.session.translated(e, self.piece))?;
        Ok(Binding {
            session: self.session,
            state,
            table: (&self.target.zone.name, &self.target.name),
            schema,
            itself: Some(itself),
            statement: Some(self.piece),
        })
    }

    /// What only a managed table keeps.
    fn refuse_unkept(&self, table: &CreateTable, managed: bool) -> Result<()> {
        let check = table.checks.first().map(|check| ("CHECK", check.expression.span));
        let on_cast_error = self
            .properties
            .on_cast_error
            .map(|(_, span)| (ON_CAST_ERROR, span));
        match check.or(on_cast_error).filter(|_| !managed) {
            None => Ok(()),
            Some((what, span)) => Err(Error::new(
                Code::Unsupported,
                format!("only a managed table has {what}"),
            )
            .with_hint("managed tables are in zones whose format is \"delta\"")
            .at(self.piece.locate(span))),
        }
    }

    async fn write(
        &self,
        state: &SessionState,
        plan: LogicalPlan,
        external: &ExternalTable,
        folder: &Path,
    ) -> Result<u64> {
        let input = self.session.physical(state, self.piece, &plan).await?;
        let place = Place::local(folder, "")?;
        let provider = ExternalTableProvider::new(self.target.full_name(), external.clone(), place);
        let plan = provider
            .insert_into(state, input, InsertOp::Append)
            .await
            .map_err(|e| self.session.translated(e, self.piece))?;
        write::run(self.session, state, self.piece, plan).await
    }
}

fn parquet(location: String, columns: Vec<Column>, partition_columns: Vec<Column>) -> ExternalTable {
    ExternalTable {
        format: Format::Parquet,
        options: BTreeMap::new(),
        text: TextOptions::default(),
        location,
        columns,
        partition_columns,
    }
}

/// The time, in whole seconds as definitions have it.
pub(super) fn now() -> DateTime<Utc> {
    let now = Utc::now();
    DateTime::from_timestamp(now.timestamp(), 0).unwrap_or(now)
}
