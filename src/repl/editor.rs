//! The line editor: prompt, history, and what it asks the other modules while a line is typed.

use std::borrow::Cow;
use std::path::PathBuf;
use std::rc::Rc;

use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::config::Configurer;
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::{Hint, Hinter};
use rustyline::history::{FileHistory, MemHistory};
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Behavior, ColorMode, CompletionType, Config, Context, EditMode, Editor, Helper};
use unicode_width::UnicodeWidthStr;

use super::completion::{Candidate, Metadata, complete, signature};
use super::highlight::{self, Colour, Theme, colours};
use super::history::History;
use super::input;
use super::keys::{self, EditKeys, Margin, margins, marker};
use super::lexer::{Lexed, Rest};
use super::reflow::Reflow;
use super::terminal::has_keys_waiting;
use crate::error::{Error, Result};

/// How many entries the history has.
const HISTORY: usize = 10_000;
/// Candidates beyond this are left out; nobody reads a longer list.
const CANDIDATES: usize = 5_000;
/// A line of a list of candidates is cut here.
const LISTED: usize = 78;

/// Reads inputs from a terminal.
pub(super) struct LineEditor<'a> {
    editor: Editor<Assistant<'a>, FileHistory>,
    margin: Margin,
    history: History,
    keys: EditKeys,
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
    /// What the terminal says.
    pub(super) fn new(
        metadata: Rc<Metadata<'a>>,
        history: Option<PathBuf>,
        theme: Option<Theme>,
        keys: EditKeys,
        rewraps: bool,
    ) -> Result<Self> {
        let margin = Margin::default();
        let mut editor = Editor::with_config(config()).map_err(failed)?;
        editor.set_helper(Some(Assistant {
            metadata,
            margin: margin.clone(),
            theme,
            files: FilenameCompleter::new(),
            reflow: Reflow::new(rewraps),
        }));
        keys::bind(&mut editor, &margin);
        let history = History::open(history, &mut editor);
        let mut editor = Self {
            editor,
            margin,
            history,
            keys,
        };
        editor.set_keys(keys);
        Ok(editor)
    }

    /// Reads the next input, which begins as `initial`. Blocks.
    ///
    /// # Errors
    /// What the terminal says.
    pub(super) fn read(&mut self, prompt: &str, initial: Option<&str>) -> Result<Read> {
        let width = prompt.width();
        self.margin.set(width);
        self.history.refresh(&mut self.editor);
        if let Some(assistant) = self.editor.helper() {
            assistant.reflow.begin();
        }
        let initial = initial.map(|text| keys::with_margins(text, width));
        let read = match &initial {
            Some(text) => self.editor.readline_with_initial(prompt, (text.as_str(), "")),
            None => self.editor.readline(prompt),
        };
        let text = match read {
            Ok(text) => keys::without_margins(&text, width),
            Err(ReadlineError::Interrupted) => return Ok(Read::Void),
            Err(ReadlineError::Eof) => return Ok(Read::End),
            Err(error) => return Err(failed(error)),
        };
        self.history.add(&text, &mut self.editor);
        Ok(Read::Input(text))
    }

    /// How many characters wide and lines high the terminal is.
    pub(super) fn size(&mut self) -> Option<(usize, usize)> {
        let size = self.editor.dimensions();
        size.map(|(columns, rows)| (usize::from(columns), usize::from(rows)))
    }

    /// Which keys there are.
    pub(super) fn keys(&self) -> EditKeys {
        self.keys
    }

    /// Chooses the keys.
    pub(super) fn set_keys(&mut self, keys: EditKeys) {
        self.keys = keys;
        self.editor.set_edit_mode(match keys {
            EditKeys::Emacs => EditMode::Emacs,
            EditKeys::Vi => EditMode::Vi,
        });
    }

    /// Which colours there are.
    pub(super) fn theme(&self) -> Option<Theme> {
        self.editor.helper().and_then(|assistant| assistant.theme)
    }

    /// Chooses the colours.
    pub(super) fn set_theme(&mut self, theme: Option<Theme>) {
        if let Some(assistant) = self.editor.helper_mut() {
            assistant.theme = theme;
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
    theme: Option<Theme>,
    files: FilenameCompleter,
    reflow: Reflow,
}

impl Helper for Assistant<'_> {}

impl Completer for Assistant<'_> {
    type Candidate = Pair;

    fn complete(&self, text: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        self.metadata.begin();
        let completion = complete(text, at, self.metadata.as_ref());
        self.metadata.end();
        if completion.is_file {
            // The rest of the line is the name: as if in quotes, nothing in it is escaped.
            let name = text[completion.start..at].trim_start_matches(['\'', '"']);
            let quoted = format!("'{name}");
            let (_, files) = self.files.complete_path(&quoted, quoted.len())?;
            return Ok((at - name.len(), files));
        }
        let mut candidates = completion.candidates;
        candidates.truncate(CANDIDATES);
        Ok((completion.start, listed(candidates)))
    }
}

