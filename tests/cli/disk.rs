//! A disk that takes no more, a folder that takes nothing: an error that names the file, and nothing left behind.

use std::path::Path;
use std::process::Command;

use crate::program::Lake;

/// Runs the program where no file may grow beyond 64 KiB: its exit code, and what it said.
fn cramped(lake: &Lake, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new("sh")
        // What would end the program becomes an error of the write.
        .args([
            "-c",
            "trap '' XFSZ; ulimit -f 128; exec \"$@\"",
            "sh",
            env!("CARGO_BIN_EXE_weir"),
        ])
        .arg("--lake")
        .arg(lake.root())
        .args(arguments)
        .env_remove("WEIR_LAKE")
        .current_dir(lake.here())
        .output()
        .unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap() + &String::from_utf8(output.stdout).unwrap(),
    )
}

/// The files below a folder, hidden ones too.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.file_name().into_string().unwrap());
        }
    }
    found.sort();
    found
}

const ROWS: &str =
    "SELECT v, random() AS r, CAST(v % 3 AS VARCHAR) AS k FROM generate_series(1, 300000) AS s(v)";

#[test]
fn a_write_that_finds_no_room_leaves_what_was() {
    let lake = Lake::new();
    let create = "CREATE EXTERNAL TABLE raw.t (v BIGINT, r DOUBLE, k VARCHAR) STORED AS PARQUET PARTITIONED BY (k) \
                  LOCATION 't/'; INSERT INTO raw.t VALUES (1, 1, 'x')";
    lake.run(&["-q", "-c", create]).rows();
    let table = lake.root().join("data/raw/t");
    let before = files(&table);
    assert_eq!(before.len(), 1);
    let (code, said) = cramped(&lake, &["-c", &format!("INSERT INTO raw.t {ROWS}")]);
    assert_ne!(code, Some(0), "{said}");
    let named = said.contains("cannot write '") && said.contains("/data/raw/t/k=");
    assert!(named && said.contains(".parquet'"), "{said}");
    assert_eq!(files(&table), before);
    assert_eq!(
        lake.run(&["-c", "SELECT count(*) AS n FROM raw.t"]).rows(),
        "n\n1\n"
    );
}

#[test]
fn a_copy_that_finds_no_room_leaves_the_old_file() {
    let lake = Lake::new();
    lake.write("out.csv", "old\n");
    for (name, options) in [
        ("out.csv", ""),
        ("new.parquet", ""),
        ("new", "(FORMAT csv, PARTITION_BY k)"),
    ] {
        let (code, said) = cramped(&lake, &["-c", &format!("COPY ({ROWS}) TO '{name}' {options}")]);
        assert_ne!(code, Some(0), "{said}");
        assert!(said.contains("cannot write '") && said.contains(name), "{said}");
        assert_eq!(files(&lake.here()), ["out.csv"], "{name}");
    }
    assert_eq!(
        std::fs::read_to_string(lake.here().join("out.csv")).unwrap(),
        "old\n"
    );
}

#[test]
fn a_file_that_finds_no_room_is_landed_later() {
    let lake = Lake::new();
    let create = "CREATE EXTERNAL TABLE raw.t (a VARCHAR) STORED AS CSV LOCATION 't/'";
    lake.run(&["-q", "-c", create]).rows();
    lake.write("big.csv", "a\n".to_owned() + &"x\n".repeat(100_000));
    let (code, said) = cramped(&lake, &["add", "big.csv", "--to", "raw.t"]);
    assert_ne!(code, Some(0), "{said}");
    assert!(
        said.contains("cannot write '") && said.contains("/data/raw/t/big-"),
        "{said}"
    );
    assert_eq!(files(&lake.root().join("data/raw/t")), [""; 0]);
    let count = "SELECT count(*) AS n, count(DISTINCT id) AS files FROM raw.t, raw.t$files";
    lake.run(&["add", "big.csv", "--to", "raw.t"]).rows();
    assert_eq!(lake.run(&["-c", count]).rows(), "n,files\n100000,1\n");
}

#[test]
fn a_copy_takes_the_place_of_files_alone() {
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};

    let lake = Lake::new();
    let pipe = lake.here().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let run = lake.run(&["-c", "COPY (SELECT 1 AS a) TO 'pipe' (FORMAT csv)"]);
    assert!(
        run.error(1).contains("is neither a file nor a new name"),
        "{run:?}"
    );
    assert!(pipe.metadata().unwrap().file_type().is_fifo());
    // What is written can be read by whom the umask says, not by its owner alone.
    let sql = "COPY (SELECT 1 AS a) TO 'one.csv'; COPY (SELECT 1 AS a, 2 AS b) TO 'two' (FORMAT csv, PARTITION_BY b)";
    lake.run(&["-q", "-c", sql]).rows();
    lake.write("plain", "");
    std::fs::create_dir(lake.here().join("folder")).unwrap();
    let mode = |name: &str| lake.here().join(name).metadata().unwrap().permissions().mode();
    assert_eq!(mode("one.csv"), mode("plain"));
    assert_eq!(mode("two"), mode("folder"));
}

#[test]
fn a_folder_that_takes_nothing_is_named() {
    let lake = Lake::new();
    // Nobody makes files there, whoever they are.
    let run = lake.run(&["-c", "COPY (SELECT 1 AS a) TO '/proc/self/x.csv'"]);
    assert!(
        run.error(1).contains("cannot write '/proc/self/x.csv'"),
        "{run:?}"
    );
    assert!(!run.stderr.contains(".copy-"), "{run:?}");
}
