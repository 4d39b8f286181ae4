//! The shell, driven through a pseudo-terminal as a person would.
//!
//! Nothing here sleeps: each step waits for what it should show. What is expected never stands in what
//! is typed, because a terminal shows that too.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use rexpect::reader::Options;
use rexpect::session::{PtySession, spawn_with_options};
use tempfile::TempDir;

/// How long a step may take on a machine that is busy.
const PATIENCE_MS: u64 = 30_000;
/// How much of a screen is shown when a test fails, in characters.
const SHOWN: usize = 1500;
const PROMPT: &str = "shop:raw> ";
const TAB: &str = "\t";
const UP: &str = "\x1b[A";

/// A lake `shop` with two tables, and a folder for what the shell keeps.
struct Shop(TempDir);

impl Shop {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let lake = folder.path().join("shop");
        weir::Lake::init(&lake).unwrap();
        let shop = Self(folder);
        for (table, text) in [
            ("events", "event_id,kind\n1,view\n2,click\n"),
            ("users", "user_id,email\n7,a@example.org\n"),
        ] {
            let files = lake.join("data").join("raw").join(table);
            fs::create_dir_all(&files).unwrap();
            fs::write(files.join("1.csv"), text).unwrap();
            let sql = format!("CREATE EXTERNAL TABLE raw.{table} STORED AS CSV LOCATION '{table}/'");
            let made = shop.command().args(["-c", &sql]).status().unwrap();
            assert!(made.success());
        }
        shop
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn history(&self) -> std::path::PathBuf {
        self.0.path().join("state").join("weir").join("history")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
        command
            .args(["--lake", &self.path("shop")])
            .current_dir(self.0.path())
            .env("XDG_STATE_HOME", self.path("state"))
            .env("TERM", "xterm")
            .env_remove("NO_COLOR")
            .env_remove("WEIR_LAKE");
        command
    }

    /// A shell whose current zone is raw.
    fn shell(&self) -> Shell {
        let options = Options::new()
            .timeout_ms(Some(PATIENCE_MS))
            .strip_ansi_escape_codes(true);
        let mut shell = Shell(spawn_with_options(self.command(), options).unwrap());
        shell.sees("Ctrl-D leaves");
        shell.sees("> ");
        shell.say(" USE raw;");
        shell.sees("the current zone is raw");
        shell.sees(PROMPT);
        shell
    }
}

struct Shell(PtySession);

impl Shell {
    fn types(&mut self, text: &str) {
        self.0.send(text).unwrap();
        self.0.flush().unwrap();
    }

    /// Types a line and Enter.
    fn say(&mut self, line: &str) {
        self.types(&format!("{line}\r"));
    }

    fn control(&mut self, key: char) {
        self.0.send_control(key).unwrap();
    }

    /// Waits for `text`; gives what came before it.
    fn sees(&mut self, text: &str) -> String {
        // What is read is taken for one character a byte.
        let bytes: String = text.bytes().map(char::from).collect();
        self.0.exp_string(&bytes).unwrap_or_else(|error| {
            let error = error.to_string();
            let end = error.char_indices().rev().nth(SHOWN).map_or(0, |(i, _)| i);
            panic!("expected {text:?}, saw …{}", &error[end..])
        })
    }

    fn leave(mut self) {
        self.control('d');
        self.0.exp_eof().unwrap();
        let status = format!("{:?}", self.0.process().wait().unwrap());
        assert!(
            status.starts_with("Exited(") && status.ends_with(", 0)"),
            "{status}"
        );
    }
}

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
    shell.types(TAB);
    shell.sees("FROM users");
    shell.say(";");
    shell.sees("a@example.org");
    shell.sees(PROMPT);
    shell.types("SELECT * FROM raw.events WHERE ev");
    shell.types(TAB);
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
fn history_survives_and_is_private() {
    let shop = Shop::new();
    let mut shell = shop.shell();
    shell.say("SELECT 1000");
    shell.sees("-> ");
    shell.say("  + 234;");
    shell.sees("1234");
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
    shell.sees("1234");
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
fn what_does_not_fit_is_said() {
    let shop = Shop::new();
    let mut shell = shop.shell();
    shell.say("SELECT value AS number, repeat('x', 200) AS wide FROM generate_series(1, 1500);");
    shell.sees("│   1000 │ xxx");
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
