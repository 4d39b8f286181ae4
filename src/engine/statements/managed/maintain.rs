//! `RESTORE`, `OPTIMIZE` and `VACUUM`.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, StringArray};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, Partitioning};
use uuid::Uuid;

use super::rewrite::Rewrite;
use super::{definition, resolve, stage};
use crate::definition::TableKind;
use crate::engine::outcome::{Body, Rows};
use crate::engine::session::Session;
use crate::engine::statements::target::Target;
use crate::engine::system::batch;
use crate::engine::tables::past_table;
use crate::error::{Code, Error, Result};
use crate::syntax::{Optimize, Piece, Restore, TableName, Vacuum};
use crate::table::ManagedTableProvider;
use crate::table::managed::{Change, LogFile, MarkExec, Marks, Reads, SMALL_FILE_BYTES, Unused};

fn row(columns: Vec<(&str, u64)>) -> Body {
    let number =
        |n: u64| -> ArrayRef { Arc::new(Int64Array::from(vec![i64::try_from(n).unwrap_or(i64::MAX)])) };
    let columns = columns.into_iter().map(|(name, n)| (name, number(n)));
    Body::Rows(Rows::of_batch(batch(columns.collect())))
}

/// The table becomes what it was; what came between stays in its history.
pub(crate) async fn restore(session: &Session, piece: &Piece, restore: &Restore) -> Result<Body> {
    let table = resolve(session, piece, &restore.table, "RESTORE").await?;
    let target = Target::new(session, &restore.table)?;
    let definition = target.definition(session)?;
    let pins = session.pins();
    let past = past_table(session.lake(), &pins, &target.zone, &definition, &restore.to).await?;
    let (now, then) = (table.snapshot(), past.snapshot());
    let paths =
        |files: &[Arc<LogFile>]| -> HashSet<String> { files.iter().map(|file| file.path.clone()).collect() };
    let (has, had) = (paths(now.files()), paths(then.files()));
    let mut change = Change::new("RESTORE", Reads::Table);
    change.parameters.push(("version", then.version().to_string()));
    change.load_id = Some(Uuid::new_v4());
    for file in then.files().iter().filter(|file| !has.contains(&file.path)) {
        let path = PathBuf::from(format!("/{}", file.meta.location));
        if !path.exists() {
            let message = format!(
                "version {} of table '{}' cannot be had again: its file '{}' is gone",
                then.version(),
                table.name(),
                path.display()
            );
            return Err(Error::new(Code::UndefinedVersion, message)
                .with_hint("VACUUM removes files that no version within the retention time needs"));
        }
    }
    change.add_again(then, |file| !has.contains(&file.path));
    change.remove(now, |file| !had.contains(&file.path));
    // Rows that come back may break a constraint that was made since.
    if now.schema() != then.schema() || now.checks() != then.checks() {
        change.restore_columns(then);
    }
    let version = table.log().commit(table.name(), now, &change).await?;
    Ok(row(vec![
        ("version", version),
        ("restored_version", then.version()),
        ("files_added", change.added_files() as u64),
        ("files_removed", change.removed_files() as u64),
    ]))
}

/// Many small files become few large ones, partition by partition.
pub(crate) async fn optimize(session: &Session, piece: &Piece, optimize: &Optimize) -> Result<Body> {
    let table = resolve(session, piece, &optimize.table, "OPTIMIZE").await?;
    let state = session.state();
    if let Some(column) = optimize.zorder_by.first() {
        return Err(Error::new(Code::Unsupported, "ZORDER BY is not supported")
            .with_hint("SORTED BY keeps the rows of new files sorted")
            .at(piece.locate(column.span)));
    }
    if optimize.predicate.is_some() {
        return Err(Error::new(Code::Unsupported, "OPTIMIZE … WHERE is not supported").at(piece.start()));
    }
    let wanted = small_files(&table);
    let snapshot = table.snapshot();
    if wanted.is_empty() {
        return Ok(row(vec![
            ("version", snapshot.version()),
            ("files_added", 0),
            ("files_removed", 0),
        ]));
    }
    let rewrite = Rewrite {
        session,
        state: &state,
        piece,
        table: &table,
        definition: definition(session, &optimize.table)?,
    };
    let input = rewrite.rows_of(wanted.clone()).await?;
    let rows = Arc::new(MarkExec::keep(input, Arc::new(Marks::default())));
    let rows = together(&table, rows).map_err(|e| session.translated(e, piece))?;
    let staged = stage(session, &state, piece, rows, table.layouts()?).await?;
    let mut change = Change::new("OPTIMIZE", Reads::Removed);
    change.data_change = false;
    change.add(&staged);
    let gone: HashSet<&str> = wanted
        .iter()
        .map(|file| snapshot.files()[*file as usize].path.as_str())
        .collect();
    change.remove(snapshot, |file| gone.contains(file.path.as_str()));
    let version = table.log().commit(table.name(), snapshot, &change).await?;
    staged.keep();
    Ok(row(vec![
        ("version", version),
        ("files_added", change.added_files() as u64),
        ("files_removed", change.removed_files() as u64),
    ]))
}

