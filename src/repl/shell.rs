//! The loop: read an input, run its statements and commands, say what came of it. Scripts go the same
//! way without an editor, questions and footers.

use std::path::Path;
use std::rc::Rc;
use std::time::Instant;

use tokio::task::block_in_place;

use super::completion::Metadata;
use super::editor::{LineEditor, Read, confirm};
use super::footer::{Cost, Seconds};
use super::input::{self, Sql, Unit};
use super::interrupts::Interrupts;
use super::last::Last;
use super::results::Presenter;
use super::statements::{Event, Running};
use super::terminal::NoMarks;
use super::{ReplOptions, danger, note, report, write_line};
use crate::connection::Connection;
use crate::engine::{Done, Outcomes};
use crate::error::{Code, Error, Result};
use crate::render::{Meter, is_broken_pipe};
use crate::syntax::{Parameters, Piece, Script, Statement};

/// A shell and all that it remembers.
pub(super) struct Shell<'a> {
    pub(super) connection: &'a dyn Connection,
    pub(super) options: ReplOptions,
    pub(super) metadata: Rc<Metadata<'a>>,
    pub(super) parameters: Parameters,
    pub(super) presenter: Presenter,
    pub(super) last: Last,
    pub(super) interrupts: Interrupts,
    /// What a person types in; a script has none.
    pub(super) editor: Option<LineEditor<'a>>,
    /// How many files are being read, each by the one before.
    pub(super) depth: usize,
    /// Whether a long statement shows how far it is.
    pub(super) has_progress: bool,
    /// Whether long results are read in a pager, if there is one.
    pub(super) may_page: bool,
    /// The last input with a statement, and the last of its statements.
    pub(super) recent_input: Option<String>,
    pub(super) recent_statement: Option<String>,
    /// What stands at the next prompt.
    pub(super) next_input: Option<String>,
}

/// Why an input was not run to its end. What there is to say has been said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// Something failed.
    Failed(Code),
    /// Ctrl-C, or a question answered by no.
    Cancelled,
    /// The person leaves, or nobody reads the results any more.
    Quit,
}

/// How a statement is run, and its result shown.
#[derive(Clone, Copy)]
pub(super) struct Run<'r> {
    source: Option<&'r Path>,
    pub(super) started: Instant,
    pub(super) is_expanded: bool,
    /// Whether a long result is read in a pager, if there is one.
    pub(super) may_page: bool,
    /// Whether it answers a command, which was not to be drawn or written in bytes.
    pub(super) is_aside: bool,
}

impl Default for Run<'_> {
    fn default() -> Self {
        Self {
            source: None,
            started: Instant::now(),
            is_expanded: false,
            may_page: true,
            is_aside: false,
        }
    }
}

impl<'a> Shell<'a> {
    pub(super) fn new(connection: &'a dyn Connection, options: ReplOptions) -> Result<Self> {
        let metadata = Rc::new(Metadata::new(connection));
        let pager = options.pager.clone();
        Ok(Self {
            connection,
            presenter: Presenter::new(options.format, &options.destination, pager, options.quiet)?,
            parameters: options.parameters.clone(),
            interrupts: Interrupts::listen()?,
            options,
            metadata,
            last: Last::default(),
            editor: None,
            depth: 0,
            has_progress: true,
            may_page: true,
            recent_input: None,
            recent_statement: None,
            next_input: None,
        })
    }

    /// Runs what a person types.
    pub(super) async fn run(mut self) -> Result<()> {
        let (history, theme, keys) = (
            self.options.history.clone(),
            self.options.theme,
            self.options.keys,
        );
        let metadata = Rc::clone(&self.metadata);
        let editor = LineEditor::new(metadata, history, theme, keys, self.options.rewraps)?;
        self.editor = Some(editor);
        if !self.options.quiet {
            note(&format!(
                "weir {}, lake '{}'\nA statement ends at its semicolon. .help says more, Ctrl-D leaves.",
                env!("CARGO_PKG_VERSION"),
                self.options.name
            ));
        }
        self.metadata.refresh_zone().await?;
        if self.begin().await == Err(Stop::Quit) {
            return self.presenter.close();
        }
        loop {
            let prompt = self.prompt();
            let Some(editor) = &mut self.editor else { break };
            let initial = self.next_input.take();
            // While a person reads the prompt there is time to ask for what Tab will offer.
            self.metadata.prepare();
            match block_in_place(|| editor.read(&prompt, initial.as_deref()))? {
                Read::End => break,
                Read::Void => {}
                Read::Input(text) => {
                    if self.input(&text, None).await == Err(Stop::Quit) {
                        break;
                    }
                }
            }
        }
        self.presenter.close()
    }

