//! The history among crashes, many writers and many runs.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use chrono::DateTime;

use uuid::Uuid;

use super::History;
use crate::definition::{CheckRecord, Dimension, RuleAction, RuleOutcome, RuleStatus, Severity};

fn record(id: u128) -> CheckRecord {
    CheckRecord {
        id: Uuid::from_u128(id),
        table: "processed.t".to_owned(),
        kind: "check".to_owned(),
        version: Some(3),
        at: DateTime::UNIX_EPOCH,
        duration_ms: 12,
        outcomes: vec![RuleOutcome {
            rule: "pk".to_owned(),
            dimension: Dimension::Uniqueness,
            severity: Severity::Error,
            action: RuleAction::DropRow,
            status: RuleStatus::Fail,
            value: Some(0.5),
            threshold: 0.05,
            rows: 10,
            violations: 5,
            message: None,
        }],
    }
}

fn ids(history: &History) -> Vec<u128> {
    let records = history.records().expect("the history is read");
    records.into_iter().map(|record| record.id.as_u128()).collect()
}

fn newest(lake: &Path) -> std::path::PathBuf {
    lake.join(".weir/checks/history.ndjson")
}

#[test]
fn a_lake_without_records_has_an_empty_history_and_no_files() {
    let lake = tempfile::tempdir().expect("a folder");
    let history = History::new(lake.path());
    assert_eq!(history.records().expect("read"), Vec::new());
    assert_eq!(history.table().expect("a table").num_rows(), 0);
    assert!(!lake.path().join(".weir").exists());
}

#[test]
fn records_come_back_as_they_were_recorded() {
    let lake = tempfile::tempdir().expect("a folder");
    let history = History::new(lake.path());
    let mut load = record(2);
    load.kind = "load".to_owned();
    load.version = None;
    load.outcomes.clear();
    for record in [&record(1), &load] {
        history.record(record).expect("recorded");
    }
    assert_eq!(history.records().expect("read"), vec![record(1), load]);
    assert_eq!(history.table().expect("a table").num_rows(), 2);
}

#[test]
fn a_record_that_is_made_twice_counts_once() {
    let lake = tempfile::tempdir().expect("a folder");
    let history = History::new(lake.path());
    for id in [1, 2, 1] {
        history.record(&record(id)).expect("recorded");
    }
    assert_eq!(ids(&history), [1, 2]);
}

#[test]
fn what_a_killed_writer_left_of_a_line_is_passed_over() {
    let lake = tempfile::tempdir().expect("a folder");
    let history = History::new(lake.path());
    history.record(&record(1)).expect("recorded");
    let mut file = OpenOptions::new()
        .append(true)
        .open(newest(lake.path()))
        .expect("the file");
    file.write_all(b"{\"id\":\"torn\",\"ki").expect("written");
    assert_eq!(ids(&history), [1]);
    history.record(&record(2)).expect("recorded");
    assert_eq!(ids(&history), [1, 2]);
}

#[test]
fn the_oldest_records_go_first_and_the_files_stay_small() {
    let lake = tempfile::tempdir().expect("a folder");
    let history = History::new(lake.path()).with_full_bytes(4096);
    for i in 0..200 {
        history.record(&record(i)).expect("recorded");
    }
    let kept = ids(&history);
    assert_eq!(kept.last(), Some(&199));
    assert!(kept[0] > 0 && kept.len() as u128 == 200 - kept[0], "{kept:?}");
    assert!(kept.len() >= 10);
    let sizes: u64 = std::fs::read_dir(lake.path().join(".weir/checks"))
        .expect("the folder")
        .map(|entry| entry.and_then(|entry| entry.metadata()).expect("a file").len())
        .sum();
    assert!(sizes <= 2 * 4096, "{sizes}");
}

#[test]
fn many_writers_lose_no_record_of_each_other() {
    let lake = tempfile::tempdir().expect("a folder");
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let history = History::new(lake.path());
            scope.spawn(move || {
                for i in 0..25 {
                    history.record(&record(100 * writer + i)).expect("recorded");
                }
            });
        }
    });
    assert_eq!(ids(&History::new(lake.path())).len(), 200);
}
