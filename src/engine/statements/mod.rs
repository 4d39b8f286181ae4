//! The executors of statements: one file a group, chosen here.

mod alter;
mod check;
mod comment;
mod copy;
mod create_table;
mod create_view;
mod delete_files;
mod describe;
mod drop;
mod managed;
mod show_create;
mod show_partitions;
mod suggest;
mod target;
mod write;

pub(super) use managed::explained;

use arrow::array::{Datum, RecordBatch, StringArray};
use arrow::compute::filter_record_batch;
use arrow::compute::kernels::cmp::eq;
use arrow::compute::kernels::comparison::ilike;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;

use self::target::Target;
use super::outcome::{Body, Done, Rows};
use super::session::Session;
use super::{explain, prepared_statements, rights, safe, settings, system};
use crate::error::{Code, Error, Result};
use crate::syntax::{Parameters, Piece, Statement};

/// The columns of a statement whose rows are computed before they are asked for; `None` for every other one,
/// which tells them when it is executed.
///
/// # Errors
/// That its table is not there.
pub(super) fn told(session: &Session, statement: &Statement) -> Result<Option<SchemaRef>> {
    let (table, schema) = match statement {
        Statement::CheckTable(check) => (&check.table, check::schema()),
        Statement::SuggestConstraints(name) => (name, suggest::schema()),
        _ => return Ok(None),
    };
    Target::new(session, table)?.definition(session)?;
    Ok(Some(schema))
}

/// Runs a statement. A query's rows come as they are asked for; everything else is done when this
/// returns.
pub(super) async fn execute(
    session: &Session,
    piece: &Piece,
    statement: Statement,
    parameters: &Parameters,
) -> Result<Body> {
    let done = |done: Done| Ok(Body::Done(done));
    safe::check_statement(session.config().read().options(), &statement)?;
    rights::check_statement(session, &statement)?;
    match statement {
        Statement::Query(query) if explain::is_tree(&query, session.config().read().options()) => {
            explain::execute(session, piece, parameters).await
        }
        Statement::Query(query) if explain::is_of_write(&query) => {
            explain::execute_in_format(session, piece, parameters).await
        }
        Statement::Query(_) => Ok(Body::Rows(session.query(piece, parameters).await?)),
        Statement::Insert(insert) => write::insert(session, piece, insert, parameters).await,
        Statement::Optimize(statement) => managed::optimize(session, piece, &statement).await,
        Statement::Vacuum(statement) => managed::vacuum(session, piece, &statement).await,
        Statement::Restore(statement) => managed::restore(session, piece, &statement).await,
        Statement::Replay(statement) => managed::replay(session, piece, &statement, parameters).await,
        Statement::ChangeRows(statement) => {
            managed::change_rows(session, piece, &statement, parameters).await
        }
        Statement::CreateTable(table) => create_table::execute(session, piece, *table, parameters).await,
        Statement::CreateView(view) => done(create_view::execute(session, piece, *view).await?),
        Statement::Drop(object) => done(drop::execute(session, &object)?),
        Statement::Alter(alter) => done(alter::execute(session, piece, *alter).await?),
        Statement::Comment(comment) => done(comment::execute(session, piece, comment).await?),
        Statement::CopyTo(copy) => done(copy::execute(session, piece, *copy, parameters).await?),
        Statement::CopyInto(copy) => managed::copy_into(session, piece, &copy).await,
        Statement::DeleteFiles(delete) => {
            done(delete_files::execute(session, piece, *delete, parameters).await?)
        }
        Statement::DescribeQuery(_) => describe::query(session, piece, parameters).await,
        Statement::DescribeFile { path, span } => describe::file(session, piece, &path, span).await,
        Statement::CheckTable(check) => check::execute(session, piece, &check, parameters).await,
        Statement::SuggestConstraints(name) => suggest::execute(session, piece, &name).await,
        Statement::ShowPartitions(name) => show_partitions::execute(session, &name).await,
        Statement::ShowTables { zone } => show_tables(session, zone.map(|(zone, _)| zone)),
        Statement::ShowCreate(name) => show_create::execute(session, &name).await,
        Statement::ShowFunctions { like } => show_functions(like.as_deref()),
        Statement::Describe(name) => describe::execute(session, &name).await,
        Statement::Use { zone, .. } => {
            session.use_zone(&zone)?;
            done(Done::new(format!("the current zone is {}", session.zone())))
        }
        Statement::Set { name, value, .. } => {
            let name = settings::set(session.config(), &name, &value)?;
            done(Done::new(format!("set {name}")))
        }
        Statement::Kill { id, span } => {
            let killed = session.kill(&id);
            killed.map_err(|error| error.at(piece.locate(span)))?;
            done(Done::new(format!("stopped statement {id}")))
        }
        Statement::Prepare(prepare) => done(session.prepared().add(*prepare, piece)?),
        Statement::Deallocate { name } => {
            let place = name.as_ref().map(|(_, span)| piece.locate(*span));
            let removed = session
                .prepared()
                .remove(name.as_ref().map(|(name, _)| name.as_str()));
            match (removed, place) {
                (Err(error), Some(place)) => Err(error.at(place)),
                (removed, _) => done(removed?),
            }
        }
        Statement::Execute {
            name,
            span,
            arguments,
        } => {
            let at = |error: Error| error.at(piece.locate(span));
            let prepared = session.prepared().get(&name).map_err(at)?;
            let values = prepared_statements::arguments(session, &prepared, arguments.as_ref(), parameters);
            let values = values.await.map_err(at)?;
            let statement = Statement::parse(&prepared.piece)?;
            Box::pin(execute(session, &prepared.piece, statement, &values)).await
        }
        Statement::Show { name } => show(session, name.map(|(name, _)| name)),
        Statement::Reset { name } => {
            let name = name.map(|(name, _)| name);
            settings::reset(session.config(), session.first_config(), name.as_deref())?;
            done(Done::new(format!(
                "reset {}",
                name.as_deref().unwrap_or("all settings")
            )))
        }
    }
}

