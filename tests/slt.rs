//! The SQL cases: every `tests/slt/**/*.slt`, each on a lake of its own, through the `Connection` trait.
//!
//! - `$TMP` and `__TMP__` in SQL and in `system` commands are the lake's folder, `__FIXTURES__` is
//!   `tests/fixtures`; in answers and errors the folders are put back as `__TMP__` and `__FIXTURES__`.
//! - `statement error <regex>` looks at the whole report (code, message, caret, hint);
//!   `statement error (42P01)` at the code alone.
//! - A text of several statements answers with all their rows in order; its columns' types are the last's.
//! - `connection other` is another session of the same lake.
//! - `WEIR_SLT=ddl/` runs the files whose path contains `ddl/`; `WEIR_SLT_UPDATE=1` writes the answers
//!   (never the errors) into the files.
//! - `WEIR_SLT_ROOT=folder` runs another project's files instead, and reports in place of failing: see
//!   `tests/clients/datafusion_slt.py`. The folders in `WEIR_SLT_DATA` are linked into its zone `raw`.
//!
//! - Every file is run a second time over Flight SQL, against a server in this process, with the same answers.
//!
//! A failing record does not end its file: all differences are reported at once.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs, io, thread};

use async_trait::async_trait;
use futures::StreamExt;
use sqllogictest::{
    AsyncDB, DBOutput, MakeConnection, Record, RecordOutput, Runner, default_normalizer, default_validator,
    parse_file, update_record_with_output,
};
use weir::Lake;
use weir::connection::{Connection, LocalConnection, RemoteConnection};
use weir::flight::{ServeOptions, Server};

use values::Kind;

#[path = "support/lake.rs"]
mod lake;
#[path = "support/run.rs"]
mod run;
#[path = "support/values.rs"]
mod values;

/// Longer than any file takes on a busy machine: what waits for ever is reported with its name.
const LIMIT: Duration = Duration::from_secs(300);

