//! Tests of `completion`.

use super::*;

struct Shop;

impl Names for Shop {
    fn tables(&self) -> Vec<Table> {
        [
            ("raw", "events"),
            ("raw", "users"),
            ("raw", "My table"),
            ("processed", "events_clean"),
            ("curated", "daily_sales"),
        ]
        .map(|(zone, name)| Table {
            zone: zone.to_owned(),
            name: name.to_owned(),
            kind: "external parquet".to_owned(),
        })
        .to_vec()
    }

    fn rows(&self, table: &Table) -> Option<u64> {
        (table.name == "events").then_some(1234)
    }

    fn columns(&self, zone: Option<&str>, table: &str) -> Vec<Column> {
        let columns: &[&str] = match (zone, table) {
            (None | Some("raw"), "events") => &["event_id", "userId", "name", "order"],
            (None | Some("raw"), "users") => &["user_id", "email"],
            (Some("curated"), "daily_sales") => &["name", "event_id"],
            _ => &[],
        };
        let column = |name: &&str| Column {
            name: (*name).to_owned(),
            data_type: "BIGINT".to_owned(),
        };
        columns.iter().map(column).collect()
    }

    fn functions(&self) -> Vec<Described> {
        [
            ("count", "count(expression)"),
            ("concat", ""),
            ("ends_with", "ends_with(str, suffix)"),
        ]
        .map(|(name, syntax)| (name.to_owned(), syntax.to_owned()))
        .to_vec()
    }

    fn table_functions(&self) -> Vec<Described> {
        vec![("tumble".to_owned(), "TUMBLE(t, ts, size)".to_owned())]
    }

    fn settings(&self) -> Vec<Described> {
        [
            "datafusion.catalog.location",
            "datafusion.execution.batch_size",
            "datafusion.execution.parquet.pushdown",
            "session.safe",
        ]
        .map(|name| (name.to_owned(), "8192".to_owned()))
        .to_vec()
    }

    fn current_zone(&self) -> String {
        "raw".to_owned()
    }
}

/// What is offered at `|`.
fn offered(text: &str) -> Vec<String> {
    let at = text.find('|').unwrap();
    let completion = complete(&text.replace('|', ""), at, &Shop);
    assert!(completion.start <= at);
    completion
        .candidates
        .into_iter()
        .map(|candidate| candidate.text)
        .collect()
}

/// What a list shows at `|`.
fn listed(text: &str) -> Vec<(String, String)> {
    let at = text.find('|').unwrap();
    let completion = complete(&text.replace('|', ""), at, &Shop);
    let shown = |candidate: &Candidate| (candidate.shown().to_owned(), candidate.note.clone());
    completion.candidates.iter().map(shown).collect()
}

/// What `text` becomes if it is completed by the only candidate.
fn completed(text: &str) -> String {
    let at = text.find('|').unwrap();
    let plain = text.replace('|', "");
    let completion = complete(&plain, at, &Shop);
    let [only] = completion.candidates.as_slice() else {
        panic!("{text}: {:?}", completion.candidates);
    };
    format!("{}{}{}", &plain[..completion.start], only.text, &plain[at..])
}

#[test]
fn a_statement_begins_with_a_verb() {
    assert_eq!(offered("se|"), ["select", "set"]);
    assert_eq!(offered("SE|"), ["SELECT", "SET"]);
    assert_eq!(completed("SELECT 1; DESCR|"), "SELECT 1; DESCRIBE");
    assert_eq!(
        offered("CREATE |"),
        [
            "EXTERNAL TABLE",
            "OR REPLACE TABLE",
            "OR REPLACE VIEW",
            "TABLE",
            "VIEW"
        ]
    );
    assert_eq!(
        offered("DROP |"),
        ["TABLE", "TABLE IF EXISTS", "VIEW", "VIEW IF EXISTS"]
    );
    assert_eq!(completed("EXPLAIN SEL|"), "EXPLAIN SELECT");
    assert_eq!(offered("INSERT |"), ["INTO", "OVERWRITE"]);
}

