//! The sample lake: what `answers.json` says is found again by SQL over the generated files, by the
//! definitions and for every size and seed; the same options give the same bytes; the scripts run,
//! twice with the same result.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use arrow::util::display::{ArrayFormatter, FormatOptions};
use tokio::runtime::Runtime;
use weir::LakeOptions;
use weir::connection::LocalConnection;
use weir::demo::{self, Answers, Defect, DemoOptions, SCRIPTS, Table, generate};

#[path = "support/run.rs"]
mod run;

/// How each kind is counted over the raw tables, by its definition alone.
const DEFINITIONS: &[(Defect, &str)] = &[
    (Defect::MissingUser, "SELECT count(*) FROM raw.events WHERE user_id IS NULL"),
    (Defect::MissingTime, "SELECT count(*) FROM raw.events WHERE event_time IS NULL"),
    (
        Defect::UnknownType,
        "SELECT count(*) FROM raw.events WHERE event_type NOT IN ('view', 'click', 'purchase')",
    ),
    (
        Defect::BadAmount,
        "SELECT count(*) FROM raw.events WHERE amount IS NOT NULL AND TRY_CAST(amount AS DOUBLE) IS NULL",
    ),
    (
        Defect::NegativeAmount,
        "SELECT count(*) FROM raw.events WHERE TRY_CAST(amount AS DOUBLE) < 0",
    ),
    (
        Defect::DuplicateEvent,
        "SELECT count(*) - count(DISTINCT event_id) FROM raw.events",
    ),
    (
        Defect::OrphanUser,
        "SELECT count(*) FROM raw.events AS e WHERE user_id IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM raw.users AS u WHERE u.user_id = e.user_id)",
    ),
    (
        Defect::OrphanItem,
        "SELECT count(*) FROM raw.events AS e WHERE item_id IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM raw.items AS i WHERE i.item_id = e.item_id)",
    ),
    (
        Defect::FutureEvent,
        "SELECT count(*) FROM raw.events WHERE event_time > arrived_at + INTERVAL '1 hour'",
    ),
    (
        Defect::LateEvent,
        "SELECT count(*) FROM (
             SELECT late_by(event_time, INTERVAL '10 minutes') OVER (ORDER BY arrived_at) AS late FROM raw.events
         ) WHERE late IS NOT NULL",
    ),
    (
        Defect::BadEmail,
        r"SELECT count(*) FROM raw.users
          WHERE email IS NULL OR NOT regexp_like(email, '^[^@\s]+@[^@\s]+\.[^@\s]+$')",
    ),
    (
        Defect::BadAge,
        "SELECT count(*) FROM raw.users
         WHERE TRY_CAST(age AS INT) IS NULL OR TRY_CAST(age AS INT) NOT BETWEEN 0 AND 120",
    ),
    (
        Defect::DuplicateUser,
        "SELECT count(*) - count(DISTINCT user_id) FROM raw.users",
    ),
    (Defect::MissingPrice, "SELECT count(*) FROM raw.items WHERE price IS NULL"),
    (
        Defect::BlankTitle,
        "SELECT count(*) FROM raw.items WHERE title IS NULL OR trim(title) = ''",
    ),
    (
        Defect::OrphanOrderUser,
        "SELECT count(*) FROM raw.orders AS o WHERE user_id IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM raw.users AS u WHERE u.user_id = o.user_id)",
    ),
    (
        Defect::BadStatus,
        "SELECT count(*) FROM raw.orders WHERE status NOT IN ('placed', 'paid', 'shipped', 'returned')",
    ),
    (Defect::NegativeQuantity, "SELECT count(*) FROM raw.orders WHERE quantity < 0"),
    (
        Defect::StaleOrder,
        "SELECT count(*) FROM raw.orders WHERE status = 'placed'
         AND ordered_at < TIMESTAMP '2026-02-01 00:00:00' - INTERVAL '14 days'",
    ),
    (Defect::MissingValue, "SELECT count(*) FROM raw.readings WHERE value IS NULL"),
    (
        Defect::Gap,
        "SELECT sum(minutes - readings) FROM (
             SELECT count(*) AS readings,
                 CAST((date_part('epoch', max(ts)) - date_part('epoch', min(ts))) / 60 AS BIGINT) + 1 AS minutes
             FROM raw.readings GROUP BY sensor_id
         ) AS s",
    ),
    // Farther from the median than the curve and the noise together ever lead.
    (
        Defect::Spike,
        "WITH c AS (SELECT sensor_id, median(value) AS center FROM raw.readings GROUP BY sensor_id),
             s AS (SELECT sensor_id, center, median(abs(value - center)) AS mad
                   FROM raw.readings JOIN c USING (sensor_id) GROUP BY sensor_id, center)
         SELECT count(*) FROM raw.readings JOIN s USING (sensor_id)
         WHERE 0.6745 * abs(value - center) > 12 * mad",
    ),
];

