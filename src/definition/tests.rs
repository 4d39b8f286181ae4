//! Tests of `definition`.

use std::path::Path;

use arrow::datatypes::{DataType, Field, TimeUnit};

use super::*;
use crate::error::{Code, Error};
use crate::storage::StoreOptions;

fn zone() -> ZoneDefinition {
    ZoneDefinition {
        name: "raw".into(),
        path: "data/raw".into(),
        format: TableFormat::Files(Format::Parquet),
        store: StoreOptions::default(),
    }
}

fn read(text: &str) -> crate::Result<TableDefinition> {
    read_table(Path::new("catalog/raw/t.toml"), text, "t", &zone())
}

fn wrong(text: &str) -> Error {
    let error = read(text).unwrap_err();
    assert_eq!(error.code(), Code::InvalidDefinition, "{error}");
    assert_eq!(
        error.location().unwrap().file(),
        Some(Path::new("catalog/raw/t.toml"))
    );
    error
}

fn place(error: &Error) -> (usize, usize) {
    let place = error.location().unwrap();
    (place.line(), place.column())
}

const EVENTS: &str = r#"# all that happened
name = "t"
owner = "web"   # ask them
created_at = 2026-01-01T00:00:00Z
format = "csv"
location = "./events/"
tags = { domain = "web" }

[options]
# as the shop's export writes it
delimiter = ";"
has_header = false

# the key
[[columns]]
name = "id"
type = "bigint" # 64 bits
nullable = false

[[columns]]
name = "what"
type = "VARCHAR"

[[partition_columns]]
name = "dt"
type = "DATE"
"#;

#[test]
fn a_definition_is_read_as_it_is_written() {
    let table = read(EVENTS).unwrap();
    let TableKind::External(external) = &table.kind else {
        panic!("not external");
    };
    assert_eq!(
        (external.format, external.location.as_str()),
        (Format::Csv, "events/")
    );
    assert_eq!((external.text.delimiter, external.text.has_header), (b';', false));
    assert_eq!(external.columns[0].data_type, DataType::Int64);
    assert!(!external.columns[0].nullable);
    assert_eq!(external.partition_columns[0].name, "dt");
    assert_eq!(table.tags["domain"], "web");
}

#[test]
fn an_edit_keeps_comments_and_order_and_reads_back() {
    let mut table = read(EVENTS).unwrap();
    assert_eq!(
        write_table(EVENTS, &table).unwrap().replace("BIGINT", "bigint"),
        EVENTS.replace("./events", "events")
    );

    table.owner = Some("shop".into());
    table.comment = Some("events".into());
    if let TableKind::External(external) = &mut table.kind {
        external.columns.remove(1);
        external.columns.push(Column::new("added", DataType::Float64));
    }
    let text = write_table(EVENTS, &table).unwrap();
    for kept in [
        "# all that happened",
        "# ask them",
        "# as the shop",
        "# the key",
        "# 64 bits",
    ] {
        assert!(text.contains(kept), "{kept} is gone from\n{text}");
    }
    assert!(!text.contains("what"));
    assert_eq!(read(&text).unwrap(), table);
}

