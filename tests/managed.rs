//! Managed tables as a whole: random sequences of writes against a naive model, several processes at once,
//! processes that are killed, and logs that are damaged. With the real program and real files.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use proptest::prelude::*;
use weir::Lake;
use weir::connection::LocalConnection;

#[path = "managed/incremental.rs"]
mod incremental;
#[path = "support/lake.rs"]
mod lake;
#[path = "managed/proven.rs"]
mod proven;
#[path = "managed/quarantine.rs"]
mod quarantine;
#[path = "managed/references.rs"]
mod references;
#[path = "managed/rules.rs"]
mod rules;
#[path = "support/run.rs"]
mod run;

const PROGRAM: &str = env!("CARGO_BIN_EXE_weir");

/// What one statement of a sequence does.
#[derive(Debug, Clone)]
enum Write {
    Insert(Vec<(i64, Option<i64>)>),
    Overwrite(Vec<(i64, Option<i64>)>),
    Delete(i64),
    Update(i64, i64),
    Merge(Vec<(i64, i64)>),
    Truncate,
    Optimize,
    Restore(prop::sample::Index),
}

fn rows() -> impl Strategy<Value = Vec<(i64, Option<i64>)>> {
    prop::collection::vec((0_i64..12, prop::option::of(0_i64..6)), 1..6)
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![
        4 => rows().prop_map(Write::Insert),
        1 => rows().prop_map(Write::Overwrite),
        2 => (0_i64..6).prop_map(Write::Delete),
        2 => (0_i64..12, 0_i64..6).prop_map(|(k, v)| Write::Update(k, v)),
        2 => prop::collection::btree_map(0_i64..12, 0_i64..6, 1..5)
            .prop_map(|rows| Write::Merge(rows.into_iter().collect())),
        1 => Just(Write::Truncate),
        1 => Just(Write::Optimize),
        1 => any::<prop::sample::Index>().prop_map(Write::Restore),
    ]
}

/// The rows of the table, sorted: key, value, partition (the key's remainder by three).
type Rows = Vec<(i64, Option<i64>)>;

fn values(rows: &[(i64, Option<i64>)]) -> String {
    let row = |(k, v): &(i64, Option<i64>)| {
        let v = v.map_or("NULL".to_owned(), |v| v.to_string());
        format!("({k}, CAST({v} AS BIGINT), {})", k % 3)
    };
    rows.iter().map(row).collect::<Vec<_>>().join(", ")
}

/// The statement, and what it makes of the rows.
fn applied(write: &Write, now: &Rows, versions: &[Rows]) -> (String, Rows) {
    let mut then = now.clone();
    let sql = match write {
        Write::Insert(rows) => {
            then.extend(rows);
            format!("INSERT INTO processed.t VALUES {}", values(rows))
        }
        Write::Overwrite(rows) => {
            then.retain(|(k, _)| rows.iter().all(|(other, _)| other % 3 != k % 3));
            then.extend(rows);
            format!("INSERT OVERWRITE processed.t VALUES {}", values(rows))
        }
        Write::Delete(v) => {
            then.retain(|(_, value)| *value != Some(*v));
            format!("DELETE FROM processed.t WHERE v = {v}")
        }
        Write::Update(k, v) => {
            for row in then.iter_mut().filter(|row| row.0 == *k) {
                row.1 = row.1.map(|old| old + v);
            }
            format!("UPDATE processed.t SET v = v + {v} WHERE k = {k}")
        }
        Write::Merge(rows) => {
            let mut new: Vec<_> = rows.iter().map(|(k, v)| (*k, Some(*v))).collect();
            new.retain(|(k, _)| now.iter().all(|row| row.0 != *k));
            // A matched row without a value goes, the others take the source's.
            let given: BTreeMap<i64, i64> = rows.iter().copied().collect();
            then.retain(|(k, v)| !(given.contains_key(k) && v.is_none()));
            for row in &mut then {
                row.1 = given.get(&row.0).copied().or(row.1);
            }
            then.extend(new);
            let rows: Vec<_> = rows.iter().map(|(k, v)| (*k, Some(*v))).collect();
            format!(
                "MERGE INTO processed.t AS t USING (VALUES {}) AS s(k, v, p) ON t.k = s.k
                 WHEN MATCHED AND t.v IS NULL THEN DELETE
                 WHEN MATCHED THEN UPDATE SET v = s.v
                 WHEN NOT MATCHED THEN INSERT (k, v, p) VALUES (s.k, s.v, s.p)",
                values(&rows)
            )
        }
        Write::Truncate => {
            then.clear();
            "TRUNCATE TABLE processed.t".to_owned()
        }
        Write::Optimize => "OPTIMIZE processed.t".to_owned(),
        Write::Restore(index) => {
            let version = index.index(versions.len());
            then.clone_from(&versions[version]);
            format!("RESTORE TABLE processed.t TO VERSION AS OF {version}")
        }
    };
    then.sort_unstable();
    (sql, then)
}