    /// Whether there is nobody to ask and nothing to edit.
    pub(super) fn is_script(&self) -> bool {
        self.editor.is_none()
    }

    /// Runs the file that a person has every shell begin with.
    async fn begin(&mut self) -> Result<(), Stop> {
        match self.options.start.clone().filter(|start| start.is_file()) {
            Some(start) => self.read_file(&start).await,
            None => Ok(()),
        }
    }

    /// `shop:raw> `.
    fn prompt(&self) -> String {
        let name = self.options.name.replace(char::is_control, "?");
        format!("{name}:{}> ", self.metadata.zone())
    }

    /// Runs the commands and statements of a text.
    pub(super) async fn input(&mut self, text: &str, source: Option<&Path>) -> Result<(), Stop> {
        let units = input::units(text);
        // What a file holds that is read was not the last that was typed.
        let is_own = source.is_none() || self.is_script() && self.depth == 0;
        let mut first = Ok(());
        if is_own && units.iter().any(|unit| matches!(unit, Unit::Sql(_))) {
            self.recent_input = Some(text.to_owned());
        }
        let count = units.len();
        for (i, unit) in units.into_iter().enumerate() {
            let is_last = i + 1 == count;
            let (result, is_rest_left) = match unit {
                Unit::Command(line) => (self.command(line).await, !is_last),
                Unit::Sql(sql) => {
                    if is_own {
                        let pieces = Script::new(&sql.text).into_pieces();
                        let last = pieces.flatten().last();
                        self.recent_statement = last.map(|piece| piece.sql().to_owned());
                    }
                    let (result, left) = self.sql(&sql, source).await;
                    (result, left > 0 || !is_last)
                }
            };
            match result {
                Ok(()) => {}
                Err(Stop::Failed(code)) if self.options.continue_on_error => {
                    first = first.and(Err(Stop::Failed(code)));
                }
                Err(stop) => {
                    if stop != Stop::Quit && is_rest_left && !self.is_script() {
                        note("what follows was not run");
                    }
                    return Err(stop);
                }
            }
        }
        first
    }

    /// Runs statements in order, up to the first that fails; says how many were left.
    pub(super) async fn sql(&mut self, sql: &Sql, source: Option<&Path>) -> (Result<(), Stop>, usize) {
        // Its progress is the session's, as that of the statements is.
        self.metadata.stop();
        let mut outcomes = self.connection.execute(&sql.text, &self.parameters);
        let pieces: Vec<Result<Piece>> = Script::new(&sql.text).into_pieces().collect();
        let changes_names = pieces.iter().flatten().any(changes_names);
        let changes_settings = pieces.iter().flatten().any(changes_settings);
        let mut left = pieces.len();
        let mut result = Ok(());
        for (i, piece) in pieces.into_iter().enumerate() {
            left -= 1;
            if let Ok(piece) = &piece
                && let Err(stop) = self.before(piece, source)
            {
                result = Err(stop);
                break;
            }
            let run = Run {
                source,
                is_expanded: sql.expanded.contains(&i),
                // A person who reads a file's results one by one would ask for them one by one.
                may_page: self.may_page && source.is_none(),
                ..Run::default()
            };
            match self.statement(outcomes, run).await {
                Ok((following, did)) => {
                    outcomes = following;
                    result = result.and(did);
                }
                Err(stop) => {
                    result = Err(stop);
                    break;
                }
            }
            if result.is_err() && !self.options.continue_on_error {
                break;
            }
        }
        if changes_names {
            self.metadata.forget();
        }
        let mut refreshed = self.metadata.refresh_zone().await;
        if changes_settings && refreshed.is_ok() {
            refreshed = self.refresh_safety().await;
        }
        if let Err(error) = refreshed {
            report(&error);
        }
        (result, left)
    }

    /// Runs a statement of the shell's own. It is not the last result afterwards.
    pub(super) async fn aside(&mut self, sql: &str, parameters: Parameters) -> Result<(), Stop> {
        let last = std::mem::take(&mut self.last);
        let outcomes = self.connection.execute(sql, &parameters);
        let run = Run {
            is_aside: true,
            ..Run::default()
        };
        let result = self.statement(outcomes, run).await;
        self.last = last;
        result.and_then(|(_, did)| did)
    }

    /// Shows the statement, or asks whether it is meant.
    fn before(&mut self, piece: &Piece, source: Option<&Path>) -> Result<(), Stop> {
        if source.is_some() {
            if self.options.echo {
                write_line(&format!("{};", piece.sql()));
            }
            return Ok(());
        }
        let question = danger::question(piece);
        // What the engine will refuse is not worth a question.
        let is_refused = self.presenter.is_safe || Statement::parse(piece).is_err();
        let question = question.filter(|_| !is_refused);
        match question.map(|question| block_in_place(|| confirm(&question))) {
            None | Some(Ok(true)) => Ok(()),
            Some(Ok(false)) => {
                note("not run");
                Err(Stop::Cancelled)
            }
            Some(Err(error)) => {
                report(&error);
                Err(Stop::Cancelled)
            }
        }
    }