#[test]
fn statements_with_a_form_are_followed_word_by_word() {
    assert_eq!(completed("ALTER TABLE ev|"), "ALTER TABLE events");
    assert_eq!(
        offered("ALTER TABLE raw.events |"),
        [
            "ADD COLUMN",
            "ADD CONSTRAINT",
            "DROP CONSTRAINT",
            "RENAME COLUMN",
            "RENAME TO",
            "SET"
        ]
    );
    assert_eq!(offered("ALTER TABLE events ADD |"), ["COLUMN", "CONSTRAINT"]);
    assert_eq!(offered("ALTER TABLE users RENAME COLUMN em|"), ["email"]);
    assert_eq!(completed("MERGE INTO users US|"), "MERGE INTO users USING");
    assert_eq!(
        completed("MERGE INTO users u USING ev|"),
        "MERGE INTO users u USING events"
    );
    assert_eq!(
        completed("OPTIMIZE processed.ev|"),
        "OPTIMIZE processed.events_clean"
    );
    assert_eq!(
        offered("OPTIMIZE processed.events_clean |"),
        ["WHERE", "ZORDER BY"]
    );
    assert_eq!(completed("VACUUM RE|"), "VACUUM RETAIN");
    assert_eq!(
        completed("VACUUM users RETAIN 24 HOURS D|"),
        "VACUUM users RETAIN 24 HOURS DRY RUN"
    );
    assert_eq!(
        completed("RESTORE TABLE users TO V|"),
        "RESTORE TABLE users TO VERSION AS OF"
    );
    assert_eq!(completed("COPY us|"), "COPY users");
    assert_eq!(completed("COPY users |"), "COPY users TO");
    assert_eq!(completed("SHOW PARTITIONS ev|"), "SHOW PARTITIONS events");
    assert_eq!(
        completed("DELETE FROM users WHERE em|"),
        "DELETE FROM users WHERE email"
    );
    assert_eq!(
        completed("DROP TABLE IF EXISTS us|"),
        "DROP TABLE IF EXISTS users"
    );
    assert_eq!(
        completed("CREATE VIEW curated.v AS SEL|"),
        "CREATE VIEW curated.v AS SELECT"
    );
}

#[test]
fn tables_follow_from_join_into_and_describe() {
    for before in [
        "SELECT * FROM ",
        "select a from raw.users u, ",
        "SELECT * FROM raw.users JOIN ",
        "INSERT INTO ",
        "DESCRIBE ",
        "SHOW CREATE TABLE ",
        "DROP TABLE ",
        "DROP TABLE IF EXISTS ",
        "SELECT (SELECT max(x) FROM ",
    ] {
        assert_eq!(completed(&format!("{before}ev|")), format!("{before}events"));
    }
    assert_eq!(
        offered("SELECT * FROM |"),
        [
            "events",
            "users",
            "\"My table\"",
            "curated.",
            "information_schema.",
            "processed.",
            "raw.",
            "system."
        ]
    );
    assert_eq!(completed("SELECT * FROM cur|"), "SELECT * FROM curated.");
    assert_eq!(
        completed("SELECT * FROM curated.|"),
        "SELECT * FROM curated.daily_sales"
    );
    assert_eq!(
        completed("SELECT * FROM processed.ev|"),
        "SELECT * FROM processed.events_clean"
    );
    assert_eq!(
        completed("SELECT * FROM system.t|"),
        "SELECT * FROM system.tables"
    );
    assert_eq!(
        completed("WITH best AS (SELECT 1) SELECT * FROM b|"),
        "WITH best AS (SELECT 1) SELECT * FROM best"
    );
    assert_eq!(offered("CREATE TABLE ev|"), [""; 0]);
}

#[test]
fn relations_that_no_zone_holds_are_offered() {
    assert_eq!(
        offered("SELECT * FROM raw.events$|"),
        ["events$files", "events$partitions"]
    );
    assert_eq!(completed("SELECT * FROM tum|"), "SELECT * FROM tumble(");
    assert_eq!(
        completed("SELECT * FROM system.ses|"),
        "SELECT * FROM system.sessions"
    );
    assert!(offered("SELECT * FROM information_schema.|").contains(&"columns".to_owned()));
    assert_eq!(
        signature("SELECT * FROM tumble(", &Shop).as_deref(),
        Some("TUMBLE(t, ts, size)")
    );
}

#[test]
fn columns_of_the_statements_tables_are_offered() {
    assert_eq!(
        offered("SELECT | FROM events"),
        ["event_id", "userId", "name", "\"order\""]
    );
    assert_eq!(
        completed("SELECT us| FROM raw.events"),
        "SELECT userId FROM raw.events"
    );
    assert_eq!(
        offered("SELECT u| FROM events, users u"),
        ["userId", "user_id", "u."]
    );
    assert_eq!(
        completed("SELECT 1 FROM users WHERE lower(em|"),
        "SELECT 1 FROM users WHERE lower(email"
    );
    assert_eq!(
        completed("SELECT 1; SELECT * FROM users ORDER BY em|; SELECT 2"),
        "SELECT 1; SELECT * FROM users ORDER BY email; SELECT 2"
    );
    assert_eq!(completed("INSERT INTO users (em|"), "INSERT INTO users (email");
    assert_eq!(
        offered("SELECT * FROM events e JOIN users AS u ON e.| = 1"),
        ["event_id", "userId", "name", "\"order\""]
    );
    assert_eq!(
        offered("SELECT u.| FROM events e JOIN raw.users AS u"),
        ["user_id", "email"]
    );
    assert_eq!(offered("SELECT events.us| FROM raw.events"), ["userId"]);
    assert_eq!(offered("SELECT raw.users.| FROM raw.users"), ["user_id", "email"]);
    assert_eq!(offered("SELECT nowhere.| FROM events"), [""; 0]);
}

