//! A temporary lake, and runs of the program over it.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use tempfile::TempDir;

/// Longer than any run takes on a busy machine.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(60);

/// What a run left.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// Runs `command` to its end.
    pub(crate) fn of(command: &mut Command) -> Self {
        let output = command.timeout(LIMIT).output().unwrap();
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// What was written to stdout by a run that succeeded without a word.
    #[track_caller]
    pub(crate) fn rows(&self) -> &str {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""), "{self:?}");
        &self.stdout
    }

    /// What was written to stderr by a run that failed with `code` and no results.
    #[track_caller]
    pub(crate) fn error(&self, code: i32) -> &str {
        assert_eq!((self.code, self.stdout.as_str()), (Some(code), ""), "{self:?}");
        &self.stderr
    }
}

/// The program, away from any lake that this machine may have.
pub(crate) fn weir() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    command.env_remove("WEIR_LAKE");
    command
}

/// A new lake, with a folder beside it in which the program is run.
pub(crate) struct Lake {
    folder: TempDir,
}

impl Lake {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        weir::Lake::init(&folder.path().join("lake")).unwrap();
        std::fs::create_dir(folder.path().join("here")).unwrap();
        Self { folder }
    }

    /// The lake's folder.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("lake")
    }

    /// The working directory of its runs.
    pub(crate) fn here(&self) -> PathBuf {
        self.folder.path().join("here")
    }

    /// Writes a file below the working directory.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        write(&self.here().join(name), content);
    }

    /// Writes a file below the lake's folder.
    pub(crate) fn write_inside(&self, name: &str, content: impl AsRef<[u8]>) {
        write(&self.root().join(name), content);
    }

    /// The program with `--lake`.
    pub(crate) fn weir(&self) -> Command {
        let mut command = weir();
        command.current_dir(self.here()).arg("--lake").arg(self.root());
        command
    }

    /// Runs the program with `arguments` and an empty stdin.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        Run::of(self.weir().args(arguments))
    }

    /// Runs `sql` and nothing else.
    pub(crate) fn sql(&self, sql: &str) -> Run {
        self.run(&["-c", sql])
    }
}

fn write(path: &Path, content: impl AsRef<[u8]>) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}
