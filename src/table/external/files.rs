//! How the files of a definition are read, which of a folder's files are its data, and which columns
//! they have where it does not say.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Schema};
use datafusion::catalog::Session;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use percent_encoding::percent_decode_str;

use super::read;
use super::source::{RowFormat, Source};
use crate::definition::{Column, ExternalTable, Format, column_type, type_text};
use crate::error::{Code, Error, Result, without_layers};
use crate::storage::{DataFile, FolderFilter, Listings, Pinned, Place, Selection, list_files};
use crate::table::conform::common_type;
use crate::table::parquet::{INT96_UNIT, file_schema};
use crate::table::scan::unreadable;

/// How many files are looked into for a schema.
const SAMPLED_FILES: usize = 16;

/// The reader of the definition's files.
pub(super) fn file_format(
    table: &str,
    definition: &ExternalTable,
    place: &Place,
    state: &dyn Session,
) -> Arc<dyn FileFormat> {
    if definition.format != Format::Parquet {
        return Arc::new(RowFormat {
            table: table.to_owned(),
            prefix: place.prefix().to_owned(),
            definition: Arc::new(definition.clone()),
        });
    }
    let mut options = state.default_table_options().parquet;
    options.global.coerce_int96 = Some(INT96_UNIT.to_owned());
    Arc::new(ParquetFormat::new().with_options(options))
}

/// The files of a table, as the statement sees them that `state` runs.
pub(super) async fn files(
    table: &str,
    format: Format,
    place: &Place,
    store: &Arc<dyn ObjectStore>,
    folders: Option<FolderFilter<'_>>,
    state: &dyn Session,
) -> Result<Vec<DataFile>> {
    let seen: Option<Arc<Listings>> = state.config().get_extension();
    let selection = Selection {
        is_data: is_data(format),
        folders,
        seen: seen.as_deref(),
    };
    list_files(store, place, selection)
        .await
        .map_err(|e| of_table(e, table))
}

/// Which names the files of a format have.
fn is_data(format: Format) -> fn(&str) -> bool {
    match format {
        Format::Parquet => |name| Format::Parquet.has_name(name),
        Format::Csv => |name| Format::Csv.has_name(name),
        Format::Json => |name| Format::Json.has_name(name),
        Format::Avro => |name| Format::Avro.has_name(name),
        Format::Arrow => |name| Format::Arrow.has_name(name),
    }
}

/// The store of a place.
pub(super) fn store(table: &str, place: &Place, state: &dyn Session) -> Result<Arc<dyn ObjectStore>> {
    state.runtime_env().object_store(place.store_url()).map_err(|e| {
        let message = format!("table '{table}': {}", without_layers(&e.strip_backtrace()));
        Error::new(Code::Io, message).with_source(e)
    })
}

/// An error about a folder, as one about its table.
pub(super) fn of_table(error: Error, table: &str) -> Error {
    let message = format!("table '{table}': {}", error.message());
    let gone = error.code() == Code::UndefinedFile;
    Error::new(error.code(), message)
        .with_hint_if(gone.then(|| "its files are gone: put them back, or drop the table".to_owned()))
        .with_source(error)
}

/// The columns of the files at `place`, from a sample of them, and the partition columns that their
/// folders' names show, as texts.
///
/// # Errors
/// [`Code::UndefinedFile`] if there is no file to look into, [`Code::CorruptFile`] if one cannot be
/// read, [`Code::DatatypeMismatch`] if two contradict each other.
pub async fn infer_columns(
    table: &str,
    definition: &ExternalTable,
    place: &Place,
    state: &dyn Session,
) -> Result<(Vec<Column>, Vec<Column>)> {
    let store = store(table, place, state)?;
    let files = files(table, definition.format, place, &store, None, state).await?;
    let step = files.len().div_ceil(SAMPLED_FILES).max(1);
    let sample: Vec<&DataFile> = files.iter().step_by(step).collect();
    columns_of(table, definition, place, state, &store, &sample).await
}

/// The same, from every file: for a table that is not written down, and whose files may have columns
/// that a sample would miss.
///
/// # Errors
/// Those of [`infer_columns`].
pub async fn infer_all_columns(
    table: &str,
    definition: &ExternalTable,
    place: &Place,
    state: &dyn Session,
) -> Result<(Vec<Column>, Vec<Column>)> {
    let files = list(table, definition.format, place, state).await?;
    infer_columns_of(table, definition, place, state, &files).await
}

/// The files of a format at `place`.
///
/// # Errors
/// What the store says.
pub async fn list(table: &str, format: Format, place: &Place, state: &dyn Session) -> Result<Vec<DataFile>> {
    let store = store(table, place, state)?;
    files(table, format, place, &store, None, state).await
}

