//! Typing: lines, completion, pasting, the history, keys and colours.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::person::{PROMPT, Shop, TAB, UP};

#[test]
fn a_pasted_text_runs_in_order() {
    let shop = Shop::new();
    let mut shell = shop.shell();
    shell.types("\x1b[200~SELECT 10 * 10 AS hundred;\n.mode csv\nSELECT 5 AS five,\n  6 * 6;\x1b[201~\r");
    shell.sees("│     100 │");
    shell.sees("5,36");
    shell.sees(PROMPT);
    shell.leave();
}

#[test]
fn tab_completes_names_of_the_lake() {
    let shop = Shop::new();
    let mut shell = shop.shell();
    shell.types("SELECT email FROM us");
    shell.tabs();
    shell.sees("FROM users");
    shell.say(";");
    shell.sees("a@example.org");
    shell.sees(PROMPT);
    shell.types("SELECT * FROM raw.events WHERE ev");
    shell.tabs();
    shell.sees("WHERE event_id");
    shell.say(" = 3 - 1;");
    shell.sees("│ click ");
    shell.sees(PROMPT);
    shell.types(".tab");
    shell.types(TAB);
    shell.say("us*");
    shell.sees("│ external");
    shell.sees(PROMPT);
    shell.leave();
}

#[test]
fn history_survives_and_is_private() {
    let shop = Shop::new();
    let mut shell = shop.shell();
    shell.say("SELECT 1000");
    shell.sees("-> ");
    shell.say("  + 234;");
    shell.sees("1,234");
    shell.sees(PROMPT);
    shell.say(" SELECT 'a secret' || '!';");
    shell.sees("a secret!");
    shell.sees(PROMPT);
    shell.leave();

    let kept = fs::read_to_string(shop.history()).unwrap();
    assert!(kept.ends_with("SELECT 1000\\n  + 234;\n"), "{kept}");
    assert!(!kept.contains("secret") && !kept.contains("USE raw"), "{kept}");
    let mode = fs::metadata(shop.history()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let mut shell = shop.shell();
    // Past the line that began with a space, which this shell knows no more than the one before.
    shell.types(UP);
    shell.sees("  + 234;");
    shell.say("");
    shell.sees("│ ");
    shell.sees("1,234");
    shell.sees(PROMPT);
    shell.leave();
    let again = fs::read_to_string(shop.history()).unwrap();
    assert_eq!(again, kept, "an entry that repeats the one before is not kept");
    let strays: Vec<_> = fs::read_dir(shop.0.path())
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    assert_eq!(strays.len(), 2, "{strays:?}");
}

#[test]
fn a_thousand_pasted_lines_run_and_stay_one_entry() {
    let shop = Shop::new();
    let mut shell = shop.shell();
    let mut script = String::from("SELECT count(*) * 2 AS n FROM (VALUES");
    for row in 1..998 {
        script.push_str(&format!("\n  ({row}),"));
    }
    script.push_str("\n  (0)) AS t(x);\nSELECT 20 * 50 + 1 AS last;");
    assert_eq!(script.lines().count(), 1000);
    shell.types(&format!("\x1b[200~{script}\n\x1b[201~\r"));
    shell.sees("1,996 │");
    shell.sees("1,001 │");
    shell.sees(PROMPT);
    shell.leave();
    let kept = fs::read_to_string(shop.history()).unwrap();
    let entry = kept.lines().last().unwrap();
    assert!(
        entry.starts_with("SELECT count(*)") && entry.ends_with("AS last;"),
        "{entry}"
    );
}

#[test]
fn a_terminal_that_pastes_key_by_key_is_kept_up_with() {
    let shop = Shop::new();
    let mut shell = shop.shell();
    let rows: Vec<String> = (1..300).map(|row| format!("  ({row}),\r")).collect();
    let script = format!(
        "SELECT sum(x) AS n FROM (VALUES\r{}  (0)) AS t(x);\r",
        rows.concat()
    );
    shell.types(&script);
    shell.sees("44,850 │");
    shell.sees(PROMPT);
    shell.leave();
}

#[test]
fn tab_tells_what_things_are() {
    let shop = Shop::new();
    let mut shell = shop.shell();
    shell.say("CREATE TABLE curated.sums AS SELECT kind, count(*) AS n FROM events GROUP BY kind;");
    shell.sees("created table");
    shell.sees(PROMPT);
    shell.leave();
    fs::write(shop.path("numbers-of-may.csv"), "a\n1\n").unwrap();
    for (typed, listed) in [
        ("SELECT * FROM raw.", "external csv"),
        (
            "SELECT kind_of FROM (SELECT kind AS kind_of FROM events) AS d WHERE d.",
            "d.kind_of",
        ),
        ("SELECT split_", "split_part("),
        ("SELECT * FROM 'numb", "numbers-of-may.csv"),
        (".theme d", "dark"),
    ] {
        let mut shell = shop.shell();
        shell.types(typed);
        shell.tabs();
        shell.sees(listed);
    }
    let mut shell = shop.shell();
    // What is said of the function behind the cursor, once it is known.
    shell.types("SELECT split_");
    shell.tabs();
    shell.sees("split_part(");
    shell.types("kind, ");
    shell.sees("delimiter");
}

#[test]
fn shells_share_a_history_that_has_no_secrets_and_can_be_searched() {
    let shop = Shop::new();
    let mut one = shop.shell();
    let mut other = shop.shell();
    one.say("SELECT 'first' || '-' || 'shell';");
    one.sees("first-shell");
    one.sees(PROMPT);
    one.say("SELECT 'x' AS password WHERE 'token' <> 'tok' || 'en-value' AND 'password' = 'hunter2';");
    one.sees("not kept in the history");
    one.sees(PROMPT);
    // The other one has been there all the while; its next prompt knows.
    other.say("SELECT 41 + 1;");
    other.sees("42");
    other.sees(PROMPT);
    other.control('r');
    other.sees("reverse-i-search");
    other.types("first");
    other.sees("'shell'");
    other.say("");
    other.sees("first-shell");
    other.sees(PROMPT);
    other.types("SELECT 4");
    // What begins as typed.
    other.types("\x1b[5~");
    other.sees("41 + 1");
    other.say("");
    other.sees("42");
    other.sees(PROMPT);
    other.leave();
    one.leave();
    let kept = fs::read_to_string(shop.history()).unwrap();
    assert!(!kept.contains("hunter2") && kept.contains("first"), "{kept}");
}

#[test]
fn vi_keys_are_there() {
    let shop = Shop::new();
    fs::create_dir_all(shop.path("home")).unwrap();
    fs::write(shop.path("home/.inputrc"), "set editing-mode vi\n").unwrap();
    let mut shell = shop.shell();
    shell.say(".keys");
    shell.sees("vi");
    shell.sees(PROMPT);
    // Back to the first digit, which is replaced.
    shell.types("SELECT 1000 + 1;\x1b");
    shell.types("0wr7");
    shell.say("");
    shell.sees("7,001 │");
    shell.sees(PROMPT);
    shell.say(".keys emacs");
    shell.say("SELECT 12 * 12;");
    shell.sees("144");
    shell.sees(PROMPT);
    shell.leave();
}

#[test]
fn colours_fit_the_terminal_or_are_not_there() {
    let shop = Shop::new();
    for (name, value, keyword) in [
        ("COLORFGBG", "15;0", "\x1b[1;94mSELECT"),
        ("COLORFGBG", "0;15", "\x1b[1;34mSELECT"),
        ("NO_COLOR", "1", "> SELECT"),
    ] {
        let mut command = shop.command();
        command.env(name, value);
        let mut shell = shop.shell_by(command, false);
        shell.types("SELECT (");
        shell.sees(keyword);
        if name == "COLORFGBG" {
            // The bracket without a partner.
            shell.sees(&keyword[..5]);
        }
        shell.control('c');
        shell.sees("> ");
    }
}

#[test]
fn a_quote_that_is_open_is_said() {
    let shop = Shop::new();
    let mut shell = shop.shell();
    shell.say("SELECT 'one");
    shell.sees("the quote of line 1 is open");
    shell.say("two' || '!';");
    shell.sees("two!");
    shell.sees(PROMPT);
    shell.leave();
}

#[test]
fn columns_are_known_before_from() {
    let shop = Shop::new();
    for (typed, completed) in [
        ("WITH c AS (SELECT 1 AS lonely) SELECT lon", "SELECT lonely"),
        ("WITH c AS (SELECT 1 AS lonely) SELECT c.", "SELECT c.lonely"),
        (
            "SELECT * FROM (SELECT kind AS kind_of FROM events) WHERE ",
            "WHERE kind_of",
        ),
        ("SELECT * FROM raw.events$f", "raw.events$files"),
        ("SELECT * FROM tum", "FROM tumble("),
        ("SET session.safe = t", "session.safe = true"),
    ] {
        let mut shell = shop.shell();
        shell.types(typed);
        shell.tabs();
        shell.sees(completed);
    }
}
