//! Tables of files that others write: split at random, and changed while they are read.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use proptest::prelude::*;
use weir::connection::LocalConnection;
use weir::error::Code;
use weir::{Error, Lake};

#[path = "external/copied.rs"]
mod copied;
#[path = "external/foreign.rs"]
mod foreign;
#[path = "support/lake.rs"]
mod lake;
#[path = "external/many.rs"]
mod many;
#[path = "external/pruned.rs"]
mod pruned;
#[path = "support/run.rs"]
mod run;

/// The first row's integers.
async fn integers(lake: &Lake, sql: &str) -> Result<Vec<Option<i64>>, Error> {
    let connection = LocalConnection::new(lake.session());
    let (answers, _) = run::run(&connection, sql).await?;
    let (_, batches) = answers.last().expect("an answer");
    let batch = batches.iter().find(|batch| batch.num_rows() > 0).expect("a row");
    let value = |column: &arrow::array::ArrayRef| {
        let column = column.as_primitive::<Int64Type>();
        column.is_valid(0).then(|| column.value(0))
    };
    Ok(batch.columns().iter().map(value).collect())
}

async fn done(lake: &Lake, sql: &str) {
    let connection = LocalConnection::new(lake.session());
    run::run(&connection, sql)
        .await
        .unwrap_or_else(|e| panic!("{sql}: {}", e.report()));
}

/// A row: NULL or a number, NULL or a text, the file that it goes to, and its partition.
type Row = (Option<i32>, Option<String>, usize, usize);

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let text = prop_oneof![Just(String::new()), "[a,\"é\n' ]{1,4}"];
    let row = (
        prop::option::of(any::<i32>()),
        prop::option::of(text),
        0..4_usize,
        0..3_usize,
    );
    prop::collection::vec(row, 1..40)
}

fn values(rows: &[&Row]) -> String {
    let mut sql = String::new();
    for (a, b, _, k) in rows {
        let a = a.map_or("CAST(NULL AS INT)".to_owned(), |a| format!("CAST({a} AS INT)"));
        let b = b.as_ref().map_or("CAST(NULL AS VARCHAR)".to_owned(), |b| {
            format!("'{}'", b.replace('\'', "''"))
        });
        let comma = if sql.is_empty() { "" } else { ", " };
        write!(sql, "{comma}({a}, {b}, {k})").expect("a text can be written");
    }
    format!("(SELECT * FROM (VALUES {sql}) AS v(a, b, k))")
}

/// The folders' values: a text, the name that stands for NULL, NULL.
const PARTITIONS: [(&str, &str); 3] = [
    ("p=x%3D1 ü", "'x=1 ü'"),
    ("p=%5F_HIVE_DEFAULT_PARTITION__", "'__HIVE_DEFAULT_PARTITION__'"),
    ("p=__HIVE_DEFAULT_PARTITION__", "CAST(NULL AS VARCHAR)"),
];

