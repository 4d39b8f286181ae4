//! Folders of many files and of many partitions.

use std::fs;
use std::path::Path;

use super::{done, integers, lake};
use weir::error::Code;

/// Enough that a folder is listed by several threads.
const FILES: i64 = 2100;

/// What a change leaves is what the next statement of the same session sees.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_among_many_files_is_seen_by_the_next_statement() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let lake = lake::new_lake(folder.path()).await.expect("a lake");
    let table = folder.path().join("data/raw/t");
    fs::create_dir_all(&table).expect("a folder");
    for file in 0..FILES {
        fs::write(table.join(format!("f{file}.csv")), "x\n1\n").expect("a file");
    }
    done(
        &lake,
        "CREATE EXTERNAL TABLE raw.t (x BIGINT) STORED AS CSV LOCATION 't/'",
    )
    .await;
    let seen = async |sum: i64, files: i64| {
        let sql = "SELECT sum(x), (SELECT count(*) FROM raw.t$files) FROM raw.t";
        let found = integers(&lake, sql).await.expect("an answer");
        assert_eq!(found, [Some(sum), Some(files)]);
    };
    seen(FILES, FILES).await;
    let (new, spare) = (table.join("new.csv"), folder.path().join("spare"));
    for round in 1..3 {
        fs::write(&spare, "x\n5\n").expect("a file");
        fs::rename(&spare, &new).expect("a file");
        seen(FILES + 5, FILES + 1).await;
        // Of the same size, and perhaps of the same time.
        fs::write(&spare, format!("x\n{round}\n")).expect("a file");
        fs::rename(&spare, &new).expect("a file");
        seen(FILES + round, FILES + 1).await;
        fs::File::create(&new).expect("a file that is cut off");
        seen(FILES, FILES + 1).await;
        fs::remove_file(&new).expect("a file");
        seen(FILES, FILES).await;
    }
    // What is hidden or not yet whole is no data, and comes and goes unseen.
    fs::write(table.join(".hidden.csv"), "x\n5\n").expect("a file");
    fs::write(table.join("part.csv.tmp"), "x\n5\n").expect("a file");
    seen(FILES, FILES).await;
}

fn files_below(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        if entry.file_type().expect("a type").is_dir() {
            found.extend(files_below(&entry.path()));
        }
        found.push(entry.file_name().to_string_lossy().into_owned());
    }
    found
}

/// Rows of many partitions, mixed, become a few files a partition, not one a batch.
#[tokio::test(flavor = "multi_thread")]
async fn rows_of_many_partitions_are_inserted_in_few_files() {
    const PARTITIONS: i64 = 400;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let lake = lake::new_lake(folder.path()).await.expect("a lake");
    done(
        &lake,
        "CREATE EXTERNAL TABLE raw.t (x BIGINT, p BIGINT) STORED AS PARQUET PARTITIONED BY (p) LOCATION 't/'",
    )
    .await;
    let rows = PARTITIONS * 500;
    let insert =
        format!("INSERT INTO raw.t SELECT v, v % {PARTITIONS} FROM generate_series(1, {rows}) AS s(v)");
    done(&lake, &insert).await;
    let all = "SELECT count(*), sum(x), count(DISTINCT p) FROM raw.t";
    assert_eq!(
        integers(&lake, all).await.expect("an answer"),
        [Some(rows), Some(rows * (rows + 1) / 2), Some(PARTITIONS)]
    );
    let one = "SELECT count(*), min(x), max(x) FROM raw.t WHERE p % 200 = 7";
    assert_eq!(
        integers(&lake, one).await.expect("an answer"),
        [Some(1000), Some(7), Some(rows - PARTITIONS + 207)]
    );
    let counts = integers(
        &lake,
        "SELECT count(*), CAST(sum(file_count) AS BIGINT) FROM raw.t$partitions",
    )
    .await
    .expect("an answer");
    assert_eq!(counts[0], Some(PARTITIONS));
    let threads =
        i64::try_from(std::thread::available_parallelism().map_or(1, usize::from)).expect("a count");
    // Each thread begins some before it sees how many there are.
    assert!(counts[1] <= Some((PARTITIONS + 128) * threads), "{counts:?}");
    // One row that cannot be written takes all the others with it, and what was begun.
    let before = files_below(&folder.path().join("data/raw/t"));
    let broken = format!(
        "INSERT INTO raw.t SELECT 1 / (v - {rows}), v % {PARTITIONS} FROM generate_series(1, {rows}) AS s(v)"
    );
    let error = integers(&lake, &broken).await.expect_err("a division by zero");
    assert_eq!(error.code(), Code::DataException, "{}", error.report());
    let mut after = files_below(&folder.path().join("data/raw/t"));
    let mut before = before;
    before.sort();
    after.sort();
    assert_eq!(after, before);
}
