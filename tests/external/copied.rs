//! What `COPY … TO` makes of rows of many partitions.

use std::fs;
use std::path::Path;

use super::{done, integers, lake, run};
use weir::connection::LocalConnection;

const ROWS: i64 = 100_000;
const PARTITIONS: i64 = 1000;

fn folders(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.is_dir()).collect()
}

/// Rows of more partitions than files can be open, mixed, become a file a partition, within little memory; and in
/// each file they are in the order of the query.
#[tokio::test(flavor = "multi_thread")]
async fn many_partitions_are_copied_to_a_file_each_in_the_order_of_the_query() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let lake = lake::new_lake(folder.path()).await.expect("a lake");
    let connection = LocalConnection::new(lake.session());
    let out = folder.path().join("data/raw/t");
    // The rows are 22 MB.
    let copy = format!(
        "SET weir.statement_memory = '16MB';
         COPY (SELECT -v AS x, repeat('x', 200) AS s, v * 7919 % {PARTITIONS} AS p
               FROM generate_series(1, {ROWS}) AS s(v) ORDER BY v DESC)
         TO '{}' STORED AS CSV PARTITIONED BY (p)",
        out.display()
    );
    run::run(&connection, &copy)
        .await
        .unwrap_or_else(|e| panic!("{}", e.report()));
    let partitions = folders(&out);
    assert_eq!(i64::try_from(partitions.len()).expect("a count"), PARTITIONS);
    for partition in partitions {
        let files: Vec<_> = fs::read_dir(&partition).expect("a folder").collect();
        assert_eq!(files.len(), 1, "{}", partition.display());
        let path = files[0].as_ref().expect("an entry").path();
        let text = fs::read_to_string(&path).expect("a text");
        let number = |line: &str| line.split(',').next().and_then(|x| x.parse::<i64>().ok());
        let numbers: Option<Vec<i64>> = text.lines().skip(1).map(number).collect();
        let numbers = numbers.expect("numbers");
        assert_eq!(numbers.len(), 100, "{}", path.display());
        assert!(numbers.is_sorted(), "{}", path.display());
    }
    // Nothing is lost, and each row is in the folder of its partition.
    done(
        &lake,
        "CREATE EXTERNAL TABLE raw.t (x BIGINT, s VARCHAR, p BIGINT) STORED AS CSV PARTITIONED BY (p) LOCATION 't/'",
    )
    .await;
    let sql =
        format!("SELECT count(*), sum(x), count(*) FILTER (WHERE -x * 7919 % {PARTITIONS} <> p) FROM raw.t");
    let all = integers(&lake, &sql).await.expect("an answer");
    assert_eq!(all, [Some(ROWS), Some(-ROWS * (ROWS + 1) / 2), Some(0)]);
}
