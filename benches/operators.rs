//! Operators through a session, over one small managed table: windows, joins in time, deduplication, cleaning,
//! rules, and sessions beside each other.
//!
//! Each measurement is a whole statement, from its text to its last row, warm. `WEIR_BENCH_ROWS` says how many
//! rows the table has; 200,000 without it.

#![expect(clippy::unwrap_used, reason = "a bench that cannot run ends")]

use std::env;

use criterion::{BenchmarkId, Criterion, Throughput};
use futures::future::join_all;
use tokio::runtime::Runtime;
use weir::connection::LocalConnection;
use weir::{Lake, LakeOptions};

/// The program's own.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[path = "../tests/support/run.rs"]
mod run;

/// A hundred keys, a day of times, a tenth of the values NULL; two rules, of which one finds something.
const TABLE: &str =
    "CREATE TABLE processed.t (id BIGINT NOT NULL, k BIGINT, ts TIMESTAMP, v DOUBLE, s VARCHAR);
    ALTER TABLE processed.t ADD CONSTRAINT range EXPECT (v BETWEEN 0 AND 90) ON VIOLATION WARN;
    ALTER TABLE processed.t ADD CONSTRAINT address EXPECT (is_email(s)) ON VIOLATION WARN";

const ROWS: &str = "SELECT x AS id, x * 7919 % 97 AS k, \
    TIMESTAMP '2026-01-01' + (x * 104729 % 86400) * INTERVAL '1 second' AS ts, \
    CASE WHEN x % 11 = 0 THEN NULL ELSE x * 31 % 1000 / 10.5 END AS v, \
    concat('user', x % 5000, '@example.com') AS s";

const STATEMENTS: &[(&str, &str)] = &[
    (
        "tumble",
        "SELECT k, window_start, count(*), sum(v) FROM TUMBLE(processed.t, ts, INTERVAL '1 minute') GROUP BY 1, 2",
    ),
    (
        "hop_panes",
        "SELECT k, window_start, count(*), sum(v) FROM HOP(processed.t, ts, INTERVAL '1 minute', INTERVAL '1 hour') GROUP BY 1, 2",
    ),
    (
        "session",
        "SELECT k, window_start, count(*) FROM SESSION(processed.t, ts, INTERVAL '1 minute', key => [k]) GROUP BY 1, 2",
    ),
    (
        "sliding",
        "SELECT sum(s) FROM (SELECT sum(v) OVER (PARTITION BY k ORDER BY ts RANGE BETWEEN INTERVAL '1 minute' PRECEDING AND CURRENT ROW) AS s FROM processed.t)",
    ),
    (
        "asof",
        "SELECT sum(b.v) FROM processed.t AS a ASOF LEFT JOIN processed.t AS b ON a.k = b.k AND a.ts >= b.ts",
    ),
    (
        "dedup",
        "SELECT count(*) FROM DEDUP(processed.t, key => [s], order_by => [id])",
    ),
    (
        "fill_mean",
        "SELECT sum(x) FROM (SELECT fill_mean(v) OVER (PARTITION BY k) AS x FROM processed.t)",
    ),
    (
        "winsorize",
        "SELECT sum(x) FROM (SELECT winsorize(v, 0.05, 0.95) OVER (PARTITION BY k) AS x FROM processed.t)",
    ),
    (
        "ffill",
        "SELECT sum(x) FROM (SELECT ffill(v) OVER (PARTITION BY k ORDER BY ts) AS x FROM processed.t)",
    ),
    ("check_table", "CHECK TABLE processed.t"),
    ("violations", "SELECT count(*) FROM violations(processed.t)"),
];

/// What a client asks again and again.
const POINT: &str = "SELECT v FROM processed.t WHERE id = 78";
const SESSIONS: &[usize] = &[1, 4, 16];

struct Bench {
    lake: Lake,
    runtime: Runtime,
    rows: u64,
}

impl Bench {
    fn statements(&self, criterion: &mut Criterion) {
        let connection = LocalConnection::new(self.lake.session());
        let mut group = criterion.benchmark_group("operator");
        group.throughput(Throughput::Elements(self.rows)).sample_size(10);
        for (name, sql) in STATEMENTS {
            group.bench_function(*name, |bencher| {
                bencher.iter(|| self.runtime.block_on(run::run(&connection, sql)).unwrap());
            });
        }
        group.finish();
    }

    /// Sessions that ask the same at one time: an element is a statement.
    fn sessions(&self, criterion: &mut Criterion) {
        let mut group = criterion.benchmark_group("sessions");
        for count in SESSIONS {
            let connections: Vec<_> = (0..*count)
                .map(|_| LocalConnection::new(self.lake.session()))
                .collect();
            group
                .throughput(Throughput::Elements(*count as u64))
                .sample_size(20);
            group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
                bencher.iter(|| {
                    let asked = connections.iter().map(|connection| run::run(connection, POINT));
                    let answers = self.runtime.block_on(join_all(asked));
                    assert!(answers.iter().all(Result::is_ok));
                });
            });
        }
        group.finish();
    }
}

/// A lake with the table, whose rows come by one statement through its rules.
async fn lake(folder: &std::path::Path, rows: u64) -> weir::Result<Lake> {
    Lake::init(folder)?;
    let lake = Lake::open(folder, LakeOptions::default()).await?;
    let connection = LocalConnection::new(lake.session());
    run::run(&connection, TABLE).await?;
    let insert = format!("INSERT INTO processed.t {ROWS} FROM generate_series(1, {rows}) AS g(x)");
    run::run(&connection, &insert).await?;
    Ok(lake)
}

fn main() {
    let rows = env::var("WEIR_BENCH_ROWS").map_or(200_000, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let runtime = Runtime::new().unwrap();
    let lake = runtime.block_on(lake(folder.path(), rows)).unwrap();
    let bench = Bench { runtime, lake, rows };
    let mut criterion = Criterion::default().configure_from_args();
    bench.statements(&mut criterion);
    bench.sessions(&mut criterion);
    criterion.final_summary();
}
