//! Properties of the windows: every one of them agrees with a reference that looks at each row by
//! itself, whatever the batch size, the number of partitions, the memory, and the way in which the rows lie in
//! files. With too little memory a statement is refused, and never answered wrongly.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimeUnit};
use proptest::prelude::*;
use weir::connection::LocalConnection;
use weir::error::Code;
use weir::{Lake, LakeOptions};

use reference::{Answer, Row, aggregated, counted, cumulate, hop, lateness, over_frames, sessions, sorted};

#[path = "windows/plans.rs"]
mod plans;
#[path = "windows/reference.rs"]
mod reference;
#[path = "support/run.rs"]
mod run;

fn rows() -> impl Strategy<Value = Vec<Row>> {
    // Ties, negative epochs, and moments around a change of Berlin's clock.
    let ts = prop_oneof![
        3 => -40_i64..60,
        2 => 1_774_735_000_i64..1_774_760_000,
        1 => -200_000_i64..200_000,
    ];
    let row = (
        proptest::option::weighted(0.9, 0_i64..4),
        proptest::option::weighted(0.97, ts),
    );
    proptest::collection::vec(row, 0..60).prop_map(|rows| {
        let rows = rows.into_iter().enumerate();
        rows.map(|(id, (key, ts))| Row {
            id: id as i64,
            key,
            ts,
        })
        .collect()
    })
}

/// How a run is made.
#[derive(Debug, Clone)]
struct Run {
    batch_size: usize,
    threads: usize,
    inserts: usize,
    /// By which columns the table's files are sorted.
    sorted_by: &'static str,
    /// What a query may have: `0` is no limit.
    memory: &'static str,
}

fn runs() -> impl Strategy<Value = Run> {
    let sorted_by = prop_oneof![
        2 => Just(""),
        2 => Just("SORTED BY (k, ts)"),
        1 => Just("SORTED BY (ts)"),
    ];
    let memory = prop_oneof![3 => Just("0"), 1 => Just("64KB"), 1 => Just("512KB"), 1 => Just("16MB")];
    let run = (1_usize..12, 1_usize..4, 1_usize..4, sorted_by, memory);
    run.prop_map(|(batch_size, threads, inserts, sorted_by, memory)| Run {
        batch_size,
        threads,
        inserts,
        sorted_by,
        memory,
    })
}

/// The answers of `queries` over the rows, in a table of several files; `None` where the memory did not
/// suffice.
fn answers(rows: &[Row], run: &Run, queries: &[String]) -> Vec<Option<Answer>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .worker_threads(2)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        Lake::init(folder.path()).expect("a lake");
        let options = LakeOptions {
            threads: NonZeroUsize::new(run.threads),
            ..LakeOptions::default()
        };
        let lake = Lake::open(folder.path(), options).await.expect("it opens");
        let connection = LocalConnection::new(lake.session());
        let mut script = format!("SET execution.batch_size = {};", run.batch_size);
        script += &format!(
            "CREATE TABLE processed.t {} AS SELECT CAST(1 AS BIGINT) AS id, CAST(1 AS BIGINT) AS k, \
             arrow_cast(0, 'Timestamp(Second, None)') AS ts WHERE false;",
            run.sorted_by
        );
        for part in rows.chunks(rows.len().div_ceil(run.inserts).max(1)) {
            let cell = |value: Option<i64>| value.map_or("NULL".to_owned(), |value| value.to_string());
            let values = part
                .iter()
                .map(|row| format!("({}, {}, {})", row.id, cell(row.key), cell(row.ts)));
            let values = values.collect::<Vec<_>>().join(", ");
            script += &format!(
                "INSERT INTO processed.t SELECT id, k, arrow_cast(CAST(s AS BIGINT), 'Timestamp(Second, None)') \
                 FROM (VALUES {values}) AS v(id, k, s);"
            );
        }
        run::run(&connection, &script).await.expect("the rows are written");
        let mut all = Vec::new();
        for query in queries {
            let limited = format!("SET weir.statement_memory = '{}'; {query}", run.memory);
            let may_refuse = ["64KB", "512KB"].contains(&run.memory);
            all.push(right_or_refused(&connection, &limited, may_refuse).await);
        }
        all
    })
}

