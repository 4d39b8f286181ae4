//! `COPY INTO t FROM 'path'`: files into a table, each once.
//!
//! What has been copied is in the table's log, in the commit that brought its rows: a file's path with its
//! size and time of change, which are quick to look up; its content, so that one that was merely touched is
//! not taken for another; and its path alone. A file of other content at a path that was copied is neither
//! the file that it was nor a new one: some of its rows may be in the table, and which cannot be told. It is
//! refused.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::{Column, ScalarValue};
use datafusion::datasource::provider_as_source;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, lit};
use sha2::{Digest, Sha256};

use super::insert::carry_out;
use super::{Answer, Held, Passage, definition, resolve};
use crate::definition::{ExternalTable, Format};
use crate::engine::files::{Files, delimiter};
use crate::engine::outcome::Body;
use crate::engine::session::Session;
use crate::error::{Code, Error, Result, did_you_mean};
use crate::storage::{DataFile, Place};
use crate::syntax::{CopyInto, Piece};
use crate::table::external::{format_of, hash_file, infer_columns_of, list};
use crate::table::managed::{Change, Reads};
use crate::table::{ExternalTableProvider, ManagedTableProvider};

pub(crate) async fn copy_into(session: &Session, piece: &Piece, copy: &CopyInto) -> Result<Body> {
    let state = session.state();
    let table = resolve(session, piece, &copy.table, "COPY INTO").await?;
    let copying = Copying {
        session,
        state: &state,
        piece,
        copy,
        table: &table,
    };
    let (source, place) = copying.source().await?;
    let files = list(&copy.path, source.format, &place, &state);
    let files = files.await.map_err(|e| copying.at_path(e))?;
    if files.is_empty() {
        let message = format!("there are no {} files in '{place}'", source.format);
        return Err(copying.at_path(Error::new(Code::UndefinedFile, message)));
    }
    let found = files.len() as u64;
    let new = copying.new_files(files, &place).await?;
    let definition = definition(session, &copy.table)?;
    let passage = Passage::open(session, &state, piece, &table, &definition, copy.reject_limit).await?;
    let loaded = new.len() as u64;
    let counted = Some((loaded, found - loaded));
    if new.is_empty() {
        let answer = Answer {
            load_id: passage.load_id,
            version: table.snapshot().version(),
            inserted: Some(0),
            files: counted,
            ..Answer::default()
        };
        return Ok(answer.into_body());
    }
    let mut change = Change::new("COPY INTO", passage.reads(Reads::Nothing, None));
    change.parameters.push(("path", copy.path.clone()));
    change.metrics.push(("numCopiedFiles", loaded));
    let (files, identities): (Vec<DataFile>, Vec<Identity>) = new.into_iter().unzip();
    for identity in &identities {
        change.file_copied(&identity.path);
        change.file_copied(&identity.state);
        identity
            .content
            .iter()
            .for_each(|content| change.file_copied(content));
    }
    let input = copying.input(source, place, files).await?;
    let mut answer = carry_out(&passage, &input, Held::All, change, false).await?;
    answer.files = counted;
    Ok(answer.into_body())
}

/// What tells a file from every other, as hashes.
struct Identity {
    /// Where it is.
    path: String,
    /// What is known of it without reading it.
    state: String,
    /// What is in it; of an object, what its store says of that.
    content: Option<String>,
}

impl Identity {
    /// Of a file that has not been read; `is_object` says that its store can tell what is in it.
    fn new(path: &str, file: &DataFile, is_object: bool) -> Self {
        let (meta, changed) = (&file.meta, file.meta.last_modified.timestamp_micros());
        let (size, tag) = (meta.size.to_string(), meta.e_tag.as_deref());
        Self {
            path: hash(&[path]),
            state: hash(&[path, &size, &changed.to_string(), tag.unwrap_or_default()]),
            content: tag
                .filter(|_| is_object)
                .map(|tag| hash(&[path, &size, tag, "tag"])),
        }
    }

    /// What is known of its content.
    fn content(&self) -> &String {
        self.content.as_ref().unwrap_or(&self.state)
    }
}

