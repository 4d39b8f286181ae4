//! Which lake is meant, and `init`.

use std::fs;

use crate::program::{Lake, Run, weir};

const SHOW: &[&str] = &["-c", "SELECT name FROM system.tables"];

/// A lake with one table, named so that it is known again.
fn lake(table: &str) -> Lake {
    let lake = Lake::new();
    let made = lake.run(&["-q", "-c", &format!("CREATE TABLE raw.{table} (a INT)")]);
    assert_eq!(made.rows(), "");
    lake
}

#[test]
fn the_option_goes_before_the_variable_and_the_variable_before_the_folder() {
    let (option, variable, folder) = (lake("of_option"), lake("of_variable"), lake("of_folder"));
    let below = folder.root().join("data/raw");
    let run = |command: &mut assert_cmd::Command| Run::of(command.current_dir(&below).args(SHOW));
    assert_eq!(run(&mut weir()).rows(), "name\nof_folder\n");
    let named = run(weir().env("WEIR_LAKE", variable.root()));
    assert_eq!(named.rows(), "name\nof_variable\n");
    let named = run(weir()
        .env("WEIR_LAKE", variable.root())
        .arg("--lake")
        .arg(option.root()));
    assert_eq!(named.rows(), "name\nof_option\n");
}

#[test]
fn the_nearest_lake_upward_is_taken() {
    let outer = lake("outer");
    let inner = outer.root().join("data/raw/inner");
    weir::Lake::init(&inner).unwrap();
    let run = Run::of(weir().current_dir(inner.join("catalog/raw")).args(SHOW));
    assert_eq!(run.rows(), "name\n");
}

#[test]
fn an_empty_variable_names_no_lake() {
    let lake = lake("t");
    let run = Run::of(weir().current_dir(lake.root()).env("WEIR_LAKE", "").args(SHOW));
    assert_eq!(run.rows(), "name\nt\n");
}

#[test]
fn without_a_lake_it_is_said_how_to_get_one() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().canonicalize().unwrap();
    let run = Run::of(weir().current_dir(&here).args(SHOW));
    let expected = format!(
        "error[WR002]: no lake here: '{}' and the folders above have no catalog/lake.toml\n\
         hint: name one with --lake or WEIR_LAKE; 'weir init' makes one, 'weir demo' makes a sample\n",
        here.display()
    );
    assert_eq!(run.error(1), expected);
}

#[test]
fn a_named_folder_that_is_no_lake_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run::of(
        weir()
            .current_dir(folder.path())
            .args(["--lake", "no such"])
            .args(SHOW),
    );
    assert_eq!(
        run.error(1),
        "error[WR002]: 'no such' is no lake: it has no catalog/lake.toml\n\
         hint: 'weir init' makes one, 'weir demo' makes a sample\n"
    );
}

#[test]
fn a_lake_whose_file_is_wrong_says_where() {
    let lake = Lake::new();
    lake.write_inside("catalog/lake.toml", "[zones.raw]\npth = \"data/raw\"\n");
    let run = Run::of(
        weir()
            .current_dir(lake.root())
            .args(["--lake", ".", "-c", "SELECT 1 AS a"]),
    );
    assert_eq!(
        run.error(1),
        "error[WR001]: there is no key 'pth' here\n  \
         --> ./catalog/lake.toml:2:1\n\
         2 | pth = \"data/raw\"\n  \
         | ^^^\n\
         hint: did you mean 'path'?\n"
    );
}

#[test]
fn a_broken_definition_spoils_its_own_table_only() {
    let lake = lake("good");
    lake.write_inside(
        "catalog/raw/bad.toml",
        "format = \"csv\"\nlocation = \"bad/\"\ncolour = 1\n",
    );
    assert_eq!(lake.sql("SELECT count(*) AS n FROM raw.good").rows(), "n\n0\n");
    let file = lake.root().join("catalog/raw/bad.toml");
    let run = lake.sql("SELECT * FROM raw.bad");
    let expected = format!(
        "error[WR001]: there is no key 'colour' here\n  --> {}:3:1\n3 | colour = 1\n  | ^^^^^^\n",
        file.display()
    );
    assert!(run.error(1).starts_with(&expected), "{}", run.stderr);
    let run = lake.sql("SELECT name, error IS NULL AS fine FROM system.tables ORDER BY name");
    assert_eq!(run.rows(), "name,fine\nbad,false\ngood,true\n");
    let run = lake.run(&["-q", "-c", "DROP TABLE raw.bad"]);
    assert_eq!(run.rows(), "");
    assert!(!file.exists());
}

#[test]
fn init_makes_a_lake_once() {
    let folder = tempfile::tempdir().unwrap();
    let init = || Run::of(weir().current_dir(folder.path()).args(["init", "shop"]));
    let first = init();
    assert_eq!(first.error(0), "made an empty lake in 'shop'\n");
    let shop = folder.path().join("shop");
    let text = fs::read_to_string(shop.join("catalog/lake.toml")).unwrap();
    assert_eq!(init().error(1), "error[42P07]: 'shop' is a lake already\n");
    assert_eq!(fs::read_to_string(shop.join("catalog/lake.toml")).unwrap(), text);
    for zone in ["raw", "processed", "curated"] {
        assert!(shop.join("catalog").join(zone).is_dir() && shop.join("data").join(zone).is_dir());
    }
}

#[test]
fn init_without_a_folder_makes_it_here() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run::of(weir().current_dir(folder.path()).arg("init"));
    assert_eq!(run.error(0), "made an empty lake in '.'\n");
    let run = Run::of(weir().current_dir(folder.path()).args(["-c", "SHOW TABLES"]));
    assert_eq!(run.rows(), "zone,name,kind,format,comment,error\n");
}