/// The answer of the last statement; `None` if it is refused for want of memory, which it may be.
async fn right_or_refused(connection: &LocalConnection, sql: &str, may_refuse: bool) -> Option<Answer> {
    match run::run(connection, sql).await {
        Ok((answers, _)) => {
            let batches = answers.last().map(|(_, batches)| batches.clone());
            Some(cells(&batches.unwrap_or_default()))
        }
        Err(error) if may_refuse && error.code() == Code::OutOfMemory => None,
        Err(error) => panic!("{sql}: {}", error.report()),
    }
}

/// Whoever wants the first windows alone has them before the last rows are read: windows that are past do
/// not wait, nor do they take memory.
#[test]
fn windows_over_ordered_times_come_out_before_the_input_ends() {
    let rows = 100_000;
    let setup = format!(
        "SET execution.batch_size = 512; CREATE TABLE processed.t SORTED BY (ts) AS SELECT value % 7 AS k, \
         arrow_cast(value, 'Timestamp(Second, None)') AS ts FROM generate_series(1, {rows}) AS s(value)"
    );
    let tumble = "TUMBLE(processed.t, ts, INTERVAL '5 seconds')";
    let hop = "HOP(processed.t, ts, INTERVAL '5 seconds', INTERVAL '10 seconds')";
    let cumulate = "CUMULATE(processed.t, ts, INTERVAL '5 seconds', INTERVAL '10 seconds')";
    let queries = [tumble, hop, cumulate].into_iter().flat_map(|windows| {
        ["window_start, window_end", "k, window_start, window_end"].map(|groups| {
            format!("EXPLAIN ANALYZE SELECT {groups}, count(*) FROM {windows} GROUP BY {groups} LIMIT 3")
        })
    });
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        Lake::init(folder.path()).expect("a lake");
        let options = LakeOptions {
            threads: NonZeroUsize::new(2),
            ..LakeOptions::default()
        };
        let lake = Lake::open(folder.path(), options).await.expect("it opens");
        let connection = LocalConnection::new(lake.session());
        run::run(&connection, &setup).await.expect("the rows are written");
        for query in queries {
            let read = rows_read(&connection, &query).await;
            assert!(0 < read && read < rows / 2, "{query}: {read}");
        }
    });
}

/// How many rows the scans of an EXPLAIN ANALYZE gave.
async fn rows_read(connection: &LocalConnection, query: &str) -> i64 {
    let answered = run::run(connection, query).await;
    let (answers, _) = answered.unwrap_or_else(|error| panic!("{query}: {}", error.report()));
    let (_, batches) = answers.last().expect("a plan");
    let of_batch = |batch: &RecordBatch| {
        let text = |name: &str| cast(batch.column_by_name(name).expect(name), &DataType::Utf8).expect("text");
        let (plan, counts) = (text("plan"), text("rows"));
        let operators = plan.as_string::<i32>().iter().zip(counts.as_string::<i32>());
        let scans =
            operators.filter(|(operator, _)| operator.is_some_and(|operator| operator.contains("Scan ")));
        scans
            .filter_map(|(_, rows)| rows?.parse::<i64>().ok())
            .sum::<i64>()
    };
    batches.iter().map(of_batch).sum()
}

