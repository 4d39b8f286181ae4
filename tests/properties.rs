//! A query's answer is the same for any batch size, any number of partitions, any limit of memory and
//! any split of its input over files.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use arrow::util::display::array_value_to_string;
use futures::{StreamExt, TryStreamExt};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use weir::engine::Body;
use weir::error::Code;
use weir::{Parameters, Result, Session};

#[path = "support/lake.rs"]
mod lake;

const ROWS: i64 = 1000;

/// Queries over `t`, each for other operators. Sums are of integers: those of doubles depend on order.
const QUERIES: &[&str] = &[
    "SELECT count(*), count(v), min(v), max(k), sum(v), min(s), max(s) FROM t",
    "SELECT min(k), max(v + 1), min(v) FILTER (WHERE k > 100) FROM t",
    "SELECT g, count(*), sum(v), min(s), count(DISTINCT v), median(v) FROM t GROUP BY g",
    "SELECT s, g, count(*) FROM t GROUP BY s, g HAVING count(*) > 1",
    "SELECT DISTINCT g, v % 7 FROM t",
    "SELECT k, v FROM t ORDER BY v DESC NULLS LAST, k LIMIT 50",
    "SELECT a.k, b.k FROM t AS a JOIN t AS b ON a.v = b.v AND a.k < b.k WHERE a.g = 3",
    "SELECT a.k, b.s FROM t AS a LEFT JOIN t AS b ON a.k = b.v + 300 WHERE a.g < 4",
    "SELECT k FROM t WHERE v NOT IN (SELECT v FROM t WHERE g = 2 AND v IS NOT NULL)",
    "SELECT g FROM t WHERE EXISTS (SELECT 1 FROM t AS u WHERE u.v = t.k)",
    "SELECT k, sum(v) OVER (PARTITION BY g ORDER BY k), lag(v) OVER (PARTITION BY g ORDER BY k) FROM t",
    "SELECT k, max(v) OVER (PARTITION BY g) FROM t",
    "SELECT k, row_number() OVER (PARTITION BY g ORDER BY s, k) FROM t QUALIFY row_number() OVER (PARTITION BY g ORDER BY s, k) < 9",
    "SELECT g, v FROM t WHERE k < 500 UNION SELECT g, v FROM t WHERE k > 700",
    "SELECT v FROM t WHERE g = 1 INTERSECT SELECT v FROM t WHERE g = 2",
    "SELECT g, array_agg(k ORDER BY k) FROM t WHERE k < 300 GROUP BY g",
    "SELECT g, s, sum(v) FROM t WHERE g < 3 GROUP BY ROLLUP (g, s)",
    "SELECT a.k, b.k, b.s FROM t AS a ASOF LEFT JOIN t AS b ON a.g = b.g AND a.v > b.v",
    "SELECT a.k, b.k FROM t AS a ASOF JOIN (SELECT k FROM t WHERE v > 300) AS b ON a.v <= b.k",
    "SELECT * FROM (SELECT g, s, v FROM t) PIVOT (sum(v), count(*) AS n FOR g IN (1, 2, 30))",
    "SELECT n, count(*), sum(x) FROM t UNPIVOT (x FOR n IN (k, v)) GROUP BY n",
    "SELECT g, k FROM (SELECT DISTINCT g, k FROM t) AS d TABLESAMPLE BERNOULLI (20) REPEATABLE (3)",
];

/// Row `k` of the table: with repeated, missing and long values.
const SOURCE: &str = "SELECT k, k % 11 AS g,
    CASE WHEN k % 17 = 0 THEN NULL ELSE (k * 7919) % 997 END AS v,
    repeat(chr(CAST(97 + k % 26 AS BIGINT)), CAST(k % 40 AS BIGINT)) AS s";

/// How a query is run.
#[derive(Debug, Clone)]
struct Way {
    query: usize,
    batch_size: usize,
    partitions: usize,
    memory: &'static str,
    hash_joins: bool,
    /// The first rows of files beyond the first.
    cuts: Vec<i64>,
}

fn ways() -> impl Strategy<Value = Way> {
    (
        0..QUERIES.len(),
        prop_oneof![Just(2_usize), Just(17), Just(1000), Just(8192)],
        1_usize..6,
        prop_oneof![Just("0"), Just("3MB"), Just("1MB")],
        any::<bool>(),
        prop::collection::vec(1..ROWS, 0..6),
    )
        .prop_map(|(query, batch_size, partitions, memory, hash_joins, cuts)| Way {
            query,
            batch_size,
            partitions,
            memory,
            hash_joins,
            cuts,
        })
}

/// The rows as text, in order of the text.
async fn answer(session: &Session, sql: &str) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    let mut outcomes = session.execute(sql, &Parameters::default());
    while let Some(outcome) = outcomes.next().await {
        let Body::Rows(rows) = outcome?.body else { continue };
        for batch in rows.try_collect::<Vec<_>>().await? {
            for row in 0..batch.num_rows() {
                let cells = batch
                    .columns()
                    .iter()
                    .map(|c| array_value_to_string(c, row).unwrap());
                lines.push(cells.collect::<Vec<_>>().join("|"));
            }
        }
    }
    lines.sort();
    Ok(lines)
}

async fn make(session: &Session, name: &str, cuts: &[i64]) {
    let mut cuts = cuts.to_vec();
    cuts.extend([0, ROWS]);
    cuts.sort_unstable();
    cuts.dedup();
    for (file, range) in cuts.windows(2).enumerate() {
        let rows = format!(
            "{SOURCE} FROM generate_series({}, {}) AS x(k)",
            range[0],
            range[1] - 1
        );
        let sql = match file {
            0 => format!("CREATE OR REPLACE TABLE raw.{name} AS {rows}"),
            _ => format!("INSERT INTO raw.{name} {rows}"),
        };
        answer(session, &sql).await.unwrap();
    }
}

#[test]
fn an_answer_does_not_depend_on_how_it_is_computed() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let lake = runtime.block_on(lake::new_lake(folder.path())).unwrap();
    let plain = lake.session();
    runtime.block_on(make(&plain, "t", &[]));
    let expected: Vec<Vec<String>> = QUERIES
        .iter()
        .map(|sql| runtime.block_on(answer(&plain, sql)).unwrap())
        .collect();
    let config = Config {
        cases: 16,
        failure_persistence: None,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&ways(), |way| {
        let sql = QUERIES[way.query];
        let session = lake.session();
        let found = runtime.block_on(async {
            make(&session, "split", &way.cuts).await;
            let settings = format!(
                "SET execution.batch_size = {}; SET execution.target_partitions = {};
                 SET weir.statement_memory = '{}'; SET optimizer.prefer_hash_join = {}",
                way.batch_size, way.partitions, way.memory, way.hash_joins
            );
            answer(&session, &settings).await.unwrap();
            let sql = sql
                .replace("FROM t", "FROM split")
                .replace("JOIN t", "JOIN split");
            answer(&session, &sql.replace("= t.k", "= split.k")).await
        });
        match found {
            Ok(found) => prop_assert_eq!(&found, &expected[way.query], "{}", sql),
            // A limit may refuse a query; it may not change its answer.
            Err(error) => prop_assert!(
                way.memory != "0" && error.code() == Code::OutOfMemory,
                "{}: {}",
                sql,
                error.report()
            ),
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
