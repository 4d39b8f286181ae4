//! What has been proven of tables' rows: plans become smaller, answers stay, and what a statement may say
//! does not depend on it.

use arrow::array::AsArray;
use arrow::datatypes::DataType;
use weir::connection::LocalConnection;

use crate::{lake, run};

/// An answer as sorted lines.
async fn lines(connection: &LocalConnection, sql: &str) -> Vec<String> {
    let (answers, _) = run::run(connection, sql).await.unwrap();
    let mut lines = Vec::new();
    for batch in answers.iter().flat_map(|(_, batches)| batches) {
        let columns = batch.columns().iter();
        let texts: Vec<_> = columns
            .map(|column| arrow::compute::cast(column, &DataType::Utf8).unwrap())
            .collect();
        lines.extend((0..batch.num_rows()).map(|row| {
            let row = texts.iter().map(|text| text.as_string::<i32>().value(row));
            row.collect::<Vec<_>>().join("|")
        }));
    }
    lines.sort_unstable();
    lines
}

/// The plan of a query, a line a node.
async fn plan(connection: &LocalConnection, sql: &str) -> String {
    lines(connection, &format!("EXPLAIN {sql}")).await.join("\n")
}

/// The names of the plan's nodes, in lower case.
async fn nodes(connection: &LocalConnection, sql: &str) -> String {
    let plan = plan(connection, sql).await;
    let names = plan.lines().filter_map(|line| line.split('|').next());
    names.collect::<Vec<_>>().join("\n").to_lowercase()
}

/// A query, and the node that it needs as long as nothing is proven.
const QUERIES: &[(&str, &str)] = &[
    ("SELECT DISTINCT k, name FROM processed.parents", "aggregate"),
    (
        "SELECT name, k FROM processed.parents GROUP BY k, name",
        "aggregate",
    ),
    (
        "SELECT c.id FROM processed.children AS c LEFT JOIN processed.parents AS p ON c.parent = p.k",
        "join",
    ),
    (
        "SELECT count(*) FROM processed.children AS c LEFT JOIN processed.parents AS p ON c.parent = p.k",
        "join",
    ),
    (
        "SELECT c.id FROM processed.parents AS p JOIN processed.children AS c ON c.parent = p.k",
        "join",
    ),
    (
        "SELECT sum(c.id) FROM processed.children AS c JOIN processed.parents AS p ON c.parent = p.k WHERE c.id > 10",
        "join",
    ),
    ("SELECT name FROM processed.parents WHERE k IS NOT NULL", "filter"),
];

/// Queries that need their node whatever is proven.
const OTHERS: &[(&str, &str)] = &[
    ("SELECT DISTINCT name FROM processed.parents", "aggregate"),
    (
        "SELECT c.id, p.name FROM processed.children AS c LEFT JOIN processed.parents AS p ON c.parent = p.k",
        "join",
    ),
    (
        "SELECT c.id FROM processed.children AS c JOIN processed.parents AS p ON c.parent = p.k AND p.name = 'a'",
        "join",
    ),
    (
        "SELECT c.id FROM processed.children AS c JOIN (SELECT * FROM processed.parents WHERE k > 1) AS p ON c.parent = p.k",
        "join",
    ),
    (
        "SELECT p.k FROM processed.parents AS p LEFT JOIN processed.children AS c ON c.parent = p.k",
        "join",
    ),
    (
        "SELECT c.id FROM processed.children AS c JOIN processed.parents AS p ON c.id = p.k",
        "join",
    ),
    (
        "SELECT id FROM processed.children WHERE parent IS NOT NULL",
        "filter",
    ),
];

const TABLES: &str = "
    CREATE TABLE processed.parents (k BIGINT, name VARCHAR, CONSTRAINT pk EXPECT UNIQUE (k) ON VIOLATION QUARANTINE, CONSTRAINT has EXPECT NOT NULL (K) ON VIOLATION QUARANTINE);
    CREATE TABLE processed.children (id BIGINT, parent BIGINT, CONSTRAINT fk EXPECT FOREIGN KEY (parent) REFERENCES processed.parents (k) ON VIOLATION QUARANTINE);
    INSERT INTO processed.parents VALUES (1, 'a'), (2, 'b'), (4, 'c'), (3, 'c'), (3, 'd'), (NULL, 'e'), (5, 'c');
    INSERT INTO processed.children VALUES (1, 1), (11, 2), (12, NULL), (13, 9), (14, 1);
    INSERT INTO processed.children VALUES (15, 4)";