/// Answers are the same whether rows fit into memory or spill.
#[test]
fn windows_do_not_depend_on_memory() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let queries = [
        "SELECT id, window_start, window_end FROM SESSION(processed.t, ts, INTERVAL '20 seconds', key => [k])",
        "SELECT id, sum(id) OVER (PARTITION BY k ORDER BY ts RANGE BETWEEN INTERVAL '1 minute' PRECEDING AND CURRENT ROW) \
         FROM processed.t",
        "SELECT id, window_start, window_id FROM COUNT_WINDOW(processed.s, ts, 4, key => [k], order_by => [id])",
        "SELECT k % 100, window_start, count(*), sum(id) FROM HOP(processed.t, ts, INTERVAL '1 minute', INTERVAL \
         '5 minutes') GROUP BY k % 100, window_start",
        "SELECT id, late_by(ts, INTERVAL '1 minute') OVER (PARTITION BY k ORDER BY arrived_at) \
         FROM (SELECT id, k, ts, arrow_cast(id, 'Timestamp(Second, None)') AS arrived_at FROM processed.t)",
    ];
    runtime.block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        Lake::init(folder.path()).expect("a lake");
        let options = LakeOptions {
            threads: NonZeroUsize::new(2),
            ..LakeOptions::default()
        };
        let lake = Lake::open(folder.path(), options).await.expect("it opens");
        let setup = "CREATE TABLE processed.t AS SELECT value AS id, value * 7919 % 5003 AS k, \
                     arrow_cast(value * 104729 % 86400, 'Timestamp(Second, None)') AS ts \
                     FROM generate_series(1, 240000) AS s(value); \
                     CREATE TABLE processed.s SORTED BY (k, ts, id) AS SELECT * FROM processed.t";
        run::run(&LocalConnection::new(lake.session()), setup)
            .await
            .expect("the rows are written");
        for query in queries {
            let mut answers = Vec::new();
            for (limit, may_refuse) in [("0", false), ("8MB", false), ("2MB", true), ("512KB", true)] {
                let connection = LocalConnection::new(lake.session());
                // What is sorted on disk is merged a batch at a time from each of its parts.
                let limited = format!(
                    "SET execution.batch_size = 1024; SET weir.statement_memory = '{limit}'; {query}"
                );
                answers.extend(right_or_refused(&connection, &limited, may_refuse).await);
            }
            let wrong = answers.iter().find(|answer| **answer != answers[0]);
            assert!(wrong.is_none(), "{query}");
            assert!(answers[0].len() > 1000, "{query}");
        }
    });
}

fn cells(batches: &[RecordBatch]) -> Answer {
    let mut rows = Vec::new();
    for batch in batches {
        let columns = batch.columns().iter().map(|column| {
            let seconds = match column.data_type() {
                DataType::Timestamp(..) => Some(DataType::Timestamp(TimeUnit::Second, None)),
                DataType::Duration(_) => Some(DataType::Duration(TimeUnit::Second)),
                _ => None,
            };
            match seconds {
                Some(seconds) => cast(&cast(column, &seconds)?, &DataType::Int64),
                None => cast(column, &DataType::Int64),
            }
        });
        let columns: Vec<_> = columns.map(|column| column.expect("whole numbers")).collect();
        for row in 0..batch.num_rows() {
            let cells = columns.iter().map(|column| {
                let column = column.as_primitive::<Int64Type>();
                column.is_valid(row).then(|| column.value(row))
            });
            rows.push(cells.collect());
        }
    }
    rows.sort();
    rows
}

const AGGREGATES: &str =
    "count(*), sum(id), max(id), count(*) FILTER (WHERE id % 2 = 1), count(DISTINCT id % 3)";

