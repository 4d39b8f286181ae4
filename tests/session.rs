//! The library's own door: sessions, parameters, streams.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use arrow::util::display::array_value_to_string;
use datafusion::common::ScalarValue;
use futures::{StreamExt, TryStreamExt};
use weir::engine::Body;
use weir::error::Code;
use weir::{Lake, LakeOptions, Parameters, Session};

#[path = "support/lake.rs"]
mod lake;

async fn numbers(session: &Session, sql: &str, parameters: &Parameters) -> weir::Result<Vec<i64>> {
    let mut numbers = Vec::new();
    let mut outcomes = session.execute(sql, parameters);
    while let Some(outcome) = outcomes.next().await {
        if let Body::Rows(rows) = outcome?.body {
            let batches: Vec<_> = rows.try_collect().await?;
            for batch in batches {
                numbers.extend_from_slice(batch.column(0).as_primitive::<Int64Type>().values());
            }
        }
    }
    Ok(numbers)
}

/// Runs statements whose rows do not matter.
async fn drained(session: &Session, sql: &str) {
    let mut outcomes = session.execute(sql, &Parameters::default());
    while let Some(outcome) = outcomes.next().await {
        if let Body::Rows(rows) = outcome.unwrap().body {
            rows.try_for_each(async |_| Ok(())).await.unwrap();
        }
    }
}

fn int(value: i64) -> ScalarValue {
    ScalarValue::Int64(Some(value))
}

#[tokio::test]
async fn parameters_are_bound_by_position_and_name() {
    let folder = tempfile::tempdir().unwrap();
    let session = lake::new_lake(folder.path()).await.unwrap().session();
    let positional = Parameters::positional([int(40), int(2)]);
    assert_eq!(
        numbers(&session, "SELECT ? + ?", &positional).await.unwrap(),
        [42]
    );
    assert_eq!(
        numbers(&session, "SELECT $2 * $1 - $2", &positional)
            .await
            .unwrap(),
        [78]
    );
    let named = Parameters::default().with("rows", int(3));
    let sql = "SELECT value FROM generate_series(1, 10) WHERE value <= $rows; SELECT $rows";
    assert_eq!(numbers(&session, sql, &named).await.unwrap(), [1, 2, 3, 3]);
    let text = Parameters::positional([ScalarValue::from("x' OR 1 = 1 --")]);
    let sql = "SELECT count(*) FROM (VALUES ('a')) AS t(v) WHERE v = ?";
    assert_eq!(numbers(&session, sql, &text).await.unwrap(), [0]);
    let error = numbers(
        &session,
        "SELECT 1;\nSELECT ?, ?",
        &Parameters::positional([int(1)]),
    )
    .await
    .unwrap_err();
    let place = error.location().unwrap();
    assert_eq!(
        (error.code(), place.line(), place.column()),
        (Code::UndefinedParameter, 2, 11)
    );
}

#[tokio::test]
async fn an_error_does_not_end_the_text() {
    let folder = tempfile::tempdir().unwrap();
    let session = lake::new_lake(folder.path()).await.unwrap().session();
    let outcomes = session.execute(
        "SELECT 1; SELECT nothing; SELECT 'x; SELECT 2",
        &Parameters::default(),
    );
    let states: Vec<bool> = outcomes.map(|outcome| outcome.is_ok()).collect().await;
    assert_eq!(states, [true, false, false]);
}

#[tokio::test]
async fn sessions_of_a_lake_have_settings_of_their_own_and_tables_in_common() {
    let folder = tempfile::tempdir().unwrap();
    let lake = lake::new_lake(folder.path()).await.unwrap();
    let (one, other) = (lake.session(), lake.session());
    let none = Parameters::default();
    numbers(&one, "USE curated; CREATE TABLE t AS SELECT 5 AS a", &none)
        .await
        .unwrap();
    assert_eq!((one.zone().as_str(), other.zone().as_str()), ("curated", "raw"));
    assert_eq!(
        numbers(&other, "SELECT a FROM curated.t", &none).await.unwrap(),
        [5]
    );
}

#[tokio::test]
async fn another_opening_of_the_lake_sees_every_change() {
    let folder = tempfile::tempdir().unwrap();
    let one = lake::new_lake(folder.path()).await.unwrap().session();
    let other = open(folder.path()).await.session();
    let none = Parameters::default();
    for round in 1..=3 {
        let sql =
            format!("CREATE OR REPLACE TABLE processed.t AS SELECT value FROM generate_series(1, {round})");
        numbers(&one, &sql, &none).await.unwrap();
        drained(&one, "INSERT INTO processed.t VALUES (100)").await;
        let sql = "SELECT count(*) FROM processed.t";
        assert_eq!(numbers(&other, sql, &none).await.unwrap(), [round + 1]);
    }
    numbers(&other, "DROP TABLE processed.t", &none).await.unwrap();
    let error = numbers(&one, "SELECT * FROM processed.t", &none)
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::UndefinedTable);
}

async fn open(folder: &Path) -> Lake {
    Lake::open(folder, LakeOptions::default()).await.unwrap()
}