/// What a case's folders are called in its text.
#[derive(Clone)]
struct Folders(Vec<(&'static str, String)>);

impl Folders {
    fn new(lake: &Path) -> Self {
        let lake = lake.display().to_string();
        let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");
        Self(vec![
            ("$TMP", lake.clone()),
            ("__TMP__", lake),
            ("__FIXTURES__", fixtures.to_owned()),
        ])
    }

    fn put_in(&self, text: &str) -> String {
        let put = |text: String, (name, folder): &(&str, String)| text.replace(name, folder);
        self.0.iter().fold(text.to_owned(), put)
    }

    fn take_out(&self, text: &str) -> String {
        let take = |text: String, (name, folder): &(&str, String)| text.replace(folder, name);
        self.0[1..].iter().fold(text.to_owned(), take)
    }
}

/// What a person would be shown, and the code.
#[derive(Debug, thiserror::Error)]
#[error("{report}")]
struct Failure {
    report: String,
    code: String,
}

impl Failure {
    fn new(error: &weir::Error, folders: &Folders) -> Self {
        Self {
            report: folders.take_out(&error.report()),
            code: error.code().to_string(),
        }
    }
}

/// A connection as the runner wants it.
struct Database<C> {
    connection: C,
    folders: Folders,
    /// How many rows a statement wrote is a row of its own: so another project's cases have it.
    counts_are_rows: bool,
}

impl<C: Connection> Database<C> {
    async fn answer(&self, sql: &str) -> weir::Result<DBOutput<Kind>> {
        let (answers, affected) = run::run(&self.connection, &self.folders.put_in(sql)).await?;
        let Some((last, _)) = answers.last() else {
            let writes = ["INSERT", "COPY", "WITH", "UPDATE", "DELETE", "MERGE"];
            let first = sql.trim_start().get(..6).unwrap_or_default().to_uppercase();
            let writes = writes.iter().any(|word| first.starts_with(word));
            return Ok(match self.counts_are_rows && writes {
                true => DBOutput::Rows {
                    types: vec![Kind::Integer],
                    rows: vec![vec![affected.to_string()]],
                },
                false => DBOutput::StatementComplete(affected),
            });
        };
        let types = values::kinds(last);
        let mut rows = Vec::new();
        for batch in answers.iter().flat_map(|(_, batches)| batches) {
            let texts = values::rows(batch).expect("every value has a text");
            rows.extend(texts.into_iter().map(|row| {
                let cells = row.iter().map(|cell| self.folders.take_out(cell));
                cells.collect::<Vec<_>>()
            }));
        }
        Ok(DBOutput::Rows { types, rows })
    }
}

#[async_trait]
impl<C: Connection + Send + Sync> AsyncDB for Database<C> {
    type Error = Failure;
    type ColumnType = Kind;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<Kind>, Failure> {
        let answer = self.answer(sql).await;
        answer.map_err(|error| Failure::new(&error, &self.folders))
    }

    async fn shutdown(&mut self) {}

    fn engine_name(&self) -> &str {
        "weir"
    }

    fn error_sql_state(failure: &Failure) -> Option<String> {
        Some(failure.code.clone())
    }
}

/// Runs one file on a new lake, through a server. Returns what is wrong with it.
async fn run_file_over_flight(file: PathBuf) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folders = Folders::new(folder.path());
    let lake = match lake::new_lake(folder.path()).await {
        Ok(lake) => lake,
        Err(error) => return vec![error.report()],
    };
    let options = ServeOptions {
        bind: ([127, 0, 0, 1], 0).into(),
        may_name_files: true,
        ..ServeOptions::default()
    };
    let server = match Server::start(lake, options).await {
        Ok(server) => server,
        Err(error) => return vec![error.report()],
    };
    let url = server.url().parse().expect("a server's own URL");
    let runner = Runner::new(|| async {
        let connection = RemoteConnection::connect(&url, None).await;
        Ok(Database {
            connection: connection.map_err(|error| Failure::new(&error, &folders))?,
            folders: folders.clone(),
            counts_are_rows: false,
        })
    });
    check(&file, runner, &folders, false).await
}

/// Runs one file on a new lake. Returns what is wrong with it.
async fn run_file(file: PathBuf, update: bool) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folders = Folders::new(folder.path());
    let lake = match lake::new_lake(folder.path()).await {
        Ok(lake) => lake,
        Err(error) => return vec![error.report()],
    };
    if let Err(error) = link_data(folder.path()) {
        return vec![error.to_string()];
    }
    let runner = Runner::new(|| {
        let database = connect(&lake, &folders);
        async { Ok(database) }
    });
    check(&file, runner, &folders, update).await
}

/// Makes the folders in `WEIR_SLT_DATA` folders of the lake's first zone.
fn link_data(lake: &Path) -> io::Result<()> {
    let Some(data) = env::var_os("WEIR_SLT_DATA") else {
        return Ok(());
    };
    let zone = lake.join("data/raw");
    fs::create_dir_all(&zone)?;
    for entry in fs::read_dir(data)? {
        let entry = entry?;
        std::os::unix::fs::symlink(entry.path(), zone.join(entry.file_name()))?;
    }
    Ok(())
}

fn connect(lake: &Lake, folders: &Folders) -> Database<LocalConnection> {
    Database {
        connection: LocalConnection::new(lake.session()),
        folders: folders.clone(),
        counts_are_rows: env::var_os("WEIR_SLT_ROOT").is_some(),
    }
}

