//! Record batches → one file, or a folder of files a partition, published when all is written.
//!
//! Nothing is seen of it before [`Output::finish`]; dropped earlier, nothing stays.

mod file;
mod text;

use std::collections::HashMap;
use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::take_record_batch;
use arrow::datatypes::SchemaRef;
use arrow::row::{RowConverter, SortField};
use datafusion::physical_plan::ExecutionPlan;
use tempfile::{Builder, NamedTempFile, TempDir};

use super::clustered::ClusteredExec;
use super::external::partition_folders;
use super::writer::{BUFFERED_BYTES, OPEN_FILES, parts};
use crate::definition::{Compression, Format, TextOptions};
use crate::error::{Code, Error, Result};
use crate::storage::{sync_folder, sync_tree};
use file::FileWriter;

/// How files are written.
#[derive(Debug, Clone)]
pub struct OutputFormat {
    /// The files' format.
    pub format: Format,
    /// How a text is written.
    pub text: TextOptions,
    /// Of whole files.
    pub compression: Compression,
}

/// Files being written.
pub struct Output {
    format: OutputFormat,
    schema: SchemaRef,
    target: Target,
}

enum Target {
    File(Box<SingleFile>),
    Folder(Box<Folder>),
}

struct SingleFile {
    temporary: NamedTempFile,
    writer: FileWriter<File>,
    path: PathBuf,
}

struct Folder {
    staged: TempDir,
    path: PathBuf,
    rows: RowConverter,
    keys: Vec<usize>,
    names: Vec<String>,
    values: Vec<usize>,
    open: HashMap<Box<[u8]>, (FileWriter<File>, u64)>,
    files: usize,
    writes: u64,
}

impl Output {
    /// Writes batches of `schema` to the file `path`, which is replaced.
    ///
    /// # Errors
    /// [`Code::Unsupported`] for columns that the format cannot hold; what the operating system says.
    pub fn to_file(path: &Path, format: OutputFormat, schema: &SchemaRef) -> Result<Self> {
        if path.is_dir() {
            let message = format!("'{}' is a folder", path.display());
            return Err(Error::new(Code::WrongObjectType, message).with_hint("give the path of a file"));
        }
        // A file takes the place of one that is there: a device or a pipe must not lose its own.
        if path.exists() && !path.is_file() {
            let message = format!("'{}' is neither a file nor a new name", path.display());
            return Err(Error::new(Code::WrongObjectType, message)
                .with_hint("a copy is written to a file; 'weir -o' writes a result to devices and pipes"));
        }
        std::fs::create_dir_all(parent(path)).map_err(|e| Error::io(path, "write", e))?;
        let temporary = hidden()
            .permissions(permissions_of(path))
            .tempfile_in(parent(path))
            .map_err(|e| Error::io(path, "write", e))?;
        let file = temporary.reopen().map_err(|e| Error::io(path, "write", e))?;
        Ok(Self {
            target: Target::File(Box::new(SingleFile {
                writer: FileWriter::new(file, path, &format, schema)?,
                temporary,
                path: path.to_owned(),
            })),
            format,
            schema: SchemaRef::clone(schema),
        })
    }

    /// Writes them to the folder `path`, the columns at `keys` becoming folders in it. There must be none,
    /// or an empty one. A partition has one file if the rows come as [`clustered`] gives them.
    ///
    /// # Errors
    /// Those of [`Output::to_file`]; [`Code::DuplicateTable`] if files are there already.
    pub fn to_folder(
        path: &Path,
        format: OutputFormat,
        schema: &SchemaRef,
        keys: Vec<usize>,
    ) -> Result<Self> {
        let wrong = |e| Error::io(path, "write into", e);
        match std::fs::read_dir(path).map(|mut entries| entries.next().is_some()) {
            Ok(true) => {
                return Err(not_empty(&path.display().to_string()));
            }
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(wrong(e)),
            _ => {}
        }
        let around = parent(path);
        std::fs::create_dir_all(around).map_err(wrong)?;
        let values: Vec<usize> = (0..schema.fields().len()).filter(|i| !keys.contains(i)).collect();
        if values.is_empty() {
            return Err(Error::new(
                Code::InvalidStatement,
                "files need a column besides the partition columns",
            ));
        }
        let fields = keys.iter().map(|i| schema.field(*i));
        let sorts = fields
            .clone()
            .map(|field| SortField::new(field.data_type().clone()));
        let rows = RowConverter::new(sorts.collect())
            .map_err(|e| Error::new(Code::Unsupported, format!("cannot partition: {e}")))?;
        let folder = Folder {
            staged: hidden()
                .permissions(PermissionsExt::from_mode(0o777))
                .tempdir_in(around)
                .map_err(wrong)?,
            path: path.to_owned(),
            rows,
            names: fields.map(|field| field.name().clone()).collect(),
            keys,
            values,
            open: HashMap::new(),
            files: 0,
            writes: 0,
        };
        Ok(Self {
            format,
            schema: SchemaRef::clone(schema),
            target: Target::Folder(Box::new(folder)),
        })
    }