fn frame_query(window: &str) -> String {
    format!(
        "SELECT id, sum(id) OVER w, count(*) OVER w, min(id) OVER w, max(CASE WHEN id % 2 = 1 THEN id END) OVER w, \
         CAST(sum(id * CAST(1 AS DOUBLE)) OVER w AS BIGINT), count(*) FILTER (WHERE id % 2 = 1) OVER w \
         FROM processed.t WINDOW w AS ({window})"
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn windows_agree_with_the_reference(
        rows in rows(),
        run in runs(),
        slide in 1_i64..30,
        n in 1_i64..7,
        offset in -20_i64..20,
        slide_rows in 1_usize..4,
        more_rows in 0_usize..4,
    ) {
        let size = slide * n;
        let n_rows = slide_rows + more_rows;
        let hop_call = format!(
            "HOP(processed.t, ts, INTERVAL '{slide} seconds', INTERVAL '{size} seconds', INTERVAL '{offset} seconds', nulls => 'skip')"
        );
        let cumulate_call = format!(
            "CUMULATE(processed.t, ts, INTERVAL '{slide} seconds', INTERVAL '{size} seconds', nulls => 'skip')"
        );
        let tumble_call = format!("TUMBLE(processed.t, ts, INTERVAL '{size} seconds', nulls => 'skip')");
        let day_call = "TUMBLE(processed.t, ts, INTERVAL '1 day', zone => 'Europe/Berlin', nulls => 'skip')";
        let count_call = format!(
            "COUNT_WINDOW(processed.t, ts, {n_rows}, slide => {slide_rows}, key => [k], order_by => [id], nulls => 'skip'"
        );
        let grouped = |call: &str| {
            format!("SELECT k, window_start, window_end, {AGGREGATES} FROM {call} GROUP BY k, window_start, window_end")
        };
        let queries = [
            format!("SELECT id, window_start, window_end FROM {hop_call}"),
            format!("SELECT id, window_start, window_end FROM {cumulate_call}"),
            format!("SELECT id, window_start, window_end FROM {tumble_call}"),
            grouped(&hop_call),
            grouped(&cumulate_call),
            grouped(&tumble_call),
            format!("SELECT id, window_start, window_end FROM SESSION(processed.t, ts, INTERVAL '{slide} seconds', key => [k], nulls => 'skip')"),
            format!("SELECT id, window_start, window_end, window_id FROM {count_call})"),
            format!("SELECT id, window_start, window_end, window_id FROM {count_call}, partial => true)"),
            format!("SELECT window_end - window_start = arrow_cast(82800, 'Duration(Second)') AS short FROM {day_call} WHERE id >= 0"),
            frame_query(&format!("PARTITION BY k ORDER BY ts RANGE BETWEEN INTERVAL '{slide} seconds' PRECEDING AND CURRENT ROW")),
            frame_query(&format!("ORDER BY ts RANGE BETWEEN INTERVAL '{size} seconds' PRECEDING AND INTERVAL '{n} seconds' FOLLOWING")),
            format!("SELECT window_start, count(*) FROM {hop_call} WHERE window_start >= to_timestamp_seconds(10) AND window_end < to_timestamp_seconds(60) GROUP BY window_start"),
            format!(
                "SELECT id, count(*) OVER w, late_by(ts, INTERVAL '{slide} seconds', INTERVAL '{size} seconds') OVER w \
                 FROM (SELECT id, k, ts, arrow_cast(id / 2 * 5, 'Timestamp(Second, None)') AS arrived_at FROM processed.t) \
                 WINDOW w AS (PARTITION BY k ORDER BY arrived_at)"
            ),
        ];
        let found = answers(&rows, &run, &queries);
        let each = |windows: &dyn Fn(i64) -> Vec<(i64, i64)>| -> Answer {
            let rows = rows.iter().flat_map(|row| {
                let windows = row.ts.map(windows).unwrap_or_default().into_iter();
                windows.map(|(start, end)| vec![Some(row.id), Some(start), Some(end)])
            });
            sorted(rows.collect())
        };
        // 2026-03-28T23:00Z until 2026-03-29T22:00Z: the day on which Berlin's clock skips an hour.
        let short = |ts: i64| (1_774_738_800..1_774_821_600).contains(&ts);
        let days = rows.iter().filter_map(|row| Some(vec![Some(i64::from(short(row.ts?)))]));
        let mut starts: BTreeMap<i64, i64> = BTreeMap::new();
        for (start, end) in rows.iter().flat_map(|row| row.ts.map(|ts| hop(ts, slide, n, offset)).unwrap_or_default()) {
            if start >= 10 && end < 60 {
                *starts.entry(start).or_default() += 1;
            }
        }
        let starts = starts.into_iter().map(|(start, count)| vec![Some(start), Some(count)]);
        let expected = [
            each(&|ts| hop(ts, slide, n, offset)),
            each(&|ts| cumulate(ts, slide, n)),
            each(&|ts| hop(ts, size, 1, 0)),
            aggregated(&rows, |ts| hop(ts, slide, n, offset)),
            aggregated(&rows, |ts| cumulate(ts, slide, n)),
            aggregated(&rows, |ts| hop(ts, size, 1, 0)),
            sessions(&rows, slide),
            counted(&rows, n_rows, slide_rows, false),
            counted(&rows, n_rows, slide_rows, true),
            sorted(days.collect()),
            over_frames(&rows, slide, 0, true),
            over_frames(&rows, size, n, false),
            starts.collect(),
            lateness(&rows, slide, size),
        ];
        prop_assert_eq!(found.len(), expected.len());
        for ((found, expected), query) in found.iter().zip(&expected).zip(&queries) {
            if let Some(found) = found {
                prop_assert_eq!(found, expected, "{}", query);
            }
        }
    }
}
