//! Rules that look into a table of a zone that who loads rows, or checks them, may not read: their maker
//! could, and what they say is no more than which rows break them.

use weir::connection::LocalConnection;
use weir::engine::{Origin, Principal, Roles};
use weir::error::Code;

use crate::{lake, run};

#[tokio::test(flavor = "multi_thread")]
async fn who_loads_rows_need_not_read_what_the_rules_look_into() {
    let folder = tempfile::tempdir().unwrap();
    let lake = lake::new_lake(folder.path()).await.unwrap();
    let maker = LocalConnection::new(lake.session());
    let made = "CREATE TABLE curated.parents AS SELECT 1 AS k;
        CREATE TABLE processed.c (k BIGINT, x DOUBLE,
            CONSTRAINT fk EXPECT FOREIGN KEY (k) REFERENCES curated.parents (k) ON VIOLATION QUARANTINE,
            CONSTRAINT near EXPECT STABLE (k) AGAINST curated.parents BY KS < 0.9)";
    run::run(&maker, made).await.unwrap();
    let mut roles = Roles::default();
    roles.add("processed=admin").unwrap();
    let principal = Principal {
        user: "bob".to_owned(),
        roles,
        may_name_files: false,
    };
    let loader = LocalConnection::new(lake.session_for(principal, Origin::default()));
    let refused = run::run(&loader, "SELECT * FROM curated.parents").await;
    assert_eq!(refused.unwrap_err().code(), Code::NoRight);
    for sql in [
        "INSERT INTO processed.c VALUES (1, 1), (2, 2)",
        "UPDATE processed.c SET x = 3",
        "MERGE INTO processed.c USING (SELECT 7 AS k) AS s ON c.k = s.k WHEN NOT MATCHED THEN INSERT (k) VALUES (s.k)",
        "INSERT OVERWRITE processed.c VALUES (1, 5), (8, 8)",
        "CHECK TABLE processed.c",
        "SELECT * FROM violations(processed.c)",
        "EXPLAIN INSERT INTO processed.c VALUES (3, 3)",
        "REPLAY QUARANTINE processed.c WHERE k = 7 AS SELECT 1, x FROM quarantined",
    ] {
        let done = run::run(&loader, sql).await;
        assert!(done.is_ok(), "{sql}: {done:?}");
    }
    let (answers, _) = run::run(&loader, "SELECT k FROM processed.c$quarantine")
        .await
        .unwrap();
    let rows: usize = answers
        .iter()
        .flat_map(|(_, rows)| rows)
        .map(|rows| rows.num_rows())
        .sum();
    assert_eq!(rows, 2);
    // Who makes a rule has to read what it looks into.
    let made =
        "ALTER TABLE processed.c ADD CONSTRAINT more EXPECT FOREIGN KEY (x) REFERENCES curated.parents (k)";
    assert_eq!(run::run(&loader, made).await.unwrap_err().code(), Code::NoRight);
}
