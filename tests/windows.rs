//! Properties of the windows: every one of them agrees with a reference that looks at each row by
//! itself, whatever the batch size, the number of partitions, and the way in which the rows lie in files.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use proptest::prelude::*;
use weir::connection::LocalConnection;
use weir::{Lake, LakeOptions};

#[path = "support/run.rs"]
mod run;

/// A row: its number, its key (NULL now and then), its time in seconds (NULL now and then).
#[derive(Debug, Clone)]
struct Row {
    id: i64,
    key: Option<i64>,
    ts: Option<i64>,
}

/// Rows as cells, sorted.
type Answer = Vec<Vec<Option<i64>>>;

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
}

fn runs() -> impl Strategy<Value = Run> {
    let sorted_by = prop_oneof![
        2 => Just(""),
        2 => Just("SORTED BY (k, ts)"),
        1 => Just("SORTED BY (ts)"),
    ];
    (1_usize..12, 1_usize..4, 1_usize..4, sorted_by).prop_map(|(batch_size, threads, inserts, sorted_by)| {
        Run {
            batch_size,
            threads,
            inserts,
            sorted_by,
        }
    })
}

/// The answers of `queries` over the rows, in a table of several files.
fn answers(rows: &[Row], run: &Run, queries: &[String]) -> Vec<Answer> {
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
            let (answers, _) = run::run(&connection, query)
                .await
                .unwrap_or_else(|error| panic!("{query}: {}", error.report()));
            let batches = answers.last().map(|(_, batches)| batches.clone()).unwrap_or_default();
            all.push(cells(&batches));
        }
        all
    })
}

/// What is set up, and then the text of a plan.
fn plan(setup: &str, query: &str) -> String {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        Lake::init(folder.path()).expect("a lake");
        let lake = Lake::open(folder.path(), LakeOptions::default())
            .await
            .expect("it opens");
        let connection = LocalConnection::new(lake.session());
        let answered = run::run(&connection, &format!("{setup}; EXPLAIN FORMAT indent {query}")).await;
        let (answers, _) = answered.unwrap_or_else(|error| panic!("{query}: {}", error.report()));
        let (_, batches) = answers.last().expect("a plan");
        arrow::util::pretty::pretty_format_batches(batches)
            .expect("it prints")
            .to_string()
    })
}

const TABLE: &str = "CREATE TABLE processed.t AS SELECT * FROM (VALUES
    (1, 2, TIMESTAMP '2026-01-01 09:00:00'), (2, 2, TIMESTAMP '2026-01-01 11:00:00')) AS v(id, k, ts)";

#[test]
fn a_filter_on_windows_reaches_the_files_as_one_on_time() {
    let filters = [
        (
            "TUMBLE(processed.t, ts, INTERVAL '5 minutes')",
            "10:05:00",
            "10:20:00",
        ),
        (
            "HOP(processed.t, ts, INTERVAL '5 minutes', INTERVAL '10 minutes')",
            "10:05:00",
            "10:20:00",
        ),
        (
            "CUMULATE(processed.t, ts, INTERVAL '5 minutes', INTERVAL '10 minutes')",
            "10:05:00",
            "10:20:00",
        ),
    ];
    for (windows, from, until) in filters {
        let plan = plan(
            TABLE,
            &format!(
                "SELECT id FROM {windows} WHERE window_start >= TIMESTAMP '2026-01-01 {from}' \
                 AND window_end <= TIMESTAMP '2026-01-01 {until}'"
            ),
        );
        let predicate = plan
            .split("predicate=")
            .nth(1)
            .unwrap_or_else(|| panic!("{plan}"));
        assert!(predicate.starts_with("ts@"), "{plan}");
        assert!(
            predicate.contains(">= 17672619000") && predicate.contains("< 17672628000"),
            "{plan}"
        );
    }
}

/// Of three files, each with a day of its own, only that of the windows asked for is in the plan, also where
/// the windows are aggregated and the filter stands outside.
#[test]
fn a_filter_on_windows_leaves_files_out() {
    let day = |n: u32| {
        format!(
            "SELECT value AS id, TIMESTAMP '2026-01-0{n}' + value * INTERVAL '1 minute' AS ts FROM generate_series(0, 99) AS s(value)"
        )
    };
    let setup = format!(
        "CREATE TABLE processed.t AS {}; INSERT INTO processed.t {}; INSERT INTO processed.t {}",
        day(1),
        day(2),
        day(3)
    );
    let within =
        "window_start >= TIMESTAMP '2026-01-02 00:00:00' AND window_end <= TIMESTAMP '2026-01-02 12:00:00'";
    let windows = [
        "TUMBLE(processed.t, ts, INTERVAL '5 minutes')",
        "HOP(processed.t, ts, INTERVAL '5 minutes', INTERVAL '10 minutes')",
        "CUMULATE(processed.t, ts, INTERVAL '5 minutes', INTERVAL '10 minutes')",
    ];
    for windows in windows {
        let rows = format!("SELECT id FROM {windows} WHERE {within}");
        let groups = format!(
            "SELECT * FROM (SELECT window_start, window_end, count(*) FROM {windows} GROUP BY ALL) AS w WHERE {within}"
        );
        for query in [rows, groups] {
            let plan = plan(&setup, &query);
            assert_eq!(plan.matches(".parquet").count(), 1, "{plan}");
        }
    }
    let all = plan(&setup, &format!("SELECT id FROM {}", windows[0]));
    assert_eq!(all.matches(".parquet").count(), 3, "{all}");
}