#[test]
fn a_new_definition_reads_back() {
    let mut table = read(EVENTS).unwrap();
    assert_eq!(read(&write_table("", &table).unwrap()).unwrap(), table);
    table.kind = TableKind::View(View {
        query: "SELECT 'a'\nFROM x".into(),
        default_zone: Some("raw".into()),
    });
    let text = write_table(EVENTS, &table).unwrap();
    assert!(text.contains("'''\nSELECT 'a'\nFROM x'''"), "{text}");
    assert_eq!(read(&text).unwrap(), table);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let error = wrong("location = \"e/\"\ncolums = []\n");
    assert_eq!(
        (place(&error), error.hint()),
        ((2, 1), Some("did you mean 'columns'?"))
    );
    assert_eq!(place(&wrong("location = 1")), (1, 12));
    assert_eq!(place(&wrong("location = \"a/\"\nformat = \"parqet\"")), (2, 10));
    assert_eq!(place(&wrong("location = \"../x/\"")), (1, 12));
    assert_eq!(place(&wrong("name = \"u\"\nlocation = \"a/\"")), (1, 8));
    assert_eq!(
        place(&wrong("location = \"a/\"\n[options]\ndelimiter = \";\"")),
        (3, 1)
    );
    assert_eq!(
        place(&wrong("location = \"a/\"\ncreated_at = 2026-01-01")),
        (2, 14)
    );
    assert_eq!(place(&wrong("= 1")).0, 1);
    assert!(wrong("comment = \"nothing\"").message().contains("location"));
    assert!(wrong("query = \"SELEC 1\"").message().contains("expected"));
    assert!(
        wrong("query = \"SELECT 1\"\nlocation = \"a/\"")
            .message()
            .contains("files")
    );
}

#[test]
fn columns_are_distinct_in_any_case() {
    let text =
        "location = \"a/\"\ncolumns = [{ name = \"Id\", type = \"INT\" }, { name = \"iD\", type = \"INT\" }]";
    assert!(wrong(text).message().contains("differ only in case"));
    let text = "location = \"a/\"\ncolumns = [{ name = \"a\", type = \"INT\" }]\npartition_columns = [{ name = \"a\", type = \"INT\" }]";
    assert!(wrong(text).message().contains("twice"));
    let text = "location = \"a/\"\ncolumns = [{ name = \"a\", type = \"INTEGRE\" }]";
    assert_eq!(place(&wrong(text)), (2, 33));
}

#[test]
fn the_lake_file_names_its_zones_in_order() {
    let lake = read_lake(Path::new("lake.toml"), INITIAL_LAKE).unwrap();
    let names: Vec<_> = lake.zones.iter().map(|zone| zone.name.as_str()).collect();
    assert_eq!(names, ["raw", "processed", "curated"]);
    for (text, line) in [
        ("[zones.raw]\npath = 1", 2),
        ("[zones.raw]\npath = \"x\"\nformat = \"x\"", 3),
        ("[zones.system]\npath = \"x\"", 1),
        ("[zones.raw]\npath = \"x\"\n[limit]", 3),
        ("zones = {}", 1),
    ] {
        let error = read_lake(Path::new("lake.toml"), text).unwrap_err();
        assert_eq!(
            (error.code(), place(&error).0),
            (Code::InvalidDefinition, line),
            "{text}: {error}"
        );
    }
}

#[test]
fn locations_stay_inside_their_zone() {
    assert_eq!(check_location("a/./b/../c/").unwrap(), "a/c/");
    assert_eq!(check_location("a.csv").unwrap(), "a.csv");
    for outside in ["", ".", "/", "/etc", "..", "a/../..", "s3://b/x", "a/.."] {
        assert!(check_location(outside).is_err(), "{outside}");
    }
}

