//! Loads through rules against a naive model, row at a time: for any rules and rows every row that comes in
//! is written, dropped or quarantined, with the same rules named, whatever the batches, the partitions and
//! the memory.

use std::collections::BTreeMap;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use proptest::prelude::*;
use weir::connection::LocalConnection;
use weir::{Lake, LakeOptions};

use crate::run;

type Row = (i64, Option<i64>, Option<i64>, Option<i64>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Action {
    Warn,
    Drop,
    Quarantine,
}

impl Action {
    fn sql(self) -> &'static str {
        match self {
            Self::Warn => "WARN",
            Self::Drop => "DROP ROW",
            Self::Quarantine => "QUARANTINE",
        }
    }
}

#[derive(Debug, Clone)]
enum Kind {
    Above { nulls_fail: bool },
    BelowWhere,
    NotNull,
    Unique { pair: bool, keep: Option<bool> },
    ForeignKey,
}

impl Kind {
    fn sql(&self) -> &'static str {
        match self {
            Self::Above { .. } => "(x > 2)",
            Self::BelowWhere => "(x < 8) WHERE k > 2",
            Self::NotNull => "NOT NULL (k, x)",
            Self::Unique {
                pair: false,
                keep: None,
            } => "UNIQUE (k)",
            Self::Unique {
                pair: true,
                keep: None,
            } => "UNIQUE (k, p)",
            Self::Unique {
                pair: false,
                keep: Some(false),
            } => "UNIQUE (k) KEEP FIRST BY id",
            Self::Unique {
                pair: true,
                keep: Some(false),
            } => "UNIQUE (k, p) KEEP FIRST BY id",
            Self::Unique {
                pair: false,
                keep: Some(true),
            } => "UNIQUE (k) KEEP LAST BY id",
            Self::Unique {
                pair: true,
                keep: Some(true),
            } => "UNIQUE (k, p) KEEP LAST BY id",
            Self::ForeignKey => "FOREIGN KEY (p) REFERENCES processed.parents (p)",
        }
    }

    /// Whether `row` of `rows` breaks it, where the table holds `held`.
    fn broken(&self, row: &Row, rows: &[Row], held: &[Row]) -> bool {
        let (id, k, x, p) = *row;
        match self {
            Self::Above { nulls_fail } => x.map_or(*nulls_fail, |x| x <= 2),
            Self::BelowWhere => k.is_some_and(|k| k > 2) && x.is_some_and(|x| x >= 8),
            Self::NotNull => k.is_none() || x.is_none(),
            Self::ForeignKey => p.is_some_and(|p| p >= 4),
            Self::Unique { pair, keep } => {
                let key = |row: &Row| Some((row.1?, if *pair { row.3? } else { 0 }));
                let Some(own) = key(row) else { return false };
                let same: Vec<i64> = rows.iter().filter(|r| key(r) == Some(own)).map(|r| r.0).collect();
                let is_held = held.iter().any(|r| key(r) == Some(own));
                match keep {
                    _ if is_held => true,
                    None => same.len() > 1,
                    Some(false) => same.iter().min() != Some(&id),
                    Some(true) => same.iter().max() != Some(&id),
                }
            }
        }
    }
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        any::<bool>().prop_map(|nulls_fail| Kind::Above { nulls_fail }),
        Just(Kind::BelowWhere),
        Just(Kind::NotNull),
        (any::<bool>(), any::<Option<bool>>()).prop_map(|(pair, keep)| Kind::Unique { pair, keep }),
        Just(Kind::ForeignKey),
    ]
}

fn rules() -> impl Strategy<Value = Vec<(Kind, Action)>> {
    let action = prop_oneof![Just(Action::Warn), Just(Action::Drop), Just(Action::Quarantine)];
    prop::collection::vec((kind(), action), 0..5)
}

fn load() -> impl Strategy<Value = Vec<(Option<i64>, Option<i64>, Option<i64>)>> {
    let cell = |to| prop::option::weighted(0.85, 0_i64..to);
    prop::collection::vec((cell(8), cell(12), cell(6)), 0..24)
}

/// How a load is run: rows a batch, inputs side by side, memory.
#[derive(Debug, Clone, Copy)]
struct Way {
    batch_rows: usize,
    inputs: usize,
    memory: Option<u64>,
}

fn way() -> impl Strategy<Value = Way> {
    let memory = prop_oneof![3 => Just(None), 1 => Just(Some(24 << 20))];
    (1_usize..9, 1_usize..4, memory).prop_map(|(batch_rows, inputs, memory)| Way {
        batch_rows,
        inputs,
        memory,
    })
}

/// Several inputs, so that rows come in several streams.
fn source(rows: &[Row], way: Way) -> String {
    let cell = |v: Option<i64>| v.map_or("CAST(NULL AS BIGINT)".to_owned(), |v| v.to_string());
    let none = "SELECT CAST(0 AS BIGINT) AS id, CAST(0 AS BIGINT) AS k, CAST(0 AS BIGINT) AS x, CAST(0 AS BIGINT) AS p WHERE false";
    let mut parts = vec![none.to_owned()];
    for part in rows.chunks(rows.len().div_ceil(way.inputs).max(1)) {
        let values = part
            .iter()
            .map(|(id, k, x, p)| format!("({id}, {}, {}, {})", cell(*k), cell(*x), cell(*p)));
        let values = values.collect::<Vec<_>>().join(", ");
        parts.push(format!("SELECT * FROM (VALUES {values}) AS v(id, k, x, p)"));
    }
    parts.join(" UNION ALL ")
}

