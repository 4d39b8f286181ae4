//! The program in which a result longer than the screen is read.

use std::process::{Child, ChildStdin, Command, Stdio};

use crate::error::{Code, Error, Result};

/// Programs that show a line of any length and scroll it sideways, so that no column has to be left out.
const SIDEWAYS: &[&str] = &["less", "moar", "most", "ov", "pspg"];
/// The names of a table, its types and the rules around them.
const LESS_WITH_HEAD: &str = "less --header=4";

/// A pager that can be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pager {
    /// What the operating system's shell is told to run.
    pub command: String,
    /// Settings that the program is given beside its own.
    pub environment: Vec<(String, String)>,
}

impl Pager {
    /// Whether lines may be longer than the screen is wide.
    pub(super) fn scrolls_sideways(&self) -> bool {
        let program = self.command.split_whitespace().next().unwrap_or_default();
        let name = program.rsplit('/').next().unwrap_or(program);
        SIDEWAYS.contains(&name)
    }

    /// Starts it. A safe one runs no other program.
    ///
    /// # Errors
    /// What the operating system says.
    pub(super) fn open(&self, is_table: bool, is_safe: bool) -> Result<OpenPager> {
        let command = match self.command.as_str() {
            "less" if is_table && has_headers() => LESS_WITH_HEAD,
            command => command,
        };
        let mut shell = Command::new("sh");
        shell.args(["-c", &replacing_the_shell(command)]);
        shell.envs(self.environment.iter().map(|(name, value)| (name, value)));
        if is_safe {
            shell.env("LESSSECURE", "1");
        }
        let mut child = shell.stdin(Stdio::piped()).spawn().map_err(|e| self.failed(e))?;
        let input = child.stdin.take();
        let input = input.ok_or_else(|| self.failed(std::io::Error::other("it takes no input")))?;
        Ok(OpenPager { child, input })
    }

    pub(super) fn failed(&self, error: std::io::Error) -> Error {
        Error::io(&self.command, "run the pager", error)
    }

    /// Waits until the person leaves it. Blocks.
    ///
    /// # Errors
    /// [`Code::UndefinedFile`] if there is no such program.
    pub(super) fn wait(&self, mut child: Child) -> Result<()> {
        let status = child.wait().map_err(|e| self.failed(e))?;
        match status.code() {
            Some(126 | 127) => Err(Error::new(
                Code::UndefinedFile,
                format!("there is no pager '{}'", self.command),
            )
            .with_hint(".pager names another, .pager off does without")),
            _ => Ok(()),
        }
    }
}

/// A pager that runs.
pub(super) struct OpenPager {
    pub child: Child,
    pub input: ChildStdin,
}

/// So that Ctrl-C, which goes to both, ends no shell that the pager would outlive.
fn replacing_the_shell(command: &str) -> String {
    match command.contains(['|', '&', ';', '<', '>', '(', '`', '\n']) {
        true => command.to_owned(),
        false => format!("exec {command}"),
    }
}

/// Whether `less` can keep a table's head on the screen.
fn has_headers() -> bool {
    const FIRST: u32 = 600;
    let said = Command::new("less")
        .arg("--version")
        .stdin(Stdio::null())
        .output();
    let text = said.map(|said| String::from_utf8_lossy(&said.stdout).into_owned());
    let version = text.ok().and_then(|text| {
        let digits = text.split_whitespace().nth(1)?;
        digits.parse::<u32>().ok()
    });
    version.is_some_and(|version| version >= FIRST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pager_is_known_by_its_name() {
        let is_sideways = |command: &str| {
            Pager {
                command: command.to_owned(),
                environment: Vec::new(),
            }
            .scrolls_sideways()
        };
        assert!(is_sideways("less") && is_sideways("/usr/bin/less -R"));
        assert!(!is_sideways("more") && !is_sideways("cat | less") && !is_sideways(""));
        assert_eq!(replacing_the_shell("less -R"), "exec less -R");
        assert_eq!(replacing_the_shell("tee x | less"), "tee x | less");
    }
}
