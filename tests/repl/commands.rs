//! The shell's own commands.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::person::{PROMPT, Shop, TAB, UP};

#[test]
fn commands_help_and_ask() {
    let shop = Shop::new();
    let mut shell = shop.shell();
    shell.say(".tabels");
    shell.sees("did you mean '.tables'?");
    shell.say(".help 42P01");
    shell.sees("No such table or view.");
    shell.say("\\d users");
    shell.sees("│ email ");
    shell.sees(PROMPT);
    shell.say(".param least:BIGINT=2");
    shell.say("SELECT count(*) * 500 AS n FROM events WHERE event_id >= $least;");
    shell.sees("500 │");
    shell.sees(PROMPT);

    shell.say("DROP TABLE users;");
    shell.sees("(y/N) ");
    shell.say("");
    shell.sees("not run");
    shell.say("DROP TABLE users;");
    shell.sees("(y/N) ");
    shell.say("y");
    shell.sees("dropped ");
    shell.sees(PROMPT);
    // What was dropped is offered no more.
    shell.types("DESCRIBE us");
    shell.types(TAB);
    shell.types("ers_gone;\r");
    shell.sees("error[42P01]: table 'raw.users_gone' not found");
    shell.sees(PROMPT);
    shell.say("quit");
    shell.0.exp_eof().unwrap();
}

#[test]
fn tables_are_told_with_their_columns_and_rows() {
    let shop = Shop::new();
    let mut shell = shop.shell();
    shell.say("CREATE TABLE raw.many AS SELECT value AS a, 1 AS b FROM generate_series(1, 1234);");
    shell.sees("created table");
    shell.sees(PROMPT);
    shell.say("\\dt raw.*");
    shell.sees("│ columns │");
    // Its files say how many rows it has; those of the CSV tables would have to be read.
    shell.sees("│ many ");
    shell.sees("│       2 │  1,234 │");
    shell.sees("3 rows in ");
    shell.sees(PROMPT);
    shell.leave();
}

#[test]
fn what_people_know_from_elsewhere_is_understood_or_told() {
    let shop = Shop::new();
    let mut shell = shop.shell();
    for (typed, seen) in [
        ("help", ".columns table"),
        ("\\x", "\\G at a statement's end"),
        (".import a.csv t", "COPY INTO table FROM 'file'"),
        (
            ".columns nosuch",
            "error[42P01]: table 'raw.nosuch' not found\r\n",
        ),
        (".timer off", PROMPT),
    ] {
        shell.say(typed);
        shell.sees(seen);
        shell.sees(PROMPT);
    }
    shell.leave();
}

#[test]
fn a_file_that_cannot_be_written_is_refused_before_the_query() {
    let shop = Shop::new();
    let mut shell = shop.shell();
    for (typed, refused) in [
        (".once nosuch-folder/a.csv", "error[58P01]: cannot write"),
        (".once a.csv.gz", "results are not written as .gz"),
        (".output b.xlsx", "results are not written as .xlsx"),
        (".once | wc -l", "'| wc -l' is no file"),
    ] {
        shell.say(typed);
        shell.sees(refused);
        shell.sees(PROMPT);
    }
    shell.say(".mode csv");
    shell.say(".once c.json");
    shell.say("SELECT 1 AS a;");
    shell.sees("written to 'c.json' as json");
    shell.sees(PROMPT);
    shell.leave();
    assert_eq!(
        fs::read_to_string(shop.path("c.json")).unwrap().trim(),
        "[\n{\"a\":1}\n]"
    );
    assert!(!fs::exists(shop.path("a.csv.gz")).unwrap());
}

#[test]
fn every_command_has_help() {
    let shop = Shop::new();
    let mut shell = shop.shell();
    for command in [
        "columns",
        "copy",
        "edit",
        "explain",
        "functions",
        "help",
        "keys",
        "last",
        "mode",
        "once",
        "output",
        "pager",
        "param",
        "progress",
        "quit",
        "read",
        "safe",
        "schema",
        "tables",
        "theme",
        "timing",
        "watch",
    ] {
        shell.say(&format!(".help {command}"));
        let (head, tail) = command.split_at(1);
        shell.sees(&format!("\n.{head}{tail}"));
        shell.sees(PROMPT);
    }
    shell.leave();
}

