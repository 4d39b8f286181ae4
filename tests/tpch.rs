//! TPC-H: the 22 queries with their validation parameters, over external tables, against the answers of
//! another engine (`tests/clients/tpch_answers.py`).
//!
//! The lake is made in a temporary folder; `WEIR_TPCH_LAKE=DIR` makes it in an empty folder and keeps it.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::time::Instant;
use std::{env, fs};

use answers::Expected;
use weir::connection::{Connection, LocalConnection};

#[path = "tpch/answers.rs"]
mod answers;
#[path = "tpch/data.rs"]
mod data;
#[path = "support/lake.rs"]
mod lake;
#[path = "support/run.rs"]
mod run;

/// A connection to a new lake in `folder` whose raw zone holds the tables.
async fn connect(folder: &Path) -> weir::Result<LocalConnection> {
    let lake = lake::new_lake(folder).await?;
    data::generate(&folder.join("data/raw"));
    let connection = LocalConnection::new(lake.session());
    let mut ddl = "USE raw;".to_owned();
    for table in data::TABLES {
        ddl += &format!("CREATE EXTERNAL TABLE {table} STORED AS PARQUET LOCATION '{table}/';");
    }
    run::run(&connection, &ddl).await?;
    Ok(connection)
}

/// How the answer to the query in `file` differs from the expected one.
async fn difference(connection: &impl Connection, file: &Path) -> Option<String> {
    let sql = fs::read_to_string(file).expect("the query");
    let expected = Expected::read(&file.with_extension("csv"));
    match run::run(connection, &sql).await {
        Ok((answers, _)) => match answers.as_slice() {
            [(schema, batches)] => expected.difference(schema, batches),
            others => Some(format!("{} answers", others.len())),
        },
        Err(error) => Some(error.report()),
    }
}

/// The queries, in order.
fn queries() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tpch");
    (1..=22)
        .map(|number| folder.join(format!("q{number:02}.sql")))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queries_answer_as_another_engine_does() {
    let temporary = tempfile::tempdir().expect("a temporary folder");
    let kept = env::var_os("WEIR_TPCH_LAKE").map(PathBuf::from);
    let start = Instant::now();
    let folder = kept.as_deref().unwrap_or(temporary.path());
    let connection = connect(folder).await.map_err(|error| error.report());
    let connection = connection.expect("the lake");
    println!("lake made in {:.1?}", start.elapsed());
    let mut different = Vec::new();
    for file in queries() {
        let start = Instant::now();
        let name = file.file_stem().unwrap_or_default().display().to_string();
        if let Some(difference) = difference(&connection, &file).await {
            different.push(format!("{name}: {difference}"));
        }
        println!("{name}: {:.1?}", start.elapsed());
    }
    assert!(different.is_empty(), "\n{}", different.join("\n"));
}