async fn read(connection: &LocalConnection, from: &str) -> Rows {
    let (answers, _) = run::run(
        connection,
        &format!("SELECT k, v FROM {from} ORDER BY k, v NULLS FIRST"),
    )
    .await
    .unwrap();
    let mut rows = Vec::new();
    for batch in answers.iter().flat_map(|(_, batches)| batches) {
        let (k, v) = (
            batch.column(0).as_primitive::<Int64Type>(),
            batch.column(1).as_primitive::<Int64Type>(),
        );
        rows.extend((0..batch.num_rows()).map(|i| (k.value(i), (!v.is_null(i)).then(|| v.value(i)))));
    }
    rows
}

async fn version(connection: &LocalConnection) -> usize {
    let (answers, _) = run::run(connection, "SELECT max(version) FROM processed.t$history")
        .await
        .unwrap();
    let latest = answers[0].1[0].column(0).as_primitive::<Int64Type>().value(0);
    usize::try_from(latest).unwrap()
}

/// Every version, the latest and the past ones, is what the model says.
async fn check_sequence(writes: &[Write]) {
    let folder = tempfile::tempdir().unwrap();
    let connection = LocalConnection::new(lake::new_lake(folder.path()).await.unwrap().session());
    run::run(
        &connection,
        "CREATE TABLE processed.t (k BIGINT, v BIGINT, p BIGINT) PARTITIONED BY (p)",
    )
    .await
    .unwrap();
    let mut versions: Vec<Rows> = vec![Vec::new()];
    for write in writes {
        let (sql, then) = applied(write, versions.last().unwrap(), &versions);
        run::run(&connection, &sql).await.unwrap();
        assert_eq!(read(&connection, "processed.t").await, then, "after {sql}");
        if version(&connection).await == versions.len() {
            versions.push(then);
        } else {
            assert_eq!(
                &then,
                versions.last().unwrap(),
                "{sql} changed rows and made no version"
            );
        }
    }
    for (version, rows) in versions.iter().enumerate() {
        let past = read(&connection, &format!("processed.t VERSION AS OF {version}")).await;
        assert_eq!(&past, rows, "version {version}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn every_version_is_what_a_naive_model_says(writes in prop::collection::vec(write(), 1..10)) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(check_sequence(&writes));
    }
}

/// A lake with a table of one column, made by the program.
fn lake_with_table() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    Lake::init(folder.path()).unwrap();
    program(
        folder.path(),
        "CREATE TABLE processed.t (n BIGINT, part BIGINT) PARTITIONED BY (part)",
    );
    folder
}

