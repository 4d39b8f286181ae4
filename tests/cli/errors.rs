//! What an error looks like, and which exit code it has.

use crate::program::{Lake, Run};

#[test]
fn an_error_is_shown_with_code_place_caret_and_hint() {
    let lake = Lake::new();
    let sql = "CREATE TABLE processed.events AS SELECT 1 AS event_id;\n\n\
        SELECT event_id,\n\tevent_idd -- the second\nFROM processed.events;\nSELECT 1 AS never";
    let report = |name: &str| {
        format!(
            "error[42703]: column 'event_idd' not found\n  \
             --> {name}:4:2\n\
             4 |  event_idd -- the second\n  \
             |  ^^^^^^^^^\n\
             hint: did you mean 'event_id'?\n"
        )
    };
    lake.write("jobs/daily.sql", sql);
    let drop = || assert_eq!(lake.run(&["-q", "-c", "DROP TABLE processed.events"]).rows(), "");
    assert_eq!(
        lake.run(&["-q", "-f", "jobs/daily.sql"]).error(1),
        report("jobs/daily.sql")
    );
    drop();
    assert_eq!(lake.run(&["-q", "-c", sql]).error(1), report("-c"));
    drop();
    let run = Run::of(lake.weir().arg("-q").write_stdin(sql));
    assert_eq!(run.error(1), report("stdin"));
}

#[test]
fn columns_count_characters_and_carets_their_width() {
    let lake = Lake::new();
    let run = lake.sql("SELECT '数据', nope");
    assert_eq!(
        run.error(1),
        "error[42703]: column 'nope' not found\n  --> -c:1:14\n1 | SELECT '数据', nope\n  |                ^^^^\n"
    );
}

#[test]
fn a_windows_line_is_shown_without_its_end() {
    let lake = Lake::new();
    lake.write("w.sql", "SELECT 1 AS a;\r\nSELECT nope\r\n;\r\n");
    let run = lake.run(&["-f", "w.sql"]);
    assert_eq!(run.code, Some(1));
    assert_eq!(
        run.stderr,
        "error[42703]: column 'nope' not found\n  --> w.sql:2:8\n2 | SELECT nope\n  |        ^^^^\n"
    );
}

#[test]
fn an_error_of_a_value_says_which_statement_it_was() {
    let lake = Lake::new();
    lake.write(
        "s.sql",
        "SELECT 1 AS a;\n\n  SELECT 10 / x FROM (VALUES (1), (0)) AS t(x);\n",
    );
    let run = lake.run(&["-f", "s.sql"]);
    assert_eq!(run.code, Some(1));
    assert_eq!(
        run.stderr,
        "error[22000]: division by zero\n  \
         --> s.sql:3:13\n\
         3 |   SELECT 10 / x FROM (VALUES (1), (0)) AS t(x);\n  \
         |             ^\n"
    );
}

#[test]
fn a_sum_of_what_cannot_be_added_is_pointed_at() {
    let run = Lake::new().sql("SELECT 1 AS a,\n  TRUE + 'x' AS b");
    assert_eq!(run.code, Some(1));
    assert!(
        run.stderr
            .contains("--> -c:2:8\n2 |   TRUE + 'x' AS b\n  |        ^\n"),
        "{}",
        run.stderr
    );
}

/// Each with the code's class of the exit code: see the table of codes.
#[test]
fn every_kind_of_error_has_its_exit_code() {
    let lake = Lake::new();
    lake.write_inside("data/raw/corrupt/part.parquet", "not Parquet");
    let made = lake.run(&[
        "-q",
        "-c",
        "CREATE TABLE raw.t (a INT NOT NULL);
         CREATE EXTERNAL TABLE raw.corrupt (a INT) STORED AS PARQUET LOCATION 'corrupt/'",
    ]);
    assert_eq!(made.rows(), "");
    for (sql, code, exit) in [
        ("SELEC 1", "42601", 1),
        ("SELECT 'open", "42601", 1),
        ("SELECT * FROM raw.nothing", "42P01", 1),
        ("SELECT * FROM nowhere.t", "3F000", 1),
        ("SELECT nope(1)", "42883", 1),
        ("CREATE TABLE raw.t (a INT)", "42P07", 1),
        ("DROP VIEW raw.t", "42809", 1),
        ("SET no.such = 1", "42704", 1),
        ("DROP TABLE system.tables", "42501", 1),
        ("SELECT CAST('x' AS INT) AS a FROM raw.t", "22000", 1),
        ("GRANT SELECT ON raw.t TO u", "0A000", 1),
        ("SELECT * FROM raw.corrupt", "WR003", 1),
        ("INSERT INTO raw.t VALUES (NULL)", "23502", 3),
    ] {
        let run = lake.sql(sql);
        assert!(
            run.stderr.starts_with(&format!("error[{code}]: ")),
            "{sql}: {run:?}"
        );
        assert_eq!(run.code, Some(exit), "{sql}: {run:?}");
        assert!(run.stderr.contains("\n  --> -c:1:"), "{sql}: {run:?}");
    }
}

#[test]
fn no_error_speaks_of_the_layers_below() {
    let lake = Lake::new();
    let made = lake.run(&[
        "-q",
        "-c",
        "CREATE TABLE raw.t AS SELECT 1 AS a, 'x' AS b, [1, 2] AS l",
    ]);
    assert_eq!(made.rows(), "");
    for sql in [
        "SELECT a, count(*) FROM raw.t",
        "SELECT a FROM raw.t WHERE count(*) > 1",
        "SELECT sum(b) FROM raw.t",
        "SELECT CAST(b AS INT) FROM raw.t",
        "SELECT * FROM raw.t ORDER BY 9",
        "SELECT * FROM raw.t LIMIT -1",
        "SELECT a FROM raw.t UNION SELECT a, b FROM raw.t",
        "SELECT a IN (SELECT a, b FROM raw.t) FROM raw.t",
        "SELECT l + 1 FROM raw.t",
        "SELECT a.b FROM raw.t",
        "SELECT date_trunc('eon', now())",
        "SELECT substr(b) FROM raw.t",
        "SELECT row_number() FROM raw.t",
        "SELECT sum(sum(a)) FROM raw.t",
        "SELECT * FROM raw.t JOIN raw.t ON a = a",
        "SELECT regexp_replace(b, '(', '') FROM raw.t",
        "SELECT INTERVAL '1 eon'",
        "SELECT DATE '2026-02-30'",
        "INSERT INTO raw.t VALUES (1)",
        "INSERT INTO raw.t SELECT 1, 2, 3, 4",
        "INSERT INTO raw.t (a, a) VALUES (1, 2)",
        "CREATE TABLE raw.u AS SELECT a AS x, b AS x FROM raw.t",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n, 2 FROM r) SELECT * FROM r",
        "EXPLAIN SELECT nope FROM raw.t",
        "SELECT unnest(a) FROM raw.t",
        "SELECT * FROM range('a', 'b')",
        "VALUES (1), (1, 2)",
    ] {
        let run = lake.sql(sql);
        let said = run.stderr.to_lowercase();
        assert_eq!(run.code, Some(1), "{sql}: {run:?}");
        for word in [
            "internal",
            "bug",
            "datafusion",
            "error during",
            "arrow error",
            "schema error",
            "xx000",
            "panicked",
        ] {
            assert!(!said.contains(word), "{sql}: {run:?}");
        }
        assert!(said.contains("\n  --> -c:1:"), "{sql}: {run:?}");
    }
}