fn hash(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let digest = hash.finalize();
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// That a file is not what it was when `table` took it in, nor are so many others.
fn changed_file(table: &str, file: &str, others: usize) -> Error {
    let others = match others {
        0 => String::new(),
        1 => ", and so has another".to_owned(),
        others => format!(", and so have {others} others"),
    };
    let message =
        format!("file '{file}' has been copied into table '{table}', and has changed since{others}");
    Error::new(Code::SourceChanged, message).with_hint(
        "nothing was written: each file is copied once; give what is new a name of its own, or put the file \
         back as it was",
    )
}

/// A statement on its way.
struct Copying<'a> {
    session: &'a Session,
    state: &'a SessionState,
    piece: &'a Piece,
    copy: &'a CopyInto,
    table: &'a ManagedTableProvider,
}

impl Copying<'_> {
    fn at_path(&self, error: Error) -> Error {
        error.at(self.piece.locate(self.copy.path_span))
    }

    /// How the files are read, and where they lie.
    async fn source(&self) -> Result<(ExternalTable, Place)> {
        let path = &self.copy.path;
        let files = Files::new(self.session.lake().clone(), self.session.config().clone(), false);
        let place = files.place(path).map_err(|e| self.at_path(e))?;
        let format: Format = match (&self.copy.format, Format::of_name(path)) {
            (Some((format, span)), _) => format
                .parse::<Format>()
                .map_err(|e: Error| e.at(self.piece.locate(*span)))?,
            (None, Some(format)) => format,
            (None, None) => format_of(path, &place, self.state)
                .await
                .map_err(|e| self.at_path(e))?,
        };
        let mut source = ExternalTable::of_files(format, path);
        source.text.delimiter = delimiter(path).unwrap_or(source.text.delimiter);
        for (key, value, span) in &self.copy.options {
            let checked = source.text.set(format, key, value);
            checked.map_err(|e| e.at(self.piece.locate(*span)))?;
            source.options.insert(key.clone(), value.clone());
        }
        Ok((source, place))
    }

    /// The files that the table has not taken in yet.
    ///
    /// # Errors
    /// [`Code::SourceChanged`] for a file that it has taken in, and that is another now.
    async fn new_files(&self, files: Vec<DataFile>, place: &Place) -> Result<Vec<(DataFile, Identity)>> {
        let path = |file: &DataFile| format!("{}{}", place.store_url(), file.meta.location);
        let is_object = place.local_path().is_none();
        let identified = files.into_iter().map(|file| {
            let identity = Identity::new(&path(&file), &file, is_object);
            (file, identity)
        });
        let mut unknown = self
            .unknown(identified.collect(), |identity| &identity.state)
            .await?;
        if !is_object {
            for (file, identity) in &mut unknown {
                let on_disk = std::path::PathBuf::from(format!("/{}", file.meta.location));
                let content = tokio::task::spawn_blocking(move || hash_file(&on_disk))
                    .await
                    .map_err(|e| Error::new(Code::Internal, e.to_string()))??;
                identity.content = Some(hash(&[&path(file), &content]));
            }
        }
        let unknown = self.unknown(unknown, Identity::content).await?;
        let paths: Vec<String> = unknown
            .iter()
            .map(|(_, identity)| identity.path.clone())
            .collect();
        let known = self.table.log().copied(self.table.snapshot(), &paths).await?;
        let changed: Vec<String> = unknown
            .iter()
            .zip(known)
            .filter(|(_, known)| *known)
            .map(|((file, _), _)| place.display_file(&file.meta.location))
            .collect();
        match changed.split_first() {
            None => Ok(unknown),
            Some((first, others)) => Err(self.at_path(changed_file(self.table.name(), first, others.len()))),
        }
    }

    /// Those of `files` whose identity, as `of` has it, the table's log does not have.
    async fn unknown(
        &self,
        files: Vec<(DataFile, Identity)>,
        of: impl Fn(&Identity) -> &String,
    ) -> Result<Vec<(DataFile, Identity)>> {
        let identities: Vec<String> = files.iter().map(|(_, identity)| of(identity).clone()).collect();
        let known = self
            .table
            .log()
            .copied(self.table.snapshot(), &identities)
            .await?;
        let unknown = files.into_iter().zip(known).filter(|(_, known)| !known);
        Ok(unknown.map(|(file, _)| file).collect())
    }

    /// The files' rows as the table's.
    async fn input(
        &self,
        mut source: ExternalTable,
        place: Place,
        files: Vec<DataFile>,
    ) -> Result<LogicalPlan> {
        let path = &self.copy.path;
        let found = infer_columns_of(path, &source, &place, self.state, &files).await;
        let (columns, partitions) = found.map_err(|e| self.at_path(e))?;
        source.columns = columns;
        source
            .columns
            .retain(|column| partitions.iter().all(|p| p.name != column.name));
        source.partition_columns = partitions;
        let provider = ExternalTableProvider::new(path.clone(), source, place).of_files(files);
        let theirs = self.theirs(&provider)?;
        let plan = self.converted(provider, &theirs);
        plan.map_err(|e| self.session.translated(e, self.piece))
    }

    /// For each column of the table the position of the files' column that goes into it.
    fn theirs(&self, files: &ExternalTableProvider) -> Result<Vec<Option<usize>>> {
        let (own, given) = (self.table.schema(), files.schema());
        let mut theirs = vec![None; own.fields().len()];
        let position = |name: &str, is_quoted: bool| {
            let lower = name.to_lowercase();
            let alike = || {
                let mut alike = own.fields().iter().enumerate();
                alike.find(|(_, field)| !is_quoted && field.name().to_lowercase() == lower)
            };
            own.index_of(name).ok().or_else(|| alike().map(|(i, _)| i))
        };
        let undefined = |message: String, name: &str| {
            let names = own.fields().iter().map(|field| field.name().as_str());
            Error::new(Code::UndefinedColumn, message).with_hint_if(did_you_mean(name, names))
        };
        if !self.copy.columns.is_empty() && self.copy.columns.len() != given.fields().len() {
            let message = format!(
                "{} columns are named, and the files have {}",
                self.copy.columns.len(),
                given.fields().len()
            );
            return Err(self.at_path(Error::new(Code::InvalidStatement, message)));
        }
        for (i, field) in given.fields().iter().enumerate() {
            let (name, place) = match self.copy.columns.get(i) {
                Some(column) => {
                    let found = position(&column.value, column.quote_style.is_some());
                    let place = self.piece.locate(column.span);
                    let message = format!(
                        "column '{}' of table '{}' not found",
                        column.value,
                        self.table.name()
                    );
                    let own = found.ok_or_else(|| undefined(message, &column.value).at(place.clone()))?;
                    (own, place)
                }
                None => {
                    let message = format!(
                        "the files have a column '{}', and table '{}' has none",
                        field.name(),
                        self.table.name()
                    );
                    let hint =
                        "COPY INTO t (a, b) FROM … names the columns that the files' go to, in their order";
                    let own = position(field.name(), false).ok_or_else(|| {
                        let error = undefined(message, field.name());
                        let hint = error.hint().map_or(hint.to_owned(), str::to_owned);
                        self.at_path(error.with_hint(hint))
                    })?;
                    (own, self.piece.locate(self.copy.path_span))
                }
            };
            if theirs[name].replace(i).is_some() {
                let message = format!("column '{}' is filled twice", own.field(name).name());
                return Err(Error::new(Code::DuplicateColumn, message).at(place));
            }
        }
        Ok(theirs)
    }

    fn converted(
        &self,
        files: ExternalTableProvider,
        theirs: &[Option<usize>],
    ) -> Result<LogicalPlan, DataFusionError> {
        let files = LogicalPlanBuilder::scan("copied", provider_as_source(Arc::new(files)), None)?;
        let given = Arc::clone(files.schema());
        let own = self.table.schema();
        let columns = own.fields().iter().zip(theirs).map(|(field, theirs)| {
            let value = match theirs {
                Some(i) => {
                    let from = Expr::Column(Column::from(given.qualified_field(*i)));
                    from.cast_to(field.data_type(), &given)?
                }
                None => lit(ScalarValue::try_from(field.data_type())?),
            };
            Ok(value.alias(field.name()))
        });
        let columns = columns.collect::<Result<Vec<Expr>, DataFusionError>>()?;
        files.project(columns)?.build()
    }
}
