//! Checks that build upon earlier ones: after any writes the answer is that of a check of all rows, and a
//! naive model's; the files that an earlier check has read are not opened again. What a check has proven
//! changes no answer.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray};
use arrow::datatypes::Int64Type;
use proptest::prelude::*;
use weir::connection::LocalConnection;

use crate::{Rows, Write, applied, lake, run, version, write};

/// What a row's test looks at: its id and value.
type Row = (i64, Option<i64>);

/// The rules, and for each how many rows it applies to and how many break it.
fn expected(rows: &Rows) -> BTreeMap<String, (i64, i64)> {
    let count =
        |wanted: &dyn Fn(&Row) -> bool| i64::try_from(rows.iter().filter(|row| wanted(row)).count()).unwrap();
    let all = count(&|_| true);
    let same = |key: &dyn Fn(&Row) -> Option<i64>| {
        let keys: Vec<i64> = rows.iter().filter_map(key).collect();
        let twice = |key: &i64| keys.iter().filter(|other| *other == key).count() > 1;
        i64::try_from(keys.iter().filter(|key| twice(key)).count()).unwrap()
    };
    BTreeMap::from([
        (
            "small".to_owned(),
            (all, count(&|(_, v)| v.is_some_and(|v| v >= 4))),
        ),
        (
            "low".to_owned(),
            (
                count(&|(k, _)| *k > 5),
                count(&|(k, v)| *k > 5 && v.is_none_or(|v| v >= 3)),
            ),
        ),
        ("present".to_owned(), (all, count(&|(_, v)| v.is_none()))),
        ("pk".to_owned(), (all, same(&|(k, _)| Some(*k)))),
        (
            "few".to_owned(),
            (count(&|(k, _)| *k < 6), same(&|(k, v)| v.filter(|_| *k < 6))),
        ),
        (
            "known".to_owned(),
            (all, count(&|(_, v)| v.is_some_and(|v| v > 3))),
        ),
        ("many".to_owned(), (1, i64::from(all <= 3))),
    ])
}

const RULES: &str = "
    CONSTRAINT small EXPECT (v < 4),
    CONSTRAINT low EXPECT (v < 3) WHERE k > 5 WITH (nulls = 'fail'),
    CONSTRAINT present EXPECT NOT NULL (v),
    CONSTRAINT pk EXPECT UNIQUE (k),
    CONSTRAINT few EXPECT UNIQUE (v) WHERE k < 6,
    CONSTRAINT known EXPECT FOREIGN KEY (v) REFERENCES processed.parents (v),
    CONSTRAINT many EXPECT (count(*) > 3) OVER TABLE";

async fn checked(connection: &LocalConnection, sql: &str) -> BTreeMap<String, (i64, i64)> {
    let (answers, _) = run::run(connection, sql).await.unwrap();
    let mut found = BTreeMap::new();
    for batch in answers.iter().flat_map(|(_, batches)| batches) {
        let number = |name: &str| batch.column_by_name(name).unwrap().as_primitive::<Int64Type>();
        let (rows, broken) = (number("rows"), number("violations"));
        let names = batch.column_by_name("rule").unwrap().as_string::<i32>();
        for i in 0..batch.num_rows() {
            found.insert(names.value(i).to_owned(), (rows.value(i), broken.value(i)));
        }
    }
    found
}

async fn number(connection: &LocalConnection, sql: &str) -> i64 {
    let (answers, _) = run::run(connection, sql).await.unwrap();
    answers[0].1[0].column(0).as_primitive::<Int64Type>().value(0)
}