    /// Runs one statement: the outcomes that follow it, and whether it succeeded.
    async fn statement(
        &mut self,
        outcomes: Outcomes,
        run: Run<'_>,
    ) -> Result<(Outcomes, Result<(), Stop>), Stop> {
        let (source, started) = (run.source, run.started);
        match self.try_statement(outcomes, run).await {
            Ok((outcomes, None)) => Ok((outcomes, Ok(()))),
            Ok((outcomes, Some(error))) if !is_broken_pipe(&error) => {
                let code = error.code();
                report(&in_source(error, source));
                Ok((outcomes, Err(Stop::Failed(code))))
            }
            Ok(_) => Err(Stop::Quit),
            Err(error) if is_broken_pipe(&error) => Err(Stop::Quit),
            Err(error) if error.code() == Code::Cancelled => {
                // Ctrl-C says no more than that; KILL QUERY says so.
                note(&format!(
                    "{} after {}",
                    error.message(),
                    Seconds(started.elapsed())
                ));
                Err(Stop::Cancelled)
            }
            Err(error) => {
                let code = error.code();
                report(&in_source(error, source));
                Err(Stop::Failed(code))
            }
        }
    }

    /// An error beside the outcomes is the statement's own; one in their place ends them.
    async fn try_statement(&mut self, outcomes: Outcomes, run: Run<'_>) -> Result<(Outcomes, Option<Error>)> {
        self.interrupts.clear();
        let _no_marks = NoMarks::new();
        let is_wanted = self.has_progress && !self.options.quiet;
        let meter = Meter::start(self.connection.progress(), is_wanted);
        let mut running = Running::start(outcomes);
        let failed = match running.next(&mut self.interrupts).await? {
            Some(Event::Columns(schema)) => {
                let result = self.rows(&mut running, schema, meter, &run);
                match result.await {
                    Err(error) if error.code() == Code::Cancelled => return Err(error),
                    result => result.err(),
                }
            }
            Some(Event::Done(done)) => {
                drop(meter);
                self.say(&done, run.started, running.cost());
                None
            }
            Some(Event::Failed(error)) => {
                drop(meter);
                Some(error)
            }
            Some(Event::Rows(_)) | None => None,
        };
        Ok((running.end(&mut self.interrupts).await?, failed))
    }

    fn say(&self, done: &Done, started: Instant, cost: Option<Cost>) {
        if self.options.quiet {
            return;
        }
        if !self.presenter.has_timing {
            return note(&done.message);
        }
        let cost = cost.map(|cost| cost.to_string()).filter(|cost| !cost.is_empty());
        let cost = cost.map(|cost| format!("; {cost}")).unwrap_or_default();
        note(&format!(
            "{} in {}{cost}",
            done.message,
            Seconds(started.elapsed())
        ));
    }

    /// Fits the next result to the terminal as it is now.
    pub(super) fn measure(&mut self) {
        self.presenter.screen = self.size();
    }

    /// How wide and high the terminal is; `None` for a script, whatever it writes to.
    pub(super) fn size(&mut self) -> Option<(usize, usize)> {
        self.editor.as_mut()?.size()
    }

    /// Asks whether the session is safe.
    pub(super) async fn refresh_safety(&mut self) -> Result<()> {
        self.presenter.is_safe = self.metadata.setting("session.safe").await?.as_deref() == Some("true");
        Ok(())
    }
}

/// Whether a statement may change which tables, columns, functions or settings there are.
fn changes_names(piece: &Piece) -> bool {
    match Statement::parse(piece) {
        Ok(
            Statement::Query(_)
            | Statement::Insert(_)
            | Statement::ShowTables { .. }
            | Statement::ShowCreate(_)
            | Statement::ShowFunctions { .. }
            | Statement::Describe(_)
            | Statement::Use { .. }
            | Statement::Set { .. }
            | Statement::Show { .. }
            | Statement::Kill { .. }
            | Statement::Reset { .. },
        )
        | Err(_) => false,
        Ok(_) => true,
    }
}

/// Whether a statement may change a setting that the shell itself goes by.
fn changes_settings(piece: &Piece) -> bool {
    matches!(
        Statement::parse(piece),
        Ok(Statement::Set { .. } | Statement::Reset { .. })
    )
}

fn in_source(error: Error, source: Option<&Path>) -> Error {
    match source {
        Some(source) => error.in_file(source),
        None => error,
    }
}