/// Candidates as they are listed: what is said of each in a column of its own.
fn listed(candidates: Vec<Candidate>) -> Vec<Pair> {
    let names = candidates.iter().filter(|candidate| !candidate.note.is_empty());
    let width = names
        .map(|candidate| candidate.shown().width())
        .max()
        .unwrap_or(0);
    let pair = |candidate: Candidate| {
        let mut display = candidate.shown().to_owned();
        if !candidate.note.is_empty() {
            let space = width.saturating_sub(display.width()) + 2;
            display.extend(std::iter::repeat_n(' ', space));
            display.extend(
                candidate
                    .note
                    .chars()
                    .map(|c| if c.is_control() { ' ' } else { c }),
            );
        }
        if let Some((end, _)) = display.char_indices().nth(LISTED) {
            display.truncate(end);
            display.push('…');
        }
        Pair {
            display,
            replacement: candidate.text,
        }
    };
    candidates.into_iter().map(pair).collect()
}

impl Validator for Assistant<'_> {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(match input::is_complete(context.input()) {
            true => ValidationResult::Valid(None),
            false => ValidationResult::Incomplete,
        })
    }
}

/// What is shown behind the cursor and never taken over.
struct Signature(String);

impl Hint for Signature {
    fn display(&self) -> &str {
        &self.0
    }

    fn completion(&self) -> Option<&str> {
        None
    }
}

impl Hinter for Assistant<'_> {
    type Hint = Signature;

    fn hint(&self, line: &str, at: usize, _: &Context<'_>) -> Option<Signature> {
        let is_wanted = at == line.len() && !has_keys_waiting();
        let text = is_wanted
            .then(|| open_quote(line).or_else(|| signature(line, self.metadata.as_ref())))
            .flatten()
            .map(|text| format!("   {text}"));
        // This is asked before every drawing.
        let shown = text.as_deref().unwrap_or_default();
        self.reflow.before_drawing(self.margin.width(), line, at, shown);
        text.map(Signature)
    }
}

/// What has been opened in a line before this one and is still open: such a line has no prompt, since every
/// space in it counts.
fn open_quote(line: &str) -> Option<String> {
    if !line.contains('\n') {
        return None;
    }
    let Rest::Open(start) = Lexed::new(line).rest else {
        return None;
    };
    let rest = line[start..].trim_start();
    let begins = line.len() - rest.len();
    let number = line[..begins].matches('\n').count() + 1;
    let what = match rest.starts_with("/*") {
        true => "comment",
        false => "quote",
    };
    rest.contains('\n')
        .then(|| format!("the {what} of line {number} is open"))
}

impl Highlighter for Assistant<'_> {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        let is_table = |name: &str| self.metadata.is_table(name);
        Cow::Owned(drawn(line, self.margin.width(), self.theme, &is_table))
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        match self.theme {
            Some(theme) => Cow::Owned(coloured(prompt, theme.sequence(Colour::Prompt))),
            None => Cow::Borrowed(prompt),
        }
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        match self.theme {
            Some(theme) => Cow::Owned(coloured(hint, theme.sequence(Colour::Comment))),
            None => Cow::Borrowed(hint),
        }
    }

    fn highlight_char(&self, _: &str, _: usize, kind: CmdKind) -> bool {
        // A long text that comes key by key is drawn at the ends of its lines; the last key draws all of it.
        kind != CmdKind::MoveCursor && !has_keys_waiting()
    }
}

fn coloured(text: &str, sequence: &str) -> String {
    format!("{sequence}{text}{}", highlight::RESET)
}

/// The line with its continuation prompts and colours.
fn drawn(line: &str, margin: usize, theme: Option<Theme>, is_table: &dyn Fn(&str) -> bool) -> String {
    let marker = marker(margin);
    let mut parts: Vec<_> = margins(line, margin)
        .into_iter()
        .map(|range| (range, Colour::Continuation, Some(marker.as_str())))
        .collect();
    if theme.is_some() {
        let colours = colours(line, is_table).into_iter();
        parts.extend(colours.map(|(range, colour)| (range, colour, None)));
        parts.sort_by_key(|(range, ..)| range.start);
    }
    let mut text = String::with_capacity(line.len() * 2);
    let mut end = 0;
    for (range, colour, replacement) in parts {
        text.push_str(&line[end..range.start]);
        let part = replacement.unwrap_or(&line[range.clone()]);
        match theme {
            Some(theme) => text.push_str(&coloured(part, theme.sequence(colour))),
            None => text.push_str(part),
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
    fn what_is_said_of_candidates_stands_in_a_column() {
        let candidate = |text: &str, note: &str| Candidate {
            text: text.to_owned(),
            label: None,
            note: note.to_owned(),
        };
        let pairs = listed(vec![candidate("events", "3 rows"), candidate("数据", "view")]);
        let displays: Vec<&str> = pairs.iter().map(|pair| pair.display.as_str()).collect();
        assert_eq!(displays, ["events  3 rows", "数据    view"]);
    }

    #[test]
    fn further_lines_are_drawn_with_their_prompt() {
        let drawn = |line: &str, theme| drawn(line, 5, theme, &|_| false);
        assert_eq!(drawn("SELECT\n      1", None), "SELECT\n  ->  1");
        assert_eq!(drawn("SELECT '\n     1'", None), "SELECT '\n     1'");
        assert_eq!(
            drawn("a\n     1", Some(Theme::Light)),
            "a\n\u{1b}[36m  -> \u{1b}[0m\u{1b}[35m1\u{1b}[0m"
        );
    }
}
