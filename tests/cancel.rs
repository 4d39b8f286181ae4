//! A statement that is dropped stops computing. Alone in its process, since it watches the processor.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use futures::StreamExt;
use weir::engine::Body;
use weir::{Parameters, Session};

#[path = "support/lake.rs"]
mod lake;

/// Joins that compute for minutes, each for another operator.
const ENDLESS: &[&str] = &[
    "SELECT count(*) FROM generate_series(1, 3000000) AS a(x), generate_series(1, 3000000) AS b(y) WHERE x * y < 0",
    "SELECT count(*) FROM generate_series(1, 3000000) AS a(x), generate_series(1, 3000000) AS b(y)",
    "SELECT count(*) FROM generate_series(1, 300000) AS a(x) JOIN generate_series(1, 300000) AS b(y)
     ON x % 2 = y % 2 AND x * y < 0",
];

/// The same by merging sorted sides, which a hash join without memory becomes.
const ENDLESS_MERGED: &[&str] = &[
    "SELECT count(*) FROM generate_series(1, 300000) AS a(x) JOIN generate_series(1, 300000) AS b(y)
     ON x % 2 = y % 2 AND x * y < 0",
    "SELECT count(*) FROM generate_series(1, 300000) AS a(x) LEFT JOIN generate_series(1, 300000) AS b(y)
     ON x % 2 = y % 2 AND x * y < 0",
    "SELECT count(*) FROM generate_series(1, 300000) AS a(x) LEFT SEMI JOIN generate_series(1, 300000) AS b(y)
     ON x % 2 = y % 2 AND x * y < 0",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_statement_stops_computing() {
    let folder = tempfile::tempdir().unwrap();
    let session = lake::new_lake(folder.path()).await.unwrap().session();
    stop_computing(&session, ENDLESS).await;
    let set = "SET optimizer.prefer_hash_join = false";
    session
        .execute(set, &Parameters::default())
        .next()
        .await
        .unwrap()
        .unwrap();
    stop_computing(&session, ENDLESS_MERGED).await;
}

async fn stop_computing(session: &Session, statements: &[&str]) {
    for sql in statements {
        let outcome = session
            .execute(sql, &Parameters::default())
            .next()
            .await
            .unwrap()
            .unwrap();
        let Body::Rows(mut rows) = outcome.body else {
            panic!("no rows")
        };
        let early = tokio::time::timeout(std::time::Duration::from_millis(500), rows.next()).await;
        assert!(early.is_err(), "{sql} ends by itself");
        drop(rows);
        // A second is granted, and none of it may be needed for the work that was dropped.
        let mut busy = Vec::new();
        for _ in 0..20 {
            let before = cpu_ticks();
            tokio::time::sleep(std::time::Duration::from_millis(250)).await;
            busy.push(cpu_ticks() - before);
            if busy.last() < Some(&5) {
                break;
            }
        }
        assert!(
            busy.len() <= 5,
            "{sql} goes on computing: {busy:?} ticks a quarter second"
        );
    }
}

/// The processor time of this process so far, in hundredths of a second.
fn cpu_ticks() -> u64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = text.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}
