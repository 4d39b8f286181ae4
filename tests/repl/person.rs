//! A lake, a shell in a pseudo-terminal, and what a person does there.

use std::fs;
use std::process::Command;

use rexpect::reader::Options;
use rexpect::session::{PtySession, spawn_with_options};
use tempfile::TempDir;

/// How long a step may take on a machine that is busy.
const PATIENCE_MS: u64 = 30_000;
/// How much of a screen is shown when a test fails, in characters.
const SHOWN: usize = 1500;
pub(crate) const PROMPT: &str = "shop:raw> ";
pub(crate) const TAB: &str = "\t";
pub(crate) const UP: &str = "\x1b[A";

/// A lake `shop` with two tables, and a folder for what the shell keeps.
pub(crate) struct Shop(pub(crate) TempDir);

impl Shop {
    pub(crate) fn new() -> Self {
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

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    pub(crate) fn history(&self) -> std::path::PathBuf {
        self.0.path().join("state").join("weir").join("history")
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = self.program();
        command.args(["--lake", &self.path("shop")]);
        command
    }

    /// The program without a lake.
    pub(crate) fn program(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
        command
            .current_dir(self.0.path())
            .env("XDG_STATE_HOME", self.path("state"))
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("HOME", self.path("home"))
            .env("TERM", "xterm")
            .env("PAGER", "")
            .env_remove("INPUTRC")
            .env_remove("LESS")
            .env_remove("COLORFGBG")
            .env_remove("VISUAL")
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("NO_COLOR")
            .env_remove("WEIR_LAKE");
        command
    }

    /// A shell whose current zone is raw.
    pub(crate) fn shell(&self) -> Shell {
        self.shell_by(self.command(), true)
    }

    /// The same with other settings; the screen's colours are kept if they are what is tested.
    pub(crate) fn shell_by(&self, command: Command, is_plain: bool) -> Shell {
        let mut shell = Shell::new(command, is_plain);
        shell.resize(120, 40);
        shell.sees("Ctrl-D leaves");
        shell.sees("> ");
        shell.say(" USE raw;");
        shell.sees("the current zone is raw");
        shell.sees(PROMPT);
        shell
    }
}

pub(crate) struct Shell(pub(crate) PtySession);

impl Shell {
    /// The program in a pseudo-terminal, whatever it shows first.
    pub(crate) fn new(command: Command, is_plain: bool) -> Self {
        let options = Options::new()
            .timeout_ms(Some(PATIENCE_MS))
            .strip_ansi_escape_codes(is_plain);
        Self(spawn_with_options(command, options).unwrap())
    }

    pub(crate) fn types(&mut self, text: &str) {
        self.0.send(text).unwrap();
        self.0.flush().unwrap();
    }

    /// Types a line and Enter.
    pub(crate) fn say(&mut self, line: &str) {
        self.types(&format!("{line}\r"));
    }

    /// Tab, until a machine that is busy has the names; once they are there, more of it changes nothing.
    pub(crate) fn tabs(&mut self) {
        self.types(&TAB.repeat(8));
    }

    pub(crate) fn control(&mut self, key: char) {
        self.0.send_control(key).unwrap();
    }

    /// Waits for `text`; gives what came before it.
    pub(crate) fn sees(&mut self, text: &str) -> String {
        // What is read is taken for one character a byte.
        let bytes: String = text.bytes().map(char::from).collect();
        self.0.exp_string(&bytes).unwrap_or_else(|error| {
            let error = error.to_string();
            let end = error.char_indices().rev().nth(SHOWN).map_or(0, |(i, _)| i);
            panic!("expected {text:?}, saw …{}", &error[end..])
        })
    }

    /// Makes the terminal as many characters wide and lines high.
    pub(crate) fn resize(&mut self, width: usize, height: usize) {
        let terminal = self.0.process().get_file_handle().unwrap();
        let size = [width.to_string(), height.to_string()];
        let changed = Command::new("stty")
            .args(["cols", &size[0], "rows", &size[1]])
            .stdin(terminal)
            .status();
        assert!(changed.unwrap().success());
    }

    pub(crate) fn leave(mut self) {
        self.control('d');
        self.0.exp_eof().unwrap();
        let status = format!("{:?}", self.0.process().wait().unwrap());
        assert!(
            status.starts_with("Exited(") && status.ends_with(", 0)"),
            "{status}"
        );
    }
}
