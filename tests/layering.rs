//! The ladder of modules: a module imports only what stands on a lower step.
//!
//! Owns the table of steps and a reading of every path in `src/` that reaches another top-level
//! module: `crate::x`, `weir::x`, `super::` out of a module's own tree, groups, renames, paths in
//! attributes' strings. Comments, other strings and documentation name whatever they like. Refuses what
//! would hide an edge: a glob or a rename of the crate's root.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use paths::{Edge, Target};

#[path = "layering/paths.rs"]
mod paths;

/// The steps. Modules of one step may not import one another.
const LADDER: &[(u8, &[&str])] = &[
    (0, &["error"]),
    (1, &["storage", "syntax"]),
    (2, &["definition"]),
    (3, &["functions"]),
    (4, &["operators"]),
    (5, &["table"]),
    (6, &["catalog"]),
    (7, &["planner"]),
    (8, &["engine"]),
    (9, &["connection", "render"]),
    (10, &["repl", "batch", "flight", "demo"]),
    (11, &["cli", "main"]),
];

/// The map and the program: they name every module.
const EXEMPT: &[&str] = &["lib.rs", "main.rs"];

fn step(module: &str) -> Option<u8> {
    LADDER
        .iter()
        .find(|(_, modules)| modules.contains(&module))
        .map(|(step, _)| *step)
}

/// A name at the crate's root → the module it comes from.
type Reexports = BTreeMap<String, String>;

/// What is wrong with `edge`, an edge of the top-level module `from`.
fn fault(from: &str, edge: &Edge, reexports: &Reexports) -> Option<String> {
    let name = match &edge.target {
        Target::Root(how) => return Some(format!("{how}: the modules it reaches cannot be seen")),
        Target::Name(name) => name,
    };
    let to = reexports.get(name).unwrap_or(name);
    let (Some(low), Some(high)) = (step(to), step(from)) else {
        return Some(format!(
            "'{to}' is neither a module of the ladder nor re-exported by lib.rs"
        ));
    };
    if to == from || low < high {
        return None;
    }
    let how = if low == high {
        "is its neighbour"
    } else {
        "stands above it"
    };
    Some(format!(
        "'{from}' (step {high}) reaches '{to}' (step {low}), which {how}"
    ))
}

/// The module path of a file in `src/`: `table/external/mod.rs` is `["table", "external"]`.
fn module_path(file: &Path) -> Vec<String> {
    let mut path: Vec<String> = file
        .with_extension("")
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if path.last().is_some_and(|last| last == "mod") {
        path.pop();
    }
    path
}

