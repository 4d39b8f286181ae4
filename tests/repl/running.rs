//! Statements: answers, errors, cancelling, files.

use std::fs;
use std::path::Path;

use super::person::{PROMPT, Shop};

#[test]
fn statements_answer_over_lines_and_after_errors() {
    let shop = Shop::new();
    let mut shell = shop.shell();
    shell.say("SELECT 40 + 2");
    shell.sees("-> ");
    shell.say("AS answer, 'a;b' AS text");
    shell.sees("-> ");
    shell.say(";");
    shell.sees("│     42 │ a;b");
    shell.sees("1 row in ");
    shell.sees(PROMPT);

    shell.say("SELECT nothing FROM events; SELECT 11 * 11;");
    shell.sees("error[42703]: column 'nothing' not found");
    shell.sees("^^^^^^^");
    shell.sees("what follows was not run");
    shell.sees(PROMPT);
    shell.say("SELECT 11 * 11; SELECT 12 * 12;");
    shell.sees("121");
    shell.sees("144");
    shell.sees(PROMPT);

    // Typed ahead, without waiting for the prompt.
    shell.types("SELECT 13 * 13;\rSELECT 14 * 14;\rSELECT 15 * 15;\r");
    shell.sees("169");
    shell.sees("196");
    shell.sees("225");
    shell.sees(PROMPT);

    // Ctrl-C gives up what is typed.
    shell.say("SELECT (");
    shell.sees("-> ");
    shell.control('c');
    shell.sees(PROMPT);
    shell.say("SELECT kind, event_id FROM events WHERE event_id = 2 \\G");
    shell.sees("-[ RECORD 1 ]-");
    shell.sees("event_id | 2");
    shell.sees(PROMPT);
    shell.leave();
}

#[test]
fn control_c_cancels_a_statement_and_nothing_else() {
    let shop = Shop::new();
    let mut shell = shop.shell();
    let endless = "SELECT count(*) FROM generate_series(1, 10000000) a, generate_series(1, 10000000) b \
                   WHERE a.value + b.value < 0;";
    shell.say(endless);
    // The meter is there: the statement runs.
    shell.sees(" rows/s");
    shell.control('c');
    shell.sees("cancelled after ");
    shell.sees(PROMPT);
    // The next statement does not wait for the one before.
    shell.say("SELECT 21 * 2;");
    shell.sees("42");
    shell.sees("1 row in ");
    shell.sees(PROMPT);
    shell.leave();
}

#[test]
fn files_are_read_and_written() {
    let shop = Shop::new();
    let script = Path::new(&shop.path("script.sql")).to_owned();
    fs::write(
        &script,
        "-- a script\nSELECT 6 * 7\n  AS answer;\n.mode json\nSELECT nothing;\nSELECT 7777;\n",
    )
    .unwrap();
    let mut shell = shop.shell();
    shell.say(".read script.sql");
    shell.sees("│     42 │");
    let seen = shell.sees("script.sql:5:8");
    assert!(seen.contains("error[42703]"), "{seen}");
    shell.sees("what follows was not run");
    shell.sees(PROMPT);
    shell.say(".mode table");
    shell.say(".once out.csv");
    shell.say("SELECT 1 AS a, NULL AS b;");
    shell.sees("written to 'out.csv' as csv");
    shell.sees(PROMPT);
    assert_eq!(fs::read_to_string(shop.path("out.csv")).unwrap(), "a,b\n1,\n");
    shell.say(".last");
    shell.sees("│ NULL │");
    shell.sees(PROMPT);

    shell.say(".output all.json");
    shell.sees("it appears at the next .output");
    shell.say("SELECT 2 AS c;");
    shell.sees("written to 'all.json' as json");
    shell.say(".output");
    shell.sees("wrote 'all.json'");
    assert_eq!(
        fs::read_to_string(shop.path("all.json")).unwrap(),
        "[\n{\"c\":2}\n]\n"
    );
    shell.say(".read nowhere.sql");
    shell.sees("error[58P01]");
    shell.leave();
}

#[test]
fn what_does_not_fit_is_said() {
    let shop = Shop::new();
    let mut shell = shop.shell();
    shell.say("SELECT value AS number, repeat('x', 200) AS wide FROM generate_series(1, 1500);");
    shell.sees("│  1,000 │ xxx");
    shell.sees("cut at …: wide (\\G or .mode expanded shows all)");
    shell.sees("the first 1,000 of 1,500 rows in ");
    shell.sees(PROMPT);
    shell.say(".mode csv");
    shell.say(".last");
    shell.sees("1500,xxx");
    shell.sees("1,500 rows");
    shell.sees(PROMPT);
    shell.leave();
}

#[test]
fn the_place_of_an_error_is_shown_in_its_line() {
    let shop = Shop::new();
    let mut shell = shop.shell();
    shell.say("SELECT kind,");
    shell.sees("-> ");
    shell.say("  event_ib");
    shell.sees("-> ");
    shell.say("FROM events;");
    shell.sees("error[42703]: column 'event_ib' not found");
    shell.sees("<sql>:2:3");
    shell.sees("2 |   event_ib");
    shell.sees("  |   ^^^^^^^^");
    shell.sees("did you mean 'event_id'?");
    shell.sees(PROMPT);
    shell.leave();
}

#[test]
fn the_terminals_size_is_that_of_the_moment() {
    let shop = Shop::new();
    let mut shell = shop.shell();
    let wide = "SELECT 1 AS first, repeat('a', 50) AS second, repeat('b', 50) AS third, 4 AS fourth;";
    shell.say(wide);
    shell.sees("1 row in ");
    shell.sees(PROMPT);
    shell.resize(40, 20);
    shell.say(wide);
    shell.sees("columns not shown: third, fourth;");
    shell.sees("…: second");
    shell.sees(PROMPT);
    shell.resize(200, 50);
    shell.say(wide);
    let seen = shell.sees("1 row in ");
    assert!(!seen.contains("not shown"), "{seen}");
    shell.sees(PROMPT);
    shell.leave();
}

#[test]
fn a_line_that_is_typed_survives_other_sizes() {
    let shop = Shop::new();
    let mut shell = shop.shell();
    shell.types(&format!("SELECT length('{}') * ", "x".repeat(100)));
    for (width, height) in [(50, 20), (30, 10), (140, 40)] {
        shell.resize(width, height);
        shell.types("10 * ");
    }
    shell.types("7 AS n;\r");
    // The size of the moment is that of the result as well.
    shell.sees("700,000 │");
    shell.sees(PROMPT);
    shell.leave();
}

#[test]
fn results_go_into_pipes_and_statements_come_out_of_them() {
    let shop = Shop::new();
    let mut shell = shop.shell();
    shell.say(".once /dev/null");
    shell.say("SELECT 1;");
    shell.sees("written to '/dev/null' as table");
    shell.sees(PROMPT);
    shell.leave();
    let mut command = shop.command();
    let mut child = command
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    std::io::Write::write_all(
        &mut input,
        b"SELECT kind FROM raw.events\nORDER BY kind; SELECT 1 + 1 AS n",
    )
    .unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "kind\nclick\nview\n\nn\n2\n"
    );
}
