//! Deep and large statements: an answer, or an error in words, and never a crash.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use futures::{StreamExt, TryStreamExt};
use weir::engine::Body;
use weir::error::{Code, Kind};
use weir::{Parameters, Result, Session};

#[path = "support/lake.rs"]
mod lake;

/// The first number of the last result, 0 if there is none.
async fn number(session: &Session, sql: &str) -> Result<i64> {
    let mut found = 0;
    let mut outcomes = session.execute(sql, &Parameters::default());
    while let Some(outcome) = outcomes.next().await {
        if let Body::Rows(rows) = outcome?.body {
            let batches: Vec<_> = rows.try_collect().await?;
            let first = batches.iter().find(|batch| batch.num_rows() > 0);
            let column = first.and_then(|batch| batch.column(0).as_primitive_opt::<Int64Type>());
            found = column.map_or(0, |column| column.value(0));
        }
    }
    Ok(found)
}

/// The answer is right, or the engine says in words that this is too much for it.
async fn right_or_refused(session: &Session, sql: &str, right: i64) {
    match number(session, sql).await {
        Ok(found) => assert_eq!(found, right),
        Err(error) => {
            assert_ne!(error.kind(), Kind::Internal, "{}", error.report());
            assert!(error.report().len() < 2000, "a report is for people");
        }
    }
    assert_eq!(number(session, "SELECT 42").await.unwrap(), 42);
}

#[tokio::test]
async fn a_statement_of_ten_megabytes() {
    let folder = tempfile::tempdir().unwrap();
    let session = lake::new_lake(folder.path()).await.unwrap().session();
    let text = "x".repeat(10 << 20);
    let sql = format!("SELECT CAST(length('{text}') AS BIGINT)");
    assert_eq!(number(&session, &sql).await.unwrap(), 10 << 20);
    let record = session.progress().record().unwrap();
    assert_eq!(record.totals().rows_out, 1);
}

#[tokio::test]
async fn ten_thousand_parentheses() {
    let folder = tempfile::tempdir().unwrap();
    let session = lake::new_lake(folder.path()).await.unwrap().session();
    let sql = format!("SELECT {}1{}", "(".repeat(10_000), ")".repeat(10_000));
    right_or_refused(&session, &sql, 1).await;
    let sql = format!("SELECT {}1{}", "(SELECT ".repeat(10_000), ")".repeat(10_000));
    right_or_refused(&session, &sql, 1).await;
    let sql = format!("SELECT {}1{}", "abs(".repeat(10_000), ")".repeat(10_000));
    right_or_refused(&session, &sql, 1).await;
}

#[tokio::test]
async fn a_list_of_a_hundred_thousand_values() {
    let folder = tempfile::tempdir().unwrap();
    let session = lake::new_lake(folder.path()).await.unwrap().session();
    let mut list = String::new();
    for value in 0..100_000 {
        write!(list, "{},", value * 2).unwrap();
    }
    let list = list.trim_end_matches(',');
    let sql = format!("SELECT count(*) FROM generate_series(0, 999) AS s(a) WHERE a IN ({list})");
    assert_eq!(number(&session, &sql).await.unwrap(), 500);
}

#[tokio::test]
async fn a_list_of_fifty_thousand_rows() {
    let folder = tempfile::tempdir().unwrap();
    let session = lake::new_lake(folder.path()).await.unwrap().session();
    let rows: Vec<String> = (0..50_000)
        .map(|row| format!("({row}, 'row {row}', NULL)"))
        .collect();
    let rows = rows.join(",");
    let sql = format!("SELECT sum(a) FROM (VALUES {rows}) AS v(a, b, c) WHERE b LIKE '%7' AND c IS NULL");
    assert_eq!(number(&session, &sql).await.unwrap(), 125_010_000);
    number(&session, "CREATE TABLE processed.t (a INT, b VARCHAR, c DATE)")
        .await
        .unwrap();
    number(&session, &format!("INSERT INTO processed.t VALUES {rows}"))
        .await
        .unwrap();
    assert_eq!(
        number(&session, "SELECT count(*) FROM processed.t")
            .await
            .unwrap(),
        50_000
    );
}

#[tokio::test]
async fn a_union_of_a_thousand_branches() {
    let folder = tempfile::tempdir().unwrap();
    let session = lake::new_lake(folder.path()).await.unwrap().session();
    let branches: Vec<String> = (0..1000).map(|branch| format!("SELECT {branch} AS a")).collect();
    let sql = format!("SELECT sum(a) FROM ({})", branches.join(" UNION ALL "));
    right_or_refused(&session, &sql, 499_500).await;
}

#[tokio::test]
async fn a_sum_of_five_hundred_terms_and_one_of_too_many() {
    let folder = tempfile::tempdir().unwrap();
    let session = lake::new_lake(folder.path()).await.unwrap().session();
    let terms = vec!["a"; 500].join(" + ");
    let sql = format!("SELECT {terms} FROM generate_series(7, 7) AS s(a)");
    assert_eq!(number(&session, &sql).await.unwrap(), 3500);
    let terms = vec!["a"; 20_000].join(" + ");
    let sql = format!("SELECT {terms} FROM generate_series(1, 1) AS s(a)");
    assert_eq!(number(&session, &sql).await.unwrap_err().code(), Code::TooComplex);
}

#[tokio::test]
async fn a_table_of_five_thousand_columns() {
    let folder = tempfile::tempdir().unwrap();
    let session = lake::new_lake(folder.path()).await.unwrap().session();
    let columns: Vec<String> = (0..5000).map(|column| format!("c{column} BIGINT")).collect();
    let sql = format!("CREATE TABLE raw.wide ({})", columns.join(", "));
    number(&session, &sql).await.unwrap();
    number(&session, "INSERT INTO raw.wide (c4999) VALUES (7)")
        .await
        .unwrap();
    assert_eq!(number(&session, "SELECT C4999 FROM raw.wide").await.unwrap(), 7);
}

/// The planner takes a time for a star that grows with the square of its columns: an unoptimised build has
/// none for five thousand.
#[tokio::test]
async fn all_of_a_thousand_columns() {
    let folder = tempfile::tempdir().unwrap();
    let session = lake::new_lake(folder.path()).await.unwrap().session();
    let columns: Vec<String> = (0..1000).map(|column| format!("{column} AS c{column}")).collect();
    let sql = format!("CREATE TABLE raw.wide AS SELECT {}", columns.join(", "));
    number(&session, &sql).await.unwrap();
    assert_eq!(number(&session, "SELECT * FROM raw.wide").await.unwrap(), 0);
}