#[test]
fn every_type_reads_back_from_its_text() {
    let item = |data_type| Field::new_list_field(data_type, true).into();
    let types = [
        DataType::Boolean,
        DataType::Int8,
        DataType::Int16,
        DataType::Int32,
        DataType::Int64,
        DataType::UInt8,
        DataType::UInt16,
        DataType::UInt32,
        DataType::UInt64,
        DataType::Float16,
        DataType::Float32,
        DataType::Float64,
        DataType::Utf8View,
        DataType::Binary,
        DataType::FixedSizeBinary(16),
        DataType::Date32,
        DataType::Date64,
        DataType::Time32(TimeUnit::Second),
        DataType::Time64(TimeUnit::Microsecond),
        DataType::Time64(TimeUnit::Nanosecond),
        DataType::Timestamp(TimeUnit::Second, None),
        DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
        DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Timestamp(TimeUnit::Nanosecond, Some("Europe/Berlin".into())),
        DataType::Duration(TimeUnit::Millisecond),
        DataType::Interval(arrow::datatypes::IntervalUnit::MonthDayNano),
        DataType::Decimal128(12, 2),
        DataType::Decimal256(60, 10),
        DataType::List(item(DataType::Int64)),
        DataType::List(item(DataType::List(item(DataType::Utf8View)))),
        DataType::Struct(
            vec![
                Field::new("a", DataType::Int32, true),
                Field::new("B c", DataType::List(item(DataType::Boolean)), true),
            ]
            .into(),
        ),
    ];
    for data_type in types {
        let text = type_text(&data_type);
        assert_eq!(type_from_text(&text).unwrap(), data_type, "{text}");
        assert_eq!(column_type(&data_type), data_type, "{text}");
    }
    let map = type_from_text("MAP(VARCHAR, BIGINT)").unwrap();
    assert_eq!(type_from_text(&type_text(&map)).unwrap(), map);
    for wrong in [
        "",
        "BIGNT",
        "DECIMAL(100, 2)",
        "DECIMAL(2, 5)",
        "INT INT",
        "TIMESTAMP(4)",
    ] {
        assert!(type_from_text(wrong).is_err(), "{wrong}");
    }
}

const RULES: &str = r#"name = "t"
format = "csv"
location = "t/"

# every row has one
[[rules]]
name = "pk"
expect = "unique (id)  keep last by ts" # the last one holds
on_violation = "quarantine"

[[rules]]
name = "amount"
expect = '(amount BETWEEN 0 AND 1e6)'
where = "kind <> 'gift'"
severity = "critical"
threshold = 1
nulls = "fail"
"#;

#[test]
fn rules_are_read_and_stay_as_they_are_written() {
    let definition = read(RULES).unwrap();
    let sql: Vec<String> = definition.rules.iter().map(Rule::sql).collect();
    assert_eq!(
        sql,
        [
            "CONSTRAINT pk EXPECT UNIQUE (id) KEEP LAST BY ts ON VIOLATION QUARANTINE",
            "CONSTRAINT amount EXPECT (amount BETWEEN 0 AND 1e6) WHERE kind <> 'gift' ON VIOLATION WARN \
             WITH (severity = 'critical', threshold = 1, nulls = 'fail')"
        ]
    );
    assert_eq!(definition.rules[0].dimension(), Dimension::Uniqueness);
    let written = write_table(RULES, &definition).unwrap();
    assert_eq!(read(&written).unwrap().rules, definition.rules);
    for kept in [
        "# every row has one",
        "keep last by ts\" # the last one holds",
        "threshold = 1\n",
    ] {
        assert!(written.contains(kept), "{written}");
    }
    let mut fewer = definition;
    fewer.rules.remove(0);
    let written = write_table(&written, &fewer).unwrap();
    assert!(
        !written.contains("pk") && written.contains("kind <> 'gift'"),
        "{written}"
    );
}

#[test]
fn what_is_wrong_with_a_rule_is_said_with_its_place() {
    let rule = |lines: &str| {
        let error = wrong(&format!(
            "format = \"csv\"\nlocation = \"t/\"\n[[rules]]\nname = \"r\"\n{lines}"
        ));
        (place(&error).0, error.message().to_owned())
    };
    assert_eq!(rule("expect = \"UNIQUE id\"\n").0, 5);
    assert_eq!(rule("expect = \"(a > )\"\n").0, 5);
    assert_eq!(rule("expect = \"(a > 0)\"\nseverity = \"loud\"\n").0, 6);
    assert_eq!(rule("expect = \"(a > 0)\"\nthreshold = 7\n").0, 6);
    assert_eq!(rule("expect = \"UNIQUE (a)\"\nnulls = \"fail\"\n").0, 4);
    let (line, message) = rule("expect = \"(a > 0)\"\naction = \"drop row\"\n");
    assert!(line == 6 && message.contains("no key 'action'"), "{message}");
}
