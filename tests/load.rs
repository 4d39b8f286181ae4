//! Statements under limits: of memory, of time, of how many run at one time; stopped by name.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::num::NonZeroUsize;
use std::path::Path;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use futures::{StreamExt, TryStreamExt};
use weir::connection::{Connection, LocalConnection};
use weir::engine::{Body, Outcome, QueryState, Record, Rows};
use weir::error::Code;
use weir::{Error, Lake, LakeOptions, Parameters, Session};

/// Computes for minutes.
const ENDLESS: &str = "SELECT count(*) FROM generate_series(1, 3000000) AS a(x), generate_series(1, 3000000) AS b(y) WHERE x * y < 0";

async fn lake(folder: &Path, options: LakeOptions) -> Lake {
    Lake::init(folder).unwrap();
    Lake::open(folder, options).await.unwrap()
}

async fn begin(session: &Session, sql: &str) -> weir::Result<Outcome> {
    session.execute(sql, &Parameters::default()).next().await.unwrap()
}

fn rows(outcome: Outcome) -> (Rows, Record) {
    match outcome.body {
        Body::Rows(rows) => (rows, outcome.record),
        Body::Done(done) => panic!("no rows: {done:?}"),
    }
}

async fn run(session: &Session, sql: &str) -> weir::Result<(Vec<RecordBatch>, Record)> {
    let outcome = begin(session, sql).await?;
    match outcome.body {
        Body::Rows(rows) => Ok((rows.try_collect().await?, outcome.record)),
        Body::Done(_) => Ok((Vec::new(), outcome.record)),
    }
}

async fn number(session: &Session, sql: &str) -> weir::Result<i64> {
    let (batches, _) = run(session, sql).await?;
    let first = batches.iter().find(|batch| batch.num_rows() > 0).unwrap();
    Ok(first.column(0).as_primitive::<Int64Type>().value(0))
}

async fn failure(rows: Rows) -> Error {
    rows.try_collect::<Vec<_>>().await.unwrap_err()
}