/// What holds of the tables that the scripts make: each query counts the exceptions.
const CLAIMS: &[(&str, &str)] = &[
    (
        "an event is there once",
        "SELECT count(*) - count(DISTINCT event_id) FROM processed.events",
    ),
    (
        "every event is kept, here or in quarantine",
        "SELECT (SELECT count(*) FROM raw.events) - (SELECT count(*) FROM processed.events)
             - (SELECT count(*) FROM processed.events$quarantine)",
    ),
    (
        "every order and every reading is kept, here or in quarantine",
        "SELECT (SELECT count(*) FROM raw.orders) - (SELECT count(*) FROM processed.orders)
             - (SELECT count(*) FROM processed.orders$quarantine)
             + abs((SELECT count(*) FROM raw.readings) - (SELECT count(*) FROM processed.readings)
             - (SELECT count(*) FROM processed.readings$quarantine))",
    ),
    (
        "no event is lost without a reason, and none is kept against one",
        "SELECT (SELECT count(*) FROM processed.events) - (
             SELECT count(*)
             FROM (SELECT *, row_number() OVER (PARTITION BY event_id ORDER BY arrived_at) AS arrival FROM raw.events)
             WHERE arrival = 1 AND event_type IN ('view', 'click', 'purchase') AND user_id <= (SELECT max(user_id) FROM raw.users)
                 AND item_id <= (SELECT max(item_id) FROM raw.items)
                 AND event_time <= arrived_at + INTERVAL '1 hour'
                 AND (amount IS NULL OR TRY_CAST(amount AS DOUBLE) >= 0)
         )",
    ),
    (
        "purchases have an amount, and nothing else has",
        "SELECT count(*) FROM processed.events WHERE (event_type = 'purchase') <> (amount IS NOT NULL)",
    ),
    (
        "every user is there once",
        "SELECT count(*) - count(DISTINCT user_id)
             + abs(count(*) - (SELECT count(DISTINCT user_id) FROM raw.users)) FROM processed.users",
    ),
    (
        "addresses and ages are clean",
        "SELECT count(*) FROM processed.users
         WHERE email <> lower(email) OR email NOT LIKE '%_@_%._%' OR age NOT BETWEEN 16 AND 100
             OR signed_up IS NULL",
    ),
    (
        "few users lose a field",
        "SELECT count(*) FILTER (WHERE email IS NULL OR age IS NULL) * 20 / count(*) FROM processed.users",
    ),
    (
        "orders are complete",
        "SELECT count(*) FROM processed.orders
         WHERE quantity < 1 OR unit_price <= 0 OR is_stale AND status <> 'placed'",
    ),
    (
        "nobody is recommended what they have, nor more than ten items",
        "SELECT count(*) FROM curated.recommendations AS r
         WHERE position NOT BETWEEN 1 AND 10
             OR EXISTS (SELECT 1 FROM processed.orders AS o WHERE o.user_id = r.user_id AND o.item_id = r.item_id)
             OR EXISTS (SELECT 1 FROM processed.events AS e WHERE e.event_type = 'purchase'
                        AND e.user_id = r.user_id AND e.item_id = r.item_id)",
    ),
    (
        "almost every user gets ten recommendations",
        "SELECT CASE WHEN (SELECT count(*) FROM curated.recommendations)
             > 9 * (SELECT count(*) FROM curated.user_features) THEN 0 ELSE 1 END",
    ),
    (
        "sales are those of the orders",
        "SELECT abs((SELECT sum(orders) FROM curated.daily_sales) - (SELECT count(*) FROM processed.orders))
             + abs((SELECT sum(revenue) FROM curated.daily_sales)
                 - (SELECT sum(quantity * unit_price) FROM processed.orders WHERE status <> 'returned'))",
    ),
    (
        "an event falls into five windows of five minutes",
        "SELECT abs(sum(views + clicks + purchases) - 5 * (SELECT count(*) FROM processed.events))
             + count(*) FILTER (WHERE window_end - window_start <> INTERVAL '5 minutes')
             + count(*) - count(DISTINCT window_start) FROM curated.activity_5m",
    ),
    (
        "a purchase falls into one hour",
        "SELECT abs(sum(purchases) - (SELECT count(*) FROM processed.events WHERE event_type = 'purchase'))
             + count(*) - count(DISTINCT hour) FROM curated.hourly_sales",
    ),
    (
        "by its end a day has brought all that it brings, and never less than an hour before",
        "SELECT abs(sum(purchases) FILTER (WHERE by_then = day + INTERVAL '1 day')
                 - (SELECT count(*) FROM processed.events WHERE event_type = 'purchase'))
             + count(*) FILTER (WHERE purchases < before)
             FROM (SELECT *, lag(purchases) OVER (PARTITION BY day ORDER BY by_then) AS before
                   FROM curated.sales_so_far) AS t",
    ),
    (
        "an event belongs to one visit, and a user's visits are apart",
        "SELECT abs(sum(events) - (SELECT count(*) FROM processed.events))
             + count(*) FILTER (WHERE began < before)
             FROM (SELECT *, lag(ended) OVER (PARTITION BY user_id ORDER BY began) AS before
                   FROM curated.visits) AS t",
    ),
    (
        "each sensor's readings are counted off in sixties",
        "SELECT abs((SELECT count(*) FROM curated.reading_runs)
                 - (SELECT sum(n / 60) FROM (SELECT count(*) AS n FROM processed.readings GROUP BY sensor_id)))
             + (SELECT count(*) FROM curated.reading_runs WHERE last_at <= first_at)",
    ),
    (
        "events are counted in the features of their user and item",
        "SELECT abs((SELECT sum(views + clicks + purchases) FROM curated.user_features)
                 - (SELECT count(*) FROM processed.events))
             + abs((SELECT sum(views + clicks + purchases) FROM curated.item_features)
                 - (SELECT count(*) FROM processed.events JOIN processed.items USING (item_id)))",
    ),
];