async fn answers(connection: &LocalConnection) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for (sql, _) in QUERIES.iter().chain(OTHERS) {
        all.push(lines(connection, sql).await);
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn proofs_make_plans_smaller_and_change_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let connection = LocalConnection::new(lake::new_lake(folder.path()).await.unwrap().session());
    run::run(&connection, TABLES).await.unwrap();
    let by_loads = answers(&connection).await;
    for (sql, node) in QUERIES {
        let plan = nodes(&connection, sql).await;
        assert!(!plan.contains(node), "{sql} with proofs: {plan}");
    }
    for (sql, node) in OTHERS {
        let plan = nodes(&connection, sql).await;
        assert!(plan.contains(node), "{sql} with proofs: {plan}");
    }
    // With a key a column could be left out of GROUP BY, if that were told to the planner: it is not.
    let refused = "SELECT k, name FROM processed.parents GROUP BY k";
    assert!(run::run(&connection, refused).await.is_err());
    std::fs::remove_dir_all(folder.path().join(".weir/checks/proofs")).unwrap();
    assert_eq!(answers(&connection).await, by_loads);
    for (sql, node) in QUERIES {
        assert!(
            nodes(&connection, sql).await.contains(node),
            "{sql} without proofs"
        );
    }
    assert!(run::run(&connection, refused).await.is_err());
    // A check proves it again.
    run::run(
        &connection,
        "CHECK TABLE processed.parents; CHECK TABLE processed.children",
    )
    .await
    .unwrap();
    for (sql, node) in QUERIES.iter().filter(|(_, node)| *node == "join") {
        let plan = nodes(&connection, sql).await;
        assert!(!plan.contains(node), "{sql} after a check: {plan}");
    }
    assert_eq!(answers(&connection).await, by_loads);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_so_any_more_is_not_proven() {
    let folder = tempfile::tempdir().unwrap();
    let connection = LocalConnection::new(lake::new_lake(folder.path()).await.unwrap().session());
    run::run(&connection, TABLES).await.unwrap();
    let join = "SELECT c.id FROM processed.children AS c JOIN processed.parents AS p ON c.parent = p.k";
    let groups = "SELECT DISTINCT k, name FROM processed.parents";
    assert!(!nodes(&connection, join).await.contains("join"));
    // Without the parent the child's rows find none.
    run::run(&connection, "DELETE FROM processed.parents WHERE k = 1")
        .await
        .unwrap();
    assert_eq!(lines(&connection, join).await, ["11", "15"]);
    // A rule that goes, and rows that it would have turned away.
    run::run(
        &connection,
        "ALTER TABLE processed.parents DROP CONSTRAINT pk;
         INSERT INTO processed.parents VALUES (2, 'b');
         ALTER TABLE processed.parents ADD CONSTRAINT pk EXPECT UNIQUE (k) ON VIOLATION QUARANTINE",
    )
    .await
    .unwrap();
    assert_eq!(lines(&connection, groups).await, ["2|b", "4|c", "5|c"]);
    assert_eq!(lines(&connection, join).await, ["11", "11", "15"]);
    run::run(
        &connection,
        "CHECK TABLE processed.parents; INSERT INTO processed.parents VALUES (6, 'f')",
    )
    .await
    .unwrap();
    assert!(nodes(&connection, groups).await.contains("aggregate"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_plan_of_a_load_shows_what_its_rows_go_through() {
    let folder = tempfile::tempdir().unwrap();
    let connection = LocalConnection::new(lake::new_lake(folder.path()).await.unwrap().session());
    let made = "CREATE TABLE processed.t (a BIGINT, CONSTRAINT pk EXPECT UNIQUE (a) ON VIOLATION QUARANTINE,
        CONSTRAINT small EXPECT (a < 9) ON VIOLATION DROP ROW, CONSTRAINT positive CHECK (a > 0))";
    run::run(&connection, made).await.unwrap();
    let plan = plan(&connection, "INSERT INTO processed.t VALUES (2)").await;
    assert!(plan.contains("rules=[small], over all rows=[pk]"), "{plan}");
    for step in ["pk: UNIQUE (a)", "Screen", "Aggregate", "Decide", "Fill", "Write"] {
        assert!(plan.contains(step), "{step}: {plan}");
    }
    assert!(plan.contains("checks=[positive]"), "{plan}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_shows_the_gate_of_every_write() {
    let folder = tempfile::tempdir().unwrap();
    let connection = LocalConnection::new(lake::new_lake(folder.path()).await.unwrap().session());
    let made = "CREATE TABLE processed.t (a BIGINT, CONSTRAINT pk EXPECT UNIQUE (a) ON VIOLATION QUARANTINE,
        CONSTRAINT small EXPECT (a < 9) ON VIOLATION DROP ROW); INSERT INTO processed.t VALUES (1)";
    run::run(&connection, made).await.unwrap();
    for write in [
        "INSERT INTO processed.t VALUES (2)",
        "UPDATE processed.t SET a = 3 WHERE a = 1",
        "MERGE INTO processed.t AS t USING (SELECT 1 AS a) AS s ON t.a = s.a WHEN MATCHED THEN UPDATE SET a = 4",
    ] {
        for format in ["", "VERBOSE ", "FORMAT indent "] {
            let plan = plan(&connection, &format!("{format}{write}")).await;
            assert!(
                plan.contains("small") && plan.contains("pk"),
                "{format}{write}: {plan}"
            );
        }
    }
    let plan = plan(&connection, "DELETE FROM processed.t WHERE a = 1").await;
    assert!(plan.contains("written again") && plan.contains("Scan"), "{plan}");
    assert_eq!(lines(&connection, "SELECT a FROM processed.t").await.len(), 1);
}