#[expect(
    clippy::print_stdout,
    reason = "how much each file asks is seen beside its result"
)]
async fn check<D, M>(file: &Path, mut runner: Runner<D, M>, folders: &Folders, update: bool) -> Vec<String>
where
    D: AsyncDB<ColumnType = Kind>,
    M: MakeConnection<Conn = D>,
{
    runner.with_column_validator(values::same_kinds);
    let records = match parse_file::<Kind>(file) {
        Ok(records) => records,
        Err(error) => return vec![error.to_string()],
    };
    let mut faults = Vec::new();
    let mut text = String::new();
    let asks = |record: &&Record<Kind>| matches!(record, Record::Statement { .. } | Record::Query { .. });
    println!(
        "{}: {} records",
        file.display(),
        records.iter().filter(asks).count()
    );
    for record in records {
        let record = in_folders(record, folders);
        if update {
            text += &updated(&mut runner, record).await.to_string();
            text += "\n";
        } else if let Err(fault) = runner.run_async(record).await {
            faults.push(fault.to_string());
        }
    }
    runner.shutdown_async().await;
    if update {
        let text = format!("{}\n", folders.take_out(text.trim_end()));
        fs::write(file, text).expect("the file can be written");
    }
    faults
}

/// SQL gets its folders from the database; a command gets them here.
fn in_folders(mut record: Record<Kind>, folders: &Folders) -> Record<Kind> {
    if let Record::System { command, .. } = &mut record {
        *command = folders.put_in(command);
    }
    record
}

/// The record with the answer that it got, unless that is an error.
async fn updated<D, M>(runner: &mut Runner<D, M>, record: Record<Kind>) -> Record<Kind>
where
    D: AsyncDB<ColumnType = Kind>,
    M: MakeConnection<Conn = D>,
{
    let output = runner.apply_record(record.clone()).await;
    match &output {
        RecordOutput::Query { error: None, .. } if matches!(record, Record::Query { .. }) => {
            update_record_with_output(
                &record,
                &output,
                " ",
                default_validator,
                default_normalizer,
                values::same_kinds,
            )
            .unwrap_or(record)
        }
        _ => record,
    }
}

/// The `.slt` files under `folder`, in order.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path.extension().is_some_and(|ext| ext == "slt") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sql_case_answers_as_written() {
    let update = env::var_os("WEIR_SLT_UPDATE").is_some();
    every_case(|file| run_file(file, update)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sql_case_answers_the_same_over_flight() {
    let elsewhere = env::var_os("WEIR_SLT_ROOT").is_some() || env::var_os("WEIR_SLT_UPDATE").is_some();
    if !elsewhere {
        every_case(run_file_over_flight).await;
    }
}

#[expect(
    clippy::print_stdout,
    reason = "what a file answers differently is seen beside its name"
)]
async fn every_case<F>(run: impl Fn(PathBuf) -> F)
where
    F: Future<Output = Vec<String>> + Send + 'static,
{
    let run = &run;
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slt");
    let others = env::var_os("WEIR_SLT_ROOT").map(PathBuf::from);
    let root = others.clone().unwrap_or(own);
    let wanted = env::var("WEIR_SLT").unwrap_or_default();
    let chosen: Vec<_> = files(&root)
        .expect("the files of tests/slt")
        .into_iter()
        .filter(|file| file.to_string_lossy().contains(&wanted))
        .collect();
    assert!(!chosen.is_empty(), "no file of tests/slt contains '{wanted}'");
    let at_once = thread::available_parallelism().map_or(1, usize::from);
    let runs = futures::stream::iter(chosen).map(|file| async move {
        // A task of its own: a panic fails the file and not the run.
        let run = tokio::spawn(tokio::time::timeout(LIMIT, run(file.clone())));
        let faults = match run.await {
            Ok(Ok(faults)) => faults,
            Ok(Err(_)) => vec![format!("did not end within {LIMIT:?}")],
            Err(panic) => vec![panic.to_string()],
        };
        (file, faults)
    });
    let mut failed = Vec::new();
    let mut runs = runs.buffer_unordered(at_once);
    while let Some((file, faults)) = runs.next().await {
        let name = file.strip_prefix(&root).unwrap_or(&file).display().to_string();
        if faults.is_empty() {
            println!("{name}: ok");
        } else {
            println!("{name}: {} failed\n\n{}", faults.len(), faults.join("\n"));
            failed.push(name);
        }
    }
    assert!(
        others.is_some() || failed.is_empty(),
        "failed: {}",
        failed.join(", ")
    );
}