#[test]
fn an_aggregation_over_windows_shares_panes() {
    let hop = "HOP(processed.t, ts, INTERVAL '5 minutes', INTERVAL '10 minutes')";
    let shared = plan(
        TABLE,
        &format!("SELECT k, window_start, sum(id) FROM {hop} GROUP BY k, window_start"),
    );
    assert!(
        shared.contains("PanesExec") && !shared.contains("AlignedExec"),
        "{shared}"
    );
    let expanded = plan(
        TABLE,
        &format!("SELECT k, window_start, min(window_end) FROM {hop} GROUP BY k, window_start"),
    );
    assert!(
        !expanded.contains("PanesExec") && expanded.contains("AlignedExec"),
        "{expanded}"
    );
}

/// A sorted table is read in its order, and nothing above sorts it again.
#[test]
fn a_sorted_table_is_not_sorted_again() {
    let setup = "CREATE TABLE processed.t SORTED BY (k, ts) AS SELECT value % 7 AS k, \
                 arrow_cast(value, 'Timestamp(Second, None)') AS ts, value AS id \
                 FROM generate_series(1, 1000) AS s(value); \
                 INSERT INTO processed.t SELECT k, ts, id + 1000 FROM processed.t";
    let queries = [
        "SELECT id, window_start FROM SESSION(processed.t, ts, INTERVAL '5 seconds', key => [k])",
        "SELECT k, window_start, count(*) FROM SESSION(processed.t, ts, INTERVAL '5 seconds', key => [k]) \
         GROUP BY k, window_start",
        "SELECT id, window_id FROM COUNT_WINDOW(processed.t, ts, 5, key => [k])",
        "SELECT id, sum(id) OVER (PARTITION BY k ORDER BY ts RANGE BETWEEN INTERVAL '5 seconds' PRECEDING AND CURRENT \
         ROW) FROM processed.t",
        "SELECT * FROM processed.t ORDER BY k, ts",
    ];
    for query in queries {
        let plan = plan(setup, query);
        assert!(!plan.contains("SortExec"), "{plan}");
    }
    let unsorted = plan(
        TABLE,
        "SELECT id, window_start FROM SESSION(processed.t, ts, INTERVAL '5 seconds', key => [k])",
    );
    assert!(
        unsorted.contains("arranged by key") && !unsorted.contains("SortExec"),
        "{unsorted}"
    );
}

/// What is computed of a row's frame, and how late it is, takes no operator that holds all rows.
#[test]
fn frames_and_lateness_stream() {
    let late = plan(
        TABLE,
        "SELECT id, late_by(ts, INTERVAL '1 minute') OVER (PARTITION BY k ORDER BY ts) FROM processed.t",
    );
    assert!(
        late.contains("LateExec") && !late.contains("WindowAggExec"),
        "{late}"
    );
    let beside = plan(
        TABLE,
        "SELECT id, row_number() OVER w, late_by(ts, INTERVAL '1 minute') OVER w FROM processed.t \
         WINDOW w AS (PARTITION BY k ORDER BY ts)",
    );
    let lateness = beside.find("LateExec").unwrap_or_else(|| panic!("{beside}"));
    let other = beside
        .find("BoundedWindowAggExec")
        .unwrap_or_else(|| panic!("{beside}"));
    assert!(lateness < other && !beside.contains(" WindowAggExec"), "{beside}");
    let frames = plan(
        TABLE,
        "SELECT id, sum(id) OVER w, stddev(id) OVER w FROM processed.t WINDOW w AS (PARTITION BY k ORDER BY ts \
         RANGE BETWEEN INTERVAL '1 minute' PRECEDING AND CURRENT ROW)",
    );
    let sliding = frames.find("SlidingExec").unwrap_or_else(|| panic!("{frames}"));
    let other = frames
        .find("BoundedWindowAggExec")
        .unwrap_or_else(|| panic!("{frames}"));
    assert!(sliding < other, "{frames}");
    assert!(
        !frames.contains("arranged by key") && !frames.contains("MergeExec"),
        "{frames}"
    );
}

