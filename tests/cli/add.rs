//! `weir add`: each content once, whole, and found again by its labels.

use crate::program::Lake;

fn lake() -> Lake {
    let lake = Lake::new();
    let sql = "CREATE EXTERNAL TABLE raw.t (a BIGINT) STORED AS CSV PARTITIONED BY (dt DATE) LOCATION 't/'";
    lake.run(&["-q", "-c", sql]).rows();
    lake
}

const COUNT: &[&str] = &["-c", "SELECT count(*) AS files, min(dt) AS dt FROM raw.t"];

#[test]
fn a_content_is_landed_once_under_whatever_name() {
    let lake = lake();
    lake.write("one.csv", "a\n1\n");
    lake.write("two.csv", "a\n1\n");
    let to: &[&str] = &[
        "--to",
        "raw.t",
        "--partition",
        "dt=2026-01-01",
        "--tag",
        "from=shop",
    ];
    let first = lake.run(&[&["add", "one.csv"], to].concat());
    let (id, path) = first
        .rows()
        .trim_end()
        .split_once("  ")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    assert!(
        path.contains("/data/raw/t/dt=2026-01-01/one-") && path.ends_with(".csv"),
        "{path}"
    );
    let again = lake.run(&[&["add", "one.csv", "two.csv"], to].concat());
    assert_eq!(again.stdout, format!("{id}  {path}\n{id}  {path}\n"), "{again:?}");
    assert!(again.stderr.contains("'two.csv' is there already"), "{again:?}");
    assert_eq!(lake.run(COUNT).rows(), "files,dt\n1,2026-01-01\n");
    let tags = "SELECT tags['from'] AS tag, size, length(hash) AS digits FROM raw.t$files WHERE tags['from'] = 'shop'";
    assert_eq!(lake.run(&["-c", tags]).rows(), "tag,size,digits\nshop,4,64\n");
    lake.run(&["-q", "-c", &format!("DELETE FROM raw.t$files WHERE id = '{id}'")])
        .rows();
    assert_eq!(lake.run(COUNT).rows(), "files,dt\n0,\n");
    assert_eq!(
        lake.run(&[&["add", "two.csv"], to].concat()).rows(),
        format!("{id}  {}\n", path.replace("one-", "two-"))
    );
    assert_eq!(lake.run(COUNT).rows(), "files,dt\n1,2026-01-01\n");
}

#[test]
fn what_would_not_be_read_is_not_landed() {
    let lake = lake();
    lake.write("one.csv", "a\n1\n");
    lake.write("one.md", "a\n1\n");
    let refused = |arguments: &[&str], code: i32, what: &str| {
        let run = lake.run(arguments);
        assert!(run.error(code).contains(what), "{run:?}");
    };
    refused(
        &["add", "one.csv", "--to", "raw.t"],
        1,
        "partition column 'dt' needs one value",
    );
    refused(
        &["add", "one.csv", "--to", "raw.t", "--partition", "dt=soon"],
        1,
        "'soon' is not of type DATE",
    );
    refused(
        &["add", "one.md", "--to", "raw.t", "--partition", "dt=2026-01-01"],
        1,
        "is not the name of a csv file",
    );
    refused(
        &["add", "one.csv", "--to", "raw.u", "--partition", "dt=2026-01-01"],
        1,
        "not found",
    );
    refused(
        &["add", "none.csv", "--to", "raw.t", "--partition", "dt=2026-01-01"],
        1,
        "none.csv",
    );
    refused(&["add", "one.csv", "--to", "raw.t", "--tag", "x"], 2, "--tag");
    assert_eq!(lake.run(COUNT).rows(), "files,dt\n0,\n");
}
