//! Definitions on a real disk.

use std::path::Path;

use super::*;
use crate::definition::{TableDefinition, TableKind, View};
use crate::error::Code;
use crate::storage::OnExisting;

fn lake() -> (tempfile::TempDir, Catalog) {
    let folder = tempfile::tempdir().unwrap();
    Catalog::init(folder.path()).unwrap();
    let catalog = Catalog::open(folder.path()).unwrap();
    (folder, catalog)
}

fn view(name: &str, query: &str) -> TableDefinition {
    let view = View {
        query: query.into(),
        default_zone: None,
    };
    TableDefinition::new(name, TableKind::View(view))
}

fn write(folder: &Path, file: &str, text: &str) {
    std::fs::write(folder.join("catalog").join(file), text).unwrap();
}

#[test]
fn a_lake_is_made_once() {
    let (folder, _) = lake();
    assert_eq!(
        Catalog::init(folder.path()).unwrap_err().code(),
        Code::DuplicateTable
    );
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(Catalog::open(empty.path()).unwrap_err().code(), Code::NoLake);
    write(folder.path(), "lake.toml", "zone = 1");
    assert_eq!(
        Catalog::open(folder.path()).unwrap_err().code(),
        Code::InvalidDefinition
    );
}

#[test]
fn a_definition_is_published_once_seen_by_others_and_removed() {
    let (folder, catalog) = lake();
    let other = Catalog::open(folder.path()).unwrap();
    let zone = catalog.zone("raw").unwrap();
    catalog
        .publish(zone, &view("v", "SELECT 1"), OnExisting::Keep)
        .unwrap();
    assert_eq!(other.table(zone, "V").unwrap().unwrap().name, "v");
    let again = catalog.publish(zone, &view("v", "SELECT 2"), OnExisting::Keep);
    assert_eq!(again.unwrap_err().code(), Code::DuplicateTable);
    for i in 0..50 {
        let query = format!("SELECT {i}");
        catalog
            .publish(zone, &view("v", &query), OnExisting::Replace)
            .unwrap();
        let seen = other.table(zone, "v").unwrap().unwrap();
        assert_eq!(seen.kind, view("v", &query).kind);
    }
    catalog.remove(zone, "v").unwrap();
    assert!(other.table(zone, "v").unwrap().is_none());
}

#[test]
fn a_broken_definition_takes_no_other_down() {
    let (folder, catalog) = lake();
    let zone = catalog.zone("raw").unwrap();
    catalog
        .publish(zone, &view("good", "SELECT 1"), OnExisting::Keep)
        .unwrap();
    write(folder.path(), "raw/bad.toml", "query = ");
    write(folder.path(), "raw/notes.txt", "not a definition");
    assert!(catalog.table(zone, "good").unwrap().is_some());
    let error = catalog.table(zone, "bad").unwrap_err();
    assert_eq!(
        (error.code(), error.location().unwrap().line()),
        (Code::InvalidDefinition, 1)
    );
    let entries = catalog.entries(zone).unwrap();
    let states: Vec<_> = entries
        .iter()
        .map(|e| (e.name.as_str(), e.definition.is_ok()))
        .collect();
    assert_eq!(states, [("bad", false), ("good", true)]);
    catalog
        .publish(zone, &view("bad", "SELECT 1"), OnExisting::Replace)
        .unwrap();
    assert!(catalog.table(zone, "bad").unwrap().is_some());
}

#[test]
fn names_that_differ_in_case_alone_are_an_error() {
    let (folder, catalog) = lake();
    let zone = catalog.zone("raw").unwrap();
    for name in ["T", "t", "u"] {
        write(folder.path(), &format!("raw/{name}.toml"), "query = \"SELECT 1\"");
    }
    for name in ["t", "T"] {
        let error = catalog.table(zone, name).unwrap_err();
        assert_eq!(error.code(), Code::InvalidDefinition);
        assert!(error.message().contains("'T' and 't'"), "{error}");
    }
    assert!(catalog.table(zone, "U").unwrap().is_some());
}

#[test]
fn what_is_not_there_is_suggested() {
    let (_folder, catalog) = lake();
    let raw = catalog.zone("raw").unwrap();
    catalog
        .publish(raw, &view("events", "SELECT 1"), OnExisting::Keep)
        .unwrap();
    assert_eq!(
        catalog.not_found(raw, "evnts").hint(),
        Some("did you mean 'raw.events'?")
    );
    let processed = catalog.zone("processed").unwrap();
    assert_eq!(
        catalog.not_found(processed, "events").hint(),
        Some("did you mean 'raw.events'?")
    );
    assert_eq!(catalog.zone("rwa").unwrap_err().code(), Code::UndefinedZone);
    assert!(
        catalog
            .publish(raw, &view("a/b", "SELECT 1"), OnExisting::Keep)
            .is_err()
    );
}

#[test]
fn what_comes_and_goes_is_seen_at_once() {
    let (folder, catalog) = lake();
    let zone = &catalog.zones()[0];
    let definitions = folder.path().join("catalog").join(&zone.name);
    let settle = || {
        let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(60);
        std::fs::File::open(&definitions)
            .unwrap()
            .set_modified(long_ago)
            .unwrap();
    };
    for names in [&["a"][..], &["a", "b"]] {
        std::fs::write(definitions.join(format!("{}.toml", names[names.len() - 1])), "").unwrap();
        assert_eq!(catalog.names(zone).unwrap(), names);
        settle();
        assert_eq!(catalog.names(zone).unwrap(), names);
        assert_eq!(catalog.names(zone).unwrap(), names);
    }
    std::fs::remove_file(definitions.join("a.toml")).unwrap();
    assert_eq!(catalog.names(zone).unwrap(), ["b"]);
    assert_eq!(catalog.resolve(zone, "A").unwrap(), None);
}
