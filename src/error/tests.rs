//! Tests of `error`.

use std::collections::HashSet;

use unicode_width::UnicodeWidthStr;

use super::*;

#[test]
fn codes_are_five_characters_and_unique() {
    let texts: HashSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(texts.len(), Code::ALL.len());
    assert!(texts.iter().all(|text| text.len() == 5));
}

#[test]
fn a_report_has_code_place_caret_and_hint() {
    let sql = "SELECT 1;\nSELECT *\nFROM evnts";
    let error = Error::new(Code::UndefinedTable, "table 'raw.evnts' not found")
        .with_hint("did you mean 'raw.events'?")
        .at(Location::in_text(sql, 3, 6, 5))
        .in_file("a.sql");
    assert_eq!(
        error.report(),
        "error[42P01]: table 'raw.evnts' not found\n\
         \x20 --> a.sql:3:6\n\
         3 | FROM evnts\n\
         \x20 |      ^^^^^\n\
         hint: did you mean 'raw.events'?"
    );
}

#[test]
fn a_caret_stands_under_wide_characters_and_in_long_lines() {
    let place = Location::in_text("SELECT '数据', x", 1, 14, 1).to_string();
    assert!(place.ends_with(&format!("| {}^", " ".repeat(15))), "{place}");

    let long = format!("SELECT {}x", "1, ".repeat(200));
    let place = Location::in_text(&long, 1, 608, 1).to_string();
    assert!(place.lines().all(|line| line.chars().count() < 200), "{place}");
    assert!(place.ends_with('^'), "{place}");
}

#[test]
fn a_line_is_cut_to_the_terminal() {
    let long = format!("SELECT {}emial, {}", "数据, ".repeat(40), "b, ".repeat(40));
    let error = Error::new(Code::UndefinedColumn, "column 'emial' not found");
    let error = error.at(Location::in_text(&long, 1, 168, 5));
    let report = error.report_within(80);
    let lines: Vec<&str> = report.lines().collect();
    assert!(lines.iter().all(|line| line.width() <= 80), "{report}");
    let (before, _) = lines[2].split_once("emial").unwrap();
    assert_eq!(lines[3].find('^'), Some(before.width()), "{report}");
    assert!(lines[2].contains("| …") && lines[2].ends_with('…'), "{report}");
}

#[test]
fn a_place_no_nearer_than_its_line_has_no_caret() {
    let place = Location::in_text("SELECT 1\nFROM t", 1, 1, 6).without_caret();
    assert_eq!(place.to_string(), "  --> <sql>:1:1\n1 | SELECT 1");
    assert_eq!(place.of_text("SELECT 1").to_string(), place.to_string());
}

#[test]
fn places_beyond_the_text_move_to_its_end() {
    for (line, column) in [(0, 0), (9, 9), (1, 100)] {
        let place = Location::in_text("SELECT", line, column, 50);
        assert_eq!(place.line(), 1);
        assert!(place.column() <= 7);
        assert!(place.to_string().contains('^'));
    }
    assert_eq!(Location::of_bytes("a\nbé\nc", 3..5).line(), 2);
    assert_eq!(Location::of_bytes("a\nbé\nc", 3..5).column(), 2);
    assert_eq!(Location::of_bytes("", 3..5).column(), 1);
}

#[test]
fn suggestions_are_near_names_only() {
    let tables = ["raw.events", "raw.users", "processed.events"];
    assert_eq!(closest("raw.evnts", tables).as_deref(), Some("raw.events"));
    assert_eq!(closest("RAW.USER", tables).as_deref(), Some("raw.users"));
    assert_eq!(closest("zzz", tables), None);
    assert_eq!(closest("a.explain.nosuch", ["a.explain.show_sizes"]), None);
    for typed in ["cout", "cuont"] {
        assert_eq!(closest(typed, ["cot", "cos", "count"]).as_deref(), Some("count"));
    }
}
