//! A thousand statements given up at random moments leave nothing behind. Alone in its process, since it
//! counts the process's files and threads.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use futures::StreamExt;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use weir::engine::{Body, QueryState};
use weir::{Parameters, Session};

#[path = "support/lake.rs"]
mod lake;

const STATEMENTS: &[&str] = &[
    "SELECT count(*) FROM generate_series(1, 3000000) AS a(x), generate_series(1, 3000000) AS b(y) WHERE x * y < 0",
    "SELECT x % 1000, count(*), max(y) FROM raw.t GROUP BY ALL ORDER BY 2",
    "SELECT a.x, b.y FROM raw.t AS a JOIN raw.t AS b ON a.y = b.y ORDER BY b.x",
    "SELECT x, sum(x) OVER (PARTITION BY y ORDER BY x) FROM raw.t",
    "SELECT y FROM raw.t ORDER BY y",
    "SELECT count(*) FROM system.queries",
];

async fn run(session: &Session, sql: &str) {
    let mut outcomes = session.execute(sql, &Parameters::default());
    while let Some(outcome) = outcomes.next().await {
        if let Body::Rows(mut rows) = outcome.unwrap().body {
            while let Some(batch) = rows.next().await {
                batch.unwrap();
            }
        }
    }
}

/// Begins a statement, takes what comes within `time`, and gives it up.
async fn give_up(session: &Session, sql: &str, time: Duration) {
    let mut outcomes = session.execute(sql, &Parameters::default());
    let reading = async {
        while let Some(Ok(outcome)) = outcomes.next().await {
            if let Body::Rows(mut rows) = outcome.body {
                while rows.next().await.is_some() {}
            }
        }
    };
    drop(tokio::time::timeout(time, reading).await);
}

fn files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn status(field: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.split_whitespace().nth(1).map_or_else(
        || line.trim_start_matches(':').trim().parse().unwrap(),
        |_| {
            line.trim_start_matches(':')
                .split_whitespace()
                .next()
                .unwrap()
                .parse()
                .unwrap()
        },
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_statements_given_up_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let lake = lake::new_lake(folder.path()).await.unwrap();
    let session = lake.session();
    run(
        &session,
        "CREATE TABLE raw.t AS SELECT x, CAST(x % 500 AS VARCHAR) || repeat('y', 50) AS y FROM generate_series(1, 20000) AS s(x);
         SET weir.statement_memory = '4MB'",
    )
    .await;
    let mut random = StdRng::seed_from_u64(7);
    let mut before = None;
    for round in 0..1000 {
        if round == 200 {
            settle(&session).await;
            before = Some((files(), status("Threads"), status("VmRSS")));
        }
        let sql = STATEMENTS[random.random_range(0..STATEMENTS.len())];
        give_up(
            &session,
            sql,
            Duration::from_micros(random.random_range(0..20_000)),
        )
        .await;
    }
    settle(&session).await;
    let (files_before, threads_before, memory_before) = before.unwrap();
    assert!(
        files() <= files_before + 2,
        "{} files, {files_before} before",
        files()
    );
    // Threads that read files come and go; there are never more of them than readers.
    let threads = status("Threads");
    assert!(
        threads <= threads_before + 64,
        "{threads} threads, {threads_before} before"
    );
    let grown = status("VmRSS").saturating_sub(memory_before);
    assert!(grown < 64 << 10, "{grown} kB more memory than after 200 rounds");
    let hidden = folder.path().join(".weir/spill");
    assert!(!hidden.exists() || std::fs::read_dir(hidden).unwrap().next().is_none());
}

/// Waits until nothing runs any more.
async fn settle(session: &Session) {
    run(session, "SELECT count(*) FROM raw.t").await;
    let record = session.progress().record().unwrap();
    assert_eq!(record.state(), QueryState::Finished);
    for _ in 0..400 {
        let held = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
        let is_spill = |target: std::path::PathBuf| target.to_string_lossy().contains(".weir/spill");
        if !held
            .filter_map(|entry| std::fs::read_link(entry.path()).ok())
            .any(is_spill)
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert!(files() == 0, "spill files are held for ever");
}