async fn split_table_answers_like_the_whole(rows: Vec<Row>, format: &str, orders: Vec<bool>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let lake = lake::new_lake(folder.path()).await.expect("a lake");
    let table = folder.path().join("data/raw/t");
    fs::create_dir_all(&table).expect("a folder");
    for (file, in_order) in orders.into_iter().enumerate() {
        for (k, (name, _)) in PARTITIONS.iter().enumerate() {
            let own: Vec<&Row> = rows.iter().filter(|row| row.2 == file && row.3 == k).collect();
            if own.is_empty() {
                continue;
            }
            let columns = if in_order {
                "a, b"
            } else {
                "b AS \"B\", 1 AS more, CAST(a AS BIGINT) AS \"A\""
            };
            let path = table.join(name).join(format!("{file}.{format}"));
            let sql = format!(
                "COPY (SELECT {columns} FROM {}) TO '{}'",
                values(&own),
                path.display()
            );
            done(&lake, &sql).await;
        }
    }
    done(
        &lake,
        &format!(
            "CREATE EXTERNAL TABLE raw.t (a BIGINT, b VARCHAR, c DATE) STORED AS {format} \
             PARTITIONED BY (p VARCHAR) LOCATION 't/'"
        ),
    )
    .await;
    let all: Vec<&Row> = rows.iter().collect();
    let whole = format!(
        "(SELECT CAST(a AS BIGINT) AS a, b, CAST(NULL AS DATE) AS c, \
         CASE k WHEN 0 THEN {} WHEN 1 THEN {} ELSE {} END AS p FROM {})",
        PARTITIONS[0].1,
        PARTITIONS[1].1,
        PARTITIONS[2].1,
        values(&all)
    );
    for condition in [
        "TRUE",
        "p IS NULL",
        "p > 'a'",
        "p = '__HIVE_DEFAULT_PARTITION__' OR a > 0",
        "b = ''",
    ] {
        let of = |from: &str| {
            format!(
                "SELECT count(*), count(a), sum(a), min(a), max(a), count(b), count(DISTINCT b), count(p), count(c), \
                 sum(CAST(length(b) AS BIGINT)) FROM {from} WHERE {condition}"
            )
        };
        let expected = integers(&lake, &of(&whole)).await.expect("an answer");
        let found = integers(&lake, &of("raw.t")).await.expect("an answer");
        assert_eq!(found, expected, "{format} WHERE {condition}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_table_answers_alike_however_it_is_split(
        rows in rows(),
        format in prop::sample::select(vec!["parquet", "csv", "json", "arrow"]),
        orders in prop::collection::vec(any::<bool>(), 4),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
        runtime.block_on(split_table_answers_like_the_whole(rows, format, orders));
    }
}

/// Adds, replaces and removes files, each whole, a few at each turn until told to stop. `states` are the
/// sums that were true.
fn churn(folder: &Path, spare: &Path, states: &Mutex<Vec<i64>>, turn: &AtomicUsize, stop: &AtomicBool) {
    let mut present = [0_i64; 5];
    let mut next = 1;
    while !stop.load(Ordering::Relaxed) {
        let file = (next % 5) as usize;
        let path = folder.join(format!("{file}.csv"));
        if present[file] != 0 && next % 3 == 0 {
            present[file] = 0;
        } else {
            present[file] = next;
        }
        // Said before it is so, and again after: a reader may see either.
        states.lock().expect("no panic").push(present.iter().sum());
        if present[file] == 0 {
            fs::remove_file(&path).expect("a file");
        } else {
            let staged = spare.join("staged");
            fs::write(&staged, format!("x\n{next}\n")).expect("a file");
            fs::rename(&staged, &path).expect("a file");
        }
        next += 1;
        let seen = turn.load(Ordering::Relaxed);
        while next % 3 == 0 && turn.load(Ordering::Relaxed) == seen && !stop.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_some_moments_truth() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let lake = lake::new_lake(folder.path()).await.expect("a lake");
    let table = folder.path().join("data/raw/t");
    fs::create_dir_all(&table).expect("a folder");
    fs::write(table.join("0.csv"), "x\n0\n").expect("a file");
    done(
        &lake,
        "CREATE EXTERNAL TABLE raw.t (x BIGINT) STORED AS CSV LOCATION 't/'",
    )
    .await;
    let states = Arc::new(Mutex::new(vec![0]));
    let stop = Arc::new(AtomicBool::new(false));
    let turn = Arc::new(AtomicUsize::new(0));
    let writer = {
        let (folder, spare) = (table.clone(), folder.path().to_owned());
        let (states, stop, turn) = (Arc::clone(&states), Arc::clone(&stop), Arc::clone(&turn));
        std::thread::spawn(move || churn(&folder, &spare, &states, &turn, &stop))
    };
    for _ in 0..150 {
        turn.fetch_add(1, Ordering::Relaxed);
        let before = states.lock().expect("no panic").len().saturating_sub(2);
        // Named twice, the table is in one state.
        let twice = "SELECT sum(x), (SELECT sum(x) FROM raw.\"T\") FROM raw.t";
        let answer = integers(&lake, twice).await;
        let after = states.lock().expect("no panic").len();
        match answer {
            Ok(sum) => {
                let truths = states.lock().expect("no panic")[before..after].to_vec();
                assert!(truths.contains(&sum[0].unwrap_or(0)), "{sum:?} of {truths:?}");
                assert_eq!(sum[0], sum[1]);
            }
            // A file that changed between listing and reading.
            Err(error) => assert_eq!(error.code(), Code::ChangedUnderneath, "{}", error.report()),
        }
    }
    stop.store(true, Ordering::Relaxed);
    writer.join().expect("the writer ends");
    let present = integers(&lake, "SELECT sum(x) FROM raw.t")
        .await
        .expect("an answer");
    let last = states.lock().expect("no panic").last().copied();
    assert_eq!(present[0].unwrap_or(0), last.unwrap_or(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_footer_that_is_remembered_is_no_other_files() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let lake = lake::new_lake(folder.path()).await.expect("a lake");
    let table = folder.path().join("data/raw/t");
    done(
        &lake,
        "CREATE EXTERNAL TABLE raw.t (x BIGINT) STORED AS PARQUET LOCATION 't/'",
    )
    .await;
    for round in 0..30_i64 {
        let path = table.join("1.parquet");
        done(
            &lake,
            &format!(
                "COPY (SELECT CAST({round} AS BIGINT) AS x) TO '{}'",
                path.display()
            ),
        )
        .await;
        let all = "SELECT count(*), min(x), max(x), sum(x) FROM raw.t";
        assert_eq!(
            integers(&lake, all).await.expect("an answer"),
            [Some(1), Some(round), Some(round), Some(round)]
        );
    }
    fs::write(table.join("1.parquet"), "PAR1").expect("a file");
    let error = integers(&lake, "SELECT count(*) FROM raw.t")
        .await
        .expect_err("a truncated file");
    assert_eq!(error.code(), Code::CorruptFile);
    assert!(error.message().contains("1.parquet"), "{}", error.report());
    fs::remove_dir_all(&table).expect("a folder");
    let error = integers(&lake, "SELECT count(*) FROM raw.t")
        .await
        .expect_err("a folder that is gone");
    assert_eq!(error.code(), Code::UndefinedFile);
}