fn show_tables(session: &Session, zone: Option<String>) -> Result<Body> {
    let catalog = session.lake().catalog();
    let mut tables = system::tables(catalog, session.config())?;
    if let Some(zone) = zone {
        let zone = catalog.zone(&zone)?;
        tables = keep(&tables, "zone", eq, &zone.name)?;
    }
    project(&tables, &["zone", "name", "kind", "format", "comment", "error"])
}

fn show_functions(like: Option<&str>) -> Result<Body> {
    let mut functions = system::functions();
    if let Some(like) = like {
        functions = keep(&functions, "name", ilike, like)?;
    }
    project(&functions, &["name", "kind", "syntax", "description"])
}

fn show(session: &Session, name: Option<String>) -> Result<Body> {
    let mut all = system::settings_table(session.config());
    if let Some(name) = name {
        let entry = settings::find(&session.config().read(), &name)?;
        all = keep(&all, "name", eq, &entry.key)?;
    }
    project(&all, &["name", "value"])
}

type Comparison = fn(&dyn Datum, &dyn Datum) -> Result<arrow::array::BooleanArray, ArrowError>;

/// The rows whose `column` compares with `value`.
fn keep(batch: &RecordBatch, column: &str, comparison: Comparison, value: &str) -> Result<RecordBatch> {
    let found = batch.column_by_name(column).ok_or_else(|| no_column(column))?;
    let wanted = StringArray::new_scalar(value);
    let kept = comparison(found, &wanted).and_then(|kept| filter_record_batch(batch, &kept));
    kept.map_err(|e| Error::new(Code::Internal, e.to_string()).with_source(e))
}

fn project(batch: &RecordBatch, columns: &[&str]) -> Result<Body> {
    let positions: Option<Vec<usize>> = columns
        .iter()
        .map(|name| batch.schema().index_of(name).ok())
        .collect();
    let projected = positions.and_then(|positions| batch.project(&positions).ok());
    let projected = projected.ok_or_else(|| no_column(&columns.join(", ")))?;
    Ok(Body::Rows(Rows::of_batch(projected)))
}

fn no_column(name: &str) -> Error {
    Error::new(Code::Internal, format!("a system table has no column {name}"))
}
