//! Lines of a statement after its first: what Enter, Backspace and the arrows do there.
//!
//! The line editor knows a prompt for the first line alone. A further line that is typed therefore
//! begins with as many spaces as the prompt is wide; they are drawn as the continuation prompt
//! ([`marked`]), skipped by the keys, and taken out when the statement is done ([`without_margins`]).
//! A line inside a quote begins with nothing, because there every space counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustyline::{
    Cmd, ConditionalEventHandler, EditMode, Editor, Event, EventContext, EventHandler, Helper, InputMode,
    KeyCode, KeyEvent, Modifiers, Movement, RepeatCount, history::History,
};

use super::input;
use super::lexer::Lexed;

/// The keys of the line editor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EditKeys {
    /// Those of Emacs, as most shells have them.
    Emacs,
    /// Those of vi: Escape leads to commands, `i` back to typing.
    Vi,
}

impl EditKeys {
    /// What a user types.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Emacs => "emacs",
            Self::Vi => "vi",
        }
    }
}

/// How wide the prompt is, and with it the margin of further lines.
#[derive(Debug, Clone, Default)]
pub(super) struct Margin(Arc<AtomicUsize>);

impl Margin {
    pub(super) fn set(&self, width: usize) {
        self.0.store(width, Ordering::Relaxed);
    }

