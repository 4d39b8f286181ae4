//! What each command does.

use std::path::Path;

use super::help::help;
use super::{Action, Request, catalog, parse};
use crate::error::{Code, Error, Result};
use crate::repl::report;
use crate::repl::shell::{Shell, Stop};

/// How many files may read one another.
const DEPTH: usize = 16;

impl Shell<'_> {
    /// Carries out a line for which [`is_command`](super::is_command) holds.
    pub(in crate::repl) async fn command(&mut self, line: &str) -> Result<(), Stop> {
        match parse(line) {
            Ok(request) if self.is_script() && needs_terminal(request.action) => {
                let message = format!("'{line}' is for a person at a terminal");
                said(Err(Error::new(Code::InvalidStatement, message)))
            }
            Ok(request) => self.carry_out(request).await,
            Err(error) => said(Err(error)),
        }
    }

    async fn carry_out(&mut self, Request { action, argument }: Request<'_>) -> Result<(), Stop> {
        match (action, argument) {
            (Action::Quit, _) => Err(Stop::Quit),
            (Action::Read, Some(file)) => Box::pin(self.read_file(Path::new(file))).await,
            (Action::Functions, pattern) => self.query(catalog::FUNCTIONS, pattern).await,
            (Action::Columns, Some(table)) => self.columns(table).await,
            (Action::Schema, table) => said(self.schema(table).await),
            (Action::Tables, pattern) => self.tables(pattern).await,
            (Action::Last, _) => said(self.show_last().await),
            (Action::Help, topic) => said(self.help(topic)),
            (Action::Mode, format) => said(self.mode(format)),
            (Action::Timing, switch) => said(self.timing(switch)),
            (Action::Param, text) => said(self.param(text)),
            (Action::Progress, switch) => said(self.progress(switch)),
            (Action::Pager, pager) => said(self.pager(pager)),
            (Action::Keys, keys) => said(self.keys(keys)),
            (Action::Theme, theme) => said(self.theme(theme)),
            (Action::Safe, switch) => self.safe(switch).await,
            (Action::Copy, format) => said(self.copy(format)),
            (Action::Edit, _) => said(self.edit()),
            (Action::Explain, text) => Box::pin(self.explain(text)).await,
            (Action::Watch, text) => Box::pin(self.watch(text)).await,
            (Action::Once, Some(file)) => said(self.once(file)),
            (Action::Output, file) => said(self.output(file)),
            (Action::Read | Action::Columns | Action::Once, None) => Ok(()),
        }
    }

    fn help(&mut self, topic: Option<&str>) -> Result<()> {
        let width = self.size().map_or(usize::MAX, |(width, _)| width);
        let text = help(topic, width)?;
        self.show_text(&text)
    }

    pub(in crate::repl) async fn read_file(&mut self, file: &Path) -> Result<(), Stop> {
        if self.depth == DEPTH {
            let message = format!("'{}' is read from within {DEPTH} files", file.display());
            return said(Err(
                Error::new(Code::InvalidStatement, message).with_hint("does a file read itself?")
            ));
        }
        if let Err(error) = self.may_read(file) {
            return said(Err(error));
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
}

/// Whether a command means nothing in a script.
fn needs_terminal(action: Action) -> bool {
    matches!(
        action,
        Action::Edit | Action::Keys | Action::Pager | Action::Theme
    )
}

/// Shows an error.
pub(super) fn said(result: Result<()>) -> Result<(), Stop> {
    result.map_err(|error| {
        report(&error);
        Stop::Failed(error.code())
    })
}
