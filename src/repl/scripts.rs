//! Texts with the shell's commands in them that nobody types: files, pipes, `-c`.
//!
//! Owns: which texts these are, and what is different without a person: every row is written as a batch
//! writes it, nothing is asked, the first error ends it. It refuses commands that are about a terminal.

use std::path::Path;

use super::command::is_command;
use super::input::{self, Unit};
use super::shell::{Shell, Stop};
use super::{ReplOptions, report};
use crate::connection::Connection;
use crate::error::{Code, Result};
use crate::render::is_broken_pipe;

/// Whether a text has lines for the shell itself, or statements that end in `\G`: then it is one for
/// [`run_scripts`].
pub fn has_commands(text: &str) -> bool {
    // Only a text that may have some is read word by word.
    let may_have = text.contains("\\G") || text.lines().any(is_command);
    may_have
        && input::units(text).iter().any(|unit| match unit {
            Unit::Command(_) => true,
            Unit::Sql(sql) => !sql.expanded.is_empty(),
        })
}

/// Runs texts, each with the name it has in errors, up to the first error, unless the options say to go
/// on. Errors are reported on stderr.
///
/// # Errors
/// The code of the first error.
pub async fn run_scripts<'s>(
    connection: &dyn Connection,
    scripts: impl Iterator<Item = (&'s Path, &'s str)>,
    options: ReplOptions,
) -> Result<(), Code> {
    match Shell::new(connection, options) {
        Ok(shell) => shell.run_scripts(scripts).await,
        Err(error) => {
            report(&error);
            Err(error.code())
        }
    }
}

impl Shell<'_> {
    async fn run_scripts<'s>(
        mut self,
        scripts: impl Iterator<Item = (&'s Path, &'s str)>,
    ) -> Result<(), Code> {
        self.presenter.is_script = true;
        self.presenter.has_timing = false;
        let mut first = Ok(());
        for (name, text) in scripts {
            match self.input(text, Some(name)).await {
                Ok(()) => {}
                Err(Stop::Quit) => break,
                Err(Stop::Cancelled) => return Err(Code::Cancelled),
                // A file that was to be replaced stays as it was.
                Err(Stop::Failed(code)) if !self.options.continue_on_error => return Err(code),
                Err(Stop::Failed(code)) => first = first.and(Err(code)),
            }
        }
        match self.presenter.close() {
            Err(error) if !is_broken_pipe(&error) => {
                report(&error);
                first.and(Err(error.code()))
            }
            _ => first,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::has_commands;

    #[test]
    fn commands_stand_where_a_statement_could_begin() {
        for text in [
            ".tables",
            "SELECT 1;\n.mode csv\nSELECT 2",
            "\\d raw.t",
            "SELECT 1 \\G",
            "exit",
        ] {
            assert!(has_commands(text), "{text}");
        }
        for text in [
            "",
            "SELECT 1;",
            "SELECT '\n.mode csv\n';",
            "SELECT 1 -- \\G\n;",
            "SELECT\n.5;",
            "SELECT 1\n\n.tables",
        ] {
            assert!(!has_commands(text), "{text}");
        }
    }
}
