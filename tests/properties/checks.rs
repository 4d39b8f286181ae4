//! `CHECK TABLE t` builds on what earlier checks counted; `CHECK TABLE t WHERE true` counts everything. Both
//! say the same, and the rows that `violations` shows are as many.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use weir::Session;

use super::{answer, lake};

/// What happens to the table between checks.
#[derive(Debug, Clone)]
enum Step {
    Insert(Vec<(Option<i64>, Option<i64>)>),
    Delete(i64),
    Update(i64, i64),
    Optimize,
    Check,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let value = || prop::option::weighted(0.9, 0_i64..8);
    let step = prop_oneof![
        4 => prop::collection::vec((value(), value()), 1..5).prop_map(Step::Insert),
        1 => (0_i64..8).prop_map(Step::Delete),
        1 => (0_i64..8, 0_i64..8).prop_map(|(from, to)| Step::Update(from, to)),
        1 => Just(Step::Optimize),
        4 => Just(Step::Check),
    ];
    prop::collection::vec(step, 1..10)
}

const TABLE: &str = "CREATE OR REPLACE TABLE processed.t (k BIGINT, v BIGINT,
    CONSTRAINT one EXPECT UNIQUE (k), CONSTRAINT both EXPECT UNIQUE (k, v) WHERE v > 1,
    CONSTRAINT kept EXPECT UNIQUE (k) KEEP FIRST BY v, CONSTRAINT there EXPECT NOT NULL (k),
    CONSTRAINT small EXPECT (v < 6) WHERE k > 2, CONSTRAINT strict EXPECT (v <> 3) WITH (nulls = 'fail'),
    CONSTRAINT many EXPECT (count(*) > 2), CONSTRAINT self EXPECT FOREIGN KEY (v) REFERENCES processed.t (k))";

fn sql(step: &Step) -> Option<String> {
    let shown = |value: &Option<i64>| value.map_or("NULL".to_owned(), |value| value.to_string());
    Some(match step {
        Step::Insert(rows) => {
            let rows = rows.iter().map(|(k, v)| format!("({}, {})", shown(k), shown(v)));
            format!(
                "INSERT INTO processed.t VALUES {}",
                rows.collect::<Vec<_>>().join(", ")
            )
        }
        Step::Delete(k) => format!("DELETE FROM processed.t WHERE k = {k}"),
        Step::Update(from, to) => format!("UPDATE processed.t SET k = {to} WHERE v = {from}"),
        Step::Optimize => "OPTIMIZE processed.t".to_owned(),
        Step::Check => return None,
    })
}

async fn checked(session: &Session, steps: &[Step]) -> Result<(), TestCaseError> {
    // A key that a check has proven must not let two rows count for one.
    let counted =
        "SELECT count(*), (SELECT count(*) FROM (SELECT DISTINCT k, v FROM processed.t)) FROM processed.t";
    let plainly = "SELECT count(*), count(DISTINCT coalesce(CAST(k AS VARCHAR), '-') || ',' || coalesce(CAST(v AS VARCHAR), '-'))
        FROM processed.t";
    answer(session, TABLE).await.unwrap();
    for step in steps {
        if let Some(sql) = sql(step) {
            answer(session, &sql).await.unwrap();
            continue;
        }
        let built = answer(session, "CHECK TABLE processed.t").await.unwrap();
        let full = answer(session, "CHECK TABLE processed.t WHERE true")
            .await
            .unwrap();
        prop_assert_eq!(&built, &full);
        let shown = "SELECT u['rule'], count(*) FROM (SELECT unnest(_violations) AS u FROM violations(processed.t)) GROUP BY 1";
        let shown = answer(session, shown).await.unwrap();
        let broken = full.iter().filter_map(|line| {
            let cells: Vec<&str> = line.split('|').collect();
            (cells[5] != "0" && cells[0] != "many").then(|| format!("{}|{}", cells[0], cells[5]))
        });
        prop_assert_eq!(shown, broken.collect::<Vec<_>>());
        let (told, true_count) = (
            answer(session, counted).await.unwrap(),
            answer(session, plainly).await.unwrap(),
        );
        prop_assert_eq!(told, true_count);
    }
    Ok(())
}

#[test]
fn a_check_that_builds_on_earlier_ones_says_what_a_full_one_says() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let lake = runtime.block_on(lake::new_lake(folder.path())).unwrap();
    let session = lake.session();
    let config = Config {
        cases: 24,
        failure_persistence: None,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&steps(), |steps| runtime.block_on(checked(&session, &steps)));
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