#[test]
fn functions_and_words_join_in_once_something_is_typed() {
    assert_eq!(
        offered("SELECT e| FROM events"),
        ["event_id", "ends_with(", "else", "end", "exists"]
    );
    assert_eq!(offered("SELECT co|"), ["count(", "concat("]);
    assert_eq!(
        completed("SELECT * FROM events WHERE a = cou|"),
        "SELECT * FROM events WHERE a = count("
    );
    assert_eq!(completed("SELECT a FR|"), "SELECT a FROM");
    assert_eq!(
        completed("SELECT * FROM events wh|"),
        "SELECT * FROM events where"
    );
    assert_eq!(
        completed("SELECT * FROM events e LIM|"),
        "SELECT * FROM events e LIMIT"
    );
    assert_eq!(
        completed("SELECT * FROM events WHERE a IS NULL GR|"),
        "SELECT * FROM events WHERE a IS NULL GROUP BY"
    );
    assert_eq!(completed("SELECT a FROM (SEL|"), "SELECT a FROM (SELECT");
}

#[test]
fn zones_and_settings_have_their_places() {
    assert_eq!(offered("USE |"), ["curated", "processed", "raw"]);
    assert_eq!(completed("SHOW TABLES FROM pro|"), "SHOW TABLES FROM processed");
    assert_eq!(completed("SET execution.b|"), "SET execution.batch_size");
    assert_eq!(
        completed("SET datafusion.execution.b|"),
        "SET datafusion.execution.batch_size"
    );
    assert_eq!(
        offered("RESET e|"),
        ["execution.batch_size", "execution.parquet.pushdown"]
    );
    assert_eq!(
        offered("SHOW |")[..4],
        ["ALL", "CREATE TABLE", "FUNCTIONS", "PARTITIONS"]
    );
    assert_eq!(offered("SET execution.batch_size = |"), ["8192"]);
    assert_eq!(offered("SET execution.batch_size TO |"), ["8192"]);
    assert_eq!(offered("SET nothing.of_that_kind = |"), [""; 0]);
}

#[test]
fn quotes_comments_and_new_names_are_left_alone() {
    for text in [
        "SELECT 'ev|",
        "SELECT 1 -- FROM |",
        "SELECT 1; -- |",
        "SELECT /* FROM |",
        "SELECT 12|",
        "SELECT $n|",
        "SELECT a AS e|",
    ] {
        assert_eq!(offered(text), [""; 0], "{text}");
    }
}

#[test]
fn commands_complete_from_their_table() {
    assert_eq!(offered(".t|"), [".tables ", ".theme ", ".timing "]);
    assert_eq!(completed(".qu|"), ".quit");
    assert_eq!(completed(".mode js|"), ".mode json");
    assert_eq!(offered(".timing |"), ["off", "on"]);
    assert_eq!(completed(".columns us|"), ".columns users");
    assert_eq!(completed("\\d processed.|"), "\\d processed.events_clean");
    assert_eq!(completed(".help col|"), ".help columns");
    assert_eq!(completed(".help 42P01|"), ".help 42P01");
    assert_eq!(completed("SELECT 1;\n.fun|"), "SELECT 1;\n.functions ");
    assert!(complete(".read ex", 8, &Shop).is_file);
    assert_eq!(offered(".last |"), [""; 0]);
    assert_eq!(offered(".keys |"), ["emacs", "vi"]);
    assert_eq!(offered(".explain |")[..2], ["analyze", "ALTER"]);
    assert_eq!(
        completed(".explain analyze SELECT * FROM us|"),
        ".explain analyze SELECT * FROM users"
    );
    assert_eq!(
        completed(".watch 5 SELECT em| FROM users"),
        ".watch 5 SELECT email FROM users"
    );
    assert_eq!(
        listed(".ti|"),
        [(".timing".to_owned(), find("timing").unwrap().summary.to_owned())]
    );
}

