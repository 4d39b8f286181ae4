//! `CREATE [EXTERNAL] TABLE`, with and without a query.
//!
//! The files come first and the definition last, so that a table is there whole or not at all. A
//! table made from a query gets a fresh folder; replaced, its readers see the old one or the new.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::DataType;
use chrono::{DateTime, Utc};
use datafusion::catalog::TableProvider;
use datafusion::common::Column as ColumnName;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::dml::InsertOp;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};

use super::target::Target;
use super::write;
use crate::definition::{
    Column, ExternalTable, Format, TableDefinition, TableKind, TextOptions, arrow_type, check_location,
    check_name, column_type, type_text,
};
use crate::engine::outcome::Done;
use crate::engine::session::Session;
use crate::error::{Code, Error, Result, did_you_mean};
use crate::storage::OnExisting;
use crate::syntax::{ColumnSpec, CreateTable, ExternalSource, Parameters, Piece};
use crate::table::ExternalTableProvider;
use crate::table::external::infer_columns;

/// How many random characters end the name of a folder that the engine made.
const FOLDER_ID: usize = 8;

pub(super) async fn execute(
    session: &Session,
    piece: &Piece,
    table: CreateTable,
    parameters: &Parameters,
) -> Result<Done> {
    let target = Target::new(session, &table.name)?;
    check_name("table", &target.name).map_err(|e| e.at(piece.locate(table.name.span)))?;
    let on_existing = match existing(session, &target, &table)? {
        Existing::Stays => {
            return Ok(Done::new(format!(
                "{} exists already: nothing was done",
                target.full_name()
            )));
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
    };
    match (&table.external, &table.query) {
        (Some(source), _) => creation.external(&table, source).await,
        (None, Some(_)) => creation.of_query(&table, parameters).await,
        (None, None) => creation.empty(&table),
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
}

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
        let path = self.folder().join(&external.location);
        let partitions = self.partition_specs(table, &mut external.columns)?;
        if external.columns.is_empty() {
            if !path.exists() {
                let message = format!("there is no file or folder '{}'", path.display());
                return Err(Error::new(Code::UndefinedFile, message)
                    .with_hint("give the columns, or a location that has files")
                    .at(place()));
            }
            let state = self.session.state();
            let name = self.target.full_name();
            let (columns, found) = infer_columns(&name, &external, &path, &state)
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
            if !path.exists() && external.location.ends_with('/') {
                std::fs::create_dir_all(&path).map_err(|e| Error::io(&path, "make the folder", e))?;
            }
            if !path.exists() {
                let error = Error::new(
                    Code::UndefinedFile,
                    format!("there is no file '{}'", path.display()),
                );
                return Err(error.with_hint("end a folder's location with '/'").at(place()));
            }
        }
        self.check_columns(&external)?;
        self.publish(table, external)?;
        Ok(Done::new(format!(
            "created external table {}",
            self.target.full_name()
        )))
    }

    /// A table without rows.
    fn empty(&self, table: &CreateTable) -> Result<Done> {
        let mut columns = self.columns(&table.columns)?;
        let partition_columns = self.partition_specs(table, &mut columns)?;
        let mut external = parquet(String::new(), columns, partition_columns);
        self.check_columns(&external)?;
        (external.location, _) = self.fresh_folder()?;
        self.publish(table, external)?;
        Ok(Done::new(format!("created table {}", self.target.full_name())))
    }

    /// A table of a query's rows.
    async fn of_query(&self, table: &CreateTable, parameters: &Parameters) -> Result<Done> {
        if let Some(column) = table.columns.first() {
            return Err(
                Error::new(Code::Unsupported, "a list of columns beside AS is not supported")
                    .with_hint("name and cast the columns in the query: SELECT CAST(a AS BIGINT) AS b")
                    .at(self.piece.locate(column.span)),
            );
        }
        let state = self.session.state();
        let plan = self.session.plan(&state, self.piece, parameters).await?;
        let (plan, columns, partition_columns) = self.arrange(plan, &table.partitioned_by)?;
        let mut external = parquet(String::new(), columns, partition_columns);
        self.check_columns(&external)?;
        let folder;
        (external.location, folder) = self.fresh_folder()?;
        let old = self.target.existing(self.session).ok().flatten();
        let written = self.write(&state, plan, &external, &folder).await;
        let published = written.and_then(|count| self.publish(table, external).map(|()| count));
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

    async fn write(
        &self,
        state: &SessionState,
        plan: LogicalPlan,
        external: &ExternalTable,
        folder: &Path,
    ) -> Result<u64> {
        let input = self.session.physical(state, self.piece, &plan).await?;
        let provider =
            ExternalTableProvider::new(self.target.full_name(), external.clone(), folder.to_owned());
        let plan = provider
            .insert_into(state, input, InsertOp::Append)
            .await
            .map_err(|e| self.session.translated(e, self.piece))?;
        write::run(self.session, state, self.piece, plan).await
    }

    /// The query's columns as a table's, and the plan with the partition columns moved last.
    fn arrange(
        &self,
        plan: LogicalPlan,
        partitioned_by: &[ColumnSpec],
    ) -> Result<(LogicalPlan, Vec<Column>, Vec<Column>)> {
        let schema = Arc::clone(plan.schema());
        let mut order: Vec<usize> = (0..schema.fields().len()).collect();
        let mut partitions = Vec::new();
        for spec in partitioned_by {
            if spec.data_type.is_some() {
                return Err(Error::new(
                    Code::Syntax,
                    format!("partition column '{}' has its query's type", spec.name),
                )
                .with_hint("leave the type out")
                .at(self.piece.locate(spec.span)));
            }
            let exact = order.iter().position(|i| *schema.field(*i).name() == spec.name);
            let found = exact.or_else(|| {
                let mut fields = order.iter();
                fields.position(|i| schema.field(*i).name().eq_ignore_ascii_case(&spec.name))
            });
            let Some(found) = found else {
                let names = schema.fields().iter().map(|field| field.name().as_str());
                return Err(Error::new(
                    Code::UndefinedColumn,
                    format!("column '{}' not found in the query", spec.name),
                )
                .with_hint_if(did_you_mean(&spec.name, names))
                .at(self.piece.locate(spec.span)));
            };
            partitions.push(order.remove(found));
        }
        let column = |i: &usize| {
            let field = schema.field(*i);
            Column::new(field.name(), column_type(field.data_type()))
        };
        let (columns, partition_columns) = (
            order.iter().map(column).collect(),
            partitions.iter().map(column).collect(),
        );
        order.extend(partitions);
        let expressions = order
            .iter()
            .map(|i| Expr::Column(ColumnName::from(schema.qualified_field(*i))));
        let arranged = LogicalPlanBuilder::from(plan)
            .project(expressions)
            .and_then(LogicalPlanBuilder::build)
            .map_err(|e: DataFusionError| self.session.translated(e, self.piece))?;
        Ok((arranged, columns, partition_columns))
    }

    fn columns(&self, specs: &[ColumnSpec]) -> Result<Vec<Column>> {
        specs.iter().map(|spec| self.column(spec)).collect()
    }

    fn column(&self, spec: &ColumnSpec) -> Result<Column> {
        let data_type = match &spec.data_type {
            Some(data_type) => arrow_type(data_type).map_err(|e| e.at(self.piece.locate(spec.span)))?,
            None => DataType::Utf8View,
        };
        Ok(Column {
            name: spec.name.clone(),
            data_type,
            nullable: !spec.not_null,
            comment: spec.comment.clone(),
        })
    }

    /// `PARTITIONED BY`: a column with its type, or one of `columns`, which then moves.
    fn partition_specs(&self, table: &CreateTable, columns: &mut Vec<Column>) -> Result<Vec<Column>> {
        let partition = |spec: &ColumnSpec| {
            let exact = columns.iter().position(|column| column.name == spec.name);
            let alike = |column: &Column| column.name.to_lowercase() == spec.name.to_lowercase();
            match exact.or_else(|| columns.iter().position(alike)) {
                Some(known) if spec.data_type.is_none() => Ok(columns.remove(known)),
                None if spec.data_type.is_none() && table.external.is_none() => {
                    let names = columns.iter().map(|column| column.name.as_str());
                    let message = format!("column '{}' not found in the table", spec.name);
                    Err(Error::new(Code::UndefinedColumn, message)
                        .with_hint_if(did_you_mean(&spec.name, names))
                        .at(self.piece.locate(spec.span)))
                }
                _ => self.column(spec),
            }
        };
        table.partitioned_by.iter().map(partition).collect()
    }

    fn check_columns(&self, table: &ExternalTable) -> Result<()> {
        if table.columns.is_empty() {
            let message = match table.partition_columns.as_slice() {
                [] => "a table needs a column, and these files have none",
                _ => "a table needs a column besides its partition columns",
            };
            return Err(Error::new(Code::InvalidStatement, message));
        }
        if let Some(column) = table.all_columns().position(|column| column.name.is_empty()) {
            let message = format!("column {} has no name", column + 1);
            return Err(Error::new(Code::InvalidStatement, message)
                .with_hint("give the table's columns: (a BIGINT, b VARCHAR, …)"));
        }
        let wrong = |column: &Column, why: &str| {
            let name = type_text(&column.data_type);
            let message = format!("column '{}' of type {name} {why}", column.name);
            Error::new(Code::Unsupported, message)
        };
        let mut partitions = table.partition_columns.iter();
        if let Some(column) = partitions.find(|column| !has_partition_text(&column.data_type)) {
            return Err(wrong(column, "cannot be a partition column"));
        }
        let mut columns = table.columns.iter();
        if let Some(column) =
            columns.find(|column| table.format == Format::Parquet && has_interval(&column.data_type))
        {
            return Err(wrong(column, "cannot be stored in Parquet files"));
        }
        self.check_distinct(table)
    }

    fn check_distinct(&self, table: &ExternalTable) -> Result<()> {
        let mut seen: Vec<(String, &str)> = Vec::new();
        for column in table.all_columns() {
            let lower = column.name.to_lowercase();
            if let Some((_, first)) = seen.iter().find(|(known, _)| *known == lower) {
                let error = Error::new(
                    Code::DuplicateColumn,
                    format!("columns '{first}' and '{}' have one name", column.name),
                );
                return Err(error.with_hint("names are distinct in any case: give one another name"));
            }
            seen.push((lower, &column.name));
        }
        Ok(())
    }

    fn folder(&self) -> PathBuf {
        self.session.lake().catalog().zone_folder(&self.target.zone)
    }

    /// A location as the definition has it; an absolute one may be given if it is in the zone.
    fn relative(&self, location: &str) -> Result<String> {
        let folder = self.folder();
        let inside = Path::new(location)
            .strip_prefix(&folder)
            .ok()
            .and_then(Path::to_str);
        let slash = if location.ends_with('/') { "/" } else { "" };
        let location = match inside {
            Some(inside) => check_location(&format!("{inside}{slash}")),
            None => check_location(location),
        };
        let location = location.map_err(|e| {
            let hint = e.hint().map(str::to_owned);
            let folder = folder.display();
            Error::new(e.code(), e.message()).with_hint(format!(
                "{}; the zone's folder is '{folder}'",
                hint.unwrap_or_default()
            ))
        })?;
        let is_folder = folder.join(&location).is_dir() && !location.ends_with('/');
        Ok(if is_folder {
            format!("{location}/")
        } else {
            location
        })
    }

    /// A new folder in the zone: its location and its path.
    fn fresh_folder(&self) -> Result<(String, PathBuf)> {
        let zone = self.folder();
        std::fs::create_dir_all(&zone).map_err(|e| Error::io(&zone, "make the folder", e))?;
        let folder = tempfile::Builder::new()
            .prefix(&format!("{}-", self.target.name))
            .rand_bytes(FOLDER_ID)
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777))
            .tempdir_in(&zone)
            .map_err(|e| Error::io(&zone, "write into", e))?
            .keep();
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        Ok((format!("{name}/"), folder))
    }

    fn publish(&self, table: &CreateTable, external: ExternalTable) -> Result<()> {
        let now = now();
        let old = match self.on_existing {
            OnExisting::Replace => self.target.existing(self.session).ok().flatten(),
            OnExisting::Keep => None,
        };
        let mut definition = match old {
            Some(old) => TableDefinition {
                kind: TableKind::External(external),
                ..old.as_ref().clone()
            },
            None => TableDefinition::new(&self.target.name, TableKind::External(external)),
        };
        definition.created_at = definition.created_at.or(Some(now));
        definition.updated_at = Some(now);
        definition.owner = table.owner.clone().or(definition.owner);
        definition.comment = table.comment.clone().or(definition.comment);
        let catalog = self.session.lake().catalog();
        catalog.publish(&self.target.zone, &definition, self.on_existing)
    }

    /// Takes the replaced table's folder away if the engine had made it; says so if it cannot.
    fn remove_replaced(&self, old: Option<&TableDefinition>) -> String {
        let Some(TableKind::External(old)) = old.map(|definition| &definition.kind) else {
            return String::new();
        };
        let prefix = format!("{}-", self.target.name);
        let id = old
            .location
            .strip_prefix(&prefix)
            .and_then(|rest| rest.strip_suffix('/'));
        if !id.is_some_and(|id| id.len() == FOLDER_ID && id.chars().all(|c| c.is_ascii_alphanumeric())) {
            return String::new();
        }
        let folder = self.folder().join(&old.location);
        match std::fs::remove_dir_all(&folder) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                format!(
                    "; the old files in '{}' could not be removed: {e}",
                    folder.display()
                )
            }
            _ => String::new(),
        }
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

/// Whether values are told apart by a text that reads back as the same value.
fn has_partition_text(data_type: &DataType) -> bool {
    !data_type.is_nested()
        && !matches!(
            data_type,
            DataType::Binary | DataType::Interval(_) | DataType::Duration(_)
        )
}

fn has_interval(data_type: &DataType) -> bool {
    match data_type {
        DataType::Interval(_) => true,
        DataType::List(item) => has_interval(item.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| has_interval(field.data_type())),
        DataType::Map(entries, _) => has_interval(entries.data_type()),
        _ => false,
    }
}
