//! The history among crashes, many writers and many runs.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use chrono::DateTime;

use super::{Finding, History, Run, RunKind};

fn run(id: &str) -> Run {
    Run {
        id: id.to_owned(),
        kind: RunKind::Check,
        table: "processed.t".to_owned(),
        version: Some(3),
        started_at: DateTime::UNIX_EPOCH,
        duration_ms: 12,
        findings: vec![Finding {
            rule: "pk".to_owned(),
            dimension: "uniqueness".to_owned(),
            severity: "error".to_owned(),
            action: "QUARANTINE".to_owned(),
            status: "fail".to_owned(),
            value: Some(0.5),
            threshold: Some(0.05),
            rows: 10,
            failed_rows: 5,
            message: None,
        }],
    }
}

fn ids(history: &History) -> Vec<String> {
    let runs = history.runs().expect("the history is read");
    runs.into_iter().map(|run| run.id).collect()
}

fn newest(lake: &Path) -> std::path::PathBuf {
    lake.join(".weir/checks/history.ndjson")
}

#[test]
fn a_lake_without_runs_has_an_empty_history_and_no_files() {
    let lake = tempfile::tempdir().expect("a folder");
    let history = History::new(lake.path());
    assert_eq!(history.runs().expect("read"), Vec::new());
    assert_eq!(
        history.table(Vec::new(), &|_| true).expect("a table").num_rows(),
        0
    );
    assert!(!lake.path().join(".weir").exists());
}

#[test]
fn runs_come_back_as_they_were_recorded() {
    let lake = tempfile::tempdir().expect("a folder");
    let history = History::new(lake.path());
    let mut load = run("b");
    load.kind = RunKind::Load;
    load.version = None;
    load.findings.clear();
    for run in [&run("a"), &load] {
        history.record(run).expect("recorded");
    }
    assert_eq!(history.runs().expect("read"), vec![run("a"), load]);
    assert_eq!(
        history.table(Vec::new(), &|_| true).expect("a table").num_rows(),
        2
    );
}

#[test]
fn a_run_that_is_recorded_twice_counts_once() {
    let lake = tempfile::tempdir().expect("a folder");
    let history = History::new(lake.path());
    for id in ["a", "b", "a"] {
        history.record(&run(id)).expect("recorded");
    }
    assert_eq!(ids(&history), ["a", "b"]);
}

#[test]
fn what_a_killed_writer_left_of_a_line_is_passed_over() {
    let lake = tempfile::tempdir().expect("a folder");
    let history = History::new(lake.path());
    history.record(&run("a")).expect("recorded");
    let mut file = OpenOptions::new()
        .append(true)
        .open(newest(lake.path()))
        .expect("the file");
    file.write_all(b"{\"id\":\"torn\",\"ki").expect("written");
    assert_eq!(ids(&history), ["a"]);
    history.record(&run("b")).expect("recorded");
    assert_eq!(ids(&history), ["a", "b"]);
}

#[test]
fn the_oldest_runs_go_first_and_the_files_stay_small() {
    let lake = tempfile::tempdir().expect("a folder");
    let history = History::new(lake.path()).with_full_bytes(4096);
    for i in 0..200 {
        history.record(&run(&format!("{i:03}"))).expect("recorded");
    }
    let kept = ids(&history);
    assert_eq!(kept.last().map(String::as_str), Some("199"));
    let first: usize = kept[0].parse().expect("a number");
    assert!(first > 0 && kept.len() == 200 - first, "{first} {}", kept.len());
    assert!(kept.len() >= 10);
    let sizes: u64 = std::fs::read_dir(lake.path().join(".weir/checks"))
        .expect("the folder")
        .map(|entry| entry.and_then(|entry| entry.metadata()).expect("a file").len())
        .sum();
    assert!(sizes <= 2 * 4096, "{sizes}");
}

#[test]
fn many_writers_lose_no_run_of_each_other() {
    let lake = tempfile::tempdir().expect("a folder");
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let history = History::new(lake.path());
            scope.spawn(move || {
                for i in 0..25 {
                    history.record(&run(&format!("{writer}-{i}"))).expect("recorded");
                }
            });
        }
    });
    assert_eq!(ids(&History::new(lake.path())).len(), 200);
}