/// The positions of the files that are smaller than they need to be, where a partition has several.
fn small_files(table: &ManagedTableProvider) -> Vec<u32> {
    let mut partitions: BTreeMap<&[Option<String>], Vec<u32>> = BTreeMap::new();
    for (i, file) in (0_u32..).zip(table.snapshot().files()) {
        if file.meta.size < SMALL_FILE_BYTES {
            partitions.entry(&file.partition).or_default().push(i);
        }
    }
    let several = partitions.into_values().filter(|files| files.len() > 1);
    let mut all: Vec<u32> = several.flatten().collect();
    all.sort_unstable();
    all
}

/// The rows of a partition in one stream, so that they come into one file.
fn together(
    table: &ManagedTableProvider,
    rows: Arc<dyn ExecutionPlan>,
) -> Result<Arc<dyn ExecutionPlan>, datafusion::error::DataFusionError> {
    let schema = rows.schema();
    let columns = table.snapshot().partition_columns().iter().map(|name| {
        let column = Column::new_with_schema(name, &schema)?;
        Ok(Arc::new(column) as Arc<dyn PhysicalExpr>)
    });
    let columns: Vec<_> = columns.collect::<Result<_, datafusion::error::DataFusionError>>()?;
    if columns.is_empty() {
        return Ok(Arc::new(CoalescePartitionsExec::new(rows)));
    }
    let streams = rows.output_partitioning().partition_count();
    Ok(Arc::new(RepartitionExec::try_new(
        rows,
        Partitioning::Hash(columns, streams),
    )?))
}

/// What no version within the retention time needs goes: removed files, what failed statements left,
/// and (of the lake as a whole) the folders of dropped tables.
pub(crate) async fn vacuum(session: &Session, piece: &Piece, vacuum: &Vacuum) -> Result<Body> {
    let mut unused = Vec::new();
    match &vacuum.table {
        Some(name) => {
            let table = resolve(session, piece, name, "VACUUM").await?;
            unused.extend(table.log().unused(table.snapshot(), vacuum.retain_hours).await?);
        }
        None => {
            for name in managed_tables(session)? {
                let table = resolve(session, piece, &name, "VACUUM").await?;
                unused.extend(table.log().unused(table.snapshot(), vacuum.retain_hours).await?);
            }
            unused.extend(dropped(session, vacuum.retain_hours)?);
        }
    }
    if vacuum.dry_run {
        let paths = unused
            .iter()
            .map(|unused| Some(unused.path.display().to_string()));
        let bytes = unused.iter().map(|unused| i64::try_from(unused.bytes).ok());
        let folders = unused.iter().map(|unused| Some(unused.is_folder));
        return Ok(Body::Rows(Rows::of_batch(batch(vec![
            ("path", Arc::new(paths.collect::<StringArray>()) as ArrayRef),
            ("bytes", Arc::new(bytes.collect::<Int64Array>())),
            ("is_folder", Arc::new(folders.collect::<BooleanArray>())),
        ]))));
    }
    let (count, bytes) = (
        unused.len() as u64,
        unused.iter().map(|unused| unused.bytes).sum(),
    );
    tokio::task::spawn_blocking(move || unused.iter().try_for_each(Unused::remove))
        .await
        .map_err(|e| Error::new(Code::Internal, e.to_string()))??;
    Ok(row(vec![("removed", count), ("bytes", bytes)]))
}

fn managed_tables(session: &Session) -> Result<Vec<TableName>> {
    let catalog = session.lake().catalog();
    let mut names = Vec::new();
    for zone in catalog.zones() {
        for entry in catalog.entries(zone)? {
            let definition = entry.definition.as_deref();
            if definition.is_ok_and(|definition| matches!(definition.kind, TableKind::Managed(_))) {
                names.push(TableName {
                    catalog: None,
                    zone: Some(zone.name.clone()),
                    table: entry.name,
                    span: sqlparser::tokenizer::Span::empty(),
                });
            }
        }
    }
    Ok(names)
}

/// Folders that a table was made in and that no definition names any more.
fn dropped(session: &Session, retain_hours: Option<u64>) -> Result<Vec<Unused>> {
    let catalog = session.lake().catalog();
    let mut used = BTreeSet::new();
    for zone in catalog.zones() {
        for entry in catalog.entries(zone)? {
            // A definition that cannot be read may name any folder: nothing is swept beside it.
            let location = match &entry.definition?.kind {
                TableKind::External(table) => table.location.clone(),
                TableKind::Managed(table) => table.location.clone(),
                TableKind::View(_) => continue,
            };
            used.insert(catalog.zone_folder(zone).join(location.trim_end_matches('/')));
        }
    }
    let mut unused = Vec::new();
    for zone in catalog.zones() {
        unused.extend(Unused::folders(&catalog.zone_folder(zone), &used, retain_hours)?);
    }
    Ok(unused)
}