/// Over rows in the order of time, an aggregation gives out windows as they pass.
#[test]
fn windows_over_ordered_times_are_aggregated_in_their_order() {
    let setup = "CREATE TABLE processed.t SORTED BY (ts) AS SELECT value % 7 AS k, \
                 arrow_cast(value, 'Timestamp(Second, None)') AS ts, value AS id \
                 FROM generate_series(1, 1000) AS s(value); \
                 INSERT INTO processed.t SELECT k, ts, id + 1000 FROM processed.t";
    let tumble = "SELECT window_start, count(*) FROM TUMBLE(processed.t, ts, INTERVAL '5 seconds') GROUP BY window_start";
    let by_key = "SELECT k, window_start, count(*) FROM TUMBLE(processed.t, ts, INTERVAL '5 seconds') \
                  GROUP BY k, window_start";
    let hop = "SELECT k, window_start, count(*) FROM HOP(processed.t, ts, INTERVAL '5 seconds', INTERVAL '10 seconds') \
               GROUP BY k, window_start";
    for (query, aggregations, mode) in [
        (tumble, 2, "ordering_mode=Sorted"),
        (by_key, 2, "ordering_mode=PartiallySorted"),
        (hop, 1, "ordering_mode=PartiallySorted"),
    ] {
        let plan = plan(setup, query);
        assert!(!plan.contains("SortExec"), "{plan}");
        assert_eq!(plan.matches(mode).count(), aggregations, "{plan}");
    }
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
            for limit in ["0", "8MB"] {
                let connection = LocalConnection::new(lake.session());
                // What is sorted on disk is merged a batch at a time from each of its parts.
                let limited = format!(
                    "SET execution.batch_size = 1024; SET weir.statement_memory = '{limit}'; {query}"
                );
                let (found, _) = run::run(&connection, &limited)
                    .await
                    .unwrap_or_else(|error| panic!("{query} with {limit}: {}", error.report()));
                answers.push(cells(&found.last().expect("an answer").1));
            }
            assert_eq!(answers[0], answers[1], "{query}");
            assert!(answers[0].len() > 1000, "{query}");
        }
    });
}

