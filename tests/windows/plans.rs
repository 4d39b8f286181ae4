//! What the plans over windows are made of.

use weir::connection::LocalConnection;
use weir::{Lake, LakeOptions};

use super::run;

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
