//! What goes to stdout, what to stderr, what to a file, and when.

use std::fs;

use crate::program::{Lake, Run};

#[test]
fn only_results_are_on_stdout() {
    let lake = Lake::new();
    let sql = "CREATE TABLE raw.t AS SELECT 1 AS a;
        INSERT INTO raw.t VALUES (2), (3);
        SELECT sum(a) AS sum FROM raw.t;
        SET execution.batch_size = 100;
        SELECT * FROM raw.nothing";
    let run = lake.sql(sql);
    assert_eq!((run.code, run.stdout.as_str()), (Some(1), "sum\n6\n"));
    assert_eq!(
        run.stderr,
        "created table raw.t (1 row)\n\
         inserted 2 rows into raw.t\n\
         set datafusion.execution.batch_size\n\
         error[42P01]: table 'raw.nothing' not found\n  \
         --> -c:5:23\n\
         5 |         SELECT * FROM raw.nothing\n  \
         |                       ^^^^^^^^^^^\n"
    );
}

#[test]
fn quiet_leaves_errors_and_results() {
    let lake = Lake::new();
    let run = lake.run(&[
        "--quiet",
        "-c",
        "CREATE TABLE raw.t AS SELECT 1 AS a; SELECT a FROM raw.t",
    ]);
    assert_eq!(run.rows(), "a\n1\n");
    let run = lake.run(&["-q", "-c", "SELEC 1"]);
    assert!(run.error(1).starts_with("error[42601]"));
}

#[test]
fn echo_shows_each_statement_before_its_outcome() {
    let lake = Lake::new();
    lake.write("s.sql", "-- first\nCREATE TABLE raw.t AS\n  SELECT 1 AS a;\nSELECT a -- why\nFROM raw.t;\nSELECT b FROM raw.t;");
    let run = lake.run(&["--echo", "-f", "s.sql"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(1), "a\n1\n"));
    assert_eq!(
        run.stderr,
        "CREATE TABLE raw.t AS\n  SELECT 1 AS a;\n\
         created table raw.t (1 row)\n\
         SELECT a -- why\nFROM raw.t;\n\
         SELECT b FROM raw.t;\n\
         error[42703]: column 'b' not found\n  \
         --> s.sql:6:8\n\
         6 | SELECT b FROM raw.t;\n  \
         |        ^\n\
         hint: there are a\n"
    );
}

#[test]
fn an_error_ends_the_batch_unless_it_is_told_to_go_on() {
    let lake = Lake::new();
    lake.write(
        "one.sql",
        "SELECT 1 AS a; SELECT * FROM raw.nothing; SELECT 2 AS b",
    );
    lake.write("two.sql", "SELECT 1/0 AS c; SELECT 3 AS d");
    let run = lake.run(&["-f", "one.sql", "two.sql"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(1), "a\n1\n"));
    let run = lake.run(&["--continue-on-error", "-f", "one.sql", "two.sql"]);
    assert_eq!(run.code, Some(1));
    assert!(
        run.stdout.starts_with("a\n1\n\nb\n2\n\n") && run.stdout.ends_with("d\n3\n"),
        "{run:?}"
    );
    assert_eq!(run.stderr.matches("error[").count(), 2, "{run:?}");
}

#[test]
fn the_first_error_decides_the_code() {
    let lake = Lake::new();
    let sql =
        "CREATE TABLE raw.t (a INT NOT NULL); INSERT INTO raw.t VALUES (NULL); SELECT * FROM raw.nothing";
    assert_eq!(lake.run(&["--continue-on-error", "-c", sql]).code, Some(3));
    let sql = "SELECT * FROM raw.nothing; INSERT INTO raw.t VALUES (NULL)";
    assert_eq!(lake.run(&["--continue-on-error", "-c", sql]).code, Some(1));
}