    /// Writes a batch.
    ///
    /// # Errors
    /// What the operating system says, with the path.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        match &mut self.target {
            Target::File(single) => single.writer.write(batch),
            Target::Folder(folder) => folder.write(batch, &self.format, &self.schema),
        }
    }

    /// Publishes everything; it is on the disk when this returns.
    ///
    /// # Errors
    /// What the operating system says, with the path.
    pub fn finish(self) -> Result<()> {
        match self.target {
            Target::File(single) => {
                let SingleFile {
                    temporary,
                    writer,
                    path,
                } = *single;
                writer.finish()?;
                let synced = temporary.as_file().sync_all();
                synced.map_err(|e| Error::io(&path, "sync", e))?;
                let published = temporary.persist(&path);
                published.map_err(|e| Error::io(&path, "publish", e.error))?;
                sync_folder(parent(&path))
            }
            Target::Folder(folder) => folder.finish(),
        }
    }
}

impl Folder {
    fn write(&mut self, batch: &RecordBatch, format: &OutputFormat, schema: &SchemaRef) -> Result<()> {
        let keys: Vec<ArrayRef> = self
            .keys
            .iter()
            .map(|i| ArrayRef::clone(batch.column(*i)))
            .collect();
        let values = batch.project(&self.values).map_err(|e| defect(&e))?;
        for (key, indices) in parts(&self.rows, &keys)? {
            let first = indices.value(0) as usize;
            let part = take_record_batch(&values, &indices).map_err(|e| defect(&e))?;
            self.writes += 1;
            if !self.open.contains_key(&key) {
                self.make_room()?;
                let writer = self.create(partition_folders(&self.names, &keys, first)?, format, schema)?;
                self.open.insert(key.clone(), (writer, 0));
            }
            if let Some((writer, last)) = self.open.get_mut(&key) {
                *last = self.writes;
                writer.write(&part)?;
            }
        }
        self.bound_memory()
    }

    fn bound_memory(&mut self) -> Result<()> {
        let buffered = |(writer, _): &(FileWriter<File>, u64)| writer.buffered_bytes();
        while self.open.values().map(buffered).sum::<usize>() > BUFFERED_BYTES {
            let Some((largest, _)) = self.open.values_mut().max_by_key(|file| buffered(file)) else {
                break;
            };
            if !largest.flush()? {
                break;
            }
        }
        Ok(())
    }

    fn create(
        &mut self,
        folders: PathBuf,
        format: &OutputFormat,
        schema: &SchemaRef,
    ) -> Result<FileWriter<File>> {
        let ending = match format.compression {
            Compression::None => "",
            Compression::Gzip => ".gz",
            Compression::Zstd => ".zst",
            Compression::Bzip2 => ".bz2",
            Compression::Xz => ".xz",
        };
        let name = format!("part-{:05}.{}{ending}", self.files, format.format);
        self.files += 1;
        let relative = folders.join(name);
        let staged = self.staged.path().join(&relative);
        let wrong = |e| Error::io(self.path.join(&relative), "write", e);
        std::fs::create_dir_all(parent(&staged)).map_err(wrong)?;
        let file = File::create_new(&staged).map_err(wrong)?;
        let schema = SchemaRef::new(schema.project(&self.values).map_err(|e| defect(&e))?);
        FileWriter::new(file, &self.path.join(&relative), format, &schema)
    }

    fn make_room(&mut self) -> Result<()> {
        if self.open.len() < OPEN_FILES {
            return Ok(());
        }
        let newest = self.open.iter().max_by_key(|(_, (_, last))| *last);
        match newest
            .map(|(key, _)| key.clone())
            .and_then(|key| self.open.remove(&key))
        {
            Some((writer, _)) => writer.finish(),
            None => Ok(()),
        }
    }

    /// A folder takes the place of an empty one in one step.
    fn finish(mut self) -> Result<()> {
        for (_, (writer, _)) in self.open.drain() {
            writer.finish()?;
        }
        sync_tree(self.staged.path(), &self.path)?;
        std::fs::rename(self.staged.path(), &self.path).map_err(|e| Error::io(&self.path, "publish", e))?;
        let _ = self.staged.keep();
        sync_folder(parent(&self.path))
    }
}

/// The rows of a plan in an order in which the columns at `keys` become folders of a file each, within what files can
/// be open at a time. Within a folder they keep theirs.
pub fn clustered(plan: Arc<dyn ExecutionPlan>, keys: &[usize]) -> Arc<dyn ExecutionPlan> {
    match keys {
        [] => plan,
        keys => Arc::new(ClusteredExec::new(plan, keys.to_vec(), OPEN_FILES)),
    }
}

/// A folder in which a copy's files would be among others.
pub fn not_empty(folder: &str) -> Error {
    Error::new(Code::DuplicateTable, format!("folder '{folder}' is not empty"))
        .with_hint("files of a copy do not go among others: give another folder")
}

fn hidden() -> Builder<'static, 'static> {
    let mut builder = Builder::new();
    builder.prefix(".copy-").rand_bytes(12);
    builder
}

/// Those of the file whose place it takes; else what is hidden would stay its owner's alone.
fn permissions_of(path: &Path) -> Permissions {
    match path.metadata() {
        Ok(metadata) => metadata.permissions(),
        Err(_) => PermissionsExt::from_mode(0o666),
    }
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn defect(error: &arrow::error::ArrowError) -> Error {
    Error::new(
        Code::Internal,
        format!("cannot split a batch by partition: {error}"),
    )
}

#[cfg(test)]
mod tests;