/// Waits, a turn of the scheduler at a time, until the record is in `state`.
async fn until(record: &Record, state: QueryState) {
    while record.state() != state {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_is_killed_by_its_id() {
    let folder = tempfile::tempdir().unwrap();
    let lake = lake(folder.path(), LakeOptions::default()).await;
    let (victim, killer) = (lake.session(), lake.session());
    let (endless, record) = rows(begin(&victim, ENDLESS).await.unwrap());
    until(&record, QueryState::Running).await;
    run(&killer, &format!("KILL QUERY '{}'", record.id()))
        .await
        .unwrap();
    let error = failure(endless).await;
    assert_eq!(error.code(), Code::Cancelled);
    assert!(error.message().contains("KILL QUERY"), "{error}");
    assert_eq!(record.state(), QueryState::Cancelled);
    let sql = format!(
        "SELECT count(*) FROM system.queries WHERE id = '{}' AND state = 'cancelled'",
        record.id()
    );
    assert_eq!(number(&killer, &sql).await.unwrap(), 1);
    let again = run(&killer, &format!("KILL QUERY '{}'", record.id()))
        .await
        .unwrap_err();
    assert_eq!(again.code(), Code::UndefinedQuery);
    assert_eq!(again.hint(), Some("it has ended already"));
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_wait_for_a_place_and_metadata_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let options = LakeOptions {
        running: NonZeroUsize::new(1),
        ..LakeOptions::default()
    };
    let lake = lake(folder.path(), options).await;
    let (first, second, third) = (lake.session(), lake.session(), lake.session());
    let (endless, running) = rows(begin(&first, ENDLESS).await.unwrap());
    until(&running, QueryState::Running).await;
    let waiting = "SELECT count(*) FROM generate_series(1, 10)";
    let (answer, queued) = rows(begin(&second, waiting).await.unwrap());
    until(&queued, QueryState::Queued).await;
    assert!(second.progress().snapshot().unwrap().is_queued);
    let sql = "SELECT count(*) FROM system.queries WHERE state = 'queued'";
    assert_eq!(number(&third, sql).await.unwrap(), 1);
    run(&third, "SHOW TABLES").await.unwrap();
    drop(endless);
    let answer: Vec<RecordBatch> = answer.try_collect().await.unwrap();
    assert_eq!(answer[0].column(0).as_primitive::<Int64Type>().value(0), 10);
    assert_eq!(running.state(), QueryState::Cancelled);
    assert_eq!(queued.state(), QueryState::Finished);
    assert!(!queued.totals().queued.is_zero());
    // One that gives up while it waits takes no place.
    let (endless, running) = rows(begin(&first, ENDLESS).await.unwrap());
    until(&running, QueryState::Running).await;
    let (gives_up, queued) = rows(begin(&second, waiting).await.unwrap());
    until(&queued, QueryState::Queued).await;
    drop(gives_up);
    drop(endless);
    assert_eq!(number(&third, waiting).await.unwrap(), 10);
}

/// Two tables of 200,000 rows of ten numbers, in no order of `h`.
async fn wide_tables(session: &Session) {
    let columns: Vec<String> = (1..9).map(|c| format!("x * {c} AS c{c}")).collect();
    for name in ["raw.a", "raw.b"] {
        let sql = format!(
            "CREATE TABLE {name} AS SELECT (x * 7919) % 1000003 AS h, x, {}
             FROM generate_series(1, 200000) AS s(x)",
            columns.join(", ")
        );
        run(session, &sql).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_into_memory_is_spilled() {
    let folder = tempfile::tempdir().unwrap();
    let session = lake(folder.path(), LakeOptions::default()).await.session();
    wide_tables(&session).await;
    run(&session, "SET execution.target_partitions = 2")
        .await
        .unwrap();
    let sum = "c1 + c2 + c3 + c4 + c5 + c6 + c7 + c8";
    let queries = [
        format!(
            "SELECT count(*) FROM (SELECT {sum} AS s, row_number() OVER (ORDER BY h) AS n FROM raw.a) WHERE n > 0 AND s > 0"
        ),
        "SELECT count(*) FROM (SELECT h, max(c1) AS a, max(c2) AS b, max(c3) AS c, max(c4) AS d, max(c5) AS e
         FROM raw.a GROUP BY h) WHERE a + b + c + d + e > 0"
            .to_owned(),
        "SELECT count(*) FROM raw.a JOIN raw.b ON a.h = b.h
         WHERE a.c1 + a.c2 + a.c3 + a.c4 + a.c5 + a.c6 + b.c1 + b.c2 + b.c3 + b.c4 + b.c5 + b.c6 > 0"
            .to_owned(),
    ];
    for sql in queries {
        run(&session, "RESET weir.statement_memory").await.unwrap();
        let free = number(&session, &sql).await.unwrap();
        run(&session, "SET weir.statement_memory = '16MB'").await.unwrap();
        let (batches, record) = run(&session, &sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
        let narrow = batches[0].column(0).as_primitive::<Int64Type>().value(0);
        assert_eq!((free, narrow), (200_000, 200_000), "{sql}");
        let totals = record.totals();
        assert!(totals.spilled_bytes > 1 << 20, "{sql}: {totals:?}");
        assert!(totals.peak_memory_bytes <= 17 << 20, "{sql}: {totals:?}");
    }
    // The join was begun with a table of hashes, which cannot spill.
    assert_eq!(
        number(
            &session,
            "SELECT count(*) FROM system.queries WHERE notes LIKE '%sort-merge%' AND retries > 0"
        )
        .await
        .unwrap(),
        1
    );
    let left = std::fs::read_dir(folder.path().join(".weir/spill"))
        .unwrap()
        .count();
    assert_eq!(left, 0, "spill files have no names");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_nobody_takes_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let session = lake(folder.path(), LakeOptions::default()).await.session();
    run(&session, "SET weir.idle_timeout = '50ms'").await.unwrap();
    let (idle, record) = rows(
        begin(&session, "SELECT * FROM generate_series(1, 10000000)")
            .await
            .unwrap(),
    );
    until(&record, QueryState::Cancelled).await;
    let error = failure(idle).await;
    assert_eq!(error.code(), Code::Timeout);
    assert!(error.message().contains("nobody took"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_says_what_was_read_and_what_was_not() {
    let folder = tempfile::tempdir().unwrap();
    let session = lake(folder.path(), LakeOptions::default()).await.session();
    run(
        &session,
        "CREATE TABLE raw.t PARTITIONED BY (p) AS SELECT x AS a, x % 4 AS p FROM generate_series(1, 1000) AS s(x)",
    )
    .await
    .unwrap();
    let (_, record) = run(&session, "SELECT a FROM raw.t WHERE p = 1").await.unwrap();
    let totals = record.totals();
    assert_eq!((totals.rows_read, totals.rows_out), (250, 250));
    assert_eq!((totals.files_opened, totals.files_pruned), (1, 3));
    assert_eq!((totals.row_groups_read, totals.row_groups_pruned), (1, 0));
    assert!(totals.bytes_read > 0 && !totals.elapsed.is_zero());
    let (_, record) = run(&session, "SELECT a FROM raw.t WHERE a < 0").await.unwrap();
    let totals = record.totals();
    assert_eq!((totals.rows_read, totals.row_groups_read), (0, 0));
    assert_eq!(totals.files_opened + totals.files_pruned, 4, "{totals:?}");
}

/// Small batches, which an exchange under a small limit spills, from several partitions at once.
#[tokio::test(flavor = "multi_thread")]
async fn exchanges_that_spill_do_not_wait_for_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let session = lake(folder.path(), LakeOptions::default()).await.session();
    let source = "SELECT k, k % 11 AS g, repeat(chr(97 + k % 26), k % 40) AS s FROM generate_series";
    run(
        &session,
        &format!("CREATE TABLE raw.t AS {source}(0, 499) AS x(k)"),
    )
    .await
    .unwrap();
    run(&session, &format!("INSERT INTO raw.t {source}(500, 999) AS x(k)"))
        .await
        .unwrap();
    let settings = [
        "execution.batch_size = 2",
        "execution.target_partitions = 3",
        "weir.statement_memory = '1MB'",
    ];
    for setting in settings {
        run(&session, &format!("SET {setting}")).await.unwrap();
    }
    let fixed = run(&session, "SET execution.max_spill_file_size_bytes = '1MB'").await;
    assert_eq!(fixed.unwrap_err().code(), Code::ReadOnly);
    for _ in 0..20 {
        let groups = run(&session, "SELECT s, g, count(*) FROM raw.t GROUP BY s, g").await;
        match groups {
            Ok((batches, _)) => {
                assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 986);
            }
            Err(error) => assert_eq!(error.code(), Code::OutOfMemory, "{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_whose_spill_files_have_no_room_ends() {
    let folder = tempfile::tempdir().unwrap();
    Lake::init(folder.path()).unwrap();
    let settings = folder.path().join("catalog/lake.toml");
    let text = std::fs::read_to_string(&settings).unwrap();
    std::fs::write(&settings, format!("{text}\n[limits]\nspill = \"1MB\"\n")).unwrap();
    let lake = Lake::open(folder.path(), LakeOptions::default()).await.unwrap();
    let session = lake.session();
    run(&session, "SET weir.statement_memory = '4MB'").await.unwrap();
    let sql = "SELECT count(*) FROM (SELECT x, row_number() OVER (ORDER BY (x * 7919) % 1000003) AS n
               FROM generate_series(1, 2000000) AS s(x)) WHERE n > 0 AND x > 0";
    let error = run(&session, sql).await.unwrap_err();
    assert_eq!(error.code(), Code::DiskFull, "{}", error.report());
    let (_, record) = run(
        &session,
        "SELECT count(*) FROM system.queries WHERE error_code = '53100' AND state = 'failed'",
    )
    .await
    .unwrap();
    assert_eq!(record.totals().rows_out, 1);
}

/// A file that is replaced between its listing and its reading, as by another program.
#[tokio::test(flavor = "multi_thread")]
async fn a_passing_fault_of_storage_is_tried_again_and_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let options = LakeOptions {
        running: NonZeroUsize::new(1),
        ..LakeOptions::default()
    };
    let lake = lake(folder.path(), options).await;
    let (first, second) = (lake.session(), lake.session());
    run(
        &second,
        "CREATE EXTERNAL TABLE raw.t (a BIGINT) STORED AS CSV LOCATION 't/'",
    )
    .await
    .unwrap();
    let file = folder.path().join("data/raw/t/one.csv");
    std::fs::write(&file, "a\n1\n2\n").unwrap();
    let (endless, running) = rows(begin(&first, ENDLESS).await.unwrap());
    until(&running, QueryState::Running).await;
    // Planned, with its files listed, it waits for its turn.
    let (sums, record) = rows(begin(&second, "SELECT sum(a) FROM raw.t").await.unwrap());
    until(&record, QueryState::Queued).await;
    std::fs::write(&file, "a\n10\n20\n30\n").unwrap();
    drop(endless);
    let sums: Vec<RecordBatch> = sums.try_collect().await.unwrap();
    assert_eq!(sums[0].column(0).as_primitive::<Int64Type>().value(0), 60);
    assert_eq!(record.totals().retries, 1);
    let sql = format!(
        "SELECT count(*) FROM system.queries WHERE id = '{}' AND retries = 1 AND notes LIKE 'run again after%'",
        record.id()
    );
    assert_eq!(number(&second, &sql).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_says_how_a_statement_failed() {
    let folder = tempfile::tempdir().unwrap();
    let session = lake(folder.path(), LakeOptions::default()).await.session();
    let failing = [
        ("SELECT nothing FROM raw.t", "42P01"),
        ("SELEC 1", "42601"),
        (
            "SELECT 9223372036854775807 + x FROM generate_series(1, 1) AS s(x)",
            "22003",
        ),
        ("SET weir.statement_timeout = '20ms'", ""),
        (ENDLESS, "57P05"),
        ("RESET weir.statement_timeout", ""),
        ("SET weir.statement_memory = '1MB'", ""),
        (
            "SELECT array_agg(x) FROM generate_series(1, 3000000) AS s(x)",
            "53200",
        ),
    ];
    for (sql, code) in failing {
        match run(&session, sql).await {
            Ok(_) => assert_eq!(code, "", "{sql}"),
            Err(error) => assert_eq!(error.code().as_str(), code, "{}", error.report()),
        }
    }
    for (sql, code) in failing.iter().filter(|(_, code)| !code.is_empty()) {
        let sql = format!(
            "SELECT count(*) FROM system.queries WHERE state = 'failed' AND error_code = '{code}'
             AND error IS NOT NULL AND elapsed_ms > 0 AND sql = '{}'",
            sql.replace('\'', "''")
        );
        assert_eq!(number(&session, &sql).await.unwrap(), 1, "{code}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_front_end_asks_for_itself_is_no_statement_of_its_user() {
    let folder = tempfile::tempdir().unwrap();
    let session = lake(folder.path(), LakeOptions::default()).await.session();
    run(&session, "SELECT 1").await.unwrap();
    let shown = session.progress().record().unwrap();
    let connection = LocalConnection::new(session.clone());
    let outcome = connection.aside("SELECT name FROM system.tables").next().await;
    let (rows, _) = rows(outcome.unwrap().unwrap());
    rows.try_collect::<Vec<_>>().await.unwrap();
    assert_eq!(session.progress().record().unwrap().id(), shown.id());
    let sql = "SELECT count(*) FROM system.queries WHERE sql LIKE 'SELECT name%'";
    assert_eq!(number(&session, sql).await.unwrap(), 0);
}
