//! How the files of a definition are read, and which columns they have where it does not say.

use std::path::Path;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::catalog::Session;
use datafusion::common::parsers::CompressionTypeVariant;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::avro::AvroFormat;
use datafusion::datasource::file_format::csv::CsvFormat;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::file_format::json::JsonFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::execution::object_store::ObjectStoreUrl;

use crate::definition::{Column, Compression, ExternalTable, Format, column_type};
use crate::error::{Code, Error, Result, without_layers};
use crate::storage::{DataFile, list_files};

/// How many files are looked into for a schema.
const SAMPLED_FILES: usize = 16;

/// DataFusion's reader and writer for the definition's files.
pub(super) fn file_format(
    table: &str,
    definition: &ExternalTable,
    files: &[DataFile],
    state: &dyn Session,
) -> Result<Arc<dyn FileFormat>> {
    let options = state.default_table_options();
    Ok(match definition.format {
        Format::Parquet => Arc::new(ParquetFormat::new().with_options(options.parquet)),
        Format::Avro => Arc::new(AvroFormat),
        Format::Json => Arc::new(
            JsonFormat::default()
                .with_options(options.json)
                .with_file_compression_type(compression(table, definition, files)?),
        ),
        Format::Csv => {
            let text = &definition.text;
            Arc::new(
                CsvFormat::default()
                    .with_options(options.csv)
                    .with_has_header(text.has_header)
                    .with_delimiter(text.delimiter)
                    .with_quote(text.quote)
                    .with_escape(text.escape)
                    .with_comment(text.comment)
                    .with_null_regex(text.null_regex.clone())
                    .with_newlines_in_values(true)
                    .with_file_compression_type(compression(table, definition, files)?),
            )
        }
    })
}

/// As the definition says; if it does not, as the files' names say.
fn compression(table: &str, definition: &ExternalTable, files: &[DataFile]) -> Result<FileCompressionType> {
    let found = match (definition.text.compression, files.split_first()) {
        (Some(said), _) => said,
        (None, None) => Compression::None,
        (None, Some((first, rest))) => {
            let found = Compression::of_file(first.meta.location.as_ref());
            let other = rest
                .iter()
                .find(|file| Compression::of_file(file.meta.location.as_ref()) != found);
            if let Some(other) = other {
                return Err(Error::new(
                    Code::CorruptFile,
                    format!(
                        "files '/{}' and '/{}' of table '{table}' are compressed in different ways",
                        first.meta.location, other.meta.location
                    ),
                )
                .with_hint("all files of a table have one compression; option 'compression' says which"));
            }
            found
        }
    };
    Ok(FileCompressionType::from(match found {
        Compression::None => CompressionTypeVariant::UNCOMPRESSED,
        Compression::Gzip => CompressionTypeVariant::GZIP,
        Compression::Zstd => CompressionTypeVariant::ZSTD,
        Compression::Bzip2 => CompressionTypeVariant::BZIP2,
        Compression::Xz => CompressionTypeVariant::XZ,
    }))
}

/// An error about a folder, as one about its table.
pub(super) fn of_table(error: Error, table: &str) -> Error {
    let message = format!("table '{table}': {}", error.message());
    let gone = error.code() == Code::UndefinedFile;
    Error::new(error.code(), message)
        .with_hint_if(gone.then(|| "its files are gone: put them back, or drop the table".to_owned()))
        .with_source(error)
}

/// The columns of the files at `path`, from a sample of them, and the partition columns that their
/// folders' names show, as texts.
///
/// # Errors
/// [`Code::UndefinedFile`] if there is no file to look into, [`Code::CorruptFile`] if one cannot be
/// read or two contradict each other.
pub async fn infer_columns(
    table: &str,
    definition: &ExternalTable,
    path: &Path,
    state: &dyn Session,
) -> Result<(Vec<Column>, Vec<Column>)> {
    let store_url = ObjectStoreUrl::local_filesystem();
    let storage = |e: datafusion::error::DataFusionError| {
        Error::new(Code::Io, format!("table '{table}': {}", e.strip_backtrace())).with_source(e)
    };
    let store = state.runtime_env().object_store(&store_url).map_err(storage)?;
    let files = list_files(store.as_ref(), path)
        .await
        .map_err(|e| of_table(e, table))?;
    let Some(first) = files.first() else {
        return Err(Error::new(
            Code::UndefinedFile,
            format!("table '{table}': no files in '{}'", path.display()),
        )
        .with_hint("give the columns, or a location that has files"));
    };
    let format = file_format(table, definition, &files, state)?;
    let step = files.len().div_ceil(SAMPLED_FILES);
    let sample: Vec<_> = files.iter().step_by(step).map(|file| file.meta.clone()).collect();
    let schema = format.infer_schema(state, &store, &sample).await.map_err(|e| {
        let place = if let [only] = sample.as_slice() {
            format!("/{}", only.location)
        } else {
            path.display().to_string()
        };
        Error::new(
            Code::CorruptFile,
            format!(
                "cannot tell the columns of '{place}' as {}: {}",
                definition.format,
                without_layers(&e.find_root().strip_backtrace())
            ),
        )
        .with_source(e)
    })?;
    let columns = schema
        .fields()
        .iter()
        .map(|field| Column::new(field.name(), column_type(field.data_type())))
        .collect();
    let partitions = first.folders.iter().map_while(|folder| folder.split_once('='));
    let partitions = partitions
        .map(|(name, _)| Column::new(name, DataType::Utf8View))
        .collect();
    Ok((columns, partitions))
}
