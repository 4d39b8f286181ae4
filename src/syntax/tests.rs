//! Tests of `syntax`.

use datafusion::common::ScalarValue;

use super::*;
use crate::error::{Code, Error, Result};

fn parse_all(sql: &str) -> Vec<Result<Statement>> {
    Script::new(sql)
        .into_pieces()
        .map(|piece| piece.and_then(|piece| Statement::parse(&piece)))
        .collect()
}

fn parse(sql: &str) -> Statement {
    parse_all(sql).remove(0).unwrap()
}

fn error(sql: &str) -> Error {
    parse_all(sql).into_iter().find_map(Result::err).unwrap()
}

fn pieces(sql: &str) -> Vec<String> {
    let pieces = Script::new(sql).into_pieces();
    pieces.map(|piece| piece.unwrap().sql().to_owned()).collect()
}

#[test]
fn a_semicolon_ends_a_statement_only_where_it_is_one() {
    let sql = "SELECT ';' /* ; */ AS a -- ;\n, $$;$$ ; ; SELECT \"x;y\";\n-- the end\n";
    assert_eq!(
        pieces(sql),
        ["SELECT ';' /* ; */ AS a -- ;\n, $$;$$", "SELECT \"x;y\""]
    );
    assert_eq!(pieces(" ;; -- nothing\n"), Vec::<String>::new());
}

#[test]
fn an_open_quote_spoils_its_own_statement_only() {
    let mut all = parse_all("SELECT 1; SELECT 'open");
    let last = all.pop().unwrap().unwrap_err();
    assert!(all.remove(0).is_ok() && all.is_empty());
    assert_eq!(last.code(), Code::Syntax);
    assert_eq!(last.location().unwrap().column(), 18);
}

#[test]
fn errors_point_into_the_whole_text() {
    let error = error("SELECT 1;\nSELECT *\nFORM t");
    let place = error.location().unwrap();
    assert_eq!((error.code(), place.line(), place.column()), (Code::Syntax, 3, 1));
    assert_eq!(error.hint(), Some("did you mean 'FROM'?"));
    let error = parse_all("SELECT 1;\n  DROP TABLE").remove(1).unwrap_err();
    assert_eq!(error.location().unwrap().line(), 2);
    assert!(error.message().contains("end of the statement"), "{error}");
}

#[test]
fn a_misspelled_first_word_is_recognised() {
    assert_eq!(error("SELCT 1").hint(), Some("did you mean 'SELECT'?"));
}

#[test]
fn what_the_engine_does_not_have_is_refused() {
    for sql in ["GRANT SELECT ON t TO u", "START TRANSACTION"] {
        assert_eq!(error(sql).code(), Code::Unsupported, "{sql}");
    }
    assert_eq!(error("CREATE INDEX i ON t (a)").code(), Code::Syntax);
}

#[test]
fn question_marks_are_numbered_and_names_collected() {
    let piece = |sql| Script::new(sql).into_pieces().next().unwrap().unwrap();
    assert_eq!(parameter_names(&piece("SELECT $b, $a, $b, $2")), ["b", "a", "2"]);
    assert_eq!(parameter_names(&piece("SELECT ?, '?', ?")), ["1", "2"]);
    assert_eq!(error("SELECT ?, $1").code(), Code::Syntax);
}

#[test]
fn parameters_are_found_by_number_and_name() {
    let int = |n| ScalarValue::Int64(Some(n));
    let parameters = Parameters::positional([int(1), int(2)])
        .with("x", int(3))
        .with("x", int(4));
    assert_eq!(parameters.get("2"), Some(&int(2)));
    assert_eq!(parameters.get("0"), None);
    assert_eq!(parameters.get("x"), Some(&int(4)));
    assert_eq!(parameters.names().collect::<Vec<_>>(), ["1", "2", "x"]);
}

#[test]
fn an_external_table_has_all_its_clauses() {
    let Statement::CreateTable(table) = parse(
        "CREATE EXTERNAL TABLE raw.Events (id BIGINT NOT NULL, \"Name\" VARCHAR COMMENT 'who')
         STORED AS CSV PARTITIONED BY (dt DATE) LOCATION 'events/'
         OPTIONS ('format.has_header' 'true', delimiter ';') COMMENT 'all' WITH (owner = 'me')",
    ) else {
        panic!("not a table");
    };
    assert_eq!(table.name.to_string(), "raw.events");
    assert!(table.columns[0].not_null && table.columns[1].comment.as_deref() == Some("who"));
    assert_eq!(table.columns[1].name, "Name");
    assert_eq!(table.partitioned_by[0].name, "dt");
    let external = table.external.unwrap();
    assert_eq!(
        (external.format.as_str(), external.location.as_str()),
        ("csv", "events/")
    );
    let options: Vec<_> = table
        .options
        .iter()
        .map(|(k, v, _)| (k.as_str(), v.as_str()))
        .collect();
    assert_eq!(options, [("has_header", "true"), ("delimiter", ";")]);
    assert_eq!(
        (
            table.comment.as_deref(),
            table.properties.first().map(|property| property.value.as_str())
        ),
        (Some("all"), Some("me"))
    );
}

#[test]
fn a_view_keeps_its_query_as_written() {
    let Statement::CreateView(view) = parse("CREATE VIEW v AS SELECT a, -- why\n  'b' FROM t ;") else {
        panic!("not a view");
    };
    assert_eq!(view.sql, "SELECT a, -- why\n  'b' FROM t");
}

#[test]
fn clauses_given_twice_or_out_of_place_are_errors() {
    for sql in [
        "CREATE EXTERNAL TABLE t STORED AS CSV STORED AS CSV LOCATION 'x'",
        "CREATE EXTERNAL TABLE t LOCATION 'x'",
        "CREATE TABLE t LOCATION 'x' AS SELECT 1",
        "CREATE TABLE t (a)",
        "CREATE TABLE t",
        "CREATE OR REPLACE TABLE IF NOT EXISTS t AS SELECT 1",
        "CREATE TABLE a.b.c.d AS SELECT 1",
        "SET x",
        "USE a b",
    ] {
        assert_eq!(error(sql).code(), Code::Syntax, "{sql}");
    }
}

#[test]
fn settings_have_dotted_names() {
    let Statement::Set { name, value, .. } = parse("SET datafusion.execution.batch_size TO 10") else {
        panic!("not a setting");
    };
    assert_eq!(
        (name.as_str(), value.as_str()),
        ("datafusion.execution.batch_size", "10")
    );
    let Statement::Set { name, value, .. } = parse("SET TIME ZONE '+02:00'") else {
        panic!("not a setting");
    };
    assert_eq!(
        (name.as_str(), value.as_str()),
        ("datafusion.execution.time_zone", "+02:00")
    );
}

#[test]
fn deep_nesting_is_an_error_and_not_a_crash() {
    let sql = format!("SELECT {}1{}", "(".repeat(10_000), ")".repeat(10_000));
    assert_eq!(error(&sql).code(), Code::Syntax);
}

#[test]
fn names_are_quoted_where_they_must_be() {
    assert_eq!(quote::identifier("a_1"), "a_1");
    for name in ["A", "select", "1a", "a b", "a\"b", "", "日"] {
        assert_eq!(
            quote::identifier(name),
            format!("\"{}\"", name.replace('"', "\"\""))
        );
    }
    assert_eq!(quote::literal("it's"), "'it''s'");
}
