//! The line editor: prompt, history, and what it asks the other modules while a line is typed.

use std::borrow::Cow;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::{FileHistory, MemHistory};
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Behavior, ColorMode, CompletionType, Config, Context, Editor, Helper};
use unicode_width::UnicodeWidthStr;

use super::completion::{Metadata, complete};
use super::highlight::{self, colours};
use super::keys::{self, Margin, margins, marker};
use super::{input, note};
use crate::error::{Error, Result};

/// How many entries the history has.
const HISTORY: usize = 10_000;
/// Candidates beyond this are left out; nobody reads a longer list.
const CANDIDATES: usize = 5_000;

/// Reads inputs from a terminal.
pub(super) struct LineEditor<'a> {
    editor: Editor<Assistant<'a>, FileHistory>,
    margin: Margin,
    history: Option<PathBuf>,
}

/// What a person gave.
pub(super) enum Read {
    /// An input, whole.
    Input(String),
    /// Ctrl-C: what was typed is void.
    Void,
    /// Ctrl-D.
    End,
}

impl<'a> LineEditor<'a> {
    /// An editor that completes from `metadata`, with the history of that file.
    ///
    /// # Errors
    /// What the terminal says. A history that cannot be read is said, and is no error.
    pub(super) fn new(
        metadata: Rc<Metadata<'a>>,
        history: Option<PathBuf>,
        has_colours: bool,
    ) -> Result<Self> {
        let margin = Margin::default();
        let mut editor = Editor::with_config(config()).map_err(failed)?;
        editor.set_helper(Some(Assistant {
            metadata,
            margin: margin.clone(),
            has_colours,
            files: FilenameCompleter::new(),
        }));
        keys::bind(&mut editor, &margin);
        let history = history.filter(|path| match open_history(&mut editor, path) {
            Ok(()) => true,
            Err(error) => {
                note(&format!("no history: {}", error.message()));
                false
            }
        });
        Ok(Self {
            editor,
            margin,
            history,
        })
    }

    /// Reads the next input. Blocks.
    ///
    /// # Errors
    /// What the terminal says.
    pub(super) fn read(&mut self, prompt: &str) -> Result<Read> {
        let width = prompt.width();
        self.margin.set(width);
        let text = match self.editor.readline(prompt) {
            Ok(text) => keys::without_margins(&text, width),
            Err(ReadlineError::Interrupted) => return Ok(Read::Void),
            Err(ReadlineError::Eof) => return Ok(Read::End),
            Err(error) => return Err(failed(error)),
        };
        self.remember(&text);
        Ok(Read::Input(text))
    }

    /// How many characters wide the terminal is.
    pub(super) fn width(&mut self) -> Option<usize> {
        self.editor.dimensions().map(|(columns, _)| usize::from(columns))
    }

    fn remember(&mut self, text: &str) {
        let Some(path) = self.history.as_ref().filter(|_| !text.trim().is_empty()) else {
            return;
        };
        let kept = self.editor.add_history_entry(text.trim_end());
        let kept = kept.and_then(|_| self.editor.append_history(path));
        if let Err(error) = kept {
            note(&format!("the history ends here: {}", failed(error).message()));
            self.history = None;
        }
    }
}

/// Asks a question that is answered by y or, as always else, no. Blocks.
pub(super) fn confirm(question: &str) -> Result<bool> {
    let mut editor: Editor<(), MemHistory> =
        Editor::with_history(config(), MemHistory::new()).map_err(failed)?;
    match editor.readline(&format!("{question} (y/N) ")) {
        Ok(answer) => Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")),
        Err(ReadlineError::Interrupted | ReadlineError::Eof) => Ok(false),
        Err(error) => Err(failed(error)),
    }
}

fn config() -> Config {
    // Where results go into a pipe or a file, the line is edited on the terminal all the same.
    let behavior = match std::io::IsTerminal::is_terminal(&std::io::stdout()) {
        true => Behavior::Stdio,
        false => Behavior::PreferTerm,
    };
    Config::builder()
        .max_history_size(HISTORY)
        .and_then(|builder| builder.history_ignore_dups(true))
        .unwrap_or_default()
        .history_ignore_space(true)
        .completion_type(CompletionType::List)
        .completion_show_all_if_ambiguous(true)
        .bell_style(rustyline::config::BellStyle::None)
        // The highlighter draws the continuation prompt too, which is no colour.
        .color_mode(ColorMode::Forced)
        .behavior(behavior)
        .build()
}