/// As [`infer_all_columns`], from these files.
///
/// # Errors
/// Those of [`infer_columns`].
pub async fn infer_columns_of(
    table: &str,
    definition: &ExternalTable,
    place: &Place,
    state: &dyn Session,
    files: &[DataFile],
) -> Result<(Vec<Column>, Vec<Column>)> {
    let store = store(table, place, state)?;
    let files: Vec<&DataFile> = files.iter().collect();
    columns_of(table, definition, place, state, &store, &files).await
}

/// The format of the files in a folder, as their names say it.
///
/// # Errors
/// [`Code::UndefinedFile`] if none says one.
pub async fn format_of(path: &str, place: &Place, state: &dyn Session) -> Result<Format> {
    let store = store(path, place, state)?;
    let selection = Selection {
        is_data: |name| Format::of_name(name).is_some(),
        folders: None,
        seen: None,
    };
    let files = list_files(&store, place, selection).await?;
    let mut formats = files.iter().filter_map(|file| {
        let format = Format::of_name(file.meta.location.filename()?)?;
        Some((format, file))
    });
    let wrong = |message: String| {
        Error::new(Code::UndefinedFile, message).with_hint(
            "the format is told by names such as 'x.parquet', 'x.csv.gz', 'x.jsonl', 'x.avro', 'x.arrow'",
        )
    };
    let Some((format, first)) = formats.next() else {
        return Err(wrong(format!(
            "what format '{path}' has is not told by the names of its files"
        )));
    };
    match formats.find(|(other, _)| *other != format) {
        None => Ok(format),
        Some((_, other)) => Err(wrong(format!(
            "files '{}' and '{}' have different formats",
            place.display_file(&first.meta.location),
            place.display_file(&other.meta.location)
        ))),
    }
}

async fn columns_of(
    table: &str,
    definition: &ExternalTable,
    place: &Place,
    state: &dyn Session,
    store: &Arc<dyn ObjectStore>,
    sample: &[&DataFile],
) -> Result<(Vec<Column>, Vec<Column>)> {
    let Some(first) = sample.first() else {
        return Err(no_files(table, definition.format, place, store).await);
    };
    let display = |file: &&DataFile| (place.display_file(&file.meta.location), file.meta.clone());
    let named: Vec<(String, ObjectMeta)> = sample.iter().map(display).collect();
    let mut schemas = futures::stream::iter(named)
        .map(|(path, meta)| async move {
            let schema = schema(table, definition, &path, store, &meta, state).await?;
            Ok::<_, Error>((path, schema))
        })
        .buffered(SAMPLED_FILES);
    let mut merged = Merged::default();
    while let Some((path, schema)) = schemas.try_next().await? {
        merged.add(table, definition.format, &path, &schema)?;
    }
    let partitions = first.folders.iter().map_while(|folder| folder.split_once('='));
    let partitions = partitions.enumerate().map(|(level, (name, _))| {
        let decoded = percent_decode_str(name).decode_utf8_lossy();
        Column::new(decoded.as_ref(), partition_type(sample, level, name))
    });
    Ok((merged.columns(), partitions.collect()))
}

/// The type whose every value is written exactly as the folders' names have it.
fn partition_type(sample: &[&DataFile], level: usize, name: &str) -> DataType {
    let value = |file: &&DataFile| {
        let (found, value) = file.folders.get(level)?.split_once('=')?;
        (found == name && value != super::partitions::NULL).then(|| value.to_owned())
    };
    let texts: StringArray = sample.iter().filter_map(value).map(Some).collect();
    let texts: ArrayRef = Arc::new(texts);
    let is_exact = |data_type: &DataType| {
        let back = cast(&texts, data_type).and_then(|values| cast(&values, &DataType::Utf8));
        back.is_ok_and(|back| back.as_ref() == texts.as_ref())
    };
    let mut types = [DataType::Int64, DataType::Date32].into_iter();
    let found = types.find(|data_type| !texts.is_empty() && is_exact(data_type));
    found.unwrap_or(DataType::Utf8View)
}

/// That there is nothing to look into; other files in the folder are mentioned.
async fn no_files(table: &str, format: Format, place: &Place, store: &Arc<dyn ObjectStore>) -> Error {
    let selection = Selection {
        is_data: |_| true,
        folders: None,
        seen: None,
    };
    let others = list_files(store, place, selection).await.unwrap_or_default();
    let error = Error::new(
        Code::UndefinedFile,
        format!("table '{table}': no {format} files in '{place}'"),
    );
    match others.first() {
        None => error.with_hint("give the columns, or a location that has files"),
        Some(other) => error.with_hint(format!(
            "there are others, such as '{}': a pattern such as '*' as the location takes them whatever their names end in",
            place.display_file(&other.meta.location)
        )),
    }
}