    pub(super) fn width(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// What begins a further line.
    fn text(&self) -> String {
        format!("\n{}", " ".repeat(self.width()))
    }
}

/// Binds the keys.
pub(super) fn bind<H: Helper, I: History>(editor: &mut Editor<H, I>, margin: &Margin) {
    for (key, does) in [
        (KeyEvent(KeyCode::Enter, Modifiers::NONE), Key::Enter),
        (KeyEvent::ctrl('J'), Key::Enter),
        (KeyEvent(KeyCode::Backspace, Modifiers::NONE), Key::Backspace),
        (KeyEvent::ctrl('H'), Key::Backspace),
        (KeyEvent(KeyCode::Left, Modifiers::NONE), Key::Left),
        (KeyEvent::ctrl('B'), Key::Left),
        (KeyEvent(KeyCode::Right, Modifiers::NONE), Key::Right),
        (KeyEvent::ctrl('F'), Key::Right),
        (KeyEvent(KeyCode::Home, Modifiers::NONE), Key::Home),
        (KeyEvent::ctrl('A'), Key::Home),
        (KeyEvent(KeyCode::Delete, Modifiers::NONE), Key::Delete),
    ] {
        let handler = Handler {
            key: does,
            margin: margin.clone(),
            is_vi_command: false,
        };
        editor.bind_sequence(key, EventHandler::Conditional(Box::new(handler)));
    }
    for (c, does) in [
        ('h', Key::Left),
        ('l', Key::Right),
        ('0', Key::Home),
        ('^', Key::Home),
        ('x', Key::Delete),
        ('X', Key::Backspace),
    ] {
        let handler = Handler {
            key: does,
            margin: margin.clone(),
            is_vi_command: true,
        };
        let key = KeyEvent(KeyCode::Char(c), Modifiers::NONE);
        editor.bind_sequence(key, EventHandler::Conditional(Box::new(handler)));
    }
    for (key, search) in [
        (KeyCode::PageUp, Cmd::HistorySearchBackward),
        (KeyCode::PageDown, Cmd::HistorySearchForward),
    ] {
        editor.bind_sequence(KeyEvent(key, Modifiers::NONE), EventHandler::Simple(search));
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Enter,
    Backspace,
    Left,
    Right,
    Home,
    Delete,
}

struct Handler {
    key: Key,
    margin: Margin,
    /// Whether the key means this only among vi's commands, and is a letter elsewhere.
    is_vi_command: bool,
}

impl ConditionalEventHandler for Handler {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext<'_>) -> Option<Cmd> {
        let is_command = context.mode() == EditMode::Vi && context.input_mode() == InputMode::Command;
        if self.is_vi_command && !is_command {
            return None;
        }
        pressed(self.key, context.line(), context.pos(), &self.margin.text())
    }
}

/// What a key does beside what it always does. `margin` is a line break and the margin.
fn pressed(key: Key, line: &str, at: usize, margin: &str) -> Option<Cmd> {
    let (before, after) = line.split_at_checked(at)?;
    let whole = count(margin);
    let behind_margin = before.ends_with(margin) && !input::is_open(&before[..before.len() - margin.len()]);
    let ahead_of_margin = after.starts_with(margin) && !input::is_open(before);
    match key {
        Key::Enter if input::is_complete(line) => None,
        Key::Enter if input::is_open(before) => Some(Cmd::Insert(1, "\n".to_owned())),
        Key::Enter => Some(Cmd::Insert(1, margin.to_owned())),
        Key::Backspace => behind_margin.then_some(Cmd::Kill(Movement::BackwardChar(whole))),
        Key::Left => behind_margin.then_some(Cmd::Move(Movement::BackwardChar(whole))),
        Key::Right => ahead_of_margin.then_some(Cmd::Move(Movement::ForwardChar(whole))),
        Key::Delete => ahead_of_margin.then_some(Cmd::Kill(Movement::ForwardChar(whole))),
        Key::Home => {
            let start = before.rfind(margin)? + margin.len();
            let typed = &before[start..];
            let is_here = !typed.contains('\n') && !input::is_open(&before[..start - margin.len()]);
            // To the margin, where the line already begins, from it nowhere.
            match count(typed) {
                0 if is_here => Some(Cmd::Noop),
                n if is_here => Some(Cmd::Move(Movement::BackwardChar(n))),
                _ => None,
            }
        }
    }
}

/// How many characters a text has, as the editor counts steps.
fn count(text: &str) -> RepeatCount {
    RepeatCount::try_from(text.chars().count()).unwrap_or(RepeatCount::MAX)
}

/// Where the margins in `text` are, outside quotes.
pub(super) fn margins(text: &str, width: usize) -> Vec<std::ops::Range<usize>> {
    if width == 0 || !text.contains('\n') {
        return Vec::new();
    }
    let margin = " ".repeat(width);
    let lexed = Lexed::new(text);
    let breaks = text.match_indices('\n').map(|(i, _)| i);
    breaks
        .filter(|at| text[at + 1..].starts_with(&margin) && !lexed.is_inside_quote(*at))
        .map(|at| at + 1..at + 1 + width)
        .collect()
}

/// The text as it is meant.
pub(super) fn without_margins(text: &str, width: usize) -> String {
    let mut plain = text.to_owned();
    for range in margins(text, width).into_iter().rev() {
        plain.replace_range(range, "");
    }
    plain
}

/// The text as it is edited: with margins, but not in quotes.
pub(super) fn with_margins(text: &str, width: usize) -> String {
    let margin = " ".repeat(width);
    let lexed = Lexed::new(text);
    let mut edited = String::with_capacity(text.len());
    let mut start = 0;
    for (at, _) in text.match_indices('\n') {
        edited.push_str(&text[start..=at]);
        if !lexed.is_inside_quote(at) {
            edited.push_str(&margin);
        }
        start = at + 1;
    }
    edited.push_str(&text[start..]);
    edited
}

/// The continuation prompt, as wide as the prompt.
pub(super) fn marker(width: usize) -> String {
    const END: &str = "-> ";
    match width.checked_sub(END.len()) {
        Some(space) => format!("{}{END}", " ".repeat(space)),
        None => " ".repeat(width),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARGIN: &str = "\n    ";

    fn press(key: Key, line: &str) -> Option<Cmd> {
        let at = line.find('|').unwrap();
        pressed(key, &line.replace('|', ""), at, MARGIN)
    }

    #[test]
    fn enter_runs_what_is_whole_and_else_begins_a_line() {
        assert_eq!(press(Key::Enter, "SELECT 1;|"), None);
        assert_eq!(press(Key::Enter, "SEL|ECT 1;"), None);
        assert_eq!(
            press(Key::Enter, "SELECT|"),
            Some(Cmd::Insert(1, MARGIN.to_owned()))
        );
        assert_eq!(
            press(Key::Enter, "SELECT '|"),
            Some(Cmd::Insert(1, "\n".to_owned()))
        );
    }

    #[test]
    fn the_margin_is_crossed_in_one_step() {
        assert_eq!(
            press(Key::Backspace, "a\n    |b"),
            Some(Cmd::Kill(Movement::BackwardChar(5)))
        );
        assert_eq!(
            press(Key::Left, "a\n    |"),
            Some(Cmd::Move(Movement::BackwardChar(5)))
        );
        assert_eq!(
            press(Key::Right, "a|\n    b"),
            Some(Cmd::Move(Movement::ForwardChar(5)))
        );
        assert_eq!(
            press(Key::Delete, "a|\n    b"),
            Some(Cmd::Kill(Movement::ForwardChar(5)))
        );
        assert_eq!(
            press(Key::Home, "a\n    bc|"),
            Some(Cmd::Move(Movement::BackwardChar(2)))
        );
        assert_eq!(press(Key::Home, "a\n    |bc"), Some(Cmd::Noop));
        for (key, line) in [
            (Key::Backspace, "a\n     |b"),
            (Key::Backspace, "'a\n    |b"),
            (Key::Home, "a|"),
            (Key::Home, "a\n    b\nc|"),
            (Key::Right, "a|b"),
        ] {
            assert_eq!(press(key, line), None, "{line}");
        }
    }

    #[test]
    fn margins_are_taken_out_but_not_of_texts() {
        assert_eq!(without_margins("SELECT\n      a,\n    b;", 4), "SELECT\n  a,\nb;");
        assert_eq!(
            without_margins("SELECT '\n    a',\n  b", 4),
            "SELECT '\n    a',\n  b"
        );
        assert_eq!(without_margins("SELECT\n    a", 0), "SELECT\n    a");
        for text in ["SELECT\n  a,\nb;", "SELECT '\n  a',\n  b", "a", ""] {
            assert_eq!(without_margins(&with_margins(text, 4), 4), text);
        }
        assert_eq!(marker(8), "     -> ");
        assert_eq!(marker(2), "  ");
    }
}