/// Makes the file's folder and reads what is there.
fn open_history(editor: &mut Editor<Assistant<'_>, FileHistory>, path: &Path) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|e| Error::io(folder, "make", e))?;
    }
    match editor.load_history(path) {
        Ok(()) => Ok(()),
        Err(ReadlineError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::io(path, "read", std::io::Error::other(error))),
    }
}

fn failed(error: ReadlineError) -> Error {
    let error = match error {
        ReadlineError::Io(error) => error,
        other => std::io::Error::other(other),
    };
    Error::io("the terminal", "use", error)
}

/// What the editor asks.
struct Assistant<'a> {
    metadata: Rc<Metadata<'a>>,
    margin: Margin,
    has_colours: bool,
    files: FilenameCompleter,
}

impl Helper for Assistant<'_> {}

impl Completer for Assistant<'_> {
    type Candidate = Pair;

    fn complete(&self, text: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        self.metadata.begin();
        let completion = complete(text, at, self.metadata.as_ref());
        if completion.is_file {
            // The rest of the line is the name: as if in quotes, nothing in it is escaped.
            let name = text[completion.start..at].trim_start_matches(['\'', '"']);
            let quoted = format!("'{name}");
            let (_, files) = self.files.complete_path(&quoted, quoted.len())?;
            return Ok((at - name.len(), files));
        }
        let pair = |text: String| Pair {
            display: text.trim_end().to_owned(),
            replacement: text,
        };
        let candidates = completion.candidates.into_iter().take(CANDIDATES);
        Ok((completion.start, candidates.map(pair).collect()))
    }
}

impl Validator for Assistant<'_> {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(match input::is_complete(context.input()) {
            true => ValidationResult::Valid(None),
            false => ValidationResult::Incomplete,
        })
    }
}

impl Hinter for Assistant<'_> {
    type Hint = String;
}

impl Highlighter for Assistant<'_> {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        Cow::Owned(drawn(line, self.margin.width(), self.has_colours))
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        match self.has_colours {
            true => Cow::Owned(format!("{}{prompt}{}", highlight::PROMPT, highlight::RESET)),
            false => Cow::Borrowed(prompt),
        }
    }

    fn highlight_char(&self, _: &str, _: usize, kind: CmdKind) -> bool {
        kind != CmdKind::MoveCursor
    }
}

/// The line with its continuation prompts and colours.
fn drawn(line: &str, margin: usize, has_colours: bool) -> String {
    let marker = marker(margin);
    let mut parts: Vec<_> = margins(line, margin)
        .into_iter()
        .map(|range| (range, highlight::CONTINUATION, Some(marker.as_str())))
        .collect();
    if has_colours {
        parts.extend(
            colours(line)
                .into_iter()
                .map(|(range, colour)| (range, colour, None)),
        );
        parts.sort_by_key(|(range, ..)| range.start);
    }
    let mut text = String::with_capacity(line.len() * 2);
    let mut end = 0;
    for (range, colour, replacement) in parts {
        text.push_str(&line[end..range.start]);
        let part = replacement.unwrap_or(&line[range.clone()]);
        match has_colours {
            true => text.extend([colour, part, highlight::RESET]),
            false => text.push_str(part),
        }
        end = range.end;
    }
    text.push_str(&line[end..]);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn further_lines_are_drawn_with_their_prompt() {
        assert_eq!(drawn("SELECT\n      1", 5, false), "SELECT\n  ->  1");
        assert_eq!(drawn("SELECT '\n     1'", 5, false), "SELECT '\n     1'");
        assert_eq!(
            drawn("a\n     1", 5, true),
            "a\n\u{1b}[36m  -> \u{1b}[0m\u{1b}[35m1\u{1b}[0m"
        );
    }
}