fn cells(batches: &[RecordBatch]) -> Answer {
    let mut rows = Vec::new();
    for batch in batches {
        let columns = batch.columns().iter().map(|column| match column.data_type() {
            DataType::Timestamp(..) => cast(
                &cast(
                    column,
                    &DataType::Timestamp(arrow::datatypes::TimeUnit::Second, None),
                )
                .expect("seconds"),
                &DataType::Int64,
            ),
            _ => cast(column, &DataType::Int64),
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

fn sorted(mut answer: Answer) -> Answer {
    answer.sort();
    answer
}

/// The windows of a moment: `n` of them begin `slide` apart.
fn hop(ts: i64, slide: i64, n: i64, offset: i64) -> Vec<(i64, i64)> {
    let last = (ts - offset).div_euclid(slide) * slide + offset;
    (0..n)
        .map(|back| (last - back * slide, last - back * slide + n * slide))
        .collect()
}

fn cumulate(ts: i64, step: i64, n: i64) -> Vec<(i64, i64)> {
    let start = ts.div_euclid(step * n) * step * n;
    let ends = (1..=n).map(|k| start + k * step).filter(|end| *end > ts);
    ends.map(|end| (start, end)).collect()
}

/// Count, sum, highest and number of different ids by key and window.
fn aggregated(rows: &[Row], windows: impl Fn(i64) -> Vec<(i64, i64)>) -> Answer {
    let mut groups: BTreeMap<(Option<i64>, i64, i64), Vec<i64>> = BTreeMap::new();
    for row in rows {
        for (start, end) in row.ts.map(&windows).unwrap_or_default() {
            groups.entry((row.key, start, end)).or_default().push(row.id);
        }
    }
    let groups = groups.into_iter().map(|((key, start, end), ids)| {
        let odd = ids.iter().filter(|id| *id % 2 == 1).count() as i64;
        let classes: BTreeSet<i64> = ids.iter().map(|id| id % 3).collect();
        vec![
            key,
            Some(start),
            Some(end),
            Some(ids.len() as i64),
            Some(ids.iter().sum()),
            ids.iter().max().copied(),
            Some(odd),
            Some(classes.len() as i64),
        ]
    });
    sorted(groups.collect())
}

const AGGREGATES: &str =
    "count(*), sum(id), max(id), count(*) FILTER (WHERE id % 2 = 1), count(DISTINCT id % 3)";

/// The sessions of each key's rows in the order of time.
fn sessions(rows: &[Row], gap: i64) -> Answer {
    let mut keys: BTreeMap<Option<i64>, Vec<(i64, i64)>> = BTreeMap::new();
    for row in rows {
        if let Some(ts) = row.ts {
            keys.entry(row.key).or_default().push((ts, row.id));
        }
    }
    let mut answer = Vec::new();
    for mut of_key in keys.into_values() {
        of_key.sort_unstable();
        for session in of_key.chunk_by(|a, b| b.0 - a.0 <= gap) {
            let (start, end) = (session[0].0, session[session.len() - 1].0 + gap);
            answer.extend(
                session
                    .iter()
                    .map(|(_, id)| vec![Some(*id), Some(start), Some(end)]),
            );
        }
    }
    sorted(answer)
}

fn counted(rows: &[Row], n: usize, slide: usize, partial: bool) -> Answer {
    let mut keys: BTreeMap<Option<i64>, Vec<(i64, i64)>> = BTreeMap::new();
    for row in rows {
        if let Some(ts) = row.ts {
            keys.entry(row.key).or_default().push((ts, row.id));
        }
    }
    let mut answer = Vec::new();
    for mut of_key in keys.into_values() {
        of_key.sort_unstable();
        for (window, from) in (0..of_key.len()).step_by(slide).enumerate() {
            let until = (from + n).min(of_key.len());
            if until - from < n && !partial {
                continue;
            }
            let (start, end) = (of_key[from].0, of_key[until - 1].0);
            answer.extend(
                of_key[from..until]
                    .iter()
                    .map(|(_, id)| vec![Some(*id), Some(start), Some(end), Some(window as i64 + 1)]),
            );
        }
    }
    sorted(answer)
}

/// What is computed over the rows of a key that lie up to `before` before and `after` after each row.
fn over_frames(rows: &[Row], before: i64, after: i64, by_key: bool) -> Answer {
    let answer = rows.iter().map(|row| {
        let near = |other: &&Row| match (row.ts, other.ts) {
            (Some(t), Some(u)) => t - before <= u && u <= t + after,
            (None, None) => true,
            _ => false,
        };
        let ids = rows
            .iter()
            .filter(|other| !by_key || other.key == row.key)
            .filter(near)
            .map(|other| other.id);
        let ids: Vec<i64> = ids.collect();
        let odd = ids.iter().filter(|id| *id % 2 == 1);
        vec![
            Some(row.id),
            Some(ids.iter().sum()),
            Some(ids.len() as i64),
            ids.iter().min().copied(),
            odd.clone().max().copied(),
            Some(ids.iter().sum()),
            Some(odd.count() as i64),
        ]
    });
    sorted(answer.collect())
}

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
        ];
        let found = answers(&rows, &run, &queries);
        let each = |windows: &dyn Fn(i64) -> Vec<(i64, i64)>| -> Answer {
            let rows = rows.iter().flat_map(|row| {
                let windows = row.ts.map(windows).unwrap_or_default().into_iter();
                windows.map(|(start, end)| vec![Some(row.id), Some(start), Some(end)])
            });
            sorted(rows.collect())
        };
        prop_assert_eq!(&found[0], &each(&|ts| hop(ts, slide, n, offset)));
        prop_assert_eq!(&found[1], &each(&|ts| cumulate(ts, slide, n)));
        prop_assert_eq!(&found[2], &each(&|ts| hop(ts, size, 1, 0)));
        prop_assert_eq!(&found[3], &aggregated(&rows, |ts| hop(ts, slide, n, offset)));
        prop_assert_eq!(&found[4], &aggregated(&rows, |ts| cumulate(ts, slide, n)));
        prop_assert_eq!(&found[5], &aggregated(&rows, |ts| hop(ts, size, 1, 0)));
        prop_assert_eq!(&found[6], &sessions(&rows, slide));
        prop_assert_eq!(&found[7], &counted(&rows, n_rows, slide_rows, false));
        prop_assert_eq!(&found[8], &counted(&rows, n_rows, slide_rows, true));
        // 2026-03-28T23:00Z until 2026-03-29T22:00Z: the day on which Berlin's clock skips an hour.
        let short = |ts: i64| (1_774_738_800..1_774_821_600).contains(&ts);
        let days = rows.iter().filter_map(|row| Some(vec![Some(i64::from(short(row.ts?)))]));
        prop_assert_eq!(&found[9], &sorted(days.collect()));
        let mut starts: BTreeMap<i64, i64> = BTreeMap::new();
        for (start, end) in rows.iter().flat_map(|row| row.ts.map(|ts| hop(ts, slide, n, offset)).unwrap_or_default()) {
            if start >= 10 && end < 60 {
                *starts.entry(start).or_default() += 1;
            }
        }
        let starts = starts.into_iter().map(|(start, count)| vec![Some(start), Some(count)]);
        prop_assert_eq!(&found[10], &over_frames(&rows, slide, 0, true));
        prop_assert_eq!(&found[11], &over_frames(&rows, size, n, false));
        prop_assert_eq!(&found[12], &starts.collect::<Vec<_>>());
    }
}