/// The `.rs` files under `folder`, relative to it, in order.
fn source_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                found.push(path.strip_prefix(folder).expect("it is inside").to_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// What is wrong with one file.
fn faults(file: &Path, source: &str, reexports: &Reexports) -> Vec<String> {
    let mut faults = Vec::new();
    if !source.starts_with("//!") {
        faults.push("1: does not open with `//!`".to_owned());
    }
    if EXEMPT.iter().any(|exempt| file == Path::new(exempt)) {
        return faults;
    }
    let path = module_path(file);
    if step(&path[0]).is_none() {
        faults.push(format!("1: module '{}' has no step on the ladder", path[0]));
        return faults;
    }
    match paths::edges(&path, source) {
        Ok(edges) => faults.extend(edges.iter().filter_map(|edge| {
            fault(&path[0], edge, reexports).map(|fault| format!("{}: {fault}", edge.line))
        })),
        Err(error) => faults.push(error),
    }
    faults
}

#[test]
fn no_module_climbs_the_ladder() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let map = fs::read_to_string(root.join("lib.rs")).expect("src/lib.rs");
    let reexports = paths::reexports(&map).expect("what src/lib.rs re-exports");
    let mut found = Vec::new();
    for file in source_files(&root).expect("the files of src") {
        let source = fs::read_to_string(root.join(&file)).expect("a source file");
        let faults = faults(&file, &source, &reexports);
        found.extend(
            faults
                .iter()
                .map(|fault| format!("src/{}:{fault}", file.display())),
        );
    }
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

fn judged(file: &str, source: &str) -> Vec<String> {
    let reexports = [("Lake", "engine"), ("Error", "error"), ("Result", "error")]
        .map(|(name, module)| (name.to_owned(), module.to_owned()))
        .into();
    faults(Path::new(file), &format!("//! A module.\n{source}"), &reexports)
}

#[test]
fn what_stands_below_may_be_reached() {
    for (file, source) in [
        ("table/mod.rs", "use crate::storage::Store;"),
        (
            "table/mod.rs",
            "use crate::{error, definition::{Rule, TableDefinition}};",
        ),
        ("table/mod.rs", "use crate::table::scan;"),
        ("table/mod.rs", "use crate::Error;"),
        (
            "table/managed/mod.rs",
            "use super::super::table::scan; use super::scan::Scan;",
        ),
        (
            "table/tests.rs",
            "use super::*; mod inner { use super::super::*; }",
        ),
        ("table/mod.rs", "mod tests { use super::*; }"),
        (
            "table/mod.rs",
            "pub(crate) fn f<'a>(x: &'a str) -> crate::Result<'a, char> { '\"' }",
        ),
        (
            "table/mod.rs",
            "// use crate::engine::Lake;\n/* crate::cli */ /// crate::repl\nfn f() {}",
        ),
        (
            "table/mod.rs",
            r##"const TEXT: &str = "crate::engine"; const RAW: &str = r#"use crate::cli;"#;"##,
        ),
        ("table/mod.rs", "fn f() { let weir = 1; let super_ = weir; }"),
        ("cli/mod.rs", "use crate::{repl, batch::run, flight, Lake};"),
        (
            "engine/mod.rs",
            "use datafusion::catalog::cli; use self::cli::Thing;",
        ),
    ] {
        let faults = judged(file, source);
        assert!(faults.is_empty(), "{file}: {source}: {faults:?}");
    }
}

#[test]
fn what_stands_above_or_beside_is_refused() {
    for (file, source, said) in [
        (
            "table/mod.rs",
            "use crate::engine::Session;",
            "2: 'table' (step 5) reaches 'engine'",
        ),
        (
            "table/mod.rs",
            "use crate::{error, catalog::{self, Catalog}};",
            "'catalog' (step 6)",
        ),
        (
            "table/mod.rs",
            "\n\nfn f() { crate::planner::plan() }",
            "4: 'table'",
        ),
        ("table/mod.rs", "use weir::engine::Session;", "'engine'"),
        (
            "table/mod.rs",
            "use ::weir::{error::Error, engine::Session};",
            "'engine'",
        ),
        ("table/mod.rs", "use crate::Lake;", "'engine'"),
        ("table/mod.rs", "use super::engine::Session;", "'engine'"),
        (
            "table/scan.rs",
            "use super::{external, super::catalog};",
            "'catalog'",
        ),
        ("table/scan.rs", "use self::super::super::engine;", "'engine'"),
        (
            "table/mod.rs",
            "mod tests { use super::super::engine::Lake; }",
            "'engine'",
        ),
        (
            "table/mod.rs",
            "macro_rules! m { () => { $crate::engine::go() } }",
            "'engine'",
        ),
        (
            "table/mod.rs",
            r#"#[serde(with = "crate::engine::text")] struct S;"#,
            "'engine'",
        ),
        (
            "storage/mod.rs",
            "use crate::syntax::Token;",
            "which is its neighbour",
        ),
        (
            "repl/mod.rs",
            "pub(in crate::repl) use crate::batch::run;",
            "which is its neighbour",
        ),
        (
            "render/mod.rs",
            "use crate::connection as c;",
            "which is its neighbour",
        ),
        ("table/mod.rs", "use crate::*;", "a glob of the crate's root"),
        (
            "table/mod.rs",
            "use crate::{error::Error, *};",
            "a glob of the crate's root",
        ),
        (
            "table/mod.rs",
            "use crate as root;",
            "the crate's root by another name",
        ),
        (
            "table/mod.rs",
            "use crate::{self as root};",
            "the crate's root by another name",
        ),
        (
            "table/scan.rs",
            "use super::super as root;",
            "the crate's root by another name",
        ),
        ("table/mod.rs", "use super::*;", "a glob of the crate's root"),
        (
            "table/mod.rs",
            "use crate::prelude::Thing;",
            "'prelude' is neither",
        ),
        ("helpers/mod.rs", "", "module 'helpers' has no step"),
        ("helpers.rs", "", "module 'helpers' has no step"),
    ] {
        let faults = judged(file, source);
        assert!(
            faults.len() == 1 && faults[0].contains(said),
            "{file}: {source}: {faults:?}"
        );
    }
    let faults = faults(Path::new("error/mod.rs"), "use std::fmt;", &Reexports::new());
    assert_eq!(faults, ["1: does not open with `//!`"]);
}

#[test]
fn re_exports_lead_back_to_their_module() {
    let map = "//! Map.\npub mod error;\npub use error::{Error, Result as Outcome};\n\
               pub use crate::engine::{Lake, session::{self, Session}};\npub use self::render::Format;";
    let found = paths::reexports(map).expect("it parses");
    let found: Vec<_> = found.iter().map(|(a, b)| format!("{a} from {b}")).collect();
    assert_eq!(
        found,
        [
            "Error from error",
            "Format from render",
            "Lake from engine",
            "Outcome from error",
            "Session from engine",
            "session from engine",
        ]
    );
    assert!(paths::reexports("pub use engine::*;").is_err());
}
