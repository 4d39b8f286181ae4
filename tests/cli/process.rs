//! The program among others: a reader that goes away, Ctrl-C, two at once.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::program::Lake;

/// The program over `lake` as a process that can be watched.
fn process(lake: &Lake, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command.env_remove("WEIR_LAKE").current_dir(lake.here());
    command.arg("--lake").arg(lake.root()).args(arguments);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let lake = Lake::new();
    for format in ["csv", "table", "json", "insert", "arrow", "parquet"] {
        let sql = "SELECT value, repeat('x', 100) AS x FROM range(0, 100000000)";
        let mut child = process(&lake, &["--format", format, "-c", sql]).spawn().unwrap();
        let mut first = [0; 4];
        child.stdout.take().unwrap().read_exact(&mut first).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{format}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{format}");
    }
}

#[test]
fn an_interrupt_stops_a_statement_that_never_ends() {
    let lake = Lake::new();
    lake.write("out.csv", "old\n");
    let sql = "SELECT 1 AS begun; SELECT count(*) AS n FROM range(0, 10000000) AS a, range(0, 10000000) AS b \
               WHERE a.value * b.value % 7 = 8";
    let mut child = process(&lake, &["--echo", "-c", sql]).spawn().unwrap();
    // The second statement is echoed when it begins.
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("SELECT count") {
        line.clear();
        assert_ne!(said.read_line(&mut line).unwrap(), 0, "it ended too soon");
    }
    let begun = Instant::now();
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert!(output.stdout.starts_with(b"begun\n1\n"), "{output:?}");
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    assert!(rest.ends_with("error[57014]: cancelled\n"), "{rest}");
}

#[test]
fn an_interrupt_leaves_files_and_tables_as_they_were() {
    let lake = Lake::new();
    lake.write("out.csv", "old\n");
    assert_eq!(
        lake.run(&["-q", "-c", "CREATE TABLE raw.t AS SELECT 1 AS a"])
            .rows(),
        ""
    );
    let endless = "range(0, 10000000) AS a, range(0, 10000000) AS b";
    for sql in [
        format!("SELECT a.value FROM {endless}"),
        format!("INSERT INTO raw.t SELECT a.value FROM {endless}"),
        format!("CREATE OR REPLACE TABLE raw.t AS SELECT a.value AS a FROM {endless}"),
    ] {
        let mut child = process(&lake, &["--echo", "-o", "out.csv", "-c", &sql])
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        said.read_line(&mut String::new()).unwrap();
        // Some rows are on their way.
        thread::sleep(Duration::from_millis(500));
        let killed = Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .unwrap();
        assert!(killed.success());
        assert_eq!(child.wait().unwrap().code(), Some(130), "{sql}");
        assert_eq!(lake.sql("SELECT a FROM raw.t").rows(), "a\n1\n", "{sql}");
        let left: Vec<_> = std::fs::read_dir(lake.here()).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
        assert_eq!(
            std::fs::read_to_string(lake.here().join("out.csv")).unwrap(),
            "old\n"
        );
    }
}

#[test]
fn a_statement_of_many_terms_is_run() {
    let lake = Lake::new();
    let terms: Vec<String> = (0..700).map(|n| format!("value = {n}")).collect();
    let sql = format!(
        "SELECT count(*) AS n FROM range(0, 9000) WHERE {}",
        terms.join(" OR ")
    );
    assert_eq!(lake.sql(&sql).rows(), "n\n700\n");
}

#[test]
fn two_processes_make_a_table_once() {
    let lake = Lake::new();
    let spawn = |n: usize| {
        let sql = format!("CREATE TABLE raw.t AS SELECT {n} AS a FROM range(0, 1000)");
        process(&lake, &["-q", "-c", &sql]).spawn().unwrap()
    };
    let children: Vec<_> = (0..4).map(spawn).collect();
    let outputs: Vec<_> = children
        .into_iter()
        .map(|child| child.wait_with_output().unwrap())
        .collect();
    let mut codes: Vec<_> = outputs.iter().map(|output| output.status.code()).collect();
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(1), Some(1), Some(1)], "{outputs:?}");
    for output in outputs.iter().filter(|output| !output.status.success()) {
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            said.starts_with("error[42P07]: table 'raw.t' exists already\n"),
            "{said}"
        );
    }
    assert_eq!(
        lake.sql("SELECT count(*) AS n, count(DISTINCT a) AS d FROM raw.t")
            .rows(),
        "n,d\n1000,1\n"
    );
    // What the others wrote is gone.
    let folders: Vec<_> = std::fs::read_dir(lake.root().join("data/raw")).unwrap().collect();
    assert_eq!(folders.len(), 1, "{folders:?}");
}

#[test]
fn inserts_of_several_processes_all_arrive() {
    let lake = Lake::new();
    let made = lake.run(&[
        "-q",
        "-c",
        "CREATE TABLE raw.t (a BIGINT, p INT) PARTITIONED BY (p)",
    ]);
    assert_eq!(made.rows(), "");
    let spawn = |n: usize| {
        let sql = format!("INSERT INTO raw.t SELECT value, {n} + value % 2 FROM range(0, 1000)");
        process(&lake, &["-q", "-c", &sql]).spawn().unwrap()
    };
    let children: Vec<_> = (0..4).map(spawn).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            (output.status.code(), output.stderr.len()),
            (Some(0), 0),
            "{output:?}"
        );
    }
    let run = lake.sql("SELECT p, count(*) AS n FROM raw.t GROUP BY p ORDER BY p");
    assert_eq!(run.rows(), "p,n\n0,500\n1,1000\n2,1000\n3,1000\n4,500\n");
}