#[test]
fn the_answers_are_found_again_for_every_size_and_seed() {
    for (rows, seed) in [(0, 1), (1, 1), (10, 2), (999, 3), (10_000, 4), (20_000, 5)] {
        let folder = tempfile::tempdir().unwrap();
        let answers = make(folder.path(), rows, seed);
        assert_eq!(answers.rows(Table::Events), rows);
        let lake = Lake::open(folder.path());
        for table in Table::ALL {
            let count = number(&lake, &format!("SELECT count(*) FROM {}", table.name()));
            assert_eq!(
                count,
                answers.rows(table),
                "rows of {table:?} for {rows} events, seed {seed}"
            );
        }
        assert_eq!(DEFINITIONS.len(), Defect::ALL.len());
        for (defect, sql) in DEFINITIONS {
            let (found, told) = (number(&lake, sql), answers.count(*defect));
            assert_eq!(found, told, "{} for {rows} events, seed {seed}", defect.key());
            assert!(rows < 10_000 || told > 0, "no {} in {rows} events", defect.key());
        }
    }
}

/// The defects that no rule finds, but cleaning and windows.
const NOT_BY_RULES: [Defect; 3] = [Defect::LateEvent, Defect::Gap, Defect::Spike];

#[test]
fn the_rules_find_every_defect_and_nothing_else() {
    for (rows, seed) in [(300, 21), (10_000, 22), (20_000, 23)] {
        let folder = tempfile::tempdir().unwrap();
        let answers = make(folder.path(), rows, seed);
        let lake = Lake::open(folder.path());
        for table in Table::ALL {
            let found = by_rules(&lake, table);
            let told = Defect::ALL.iter().filter(|defect| defect.table() == table);
            let told = told.filter(|defect| !NOT_BY_RULES.contains(defect));
            let told: BTreeMap<String, u64> = told
                .map(|defect| (defect.key().to_owned(), answers.count(*defect)))
                .filter(|(_, count)| *count > 0)
                .collect();
            assert_eq!(found, told, "{table:?} for {rows} events, seed {seed}");
        }
    }
}

/// How many rows break each of the raw table's rules, when all of it is put through them.
fn by_rules(lake: &Lake, table: Table) -> BTreeMap<String, u64> {
    let name = table.folder();
    let rules = rows(
        lake,
        &format!(
            "SELECT definition FROM system.rules WHERE zone = 'raw' AND table_name = '{name}' ORDER BY position"
        ),
    );
    let rules: Vec<String> = rules
        .iter()
        .map(|row| row[0].replace("ON VIOLATION WARN", "ON VIOLATION QUARANTINE"))
        .collect();
    let found = rows(
        lake,
        &format!(
            "CREATE TABLE processed.checked_{name} ({}) AS SELECT * FROM raw.{name};
             SELECT v['rule'], count(*)
             FROM (SELECT unnest(_violations) AS v FROM processed.checked_{name}$quarantine) GROUP BY 1",
            rules.join(", ")
        ),
    );
    found
        .into_iter()
        .map(|row| (row[0].clone(), row[1].parse().unwrap()))
        .collect()
}