/// Which rows are kept aside, and the names of the rules that they break.
type Aside = BTreeMap<i64, Vec<String>>;

/// What the naive model says of one load.
#[derive(Debug, Default, PartialEq, Eq)]
struct Expected {
    counts: [i64; 5],
    written: Vec<i64>,
    aside: Aside,
}

fn expected(rows: &[Row], held: &[Row], rules: &[(Kind, Action)]) -> Expected {
    let mut expected = Expected::default();
    for row in rows {
        let broken = rules
            .iter()
            .enumerate()
            .filter(|(_, (kind, _))| kind.broken(row, rows, held));
        let broken: Vec<(String, Action)> = broken
            .map(|(i, (_, action))| (format!("r{i}"), *action))
            .collect();
        expected.counts[0] += 1;
        match broken.iter().map(|(_, action)| *action).max() {
            Some(Action::Quarantine) => {
                expected.counts[2] += 1;
                expected
                    .aside
                    .insert(row.0, broken.into_iter().map(|(name, _)| name).collect());
            }
            Some(Action::Drop) => expected.counts[3] += 1,
            fate => {
                expected.counts[1] += 1;
                expected.counts[4] += i64::from(fate.is_some());
                expected.written.push(row.0);
            }
        }
    }
    expected
}

async fn numbers(connection: &LocalConnection, sql: &str) -> Vec<Vec<i64>> {
    let (answers, _) = run::run(connection, sql).await.unwrap();
    let mut rows = Vec::new();
    for batch in answers.iter().flat_map(|(_, batches)| batches) {
        let columns = batch
            .columns()
            .iter()
            .map(|column| column.as_primitive::<Int64Type>());
        let columns: Vec<_> = columns.collect();
        rows.extend((0..batch.num_rows()).map(|row| columns.iter().map(|c| c.value(row)).collect()));
    }
    rows
}

async fn aside(connection: &LocalConnection) -> Aside {
    let sql =
        "SELECT id, v['rule'] AS rule FROM (SELECT id, unnest(_violations) AS v FROM processed.t$quarantine)";
    let (answers, _) = run::run(connection, sql).await.unwrap();
    let mut aside = Aside::new();
    for batch in answers.iter().flat_map(|(_, batches)| batches) {
        let (ids, rules) = (
            batch.column(0).as_primitive::<Int64Type>(),
            batch.column(1).as_string_view(),
        );
        for row in 0..batch.num_rows() {
            aside
                .entry(ids.value(row))
                .or_default()
                .push(rules.value(row).to_owned());
        }
    }
    aside.values_mut().for_each(|rules| rules.sort());
    aside
}

/// The values of a row.
type Values = (Option<i64>, Option<i64>, Option<i64>);

async fn check(rules: &[(Kind, Action)], loads: &[Vec<Values>], way: Way) {
    let folder = tempfile::tempdir().unwrap();
    Lake::init(folder.path()).unwrap();
    let options = LakeOptions {
        memory: way.memory,
        ..LakeOptions::default()
    };
    let lake = Lake::open(folder.path(), options).await.unwrap();
    let connection = LocalConnection::new(lake.session());
    let constraints = rules.iter().enumerate().map(|(i, (kind, action))| {
        let nulls = match kind {
            Kind::Above { nulls_fail: true } => " WITH (nulls = 'fail')",
            _ => "",
        };
        format!(
            ", CONSTRAINT r{i} EXPECT {} ON VIOLATION {}{nulls}",
            kind.sql(),
            action.sql()
        )
    });
    let setup = format!(
        "SET datafusion.execution.batch_size = {};
         CREATE TABLE processed.parents AS SELECT value AS p FROM generate_series(0, 3);
         CREATE TABLE processed.t (id BIGINT, k BIGINT, x BIGINT, p BIGINT{})",
        way.batch_rows,
        constraints.collect::<String>()
    );
    run::run(&connection, &setup).await.unwrap();
    let (mut held, mut all_aside, mut next) = (Vec::<Row>::new(), Aside::new(), 0);
    for load in loads {
        let rows: Vec<Row> = load
            .iter()
            .zip(next..)
            .map(|((k, x, p), id)| (id, *k, *x, *p))
            .collect();
        next += rows.len() as i64;
        let expected = expected(&rows, &held, rules);
        let (answers, _) = run::run(
            &connection,
            &format!("INSERT INTO processed.t {}", source(&rows, way)),
        )
        .await
        .unwrap();
        let answer = &answers[0].1[0];
        let number = |name: &str| {
            answer
                .column_by_name(name)
                .unwrap()
                .as_primitive::<Int64Type>()
                .value(0)
        };
        let counts = ["input", "inserted", "quarantined", "dropped", "warned"].map(number);
        assert_eq!(counts, expected.counts, "{rules:?} {rows:?}");
        assert_eq!(counts[0], counts[1] + counts[2] + counts[3]);
        held.extend(rows.iter().filter(|row| expected.written.contains(&row.0)));
        all_aside.extend(expected.aside);
    }
    let ids = numbers(&connection, "SELECT id FROM processed.t ORDER BY id").await;
    let written: Vec<i64> = held.iter().map(|row| row.0).collect();
    assert_eq!(ids.concat(), written);
    assert_eq!(aside(&connection).await, all_aside);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn loads_through_rules_are_what_a_naive_model_says(
        rules in rules(),
        loads in prop::collection::vec(load(), 1..3),
        way in way(),
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(check(&rules, &loads, way));
    }
}
