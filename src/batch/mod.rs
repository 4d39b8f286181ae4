//! Scripts: texts run from their first statement to their last, results on one output, everything
//! else on stderr.

use std::io::IsTerminal;
use std::path::PathBuf;

use futures::StreamExt;

use crate::connection::Connection;
use crate::engine::{Body, Rows};
use crate::error::{Code, Error, Result};
use crate::render::{Meter, OpenDestination, is_broken_pipe};
use crate::syntax::{Parameters, Script};

/// A text to run, and what it is called in errors.
#[derive(Debug, Clone)]
pub struct Source {
    /// The file's name, or `-c`, or `stdin`.
    pub name: PathBuf,
    /// Its statements.
    pub text: String,
}

/// How a batch is run.
#[derive(Debug, Clone, Copy, Default)]
pub struct BatchOptions {
    /// Run the statements after one that failed.
    pub continue_on_error: bool,
    /// Say nothing but errors.
    pub quiet: bool,
    /// Show each statement before it is run.
    pub echo: bool,
}

/// Runs the sources in order. Errors are reported on stderr as they come; the first is returned.
/// A reader that went away ends the batch and is no error.
pub async fn run(
    connection: &dyn Connection,
    sources: &[Source],
    parameters: &Parameters,
    options: BatchOptions,
    output: &mut OpenDestination,
) -> Result<(), Code> {
    let mut first = Ok(());
    for source in sources {
        let mut batch = Batch {
            connection,
            options,
            output,
        };
        match batch.source(source, parameters).await {
            Ok(()) => {}
            Err(Stop::BrokenPipe) => return first,
            Err(Stop::Failed(code)) => {
                first = first.and(Err(code));
                if !options.continue_on_error {
                    return first;
                }
            }
        }
    }
    first
}

/// Why a source was not run to its end, or not without errors.
enum Stop {
    BrokenPipe,
    Failed(Code),
}

struct Batch<'a> {
    connection: &'a dyn Connection,
    options: BatchOptions,
    output: &'a mut OpenDestination,
}

impl Batch<'_> {
    async fn source(&mut self, source: &Source, parameters: &Parameters) -> Result<(), Stop> {
        let mut outcomes = self.connection.execute(&source.text, parameters);
        let mut texts = Script::new(&source.text).into_pieces();
        let mut first = Ok(());
        loop {
            let piece = texts.next().and_then(Result::ok);
            if let Some(piece) = piece.as_ref().filter(|_| self.options.echo) {
                note(&format!("{};", piece.sql()));
            }
            let meter = Meter::start(self.connection.progress(), !self.options.quiet);
            let Some(outcome) = outcomes.next().await else {
                return first.map_err(Stop::Failed);
            };
            let result = match outcome.map(|outcome| outcome.body) {
                Ok(Body::Rows(rows)) => self.rows(rows, meter).await,
                Ok(Body::Done(done)) => {
                    drop(meter);
                    if !self.options.quiet {
                        note(&done.message);
                    }
                    Ok(())
                }
                Err(error) => {
                    drop(meter);
                    Err(error)
                }
            };
            if let Err(error) = result {
                if is_broken_pipe(&error) {
                    return Err(Stop::BrokenPipe);
                }
                let code = error.code();
                report(&error.in_file(&source.name));
                first = first.and(Err(code));
                if !self.options.continue_on_error {
                    return first.map_err(Stop::Failed);
                }
            }
        }
    }

    /// Renders a query's rows as they come.
    async fn rows(&mut self, mut rows: Rows, meter: Meter) -> Result<()> {
        let mut meter = Some(meter);
        let renderer = self.output.renderer();
        renderer.begin(&rows.schema())?;
        while let Some(batch) = rows.next().await {
            if std::io::stdout().is_terminal() {
                // Rows and a meter on one terminal would write over each other.
                meter.take();
            }
            if let Err(error) = batch.and_then(|batch| renderer.batch(&batch)) {
                drop(meter);
                return match renderer.abandon() {
                    Err(lost) if is_broken_pipe(&lost) => Err(lost),
                    _ => Err(error),
                };
            }
        }
        drop(meter);
        renderer.end().map(drop)
    }
}

/// Writes a line to stderr.
#[expect(clippy::print_stderr, reason = "what is not a result belongs on stderr")]
pub fn note(text: &str) {
    eprintln!("{text}");
}

/// Shows an error to a person.
pub fn report(error: &Error) {
    note(&error.report());
}