/// What the program prints; it must succeed.
fn program(folder: &Path, sql: &str) -> String {
    let output = weir(folder, sql).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{sql}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn fails(folder: &Path, sql: &str) -> String {
    let output = weir(folder, sql).output().unwrap();
    assert!(!output.status.success(), "{sql} succeeds");
    String::from_utf8(output.stderr).unwrap()
}

fn weir(folder: &Path, sql: &str) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .arg("--lake")
        .arg(folder)
        .args(["--format", "csv", "-c", sql]);
    command
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

fn inserts(first: u64, count: u64) -> String {
    let insert = |n| format!("INSERT INTO processed.t VALUES ({n}, 0), ({n}, 1), ({n}, 2)");
    (first..first + count).map(insert).collect::<Vec<_>>().join("; ")
}

/// `WEIR_COMMITS=1000` takes as many of each.
#[test]
fn two_processes_that_insert_at_once_lose_nothing() {
    let commits = std::env::var("WEIR_COMMITS").map_or(40, |text| text.parse().unwrap());
    let folder = lake_with_table();
    let mut both = [0, 1].map(|i| {
        weir(folder.path(), &inserts(i * commits, commits))
            .spawn()
            .unwrap()
    });
    for process in &mut both {
        assert!(process.wait().unwrap().success());
    }
    let found = program(
        folder.path(),
        "SELECT count(*), count(DISTINCT n), min(n), max(n) FROM processed.t",
    );
    let expected = format!("{},{},0,{}", 6 * commits, 2 * commits, 2 * commits - 1);
    assert_eq!(found.lines().last(), Some(expected.as_str()));
    let last = program(folder.path(), "SELECT max(version) FROM processed.t$history");
    assert_eq!(last.lines().last(), Some(format!("{}", 2 * commits).as_str()));
}

/// Killed wherever it may be: every insert is there whole or not at all, all that were acknowledged are, and
/// what is left over goes.
#[test]
fn a_killed_process_leaves_whole_commits() {
    let folder = lake_with_table();
    let mut first = 0;
    for round in 0..12_u64 {
        let mut process = weir(folder.path(), &inserts(first, 30)).spawn().unwrap();
        let output = process.stdout.take().unwrap();
        let mut lines = std::io::BufRead::lines(std::io::BufReader::new(output)).map_while(Result::ok);
        let mut acknowledged = 0;
        while acknowledged < round {
            let line = lines.next().unwrap();
            acknowledged += u64::from(line.ends_with(",3,3,0,0,0"));
        }
        // Some way into the next one.
        (0..round * 400_000).for_each(|_| std::hint::spin_loop());
        process.kill().unwrap();
        process.wait().unwrap();
        let found = program(
            folder.path(),
            &format!(
                "SELECT n, count(*), count(DISTINCT part) FROM processed.t WHERE n >= {first} GROUP BY n ORDER BY n"
            ),
        );
        let found: Vec<&str> = found.lines().skip(1).filter(|line| !line.is_empty()).collect();
        assert!(
            found.len() as u64 >= acknowledged,
            "{acknowledged} were acknowledged, there are {found:?}"
        );
        for (line, n) in found.iter().zip(first..) {
            assert_eq!(*line, format!("{n},3,3"));
        }
        first += 30;
    }
    let before = program(folder.path(), "SELECT count(*), sum(n) FROM processed.t");
    program(folder.path(), "VACUUM RETAIN 0 HOURS");
    assert_eq!(
        program(folder.path(), "SELECT count(*), sum(n) FROM processed.t"),
        before
    );
    let files = program(folder.path(), "SELECT count(*) FROM processed.t$files");
    let table = table_folder(folder.path());
    let (mut on_disk, mut staged) = (0, 0);
    for entry in fs::read_dir(&table).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // One that has no lock yet may have an owner who is about to make it, and stays for a minute.
        staged += usize::from(name.starts_with(".staging-") && path.join("lock").exists());
        if name.starts_with("part=") {
            on_disk += fs::read_dir(&path).unwrap().count();
        }
    }
    assert_eq!(
        (format!("{on_disk}"), staged),
        (files.lines().last().unwrap().to_owned(), 0)
    );
}

fn table_folder(lake: &Path) -> PathBuf {
    let folders = fs::read_dir(lake.join("data/processed")).unwrap();
    let mut tables = folders
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir());
    tables.next().unwrap()
}

#[test]
fn damage_is_said_with_the_file() {
    let folder = lake_with_table();
    program(folder.path(), &inserts(0, 3));
    let table = table_folder(folder.path());
    let entry = |version: u64| table.join("_delta_log").join(format!("{version:020}.json"));
    let names = |report: &str, path: &Path, code: &str| {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(report.contains(code) && report.contains(name), "{report}");
    };
    let sound = fs::read(entry(2)).unwrap();

    fs::write(entry(2), &sound[..sound.len() / 2]).unwrap();
    names(
        &fails(folder.path(), "SELECT * FROM processed.t"),
        &entry(2),
        "WR003",
    );
    names(&fails(folder.path(), &inserts(9, 1)), &entry(2), "WR003");

    fs::remove_file(entry(2)).unwrap();
    names(
        &fails(folder.path(), "SELECT * FROM processed.t"),
        &entry(2),
        "WR003",
    );
    fs::write(entry(2), &sound).unwrap();
    assert!(program(folder.path(), "SELECT count(*) FROM processed.t").contains('9'));

    let newer = r#"{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["fromTheFuture"],"writerFeatures":["fromTheFuture"]}}"#;
    fs::write(entry(4), newer).unwrap();
    let report = fails(folder.path(), "SELECT * FROM processed.t");
    assert!(
        report.contains("0A000") && report.contains("_delta_log"),
        "{report}"
    );
    fs::remove_file(entry(4)).unwrap();

    let parts = fs::read_dir(table.join("part=1")).unwrap();
    let file = parts.map(|entry| entry.unwrap().path()).min().unwrap();
    let moved = table.join("moved");
    fs::rename(&file, &moved).unwrap();
    let report = fails(folder.path(), "SELECT sum(n) FROM processed.t");
    names(&report, &file, "");
    fs::rename(&moved, &file).unwrap();

    fs::remove_dir_all(table.join("_delta_log")).unwrap();
    let report = fails(folder.path(), "SELECT * FROM processed.t");
    assert!(
        report.contains("58P01") && report.contains("_delta_log"),
        "{report}"
    );
}