async fn schema(
    table: &str,
    definition: &ExternalTable,
    path: &str,
    store: &Arc<dyn ObjectStore>,
    meta: &ObjectMeta,
    state: &dyn Session,
) -> Result<Schema> {
    let pinned = Pinned::new(Arc::clone(store), meta);
    if definition.format == Format::Parquet {
        let cache = state.runtime_env().cache_manager.get_file_metadata_cache();
        let metadata = DFParquetMetadata::new(&pinned, meta)
            .with_file_metadata_cache(Some(cache))
            .fetch_metadata()
            .await;
        let schema = metadata.and_then(|metadata| file_schema(&metadata));
        return match schema {
            Ok(schema) => Ok(schema),
            Err(error) => {
                Err(of_another_format(unreadable(table, path, error), table, path, &pinned, meta).await)
            }
        };
    }
    let source = Source::open(&pinned, meta, definition.format)
        .await
        .map_err(|e| unreadable(table, path, e))?;
    let (owned, file) = (definition.clone(), path.to_owned());
    let found = source.work(move |input| read::infer(&owned, &file, input)).await;
    let found = found.map_err(|e| unreadable(table, path, e))?;
    found.map_err(|why| {
        let why = without_layers(&why);
        let message = format!(
            "cannot tell the columns of '{path}' as {}: {why}",
            definition.format
        );
        Error::new(Code::CorruptFile, message)
    })
}

/// That a Parquet file cannot be read, with what it is instead if its beginning tells.
async fn of_another_format(
    error: Error,
    table: &str,
    path: &str,
    store: &Pinned,
    meta: &ObjectMeta,
) -> Error {
    if error.code() != Code::CorruptFile {
        return error;
    }
    let telling = meta.size.min(read::TELLING_BYTES as u64);
    let first = store
        .get_range(&meta.location, 0..telling)
        .await
        .unwrap_or_default();
    match read::other_than(Format::Parquet, &first) {
        Some(why) => Error::new(
            Code::CorruptFile,
            format!("cannot read '{path}' of table '{table}': {why}"),
        )
        .with_source(error),
        None => error,
    }
}

/// The columns of several files, as one table's.
#[derive(Default)]
struct Merged(Vec<Found>);

struct Found {
    name: String,
    data_type: DataType,
    file: String,
}

impl Merged {
    fn add(&mut self, table: &str, format: Format, file: &str, schema: &Schema) -> Result<()> {
        for field in schema.fields() {
            let exact = self.0.iter().position(|found| found.name == *field.name());
            let lower = field.name().to_lowercase();
            let alike = || {
                let other = |found: &Found| {
                    found.name.to_lowercase() == lower && schema.field_with_name(&found.name).is_err()
                };
                self.0.iter().position(other)
            };
            let data_type = normalized(field.data_type());
            let Some(known) = exact.or_else(alike) else {
                self.0.push(Found {
                    name: field.name().clone(),
                    data_type,
                    file: file.to_owned(),
                });
                continue;
            };
            let known = &mut self.0[known];
            let Some(common) = common(format, &known.data_type, &data_type) else {
                return Err(Error::new(
                    Code::DatatypeMismatch,
                    format!(
                        "table '{table}': column '{}' is {} in file '{}' and {} in file '{file}'",
                        known.name,
                        type_text(&known.data_type),
                        known.file,
                        type_text(&data_type)
                    ),
                )
                .with_hint("no type has the values of both: put the files in two tables"));
            };
            if common != known.data_type {
                known.data_type = common;
                file.clone_into(&mut known.file);
            }
        }
        Ok(())
    }

    fn columns(self) -> Vec<Column> {
        let column = |found: Found| Column::new(found.name, column_type(&found.data_type));
        self.0.into_iter().map(column).collect()
    }
}

/// A type as a table has it, except that one that only NULL was seen of stays open.
fn normalized(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Null => DataType::Null,
        other => column_type(other),
    }
}

/// In a text, every value can be read as text.
fn common(format: Format, a: &DataType, b: &DataType) -> Option<DataType> {
    let common = common_type(a, b);
    match format {
        Format::Csv => {
            let number = |t: &DataType| t.is_integer() || t.is_floating();
            let floating = number(a) && number(b);
            Some(common.unwrap_or(if floating {
                DataType::Float64
            } else {
                DataType::Utf8View
            }))
        }
        Format::Json if common.is_none() => {
            let number = |t: &DataType| t.is_integer() || t.is_floating();
            (number(a) && number(b)).then_some(DataType::Float64)
        }
        _ => common,
    }
}