#[test]
fn lists_say_what_things_are() {
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect()
    };
    assert_eq!(
        listed("SELECT * FROM raw.|"),
        pairs(&[
            ("events", "external parquet, 1,234 rows"),
            ("users", "external parquet"),
            ("\"My table\"", "external parquet"),
        ])
    );
    assert_eq!(listed("SELECT em| FROM users"), pairs(&[("email", "BIGINT")]));
    assert_eq!(
        listed("SELECT em| FROM users, events e"),
        pairs(&[("email", "BIGINT of users")])
    );
    assert_eq!(listed("SELECT ends|"), pairs(&[("ends_with(str, suffix)", "")]));
    assert_eq!(
        listed("SET execution.b|"),
        pairs(&[("execution.batch_size", "8192")])
    );
    assert_eq!(completed("SET session.s|"), "SET session.safe");
}

#[test]
fn queries_of_the_statement_have_columns() {
    let with = "WITH best (place, who) AS (SELECT 1, 2), \
                sold AS (SELECT DISTINCT name, count(*) AS n, max(x) + 1, u.email \
                FROM events e JOIN users u ON true), \
                every AS (SELECT *, 1 AS one FROM users) ";
    assert_eq!(offered(&format!("{with} SELECT | FROM best")), ["place", "who"]);
    assert_eq!(
        offered(&format!("{with} SELECT s.| FROM sold s")),
        ["name", "n", "email"]
    );
    assert_eq!(
        offered(&format!("{with} SELECT | FROM every")),
        ["user_id", "email", "one"]
    );
    assert_eq!(
        offered("SELECT d.| FROM (SELECT email AS mail FROM users) AS d"),
        ["mail"]
    );
    // It has no column that is known: functions come once a letter is typed.
    let unknown = offered("WITH r AS (SELECT * FROM r) SELECT | FROM r");
    assert_eq!(unknown[0], "ALL", "{unknown:?}");
    assert_eq!(
        offered("WITH c AS (SELECT 1 AS uu) SELECT u|"),
        ["uu"],
        "before FROM"
    );
    assert_eq!(offered("WITH c AS (SELECT 1 AS uu) SELECT c.|"), ["uu"]);
    assert_eq!(
        offered("SELECT * FROM (SELECT user_id AS zz FROM users) WHERE |"),
        ["zz"]
    );
    assert_eq!(
        offered("SELECT * FROM (SELECT user_id AS zz FROM users WHERE us|)"),
        ["user_id"]
    );
    assert_eq!(offered("WITH r AS (SELECT em| FROM users"), ["email"]);
    assert_eq!(
        listed(&format!("{with} SELECT * FROM so|")),
        [("sold".to_owned(), "a query of this statement".to_owned())]
    );
}

#[test]
fn a_condition_joins_what_two_tables_share() {
    assert_eq!(
        offered("SELECT * FROM raw.events e JOIN curated.daily_sales d ON |")[..2],
        ["e.event_id = d.event_id", "e.name = d.name"]
    );
    assert_eq!(
        completed("SELECT * FROM events JOIN users u ON u.us|"),
        "SELECT * FROM events JOIN users u ON u.user_id"
    );
    assert_eq!(
        offered("SELECT * FROM raw.events e JOIN curated.daily_sales d USING (|"),
        ["event_id", "name"]
    );
}

#[test]
fn names_in_quotes_and_files_are_offered() {
    assert_eq!(completed("SELECT * FROM \"My|"), "SELECT * FROM \"My table\"");
    assert_eq!(
        completed("SELECT \"ord| FROM events"),
        "SELECT \"order\" FROM events"
    );
    assert_eq!(
        completed("SELECT e.\"us| FROM events e"),
        "SELECT e.\"userId\" FROM events e"
    );
    for text in ["SELECT * FROM 'da|", "COPY t TO 'da|", "DESCRIBE 'da|"] {
        let at = text.find('|').unwrap();
        let completion = complete(&text.replace('|', ""), at, &Shop);
        assert!(completion.is_file && completion.start == at - 2, "{text}");
    }
}

#[test]
fn the_function_whose_arguments_are_typed_is_known() {
    assert_eq!(
        signature("SELECT ends_with(a, ", &Shop).as_deref(),
        Some("ends_with(str, suffix)")
    );
    assert_eq!(
        signature("SELECT COUNT(lower(a), ", &Shop).as_deref(),
        Some("count(expression)")
    );
    for text in [
        "SELECT count(a)",
        "SELECT concat(",
        "SELECT (",
        "SELECT count(; SELECT",
        "",
    ] {
        assert_eq!(signature(text, &Shop), None, "{text}");
    }
}

#[test]
fn a_column_that_is_no_word_is_quoted() {
    for (name, expected) in [
        ("userId", "userId"),
        ("name", "name"),
        ("date", "date"),
        ("select", "\"select\""),
        ("From", "\"From\""),
        ("a b", "\"a b\""),
        ("1st", "\"1st\""),
        ("say \"hi\"", "\"say \"\"hi\"\"\""),
        ("größe", "größe"),
    ] {
        assert_eq!(identifier(name), expected);
    }
}