/// Of two changes of the same rows the later is made again, on top of the other; one that is refused after
/// several attempts says so. A record says how often.
#[tokio::test(flavor = "multi_thread")]
async fn a_true_conflict_is_tried_again_and_nothing_is_done_twice() {
    let folder = tempfile::tempdir().unwrap();
    let lake = lake::new_lake(folder.path()).await.unwrap();
    let setup = LocalConnection::new(lake.session());
    let sql = "CREATE TABLE processed.t AS SELECT value AS k, 0 AS v FROM generate_series(1, 20000)";
    run::run(&setup, sql).await.unwrap();
    let mut done = 0;
    let mut retries = 0;
    // Whether two meet is up to the scheduler; that none ever do in so many rounds is not to be expected.
    for _ in 0..20 {
        let mut tasks = Vec::new();
        for _ in 0..4 {
            let connection = LocalConnection::new(lake.session());
            tasks.push(tokio::spawn(async move {
                let update = run::run(&connection, "UPDATE processed.t SET v = v + 1 WHERE k % 2 = 0").await;
                update.map(drop).map_err(|error| error.code().as_str())
            }));
        }
        for task in tasks {
            match task.await.unwrap() {
                Ok(()) => done += 1,
                Err(code) => assert_eq!(code, "40001"),
            }
        }
        let sql =
            "SELECT coalesce(sum(retries), 0) FROM system.queries WHERE notes LIKE '%was changed meanwhile%'";
        retries = number(&setup, sql).await;
        if retries > 0 {
            break;
        }
    }
    assert!(done >= 1 && retries >= 1, "{done} done, {retries} tried again");
    assert_eq!(
        number(&setup, "SELECT count(*) FROM processed.t WHERE k % 2 = 0").await,
        10_000
    );
    assert_eq!(
        number(&setup, "SELECT sum(v) FROM processed.t").await,
        10_000 * done
    );
    assert_eq!(
        number(
            &setup,
            "SELECT count(DISTINCT v) FROM processed.t WHERE k % 2 = 0"
        )
        .await,
        1
    );
}

/// Rows that are made of what the table holds are made again if that has changed meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn rows_made_of_their_own_table_are_made_of_all_that_came_before() {
    let folder = tempfile::tempdir().unwrap();
    let lake = lake::new_lake(folder.path()).await.unwrap();
    let setup = LocalConnection::new(lake.session());
    run::run(
        &setup,
        "CREATE TABLE processed.n AS SELECT CAST(0 AS BIGINT) AS n",
    )
    .await
    .unwrap();
    let mut done = 1;
    for _ in 0..5 {
        let mut tasks = Vec::new();
        for _ in 0..4 {
            let connection = LocalConnection::new(lake.session());
            tasks.push(tokio::spawn(async move {
                let sql = "INSERT INTO processed.n SELECT max(n) + 1 FROM processed.n";
                let inserted = run::run(&connection, sql).await;
                inserted.map(drop).map_err(|error| error.code().as_str())
            }));
        }
        for task in tasks {
            match task.await.unwrap() {
                Ok(()) => done += 1,
                Err(code) => assert_eq!(code, "40001"),
            }
        }
    }
    let sql = "SELECT count(DISTINCT n) FROM processed.n";
    assert_eq!(number(&setup, sql).await, done);
    assert_eq!(number(&setup, "SELECT max(n) + 1 FROM processed.n").await, done);
}

async fn number(connection: &LocalConnection, sql: &str) -> i64 {
    let (answers, _) = run::run(connection, sql).await.unwrap();
    answers[0].1[0].column(0).as_primitive::<Int64Type>().value(0)
}