#[test]
fn the_scripts_quarantine_what_the_rules_find() {
    let folder = tempfile::tempdir().unwrap();
    let answers = make(folder.path(), 10_000, 24);
    let lake = Lake::open(folder.path());
    lake.run(&SCRIPTS[..5]);
    let found = |table: &str| -> BTreeMap<String, u64> {
        let sql = format!(
            "SELECT v['rule'], count(*) FROM (SELECT unnest(_violations) AS v FROM processed.{table}$quarantine) GROUP BY 1"
        );
        let found = rows(&lake, &sql).into_iter();
        found
            .map(|row| (row[0].clone(), row[1].parse().unwrap()))
            .collect()
    };
    let events = found("events");
    for (rule, defect) in [
        ("missing_user", Defect::MissingUser),
        ("missing_time", Defect::MissingTime),
        ("unknown_type", Defect::UnknownType),
        ("cast:amount", Defect::BadAmount),
        ("negative_amount", Defect::NegativeAmount),
        ("duplicate_event", Defect::DuplicateEvent),
        ("orphan_user", Defect::OrphanUser),
        ("orphan_item", Defect::OrphanItem),
        ("future_event", Defect::FutureEvent),
    ] {
        assert_eq!(events[rule], answers.count(defect), "{rule}");
    }
    let items = found("items");
    assert_eq!(items["missing_price"], answers.count(Defect::MissingPrice));
    assert_eq!(items["blank_title"], answers.count(Defect::BlankTitle));
    let orders = found("orders");
    assert_eq!(
        orders["orphan_order_user"],
        answers.count(Defect::OrphanOrderUser)
    );
    assert_eq!(orders["bad_status"], answers.count(Defect::BadStatus));
    assert_eq!(
        orders["negative_quantity"],
        answers.count(Defect::NegativeQuantity)
    );
    assert_eq!(
        found("readings")["missing_value"],
        answers.count(Defect::MissingValue)
    );
}

#[test]
fn the_answers_stand_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    for seed in 0..5 {
        let answers = make(folder.path(), 10_000, seed);
        let text = fs::read(folder.path().join("data/answers.json")).unwrap();
        let file: BTreeMap<String, BTreeMap<String, u64>> = serde_json::from_slice(&text).unwrap();
        assert_eq!(file.len(), Table::ALL.len());
        assert_eq!(file.values().map(BTreeMap::len).sum::<usize>(), Defect::ALL.len());
        for defect in Defect::ALL {
            let told = file[defect.table().name()][defect.key()];
            assert_eq!(told, answers.count(*defect));
            assert!(told > 0, "no {} with seed {seed}", defect.key());
        }
    }
}

#[test]
fn times_are_distinct_and_within_the_sample() {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path(), 10_000, 7);
    let lake = Lake::open(folder.path());
    let events = rows(
        &lake,
        "SELECT count(*) - count(DISTINCT arrived_at), count(DISTINCT dt),
             count(*) FILTER (WHERE CAST(arrived_at AS DATE) <> dt), min(dt), max(dt)
         FROM raw.events",
    );
    assert_eq!(events, [["0", "30", "0", "2026-01-02", "2026-01-31"]]);
    let sql = "SELECT count(*) FROM raw.orders WHERE CAST(ordered_at AS DATE) <> dt";
    assert_eq!(number(&lake, sql), 0);
}

#[test]
fn the_robust_score_finds_every_spike_and_hardly_anything_else() {
    for rows in [0, 20_000] {
        let folder = tempfile::tempdir().unwrap();
        let answers = make(folder.path(), rows, 8);
        let lake = Lake::open(folder.path());
        lake.run(&SCRIPTS[4..5]);
        let flagged = number(&lake, "SELECT count(*) FROM processed.readings WHERE is_spike");
        let spikes = answers.count(Defect::Spike);
        let others = answers.rows(Table::Readings) - spikes;
        assert!(
            (spikes..=spikes + others / 100).contains(&flagged),
            "{flagged} of {spikes}"
        );
    }
}

#[test]
fn the_same_options_give_the_same_bytes() {
    let sample = |rows, seed| {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path(), rows, seed);
        contents(&folder.path().join("data"))
    };
    let first = sample(3000, 9);
    // Two tables of thirty days, three of one file, and the answers.
    assert_eq!(first.len(), 64);
    assert!(first == sample(3000, 9), "a second run differs");
    let other = sample(3000, 10);
    for (path, bytes) in &first {
        assert!(
            other.get(path) != Some(bytes),
            "{} does not depend on the seed",
            path.display()
        );
    }
}