/// Queries that a proof makes smaller.
async fn check_answers(connection: &LocalConnection, rows: &Rows, after: &str) {
    let distinct: BTreeSet<_> = rows.iter().collect();
    let known = rows.iter().filter(|(_, v)| v.is_some_and(|v| v <= 3)).count();
    let missing = rows.iter().filter(|(_, v)| v.is_none()).count();
    for (sql, expected) in [
        (
            "SELECT count(*) FROM (SELECT DISTINCT k, v FROM processed.t)",
            distinct.len(),
        ),
        (
            "SELECT count(*) FROM (SELECT t.k FROM processed.t AS t JOIN processed.parents AS p ON t.v = p.v)",
            known,
        ),
        (
            "SELECT count(*) FROM (SELECT t.k FROM processed.t AS t LEFT JOIN processed.parents AS p ON t.v = p.v)",
            rows.len(),
        ),
        (
            "SELECT count(*) FROM (SELECT p.v FROM processed.parents AS p LEFT JOIN (SELECT DISTINCT k FROM processed.t) AS t ON p.v = t.k)",
            4,
        ),
        ("SELECT count(*) FROM processed.t WHERE v IS NULL", missing),
    ] {
        let found = number(connection, sql).await;
        assert_eq!(found, i64::try_from(expected).unwrap(), "{sql} after {after}");
    }
}

async fn check_sequence(writes: &[Write]) {
    let folder = tempfile::tempdir().unwrap();
    let connection = LocalConnection::new(lake::new_lake(folder.path()).await.unwrap().session());
    let made = format!(
        "CREATE TABLE processed.parents (v BIGINT, CONSTRAINT pk EXPECT UNIQUE (v));
         INSERT INTO processed.parents VALUES (0), (1), (2), (3);
         CREATE TABLE processed.t (k BIGINT, v BIGINT, p BIGINT, {RULES}) PARTITIONED BY (p)"
    );
    run::run(&connection, &made).await.unwrap();
    let mut versions: Vec<Rows> = vec![Vec::new()];
    for write in writes {
        let (sql, then) = applied(write, versions.last().unwrap(), &versions);
        run::run(&connection, &sql).await.unwrap();
        // Once by what the write has left of proofs, once by those of a check.
        check_answers(&connection, &then, &sql).await;
        let expected = expected(&then);
        assert_eq!(
            checked(&connection, "CHECK TABLE processed.t").await,
            expected,
            "after {sql}"
        );
        assert_eq!(
            checked(&connection, "CHECK TABLE processed.t WHERE true").await,
            expected,
            "after {sql}"
        );
        check_answers(&connection, &then, &sql).await;
        if version(&connection).await == versions.len() {
            versions.push(then);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn a_check_that_builds_upon_others_says_what_one_of_all_rows_does(writes in prop::collection::vec(write(), 1..8)) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(check_sequence(&writes));
    }
}

/// Files of the table, as the log has them.
async fn paths(connection: &LocalConnection) -> Vec<String> {
    let (answers, _) = run::run(connection, "SELECT path FROM processed.t$files")
        .await
        .unwrap();
    let batches = answers.iter().flat_map(|(_, batches)| batches);
    let texts = batches.flat_map(|batch| {
        let column = arrow::compute::cast(batch.column(0), &arrow::datatypes::DataType::Utf8).unwrap();
        let column = column.as_string::<i32>().clone();
        (0..column.len())
            .map(move |i| column.value(i).to_owned())
            .collect::<Vec<_>>()
    });
    texts.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_opens_no_file_that_an_earlier_one_has_read() {
    let folder = tempfile::tempdir().unwrap();
    let connection = LocalConnection::new(lake::new_lake(folder.path()).await.unwrap().session());
    let made = "CREATE TABLE processed.t (k BIGINT, v BIGINT, CONSTRAINT small EXPECT (v < 4), CONSTRAINT present EXPECT NOT NULL (v) );
        INSERT INTO processed.t VALUES (1, 1), (2, 9), (3, NULL);
        CHECK TABLE processed.t";
    run::run(&connection, made).await.unwrap();
    for path in paths(&connection).await {
        std::fs::remove_file(path).unwrap();
    }
    assert!(
        run::run(&connection, "SELECT sum(v) FROM processed.t")
            .await
            .is_err()
    );
    let more = "INSERT INTO processed.t VALUES (4, 4), (5, 1)";
    run::run(&connection, more).await.unwrap();
    let expected = BTreeMap::from([("small".to_owned(), (5, 2)), ("present".to_owned(), (5, 1))]);
    assert_eq!(checked(&connection, "CHECK TABLE processed.t").await, expected);
    assert!(
        run::run(&connection, "CHECK TABLE processed.t WHERE true")
            .await
            .is_err()
    );
}
