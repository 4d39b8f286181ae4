//! `demo`: a sample lake from nothing, again, with another seed, and where it refuses.

use std::fs;
use std::path::Path;

use crate::program::{Run, weir};

fn demo(folder: &Path, arguments: &[&str]) -> Run {
    Run::of(
        weir()
            .current_dir(folder)
            .args(["demo", "--rows", "300"])
            .args(arguments),
    )
}

#[test]
fn a_sample_is_made_and_found_again_and_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let first = demo(folder.path(), &[]);
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    assert!(
        first
            .stderr
            .starts_with("generating 300 events into 'weir-demo'\n"),
        "{}",
        first.stderr
    );
    assert!(
        first
            .stderr
            .ends_with("the lake is 'weir-demo': try  weir --lake weir-demo -c \"SHOW TABLES\"\n")
    );
    assert!(!first.stderr.contains("error"), "{}", first.stderr);
    let answers = || fs::read_to_string(folder.path().join("weir-demo/data/answers.json")).unwrap();
    let before = answers();

    let count = "SELECT count(*) AS n FROM raw.events";
    let run = Run::of(
        weir()
            .current_dir(folder.path())
            .args(["--lake", "weir-demo", "-c", count]),
    );
    assert_eq!(run.rows(), "n\n300\n");

    let second = demo(folder.path(), &[]);
    assert_eq!(
        (second.code, &second.stdout),
        (Some(0), &first.stdout),
        "{}",
        second.stderr
    );
    assert_eq!(answers(), before);

    let third = demo(folder.path(), &["--seed", "7", "--lake", "weir-demo"]);
    assert_eq!(third.code, Some(0), "{}", third.stderr);
    assert_ne!(answers(), before);
}

#[test]
fn a_folder_that_is_something_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.txt"), "mine").unwrap();
    let run = demo(folder.path(), &["--lake", "."]);
    assert!(
        run.error(1)
            .contains("error[42809]: folder '.' is not a sample lake"),
        "{}",
        run.stderr
    );
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");

    let lake = folder.path().join("lake");
    weir::Lake::init(&lake).unwrap();
    let run = demo(folder.path(), &["--lake", "lake"]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert!(!lake.join("sql").exists());
}