#[test]
fn a_new_sample_leaves_nothing_of_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path(), 2000, 11);
    let own = folder.path().join("data/raw/own.csv");
    fs::write(&own, "a\n1\n").unwrap();
    make(folder.path(), 1, 12);
    fs::remove_file(own).unwrap();
    let fresh = tempfile::tempdir().unwrap();
    make(fresh.path(), 1, 12);
    assert!(contents(&folder.path().join("data")) == contents(&fresh.path().join("data")));
}

#[test]
fn progress_reaches_the_end_of_every_table() {
    let folder = tempfile::tempdir().unwrap();
    let mut last = BTreeMap::new();
    let options = DemoOptions { rows: 500, seed: 13 };
    generate(folder.path(), &options, &mut |now| {
        last.insert(now.table, (now.rows_done, now.rows_total));
    })
    .unwrap();
    assert_eq!(last.len(), Table::ALL.len());
    assert!(last.values().all(|(done, total)| done == total), "{last:?}");
}

#[test]
fn small_samples_go_through_all_scripts() {
    for sample in [0, 1, 50] {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path(), sample, 14);
        let lake = Lake::open(folder.path());
        lake.run(SCRIPTS);
        let events = number(&lake, "SELECT count(*) FROM processed.events");
        assert!(events <= sample);
    }
}

#[test]
fn the_scripts_keep_their_word_and_run_again_alike() {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path(), 10_000, 15);
    let lake = Lake::open(folder.path());
    lake.run(SCRIPTS);
    for (claim, sql) in CLAIMS {
        assert_eq!(rows(&lake, sql)[0][0].parse::<f64>().unwrap(), 0.0, "{claim}");
    }
    let once = made(&lake);
    lake.run(SCRIPTS);
    for ((table, once), (_, again)) in once.iter().zip(made(&lake)) {
        assert!(!once.is_empty(), "{table} is empty");
        assert!(*once == again, "{table} changes");
    }
}

/// Every table that the scripts make, with its rows in an order of their own.
fn made(lake: &Lake) -> Vec<(String, Vec<Vec<String>>)> {
    let table = |(i, (name, _)): (usize, &(&str, &str))| {
        let zone = if i < 5 { "processed" } else { "curated" };
        let (_, table) = name.trim_end_matches(".sql").split_once('_').unwrap();
        let table = format!("{zone}.{table}");
        let mut all = rows(lake, &format!("SELECT * FROM {table}"));
        all.sort();
        (table, all)
    };
    SCRIPTS.iter().enumerate().map(table).collect()
}

fn make(folder: &Path, rows: u64, seed: u64) -> Answers {
    demo::lay_out(folder).unwrap();
    generate(folder, &DemoOptions { rows, seed }, &mut |_| {}).unwrap()
}

/// Every file below `folder`.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_owned();
                files.insert(name, fs::read(path).unwrap());
            }
        }
    }
    files
}

fn number(lake: &Lake, sql: &str) -> u64 {
    rows(lake, sql)[0][0].parse().unwrap()
}

/// A generated lake, opened as its user would.
struct Lake {
    connection: LocalConnection,
    runtime: Runtime,
}

impl Lake {
    fn open(folder: &Path) -> Self {
        let runtime = Runtime::new().unwrap();
        let options = LakeOptions {
            threads: NonZeroUsize::new(2),
            ..LakeOptions::default()
        };
        let lake = runtime.block_on(weir::Lake::open(folder, options)).unwrap();
        Self {
            connection: LocalConnection::new(lake.session()),
            runtime,
        }
    }

    fn run(&self, scripts: &[(&str, &str)]) {
        for (_, text) in scripts {
            rows(self, text);
        }
    }
}

/// The rows that a text's queries give, as text.
fn rows(lake: &Lake, sql: &str) -> Vec<Vec<String>> {
    let (answers, _) = lake
        .runtime
        .block_on(run::run(&lake.connection, sql))
        .unwrap_or_else(|error| panic!("{}", error.report()));
    let options = FormatOptions::default().with_null("NULL");
    let mut rows = vec![];
    for batch in answers.iter().flat_map(|(_, batches)| batches) {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options).unwrap())
            .collect();
        let row = |i| columns.iter().map(|column| column.value(i).to_string()).collect();
        rows.extend((0..batch.num_rows()).map(row));
    }
    rows
}