#[test]
fn a_file_that_is_there_stays_until_all_is_done() {
    let lake = Lake::new();
    lake.write("out.csv", "old\n");
    let out = || fs::read_to_string(lake.here().join("out.csv")).unwrap();
    let run = lake.run(&["--output", "out.csv", "-c", "SELECT 1 AS a; SELECT 1/0 AS b"]);
    assert!(run.error(1).starts_with("error[22000]: division by zero\n"));
    assert_eq!(out(), "old\n");
    let run = lake.run(&["--output", "out.csv", "-c", "SELECT 1 AS a; SELECT 2 AS b"]);
    assert_eq!(run.rows(), "");
    assert_eq!(out(), "a\n1\n\nb\n2\n");
    let left: Vec<_> = fs::read_dir(lake.here()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn with_continue_on_error_the_file_has_what_succeeded() {
    let lake = Lake::new();
    let run = lake.run(&[
        "--continue-on-error",
        "-o",
        "out.csv",
        "-c",
        "SELECT 1 AS a; SELEC; SELECT 2 AS b",
    ]);
    assert!(run.error(1).starts_with("error[42601]"));
    assert_eq!(
        fs::read_to_string(lake.here().join("out.csv")).unwrap(),
        "a\n1\n\nb\n2\n"
    );
}

#[test]
fn a_place_where_nothing_can_be_written_is_named() {
    let lake = Lake::new();
    let run = lake.run(&["--output", "no/such/out.csv", "-c", "SELECT 1 AS a"]);
    assert_eq!(
        run.error(1),
        "error[58P01]: cannot write 'no/such/out.csv': No such file or directory (os error 2)\n"
    );
    let run = lake.run(&["--output", ".", "-c", "SELECT 1 AS a"]);
    assert_eq!(
        run.error(1),
        "error[42809]: cannot write '.': Is a directory (os error 21)\n"
    );
    let run = lake.run(&["--output", "/dev/full", "-c", "SELECT 1 AS a"]);
    assert!(run.error(4).starts_with("error[53100]: "), "{}", run.stderr);
    assert_eq!(
        lake.run(&["--output", "/dev/null", "-c", "SELECT 1 AS a"]).rows(),
        ""
    );
}

#[test]
fn threads_change_nothing_but_speed() {
    let lake = Lake::new();
    for threads in ["1", "2", "7"] {
        let run = lake.run(&["--threads", threads, "-c", "SHOW execution.target_partitions"]);
        assert_eq!(
            run.rows(),
            format!("name,value\ndatafusion.execution.target_partitions,{threads}\n")
        );
        let run = lake.run(&[
            "--threads",
            threads,
            "-c",
            "SELECT sum(value) AS s FROM range(0, 100000)",
        ]);
        assert_eq!(run.rows(), "s\n4999950000\n");
    }
}

#[test]
fn help_and_version_are_results() {
    let lake = Lake::new();
    let version = lake.run(&["--version"]);
    assert_eq!(version.rows(), format!("weir {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(lake.run(&["-V"]), version);
    let help = lake.run(&["--help"]);
    for word in [
        "init",
        "demo",
        "--lake <DIR>",
        "WEIR_LAKE",
        "-c, --command <SQL>",
        "-f, --file <FILE>",
        "--format <FORMAT>",
        "-o, --output <FILE>",
        "--param <NAME[:TYPE]=VALUE>",
        "--continue-on-error",
        "-q, --quiet",
        "--echo",
        "--threads <N>",
    ] {
        assert!(help.rows().contains(word), "{word}: {help:?}");
    }
    assert_eq!(lake.run(&["-h"]).code, Some(0));
    assert!(lake.run(&["demo", "--help"]).rows().contains("--seed <SEED>"));
    assert!(lake.run(&["help", "init"]).rows().contains("[DIR]"));
}

#[test]
fn without_a_lake_help_is_there_too() {
    let run = Run::of(crate::program::weir().current_dir("/").arg("--help"));
    assert!(
        run.rows()
            .starts_with("A SQL query engine over a local data lake")
    );
}