#[tokio::test]
async fn a_failed_write_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let session = lake::new_lake(folder.path()).await.unwrap().session();
    let none = Parameters::default();
    numbers(&session, "CREATE TABLE raw.t AS SELECT 1 AS a", &none)
        .await
        .unwrap();
    let before = files(folder.path());
    for sql in [
        "INSERT INTO raw.t SELECT 10 / (value - 50000) FROM generate_series(1, 100000)",
        "CREATE TABLE raw.u AS SELECT 10 / (value - 50000) AS a FROM generate_series(1, 100000)",
        "CREATE OR REPLACE TABLE raw.t AS SELECT 10 / (value - 50000) AS a FROM generate_series(1, 100000)",
    ] {
        let error = numbers(&session, sql, &none).await.unwrap_err();
        assert_eq!(error.code(), Code::DataException, "{sql}");
        assert_eq!(
            numbers(&session, "SELECT a FROM raw.t", &none).await.unwrap(),
            [1]
        );
    }
    assert_eq!(files(folder.path()), before);
}

/// Every file below `folder`.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in std::fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

#[tokio::test]
async fn progress_is_known_while_rows_are_read_and_not_after() {
    let folder = tempfile::tempdir().unwrap();
    let session = lake::new_lake(folder.path()).await.unwrap().session();
    let none = Parameters::default();
    let sql = "CREATE TABLE raw.t AS SELECT value AS a FROM generate_series(1, 100000)";
    numbers(&session, sql, &none).await.unwrap();
    assert_eq!(session.progress().snapshot(), None);
    let outcome = session
        .execute("SELECT a FROM raw.t WHERE a > 0", &none)
        .next()
        .await
        .unwrap()
        .unwrap();
    let Body::Rows(mut rows) = outcome.body else {
        panic!("no rows")
    };
    while let Some(batch) = rows.next().await {
        assert!(batch.unwrap().num_rows() > 0);
        let snapshot = session.progress().snapshot().unwrap();
        assert!(snapshot.rows > 0 && snapshot.bytes > 0 && snapshot.files_total > 0);
        assert!(
            snapshot
                .fraction
                .is_some_and(|fraction| (0.0..=1.0).contains(&fraction))
        );
    }
    drop(rows);
    assert_eq!(session.progress().snapshot(), None);
}

/// The cells of an answer: `, ` between columns, `;` between rows.
async fn cells(session: &Session, sql: &str) -> weir::Result<String> {
    let mut lines = Vec::new();
    let mut outcomes = session.execute(sql, &Parameters::default());
    while let Some(outcome) = outcomes.next().await {
        let Body::Rows(rows) = outcome?.body else { continue };
        for batch in rows.try_collect::<Vec<_>>().await? {
            for row in 0..batch.num_rows() {
                let cells = batch.columns().iter().map(|column| match column.is_null(row) {
                    true => "NULL".to_owned(),
                    false => array_value_to_string(column, row).unwrap(),
                });
                lines.push(cells.collect::<Vec<_>>().join(", "));
            }
        }
    }
    Ok(lines.join(";"))
}

#[tokio::test]
async fn every_example_of_what_takes_rows_or_relations_gives_the_answer_it_shows() {
    let folder = tempfile::tempdir().unwrap();
    let session = lake::new_lake(folder.path()).await.unwrap().session();
    let sql = "SELECT example FROM system.functions
        WHERE kind IN ('window', 'table') AND description LIKE '% Source: %' AND example LIKE '%; -- %'";
    let examples = cells(
        &session,
        &sql.replace("SELECT example", "SELECT replace(example, ';', '\u{1f}')"),
    )
    .await
    .unwrap();
    let mut seen = 0;
    for example in examples.split(';') {
        let example = example.replace('\u{1f}', ";");
        let (sql, wanted) = example.split_once("; -- ").unwrap();
        let found = cells(&session, sql).await.unwrap();
        assert!(found.starts_with(wanted), "{sql}: {found}, said {wanted}");
        seen += 1;
    }
    assert!(seen > 15, "{seen}");
}

/// In how many parts a query's files are read, as its plan says.
async fn parts(session: &Session, query: &str) -> String {
    let mut outcomes = session.execute(&format!("EXPLAIN FORMAT indent {query}"), &Parameters::default());
    let Body::Rows(rows) = outcomes.next().await.unwrap().unwrap().body else {
        return String::new();
    };
    let batches: Vec<_> = rows.try_collect().await.unwrap();
    let text = |batch: &arrow::array::RecordBatch| {
        let lines = (0..batch.num_rows()).map(|row| array_value_to_string(batch.column(1), row).unwrap());
        lines.collect::<String>()
    };
    let plan: String = batches.iter().map(text).collect();
    let groups = plan.split("file_groups={").nth(1).unwrap_or_default();
    groups.split(':').next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn few_rows_are_read_by_one_thread() {
    let folder = tempfile::tempdir().unwrap();
    let session = lake::new_lake(folder.path()).await.unwrap().session();
    let table = "SET datafusion.execution.target_partitions = 4;
        SET datafusion.optimizer.repartition_file_min_size = 1;
        CREATE TABLE processed.t SORTED BY (id) AS SELECT value AS id FROM generate_series(1, 100000)";
    drained(&session, table).await;
    let (one, many) = (
        "SELECT id FROM processed.t WHERE id = 77",
        "SELECT id FROM processed.t WHERE id % 2 = 0",
    );
    // What is in the file's pages is known when they have been sought in.
    assert_eq!(parts(&session, one).await, "4 groups");
    let found = numbers(&session, one, &Parameters::default()).await.unwrap();
    assert_eq!(found, [77]);
    assert_eq!(parts(&session, one).await, "1 group");
    assert_eq!(parts(&session, many).await, "4 groups");
    drained(&session, "INSERT INTO processed.t VALUES (77)").await;
    let found = numbers(&session, one, &Parameters::default()).await.unwrap();
    assert_eq!(found, [77, 77]);
}
