//! The shell: statements and commands typed at a terminal.
//!
//! Owns: the line editor with its history, completion and colours; the shell's own commands; how a
//! running statement is watched and left; what a person is asked and told. It speaks to a lake through
//! [`Connection`] alone, so that a remote one works too, and writes results through `render`. It
//! refuses to read the environment and to write in the working directory: the command line says where
//! the history is.

mod command;
mod completion;
mod danger;
mod editor;
mod footer;
mod highlight;
mod history;
mod input;
mod interrupts;
mod keys;
mod last;
mod lexer;
mod pager;
mod plans;
mod reflow;
mod results;
mod screen;
mod scripts;
mod shell;
mod statements;
mod terminal;
mod words;

use std::path::PathBuf;

use console::Term;

pub use highlight::Theme;
pub use keys::EditKeys;
pub use pager::Pager;
pub use scripts::{has_commands, run_scripts};

use crate::connection::Connection;
use crate::error::{Error, Result, wrapped};
use crate::render::{Destination, Format};
use crate::syntax::Parameters;

/// How a shell begins.
#[derive(Debug, Clone)]
pub struct ReplOptions {
    /// What the lake is called in the prompt.
    pub name: String,
    /// The lake's folder, if it is on this machine: a safe shell reads no script from elsewhere.
    pub lake: Option<PathBuf>,
    /// How results are written, until `.mode`.
    pub format: Format,
    /// Where results go, until `.output`.
    pub destination: Destination,
    /// The values of `$name`.
    pub parameters: Parameters,
    /// The file that keeps the history; made, with its folder, if it is not there. `None` keeps none.
    pub history: Option<PathBuf>,
    /// The colours of what is typed; `None` for none.
    pub theme: Option<Theme>,
    /// The keys of the line editor, until `.keys`.
    pub keys: EditKeys,
    /// Whether the terminal wraps what it shows anew when its width changes, as most do.
    pub rewraps: bool,
    /// Where results longer than the screen are read; `None` for no such program.
    pub pager: Option<Pager>,
    /// The editor of `.edit`, as a command of the operating system's shell.
    pub editor: String,
    /// The program of `.copy`, as such a command; `None` leaves it to the terminal.
    pub clipboard: Option<String>,
    /// A file of commands and statements to begin with, if it is there.
    pub start: Option<PathBuf>,
    /// Say nothing but results and errors.
    pub quiet: bool,
    /// Run the statements of an input or file after one that failed.
    pub continue_on_error: bool,
    /// Show each statement of a file before it is run.
    pub echo: bool,
}

/// Reads and runs inputs until the person leaves. Needs a terminal on stdin, and a runtime of several
/// threads.
///
/// Errors of statements and commands are reported on stderr and end nothing.
///
/// # Errors
/// What the terminal says, or a file of `.output` that cannot be finished.
///
/// ```no_run
/// use weir::connection::LocalConnection;
/// use weir::render::{Destination, Format};
/// use weir::repl::{self, ReplOptions};
/// use weir::{Lake, LakeOptions, Parameters};
///
/// # async fn example() -> weir::Result<()> {
/// let lake = Lake::open("shop".as_ref(), LakeOptions::default()).await?;
/// let connection = LocalConnection::new(lake.session());
/// let options = ReplOptions {
///     name: "shop".to_owned(),
///     lake: Some("shop".into()),
///     format: Format::Table,
///     destination: Destination::Stdout,
///     parameters: Parameters::default(),
///     history: None,
///     theme: None,
///     keys: weir::repl::EditKeys::Emacs,
///     rewraps: true,
///     pager: None,
///     editor: "vi".to_owned(),
///     clipboard: None,
///     start: None,
///     quiet: false,
///     continue_on_error: false,
///     echo: false,
/// };
/// repl::run(&connection, options).await
/// # }
/// ```
pub async fn run(connection: &dyn Connection, options: ReplOptions) -> Result<()> {
    shell::Shell::new(connection, options)?.run().await
}

/// Says something on stderr; on a terminal no word is broken at its edge.
fn note(text: &str) {
    match terminal::width_of(&Term::stderr()) {
        Some(width) => write_line(&wrapped(text, width)),
        None => write_line(text),
    }
}

/// Shows an error to a person, fitted to the terminal.
fn report(error: &Error) {
    write_line(&match terminal::width_of(&Term::stderr()) {
        Some(width) => error.report_within(width),
        None => error.report(),
    });
}

#[expect(clippy::print_stderr, reason = "what is not a result belongs on stderr")]
fn write_line(text: &str) {
    eprintln!("{text}");
}
