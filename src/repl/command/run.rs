//! What each command does.

use std::path::Path;

use super::help::help;
use super::{Action, Request, catalog, parse};
use crate::connection::parameter_from_text;
use crate::error::{Code, Error, Result};
use crate::render::{Format, type_name};
use crate::repl::shell::{Shell, Stop};
use crate::repl::{note, report};

/// How many files may read one another.
const DEPTH: usize = 16;

impl Shell<'_> {
    /// Carries out a line for which [`is_command`](super::is_command) holds.
    pub(in crate::repl) async fn command(&mut self, line: &str) -> Result<(), Stop> {
        match parse(line) {
            Ok(request) => self.carry_out(request).await,
            Err(error) => said(Err(error)),
        }
    }

    async fn carry_out(&mut self, Request { action, argument }: Request<'_>) -> Result<(), Stop> {
        match (action, argument) {
            (Action::Quit, _) => Err(Stop::Quit),
            (Action::Read, Some(file)) => Box::pin(self.read_file(Path::new(file))).await,
            (Action::Tables, pattern) => self.query(catalog::TABLES, pattern).await,
            (Action::Functions, pattern) => self.query(catalog::FUNCTIONS, pattern).await,
            (Action::Columns, Some(table)) => self.columns(table).await,
            (Action::Schema, table) => said(self.schema(table).await),
            (Action::Last, _) => said(self.show_last().await),
            (Action::Help, topic) => said(help(topic).map(|text| note(&text))),
            (Action::Mode, format) => said(self.mode(format)),
            (Action::Timing, switch) => said(self.timing(switch)),
            (Action::Param, text) => said(self.param(text)),
            (Action::Once, Some(file)) => {
                self.presenter.once = Some(file.into());
                Ok(())
            }
            (Action::Output, file) => said(self.presenter.redirect(file.map(Path::new))),
            (Action::Read | Action::Columns | Action::Once, None) => Ok(()),
        }
    }

    async fn read_file(&mut self, file: &Path) -> Result<(), Stop> {
        if self.depth == DEPTH {
            let message = format!("'{}' is read from within {DEPTH} files", file.display());
            return said(Err(
                Error::new(Code::InvalidStatement, message).with_hint("does a file read itself?")
            ));
        }
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) => return said(Err(Error::io(file, "read", error))),
        };
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        self.depth += 1;
        let result = self.input(text, Some(file)).await;
        self.depth -= 1;
        result
    }

    fn mode(&mut self, format: Option<&str>) -> Result<()> {
        match format {
            Some(format) => self.presenter.set_mode(format.parse()?),
            None => {
                let names: Vec<&str> = Format::ALL.iter().map(|format| format.name()).collect();
                note(&format!("{} (of {})", self.presenter.mode, names.join(", ")));
                Ok(())
            }
        }
    }

    fn timing(&mut self, switch: Option<&str>) -> Result<()> {
        self.presenter.has_timing = match switch.map(str::to_lowercase).as_deref() {
            Some("on") => true,
            Some("off") => false,
            Some(other) => {
                let message = format!("timing is on or off, not '{other}'");
                return Err(Error::new(Code::InvalidValue, message));
            }
            None => {
                note(if self.presenter.has_timing { "on" } else { "off" });
                return Ok(());
            }
        };
        Ok(())
    }

    fn param(&mut self, text: Option<&str>) -> Result<()> {
        let Some(text) = text else {
            for name in self.parameters.names() {
                if let Some(value) = self.parameters.get(&name) {
                    note(&format!("${name} = {value} ({})", type_name(&value.data_type())));
                }
            }
            return Ok(());
        };
        let (name, value) = parameter_from_text(text)?;
        self.parameters = std::mem::take(&mut self.parameters).with(name, value);
        Ok(())
    }
}

/// Shows an error.
pub(super) fn said(result: Result<()>) -> Result<(), Stop> {
    result.map_err(|error| {
        report(&error);
        Stop::Failed
    })
}
