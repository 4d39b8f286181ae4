//! Quarantine and table appear together or not at all, whenever the process dies, and however many write at
//! once.

use std::path::Path;

use crate::{program, table_folder, weir};
use weir::Lake;

/// Loads of four rows, two of which are quarantined.
fn loads(first: u64, count: u64) -> String {
    let load = |n| format!("INSERT INTO processed.t VALUES ({n}, 0), ({n}, 1), ({n}, -1), ({n}, -2)");
    (first..first + count).map(load).collect::<Vec<_>>().join("; ")
}

fn lake_with_rules() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    Lake::init(folder.path()).unwrap();
    program(
        folder.path(),
        "CREATE TABLE processed.t (n BIGINT, x BIGINT, CONSTRAINT positive EXPECT (x >= 0) ON VIOLATION QUARANTINE)",
    );
    folder
}

fn lines(folder: &Path, sql: &str) -> Vec<String> {
    let text = program(folder, sql);
    text.lines()
        .skip(1)
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_killed_process_leaves_table_and_quarantine_together() {
    let folder = lake_with_rules();
    let mut first = 0;
    for round in 0..12_u64 {
        let mut process = weir(folder.path(), &loads(first, 30)).spawn().unwrap();
        let output = process.stdout.take().unwrap();
        let mut answers = std::io::BufRead::lines(std::io::BufReader::new(output)).map_while(Result::ok);
        let mut acknowledged = 0;
        while acknowledged < round {
            acknowledged += u64::from(answers.next().unwrap().ends_with(",4,2,2,0,0"));
        }
        // Some way into the next one.
        (0..round * 500_000).for_each(|_| std::hint::spin_loop());
        process.kill().unwrap();
        process.wait().unwrap();
        let of = |table: &str| {
            let sql = format!("SELECT n, count(*) FROM {table} WHERE n >= {first} GROUP BY n ORDER BY n");
            lines(folder.path(), &sql)
        };
        let written = of("processed.t");
        assert_eq!(written, of("processed.t$quarantine"));
        assert!(
            written.len() as u64 >= acknowledged,
            "{acknowledged} were acknowledged: {written:?}"
        );
        assert!(written.iter().all(|line| line.ends_with(",2")), "{written:?}");
        first += 30;
    }
    let shown = || {
        lines(
            folder.path(),
            "SELECT count(*), sum(n) FROM processed.t$quarantine",
        )
    };
    let before = shown();
    program(folder.path(), "VACUUM RETAIN 0 HOURS");
    assert_eq!(shown(), before);
    let loads = lines(
        folder.path(),
        "SELECT DISTINCT _load_id FROM processed.t$quarantine",
    );
    let mut with_files = 0;
    for entry in std::fs::read_dir(table_folder(folder.path()).join("_quarantine")).unwrap() {
        let load = entry.unwrap().path();
        let files = std::fs::read_dir(&load).unwrap().map(|file| file.unwrap().path());
        with_files += usize::from(files.filter(|file| file.extension().is_some()).count() > 0);
    }
    assert_eq!(with_files, loads.len());
}

#[test]
fn two_replays_at_once_put_each_row_through_once() {
    let folder = lake_with_rules();
    program(folder.path(), &loads(0, 10));
    let replay = "REPLAY QUARANTINE processed.t AS SELECT n, -x FROM quarantined";
    let mut both = [0, 1].map(|_| weir(folder.path(), replay).spawn().unwrap());
    let done = both.iter_mut().filter_map(|process| process.wait().ok());
    assert!(done.filter(std::process::ExitStatus::success).count() >= 1);
    let counts = "SELECT count(*), count(DISTINCT n * 10 + x) FROM processed.t";
    // x is 0 and 1 of each load; replayed, 1 and 2 come in.
    assert_eq!(lines(folder.path(), counts), ["40,30"]);
    assert_eq!(
        lines(folder.path(), "SELECT count(*) FROM processed.t$quarantine"),
        ["0"]
    );
}

/// Keys that two processes add at once are in the table once.
#[test]
fn two_loads_at_once_keep_a_key_unique() {
    let folder = tempfile::tempdir().unwrap();
    Lake::init(folder.path()).unwrap();
    program(
        folder.path(),
        "CREATE TABLE processed.t (n BIGINT, CONSTRAINT pk EXPECT UNIQUE (n) ON VIOLATION QUARANTINE)",
    );
    let inserts: Vec<String> = (0..20)
        .map(|n| format!("INSERT INTO processed.t VALUES ({n})"))
        .collect();
    let mut both = [0, 1].map(|_| {
        let mut command = weir(folder.path(), &inserts.join("; "));
        command.arg("--continue-on-error").spawn().unwrap()
    });
    for process in &mut both {
        // A statement that lost a race is an error, and may be the last.
        process.wait().unwrap();
    }
    let counts = "SELECT count(*) - count(DISTINCT n), count(*) > 0 FROM processed.t";
    assert_eq!(lines(folder.path(), counts), ["0,true"]);
}