#[test]
fn the_last_statement_is_explained_watched_and_edited() {
    let shop = Shop::new();
    let mut command = shop.command();
    let editor = shop.path("editor");
    fs::write(&editor, "#!/bin/sh\nsed -i 's/500/700/; s/ AS/\\n  AS/' \"$1\"\n").unwrap();
    fs::set_permissions(&editor, fs::Permissions::from_mode(0o755)).unwrap();
    command.env("EDITOR", &editor);
    let mut shell = shop.shell_by(command, true);
    shell.say("SELECT count(*) * 500 AS n FROM events WHERE kind = 'view';");
    shell.sees("500 │");
    shell.sees(PROMPT);
    shell.say(".explain");
    shell.sees("│ expected_rows │");
    shell.sees("Scan raw/events");
    shell.sees(PROMPT);
    shell.say(".explain analyze");
    shell.sees("│ time");
    shell.sees("◀");
    shell.sees(PROMPT);
    shell.say(".watch 0.05");
    for _ in 0..3 {
        shell.sees("every 0.05 s");
        shell.sees("500 │");
    }
    shell.control('c');
    shell.sees(PROMPT);
    shell.say(".watch DROP TABLE events;");
    shell.sees("only a statement that reads can be watched");
    shell.sees(PROMPT);

    shell.say(".edit");
    // It stands at the prompt, to be looked at.
    shell.sees("* 700");
    shell.sees("->   AS n");
    shell.say("");
    shell.sees("700 │");
    shell.sees(PROMPT);
    shell.types(UP);
    shell.sees("* 700");
    shell.control('c');
    shell.sees(PROMPT);
    shell.leave();
}

#[test]
fn the_last_result_is_drawn_and_copied() {
    let shop = Shop::new();
    let mut shell = shop.shell_by(shop.command(), false);
    shell.say("SELECT kind, event_id * 1000 AS n FROM events ORDER BY n;");
    shell.sees("2,000");
    shell.sees("2 rows in ");
    shell.sees("> ");
    shell.say(".mode chart");
    shell.say(".last");
    shell.sees("view");
    shell.sees("1,000 ████");
    shell.sees("2,000 ████████");
    shell.sees("> ");
    shell.say(".copy");
    // kind⇥n⏎view⇥1000⏎click⇥2000⏎
    shell.sees("\x1b]52;c;a2luZAluCnZpZXcJMTAwMApjbGljawkyMDAwCg==\x07");
    shell.sees("copied 2 rows as tsv");
    shell.sees("> ");
    shell.say("SELECT 'no number' AS letters;");
    shell.sees("a chart needs a column of numbers");
    shell.sees("> ");
    shell.say(".columns raw.events");
    shell.sees("│ event_id");
    shell.sees("> ");
    shell.say(".mode table");
    shell.say(".last");
    shell.sees("no number");
    shell.sees("> ");
}

#[test]
fn a_safe_shell_reads_the_lake_and_nothing_else() {
    let shop = Shop::new();
    let mut shell = shop.shell();
    fs::write(shop.path("off.sql"), "SET session.safe = false;").unwrap();
    fs::write(shop.path("shop/inside.sql"), "SELECT 30 * 30 AS inside;").unwrap();
    shell.types(".sa");
    shell.types(TAB);
    shell.say("on");
    shell.sees("this session is safe, and stays so");
    shell.sees(PROMPT);
    shell.say("SELECT count(*) * 700 AS n FROM events;");
    shell.sees("1,400 │");
    shell.sees(PROMPT);
    for (typed, refused) in [
        (
            "CREATE TABLE curated.x AS SELECT 1 AS a;",
            "error[WR010]: this session is safe: it reads",
        ),
        (
            "SET session.safe = false;",
            "error[WR010]: this session stays safe",
        ),
        (".safe off", "error[WR010]: this session stays safe"),
        (".read off.sql", "lies outside the lake"),
        (".once out.csv", "this session is safe: it writes no files"),
        (".output out.csv", "this session is safe: it writes no files"),
        (".edit", "this session is safe"),
        (".pager sh -c id", "starts no other program"),
    ] {
        shell.say(typed);
        shell.sees(refused);
        shell.sees(PROMPT);
    }
    // What is refused anyway is not asked about.
    shell.say("DELETE FROM events;");
    let seen = shell.sees("error[");
    assert!(!seen.contains("(y/N)"), "{seen}");
    shell.sees(PROMPT);
    shell.say("RESET ALL;");
    shell.sees(PROMPT);
    shell.say(".safe");
    shell.sees("on");
    shell.sees(PROMPT);
    shell.say(".read shop/inside.sql");
    shell.sees("900 │");
    shell.sees(PROMPT);
    shell.leave();
    assert!(!fs::exists(shop.path("out.csv")).unwrap());
}

#[test]
fn every_shell_begins_with_the_persons_own_file() {
    let shop = Shop::new();
    fs::create_dir_all(shop.path("config/weir")).unwrap();
    fs::write(shop.path("config/weir/start.sql"), ".mode csv\n.timing off\n").unwrap();
    let mut shell = shop.shell();
    shell.say("SELECT 1 AS a, NULL AS b;");
    shell.sees("a,b");
    shell.sees("1,");
    shell.sees("1 row");
    shell.sees(PROMPT);
    shell.leave();
}
